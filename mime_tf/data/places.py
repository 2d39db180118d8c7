"""Names of positions in nested records, for messages."""

from collections.abc import Sequence

import numpy as np

_LEVELS = ("patient", "visit", "Dx-object")


def place(index: int, levels: Sequence[np.ndarray], first_patient: int = 0) -> str:
    """Names the patient, visit and Dx-object that an item of a level belongs to; all count from 0.

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
    for offsets in reversed(levels):
        owner = int(np.searchsorted(offsets, index, side="right")) - 1
        positions.append(index - int(offsets[owner]))
        index = owner
    positions.append(first_patient + index)
    return ", ".join(f"{level} {position}" for level, position in zip(_LEVELS, reversed(positions), strict=False))
