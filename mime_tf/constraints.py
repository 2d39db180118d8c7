"""Constraints on a single value, each with the words that an error tells it in."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

from mime_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Constraint:
    """A condition on a value.

    Attributes:
        text: completes "must be ...".
        holds: tells whether a value, whose type is right, meets it.
        choices: the values that meet it, where they can be listed.

    Example:
    >>> at_least(0, below=1)
    0 or more and less than 1
    >>> [value for value in (-1.0, 0.0, 0.5, 1.0) if at_least(0, below=1).holds(value)]
    [0.0, 0.5]
    """

    text: str
    holds: Callable[[Any], bool]
    choices: tuple = ()

    def __repr__(self) -> str:
        return self.text


def at_least(low: float, *, below: float | None = None, at_most: float | None = None) -> Constraint:
    """Returns the constraint on numbers from `low`, inclusive, to `below`, exclusive, or `at_most`, inclusive.

    >>> at_least(1), at_least(0, at_most=1)
    (1 or more, from 0 to 1)
    """
    if at_most is not None:
        return Constraint(f"from {low} to {at_most}", lambda value: low <= value <= at_most)
    if below is not None:
        return Constraint(f"{low} or more and less than {below}", lambda value: low <= value < below)
    return Constraint(f"{low} or more", lambda value: value >= low)


def more_than(low: float, *, below: float | None = None, at_most: float | None = None) -> Constraint:
    """Returns the constraint on numbers from `low`, exclusive, to `below`, exclusive, or `at_most`, inclusive.

    >>> more_than(0), more_than(0, below=1), more_than(0, at_most=1)
    (more than 0, between 0 and 1, more than 0 and at most 1)
    """
    if at_most is not None:
        return Constraint(f"more than {low} and at most {at_most}", lambda value: low < value <= at_most)
    if below is not None:
        return Constraint(f"between {low} and {below}", lambda value: low < value < below)
    return Constraint(f"more than {low}", lambda value: value > low)


def one_of(choices: Sequence) -> Constraint:
    """Returns the constraint on values from a list.

    >>> one_of(("relu", "tanh"))
    one of relu, tanh
    """
    return Constraint(f"one of {', '.join(map(str, choices))}", lambda value: value in choices, tuple(choices))


def check_field(field: dataclasses.Field, value: Any) -> None:
    """Checks a value of a dataclass's field: its type, then the constraint in the field's metadata, if any.

    None is right where it is the default. The constraint on a tuple holds for each item.

    Raises:
        InputError: the value is of another type, or breaks the constraint; the message names the field.
    """
    if value is None and field.default is None:
        return
    is_right, text = _TYPES[field.type]
    constraint = field.metadata.get("constraint")
    if is_right(value):
        items = value if isinstance(value, tuple) else (value,)
        if constraint is None or all(map(constraint.holds, items)):
            return
        text = constraint.text
    raise InputError(f"{field.name}: found {value}; must be {text}")


def _is_int(value: Any) -> bool:
    return type(value) is int


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


# For the type of a field: a test of a value, and the words that complete "must be ...".
_TYPES: dict[Any, tuple[Callable[[Any], bool], str]] = {
    int: (_is_int, "a whole number"),
    int | None: (_is_int, "a whole number, or None"),
    float: (_is_finite, "a finite number"),
    str: (lambda value: type(value) is str, "a text"),
    bool: (lambda value: type(value) is bool, "True or False"),
    tuple[int, ...]: (lambda value: isinstance(value, tuple) and all(map(_is_int, value)), "a tuple of whole numbers"),
    tuple[str, ...]: (lambda value: isinstance(value, tuple) and {str} >= set(map(type, value)), "a tuple of texts"),
}
