"""The ancestors of codes as further codes, so that a column may be of an ancestor, or of a pair at mixed levels.

Ancestor j of a kind bears the number `FIRST` + j, above all codes.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from mime_tf.data.hierarchy import Ancestors, Hierarchy
from mime_tf.data.store import CODE_KINDS, ranges
from mime_tf.data.vocabulary import Vocabulary

FIRST = 2**30
# Ancestors of a code that make pairs, the nearest first: a link has a pair for each two of its codes' ancestors.
IN_PAIRS = 4


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Lineage:
    """The codes and their ancestors.

    Attributes:
        offsets: by kind, int64 (codes + 1,): code c has the ancestors `offsets[c]` to `offsets[c + 1]`.
        ancestors: by kind, int64, numbers of ancestors from `FIRST` on, the nearest of each code first.
        names: by kind, name of each ancestor.
    """

    offsets: dict[str, np.ndarray]
    ancestors: dict[str, np.ndarray]
    names: dict[str, list[str]]

    @classmethod
    def of(cls, hierarchy: Hierarchy, vocabulary: Vocabulary) -> "Lineage":
        """Returns the lineage of the codes of a vocabulary.

        An ancestor of one code alone, or of the same codes as another that is nearer, is left out: it tells nothing.
        """
        kinds = {kind: _distinct(hierarchy.numbered(vocabulary, kind)) for kind in CODE_KINDS}
        offsets, ancestors, names = {}, {}, {}
        for kind, (code, ancestor, kept) in kinds.items():
            size = 1 + max((index for of, index in vocabulary.by_index if of == kind), default=-1)
            offsets[kind] = np.searchsorted(code, np.arange(size + 1))
            ancestors[kind], names[kind] = FIRST + ancestor, kept
        return cls(offsets, ancestors, names)

    def __repr__(self) -> str:
        return f"Lineage({', '.join(f'{len(names):,} of {kind}' for kind, names in self.names.items())})"

    def expand(self, kind: str, codes: np.ndarray, most: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Returns codes and their ancestors.

        Args:
            kind: `"dx"`, `"rx"` or `"pr"`.
            codes: int64, codes of the kind.
            most: number of ancestors of a code that are returned, the nearest first; None for all.

        Returns:
            int64 positions in `codes`, and int64 numbers of the codes and ancestors there: the codes as they are, then
            all ancestors.
        """
        offsets = self.offsets[kind]
        inside = np.flatnonzero(codes < len(offsets) - 1)
        first, last = offsets[codes[inside]], offsets[codes[inside] + 1]
        widths = last - first if most is None else np.minimum(last - first, most)
        at = ranges(first, widths)
        positions = np.concatenate([np.arange(len(codes)), np.repeat(inside, widths)])
        return positions, np.concatenate([codes, self.ancestors[kind][at]])

    def relations(self, kind: str, codes: int) -> np.ndarray:
        """Returns the ancestors of the first codes of a kind, numbered from 0.

        Args:
            kind: `"dx"`, `"rx"` or `"pr"`.
            codes: number of codes.

        Returns:
            int64 (relations, 2), a code and one of its ancestors each.
        """
        offsets = self.offsets[kind]
        code = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        return np.stack([code, self.ancestors[kind] - FIRST], axis=1)[code < codes]

    @property
    def sizes(self) -> list[int]:
        """Numbers of codes and of relations, of each kind."""
        return [size for kind in CODE_KINDS for size in (len(self.offsets[kind]) - 1, len(self.ancestors[kind]))]

    def shuffled(self, rng: np.random.Generator) -> "Lineage":
        """Returns the lineage in which each code has the ancestors of another code of its kind, drawn by chance."""
        offsets, ancestors = {}, {}
        for kind, ends in self.offsets.items():
            order = rng.permutation(len(ends) - 1)
            offsets[kind] = np.concatenate([[0], np.cumsum(np.diff(ends)[order])])
            ancestors[kind] = self.ancestors[kind][ranges(ends[:-1][order], np.diff(ends)[order])]
        return Lineage(offsets, ancestors, self.names)

    def scale(self, kind: str, numbers: np.ndarray) -> np.ndarray:
        """Returns the factors of the columns of codes and ancestors, float64, from 0 to 1.

        It is the fourth root of the share that the codes of an ancestor are of those of the largest ancestor of the
        kind: a code counts as one of one, and as 1 if it has no ancestor.

        Args:
            kind: `"dx"`, `"rx"` or `"pr"`.
            numbers: int64, codes and ancestors of the kind.
        """
        offsets, ancestors = self.offsets[kind], self.ancestors[kind] - FIRST
        if not len(ancestors):
            return np.ones(len(numbers))
        members = np.bincount(ancestors)
        codes = np.where(numbers < len(offsets) - 1, numbers, 0)
        shared = (numbers < len(offsets) - 1) & (offsets[codes + 1] > offsets[codes])
        of_code = np.where(shared, 1, members.max())
        of_ancestor = members[np.where(numbers >= FIRST, numbers - FIRST, 0)]
        return (np.where(numbers >= FIRST, of_ancestor, of_code) / members.max()) ** 0.25

    def name(self, kind: str, number: int) -> str:
        """Returns the name of an ancestor for people."""
        return self.names[kind][number - FIRST]

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns arrays for an archive of NumPy, from which `from_arrays` makes the lineage again."""
        return {
            f"lineage_{kind}_{name}": np.array(values, str if name == "names" else np.int64)
            for name in ("offsets", "ancestors", "names")
            for kind, values in getattr(self, name).items()
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Lineage":
        """Returns the lineage of `arrays`."""
        fields = {
            name: {kind: arrays[f"lineage_{kind}_{name}"] for kind in CODE_KINDS}
            for name in ("offsets", "ancestors", "names")
        }
        return cls(fields["offsets"], fields["ancestors"], {kind: x.tolist() for kind, x in fields["names"].items()})


def numbers(hierarchy: Hierarchy, vocabulary: Vocabulary, kind: str) -> dict[tuple[str, str], int]:
    """Returns the number, from 0, of each ancestor in the `Lineage` of a vocabulary, by its level name and code.

    Ancestors of the same codes have one number; one of a single code has none.
    """
    found = hierarchy.numbered(vocabulary, kind)
    number, _, _ = _numbered(found)
    return {key: int(number[ancestor]) for ancestor, key in enumerate(found.keys) if number[ancestor] >= 0}


def _distinct(found: Ancestors) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Returns the code and ancestor of each relation, and the names, without ancestors that tell nothing of their own.

    The relations are sorted by code and level.
    """
    number, is_first, names = _numbered(found)
    kept = np.flatnonzero(is_first[found.ancestor])
    order = kept[np.lexsort((number[found.ancestor[kept]], found.level[kept], found.code[kept]))]
    return found.code[order], number[found.ancestor[order]], names


def _numbered(found: Ancestors) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Numbers ancestors by the codes that they have.

    Returns:
        The number of each ancestor, -1 for one of a single code; whether it is the nearest of its number, whose name
        the number has; and these names.
    """
    members: dict[bytes, int] = {}
    number, is_first = np.full(len(found), -1), np.zeros(len(found), bool)
    level = np.zeros(len(found), np.int64)
    np.maximum.at(level, found.ancestor, found.level)
    by_ancestor = np.argsort(found.ancestor, kind="stable")
    ends = np.searchsorted(found.ancestor[by_ancestor], np.arange(len(found) + 1))
    names = []
    for ancestor in np.argsort(level, kind="stable").tolist():
        codes = found.code[by_ancestor[ends[ancestor] : ends[ancestor + 1]]]
        if len(codes) < 2:
            continue
        is_first[ancestor] = codes.tobytes() not in members
        number[ancestor] = members.setdefault(codes.tobytes(), len(members))
        if is_first[ancestor]:
            system, code = found.keys[ancestor]
            names.append(f"{found.names[ancestor] or code} ({system})")
    return number, is_first, names
