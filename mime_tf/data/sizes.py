"""Sizes of a model's vocabularies and tables: inferred from a cohort, or given and checked against it."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from mime_tf.config import SIZE_NAMES
from mime_tf.data.places import place
from mime_tf.data.store import Store
from mime_tf.errors import InputError

# A vocabulary this large is a mistake, such as codes that were not numbered from 0, rather than an embedding table.
LARGEST_VOCABULARY = 1_000_000


@dataclasses.dataclass(frozen=True)
class _Bounded:
    """Values of a cohort that a size bounds.

    Attributes:
        values: int array; for a vocabulary size, codes, which count from 0; otherwise numbers of items.
        noun: name of a value in a message.
        is_code: whether the values are codes.
        levels: offsets of the levels above the values, outermost first.
    """

    values: np.ndarray
    noun: str
    is_code: bool
    levels: list[np.ndarray]


def resolve(store: Store, given: Mapping[str, int | None], source: str) -> dict[str, int]:
    """Returns the sizes to build a model with.

    Args:
        store: the whole cohort.
        given: dict from each of `SIZE_NAMES` to an integer, or to None for the largest value in the data.
        source: name of the cohort, for errors.

    Returns:
        Dict from each of `SIZE_NAMES` to an integer of at least 1.

    Raises:
        InputError: the data hold more than a given size, or a code too large for a vocabulary to be inferred.
    """
    return {name: _resolve(_bounded(store, name), name, given[name], source) for name in SIZE_NAMES}


def _resolve(bounded: _Bounded, name: str, given: int | None, source: str) -> int:
    values, is_code = bounded.values, bounded.is_code
    largest = max(int(values.max(initial=1 - is_code)) + is_code, 1)
    limit = given or (LARGEST_VOCABULARY if is_code else largest)
    if largest > limit:
        index = int(np.argmax(values > limit - is_code))
        wanted = f"{name} is {limit}" if given else f"codes count from 0 and run below {limit}"
        remedy = f": the data need at least {largest}" if given else f", or {name} is given"
        owner = place(index, bounded.levels)
        raise InputError(f"{source}: {owner}: found {bounded.noun} {values[index]}; {wanted}{remedy}")
    return given or largest


def _bounded(store: Store, name: str) -> _Bounded:
    """Returns the values that the size `name` bounds."""
    dxobjects = [store.visits, store.dxobjs]
    return {
        "num_dx": _Bounded(store.dx, "diagnosis code", True, dxobjects),
        "num_rx": _Bounded(store.rx, "medication code", True, [*dxobjects, store.rx_offsets]),
        "num_pr": _Bounded(store.pr, "procedure code", True, [*dxobjects, store.pr_offsets]),
        "max_dx_per_visit": _Bounded(np.diff(store.dxobjs), "Dx-objects, numbering", False, [store.visits]),
        "max_rx_per_dx": _Bounded(np.diff(store.rx_offsets), "medications, numbering", False, dxobjects),
        "max_pr_per_dx": _Bounded(np.diff(store.pr_offsets), "procedures, numbering", False, dxobjects),
    }[name]
