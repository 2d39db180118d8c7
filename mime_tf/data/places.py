"""Names of positions in nested records, for messages; all positions count from 0."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mime_tf.data.store import offsets
from mime_tf.errors import InputError

_LEVELS = ("patient", "visit", "Dx-object")


def place(index: int, levels: Sequence[np.ndarray], first_patient: int = 0) -> str:
    """Names the patient, visit and Dx-object that an item of a level belongs to.

    Args:
        index: position of the item among all items of its level.
        levels: offsets of the levels above it, outermost first: those of visits, of Dx-objects and of orders, as far
            down as the item lies. The name ends at the Dx-object.
        first_patient: position in the cohort of the first patient that the offsets count.

    >>> visits, dxobjs = np.array([0, 2, 3]), np.array([0, 1, 1, 4])
    >>> place(3, [visits, dxobjs]), place(2, [visits], first_patient=10)
    ('patient 1, visit 0, Dx-object 2', 'patient 11, visit 0')
    """
    positions = []
    for starts in reversed(levels):
        owner = int(np.searchsorted(starts, index, side="right")) - 1
        positions.append(index - int(starts[owner]))
        index = owner
    positions.append(first_patient + index)
    return ", ".join(f"{level} {position}" for level, position in zip(_LEVELS, reversed(positions), strict=False))


@dataclasses.dataclass(frozen=True)
class Level:
    """A level of the nested records of some consecutive patients, whose items are checked together.

    Attributes:
        source: name of the data in a message.
        first_patient: position in the cohort of the first of the patients.
        counts: numbers of items of each list of the levels above, outermost first.
    """

    source: str
    first_patient: int = 0
    counts: tuple[np.ndarray, ...] = ()

    def below(self, *counts: np.ndarray) -> "Level":
        """Returns the level whose lists have so many items."""
        return Level(self.source, self.first_patient, (*self.counts, *counts))

    def error(self, index: int, value: str, expected: str) -> InputError:
        """Returns the complaint about an item: where it is, what it is, and what would be right."""
        owner = place(index, [offsets(counts) for counts in self.counts], self.first_patient)
        return InputError(f"{self.source}: {owner}: found {value}; {expected}")
