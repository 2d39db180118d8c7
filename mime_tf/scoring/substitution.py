"""Codes that a model does not know, in place of which it is shown an ancestor that it knows."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from mime_tf.data.cohort import Cohort
from mime_tf.data.hierarchy import Hierarchy, Relation
from mime_tf.data.store import CODE_KINDS, Store
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError
from mime_tf.runs.fitted_split import FittedSplit


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Substitution:
    """The code in place of each code of a cohort.

    Attributes:
        codes: by kind, int32: index in the model of what stands for a code: itself, or an ancestor.
    """

    codes: dict[str, np.ndarray]

    @classmethod
    def of(cls, fitted: FittedSplit, cohort: Cohort) -> "Substitution":
        """Returns the substitution for a cohort.

        Ancestors are looked for in the hierarchy.csv beside the cohort and in that of the model; of several that the
        model knows the nearest is taken, of equally near ones the first by system and code.

        Raises:
            InputError: no hierarchy says what the ancestors are, or codes have no names.
        """
        hierarchies = [each for each in (cohort.hierarchy, fitted.hierarchy) if each is not None]
        if not hierarchies:
            raise InputError(
                f"{cohort.name}: unknown_codes: found ancestor; needs a hierarchy.csv beside the data or in "
                f"{fitted.folder}"
            )
        if cohort.vocabulary is None or fitted.vocabulary is None:
            where = cohort.name if cohort.vocabulary is None else fitted.folder
            raise InputError(f"{where}: unknown_codes: found ancestor; needs a vocabulary.csv, which names the codes")
        return cls({kind: _of_kind(kind, fitted, cohort.vocabulary, hierarchies) for kind in CODE_KINDS})

    def __repr__(self) -> str:
        counts = (f"{(codes != np.arange(len(codes))).sum():,} {kind}" for kind, codes in self.codes.items())
        return f"Substitution({', '.join(counts)})"

    def apply(self, cohort: Cohort) -> Cohort:
        """Returns a cohort with the substitutes in place of codes; patients, visits and links stay."""
        columns = {kind: self._of(kind, getattr(cohort.store, kind)) for kind in CODE_KINDS}
        return cohort.with_store(dataclasses.replace(cohort.store, **columns))

    def _of(self, kind: str, codes: np.ndarray) -> np.ndarray:
        table = self.codes[kind]
        inside = codes < len(table)
        return np.where(inside, table[np.where(inside, codes, 0)], codes) if len(table) else codes

    def count(self, store: Store, usable: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns the number of codes of each patient in place of which the model is shown an ancestor.

        Args:
            store: the patients.
            usable: the codes that the model knows, as for `Store.keep_known`; an order of a diagnosis that is dropped
                is not shown.

        Returns:
            int64 (patients,).
        """
        patient = np.repeat(np.repeat(np.arange(len(store)), store.visit_counts), np.diff(store.dxobjs))
        dx = self._of("dx", store.dx)
        shown = (dx < len(usable["dx"])) & usable["dx"][np.minimum(dx, len(usable["dx"]) - 1)]
        total = np.bincount(patient[dx != store.dx], minlength=len(store))
        for kind in CODE_KINDS[1:]:
            codes, counts = getattr(store, kind), np.diff(getattr(store, f"{kind}_offsets"))
            replaced = (self._of(kind, codes) != codes) & np.repeat(shown, counts)
            total += np.bincount(np.repeat(patient, counts)[replaced], minlength=len(store))
        return total


def shown(fitted: FittedSplit, cohort: Cohort) -> tuple[Cohort, str]:
    """Returns a cohort with ancestors in place of codes that a model does not know, and a line that counts them."""
    substitution = Substitution.of(fitted, cohort)
    counts = substitution.count(cohort.store, fitted.usable)
    line = f"scored as an ancestor: {counts.sum():,} codes of {(counts > 0).sum():,} patients"
    return substitution.apply(cohort), line


def _of_kind(kind: str, fitted: FittedSplit, vocabulary: Vocabulary, hierarchies: list[Hierarchy]) -> np.ndarray:
    usable = fitted.usable[kind]
    known = {
        (row["system"], row["code"]): index
        for (of, index), row in fitted.vocabulary.by_index.items()  # type: ignore[union-attr]  # checked by the caller
        if of == kind and index < len(usable) and usable[index]
    }
    size = 1 + max((index for of, index in vocabulary.by_index if of == kind), default=-1)
    codes = np.arange(size, dtype=np.int32)
    for (of, index), row in vocabulary.by_index.items():
        if of == kind and not (index < len(usable) and usable[index]):
            relations = [
                each for one in hierarchies for each in one.of_code.get((kind, row["system"], row["code"]), [])
            ]
            codes[index] = _nearest(relations, known, index)
    return codes


def _nearest(relations: list[Relation], known: Mapping[tuple[str, str], int], default: int) -> int:
    """The index of the nearest ancestor that is known, or a default."""
    for row in sorted(relations, key=lambda row: (row.level, row.ancestor_system, row.ancestor)):
        index = known.get((row.ancestor_system, row.ancestor))
        if index is not None:
            return index
    return default
