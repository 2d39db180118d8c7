"""The families of codes as a table: hierarchy.csv, beside the cohort."""

import numpy as np

from mime_tf.simulate.related.world import RelatedWorld

FILE = "hierarchy.csv"
COLUMNS = ("kind", "code", "ancestor", "level", "name")
GROUP = 3  # codes in a group of the finer level
_NAMES = {"dx": "diagnoses", "rx": "medications"}


def rows(world: RelatedWorld, finer: np.random.Generator | None) -> list[tuple[str, str, str, int, str]]:
    """Returns a row per code and ancestor, with the columns `COLUMNS`; codes are named as in vocabulary.csv.

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
                result.append((kind, name, f"{kind.upper()}-G{group}", 1, f"group {group} of {_NAMES[kind]}"))
            level = 1 if groups is None else 2
            result.append((kind, name, f"{kind.upper()}-F{family}", level, f"family {family} of {_NAMES[kind]}"))
    return result


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
