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
    """Values of a cohort that a size bounds: for a vocabulary size, codes, which count from 0; else numbers of items.

    Attributes:
        column: name of a column of the store: the codes, or the offsets of the items.
        noun: name of a value in a message.
        is_code: whether the values are codes.
        levels: names of the columns of the levels above the values, outermost first.
    """

    column: str
    noun: str
    is_code: bool
    levels: tuple[str, ...]

    def values(self, store: Store) -> np.ndarray:
        """Returns the values, an int array."""
        column = getattr(store, self.column)
        return column if self.is_code else np.diff(column)


_BOUNDED = {
    "num_dx": _Bounded("dx", "diagnosis code", True, ("visits", "dxobjs")),
    "num_rx": _Bounded("rx", "medication code", True, ("visits", "dxobjs", "rx_offsets")),
    "num_pr": _Bounded("pr", "procedure code", True, ("visits", "dxobjs", "pr_offsets")),
    "max_dx_per_visit": _Bounded("dxobjs", "Dx-objects, numbering", False, ("visits",)),
    "max_rx_per_dx": _Bounded("rx_offsets", "medications, numbering", False, ("visits", "dxobjs")),
    "max_pr_per_dx": _Bounded("pr_offsets", "procedures, numbering", False, ("visits", "dxobjs")),
}


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
    return {name: _resolve(store, name, given[name], source) for name in SIZE_NAMES}


def _resolve(store: Store, name: str, given: int | None, source: str) -> int:
    bounded = _BOUNDED[name]
    values, is_code = bounded.values(store), bounded.is_code
    largest = max(int(values.max(initial=1 - is_code)) + is_code, 1)
    limit = given or (LARGEST_VOCABULARY if is_code else largest)
    if largest > limit:
        index = int(np.argmax(values > limit - is_code))
        wanted = f"{name} is {limit}" if given else f"codes count from 0 and run below {limit}"
        remedy = f": the data need at least {largest}" if given else f", or {name} is given"
        owner = place(index, [getattr(store, level) for level in bounded.levels])
        raise InputError(f"{source}: {owner}: found {bounded.noun} {values[index]}; {wanted}{remedy}")
    return given or largest
