"""The command-line grammar that all commands share: one-line errors, types of values, and the common options.

A list has commas between its items, as in `--alert_rate 0.05,0.1`. An option whose items hold lists themselves is given
several times, as in `--subgroup sex --subgroup age:18,40,65`.
"""

import argparse
import dataclasses
import difflib
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from mime_tf.config import FIELDS
from mime_tf.constraints import Constraint, at_least, one_of
from mime_tf.terminal import status
from mime_tf.terminal.status import UsageError

Group = argparse._ActionsContainer  # a parser or one of its groups

METHODS = ("intercept", "logistic", "isotonic")  # of mime_tf.assess.recalibration, which loads scikit-learn

_WORDS = {int: "a whole number", float: "a number"}
_METAVARS = {int: "N", float: "X", str: "TEXT"}


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, and that takes no abbreviations.

    Args:
        prog: the command as it is typed, such as `"mime-tf predict"`.
        description: opens the help.
        epilog: closes it, before the exit statuses; its lines are kept.
    """

    def __init__(self, prog: str, description: str = "", epilog: str = ""):
        epilog = f"{epilog}\n\n{status.EXPLANATION}"
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(
            prog=prog, description=description, epilog=epilog, formatter_class=formatter, allow_abbrev=False
        )

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parses a command line; an unknown flag or a stray value is an error."""
        namespace, rest = self.parse_known_args(args, namespace)
        if rest:
            self.error(self._explain(rest[0]))
        return namespace

    def error(self, message: str) -> NoReturn:
        """Raises `UsageError`: `mime-tf evaluate: alert_rate: found 2; must be more than 0 and at most 1`."""
        raise UsageError(f"{self.prog}: {re.sub(r'^argument (?:--)?', '', message)}")

    def _explain(self, stray: str) -> str:
        if not stray.startswith("-"):
            return f"found {stray} where a flag is expected; a list has commas between its items, as in 0.05,0.1"
        flag = stray.partition("=")[0]
        near = difflib.get_close_matches(flag, self._option_string_actions, 1)
        return f"unknown flag {flag}; {f'did you mean {near[0]}?' if near else '--help lists them'}"


# Values.


@dataclasses.dataclass(frozen=True)
class Value:
    """Reads one value, as argparse's `type`.

    Attributes:
        kind: int, float or str.
        constraint: on the value, or None.

    Example:
    >>> Value(float, at_least(0, at_most=1))("0.5")
    0.5
    """

    kind: type
    constraint: Constraint | None = None

    def __call__(self, text: str) -> Any:
        try:
            value = self.kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"found {text[:60]}; must be {_WORDS[self.kind]}") from None
        if self.constraint is not None and not self.constraint.holds(value):
            raise argparse.ArgumentTypeError(f"found {text[:60]}; must be {self.constraint.text}")
        return value

    @property
    def metavar(self) -> str:
        """How the help shows the value: its choices, or a letter for its type."""
        choices = self.constraint.choices if self.constraint is not None else ()
        return f"{{{','.join(choices)}}}" if choices else _METAVARS[self.kind]


class Values(Value):
    """Reads a list with commas between its items.

    >>> Values(int)("0,1,2")
    [0, 1, 2]
    """

    def __call__(self, text: str) -> list:
        return [super(Values, self).__call__(item) for item in text.split(",")]

    @property
    def metavar(self) -> str:
        return f"{super().metavar},..."


def choice(choices: Sequence[str]) -> Value:
    """Returns a reader of one of a few words."""
    return Value(str, one_of(choices))


# Options.


def add(
    group: Group,
    name: str,
    read: Value,
    description: str,
    default: Any = None,
    *,
    metavar: str | None = None,
    required: bool = False,
) -> None:
    """Adds an option that takes a value.

    Args:
        group: a parser or one of its groups.
        name: the option without its dashes.
        read: reads the value.
        description: for the help, which adds the default to it.
        default: value of an option that is not given; None and an empty list stay unmentioned.
        metavar: stands for the value in the help, in place of the reader's.
        required: whether the option has to be given.
    """
    shown = "" if default is None or default == [] else f" (default: {show_default(default)})"
    group.add_argument(
        f"--{name}",
        type=read,
        default=default,
        required=required,
        metavar=metavar or read.metavar,
        help=f"{description}{shown}".replace("%", "%%"),
    )


