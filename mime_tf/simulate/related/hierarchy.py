"""The families of codes as a hierarchy, which lies beside the cohort."""

import numpy as np

from mime_tf.data.hierarchy import Hierarchy, Relation
from mime_tf.simulate.related.world import RelatedWorld

SYSTEM = "simulated"  # the code system of all codes
GROUP = 3  # codes in a group of the finer level
_NAMES = {"dx": "diagnoses", "rx": "medications"}


def make(world: RelatedWorld, finer: np.random.Generator | None) -> Hierarchy:
    """Returns the families of the codes, which are named as in vocabulary.csv.

    Args:
        world: the world.
        finer: random generator of a finer level of groups of about 3 codes of one family, which mean nothing; or None.
            With it the groups are level 1 and the families level 2; without, the families are level 1.
    """
    result = []
    for kind, families in world.families.items():
        groups = _groups(families, finer) if finer else None
        for code, family in enumerate(families.tolist()):
            name = f"{kind.upper()}{code}"
            if groups is not None:
                group = int(groups[code])
                result.append(_relation(kind, name, "group", group, 1))
            result.append(_relation(kind, name, "family", family, 1 if groups is None else 2))
    return Hierarchy(result)


def _relation(kind: str, code: str, ancestor: str, number: int, level: int) -> Relation:
    text = f"{kind.upper()}-{ancestor[0].upper()}{number}"
    return Relation(kind, SYSTEM, code, ancestor, text, "", level, f"{ancestor} {number} of {_NAMES[kind]}")


def _groups(families: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws the group of each code: the codes of a family in random order, cut into groups of three or more."""
    groups = np.empty(len(families), np.int64)
    first = 0
    for family in range(int(families.max()) + 1):
        codes = rng.permutation(np.flatnonzero(families == family))
        count = max(len(codes) // GROUP, 1)
        groups[codes] = first + np.arange(len(codes)) % count
        first += count
    return groups