def add_hyperparameter(group: Group, name: str, default: Any = None) -> None:
    """Adds a field of `TrainConfig` as an option.

    Args:
        group: a parser or one of its groups.
        name: the field's; a boolean one is False by default.
        default: in place of the field's own.
    """
    field = FIELDS[name]
    default = field.default if default is None else default
    text = plain(field.metadata["help"])
    description = text[:1].lower() + text[1:].removesuffix(".")  # as the help of other options is written
    if field.type is bool:
        group.add_argument(f"--{name}", action="store_true", help=description)
        return
    kinds: dict[Any, Any] = {tuple[int, ...]: int, tuple[str, ...]: str, int | None: int}
    kind, reader = kinds.get(field.type, field.type), Values if isinstance(field.default, tuple) else Value
    shown = f"{description} (default: {show_default(default)})" if default is None else description
    add(group, name, reader(kind, field.metadata["constraint"]), shown, default)


def plain(markdown: str) -> str:
    """Returns the help of a field of `TrainConfig` as plain text.

    >>> plain("the `i` of `r<i>s<j>`")
    'the i of r<i>s<j>'
    """
    return markdown.replace("`", "")


def show_default(default: Any) -> str:
    """Returns a default as a user would type it, or words for the absence of one.

    >>> show_default((0, 1)), show_default(True), show_default(()), show_default(""), show_default(None)
    ('0,1', 'true', 'none', 'none', 'from the data')
    """
    if default in ("", (), []):
        return "none"
    if isinstance(default, (list, tuple)):
        return ",".join(map(str, default))
    if isinstance(default, bool):
        return str(default).lower()
    return "from the data" if default is None else str(default)


def add_model(group: Group, several: bool = False) -> None:
    """Adds `--model`.

    Args:
        group: a parser or one of its groups.
        several: whether the command takes all splits of a run.
    """
    prefix = "the output prefix of a run" if several else "the output prefix of a run with one split"
    add(
        group, "model", Value(str), f"folder of a fitted split, such as r0s0, or {prefix}", metavar="RUN", required=True
    )


def add_data(group: Group, note: str = "", required: bool = True) -> None:
    """Adds `--data`.

    Args:
        group: a parser or one of its groups.
        note: ends the help.
        required: whether the command needs a cohort.
    """
    files = f"cohort: the prefix of .seqs and .labels, a .parquet file or a folder of them{note}"
    add(group, "data", Value(str), files, metavar="COHORT", required=required)


def add_output(
    group: Group,
    metavar: str,
    description: str,
    overwrite: str = "replace the output if it exists",
    required: bool = True,
) -> None:
    """Adds `--output`, and `--overwrite` with it."""
    add(group, "output", Value(str), description, metavar=metavar, required=required)
    group.add_argument("--overwrite", action="store_true", help=overwrite)


def add_bootstrap(group: Group, least: int = 0) -> None:
    """Adds `--bootstrap`, which takes `least` resamples or more."""
    none = "" if least else "; 0 for no intervals"
    add(group, "bootstrap", Value(int, at_least(least)), f"number of resamples for the 95% intervals{none}", 1000)


def add_subgroup(group: Group, default: str = "") -> None:
    """Adds `--subgroup`, which is given several times; `default` names the subgroups of a command without it."""
    group.add_argument(
        "--subgroup",
        action="append",
        metavar="COLUMN[:CUT,...]",
        help="measure by a column of the patients.csv beside the data, with cut points where it holds numbers, as in "
        f"age:18,40,65; may be given several times{default}",
    )


def add_title(group: Group) -> None:
    """Adds `--title`."""
    text = "name of the outcome, in place of the one that convert has recorded in the run"
    add(group, "title", Value(str), text)


def add_unknown_codes(parser: Parser, more: str = "") -> None:
    """Adds `--unknown_codes`; the policies are those of `mime_tf.scoring.substitution`.

    Args:
        parser: the command's parser.
        more: closes the description.
    """
    text = f"codes that training did not hold: drop, or score as the nearest ancestor that it held{more}"
    add(parser, "unknown_codes", choice(("drop", "ancestor")), text, "drop")


def add_method(group: Group, description: str) -> None:
    """Adds `--method`, of recalibration."""
    add(group, "method", choice(METHODS), description, "logistic")


def add_no_yardsticks(group: Group) -> None:
    """Adds `--no_yardsticks`."""
    text = (
        "leave out the regressions on codes and linked pairs, and on age and sex, that are fitted to the same patients"
    )
    group.add_argument("--no_yardsticks", action="store_true", help=text)


def add_seed(group: Group, description: str = "seed of the resamples") -> None:
    """Adds `--seed`."""
    add(group, "seed", Value(int, at_least(0)), description, 0)
