"""Columns of two diagnoses: whether a patient has both, and which of them was recorded first."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from scipy import sparse

from mime_tf.data.store import Store, ranges
from mime_tf.data.vocabulary import Vocabulary, code_name
from mime_tf.regression.columns import Occurrences

# Least number of training patients with both diagnoses; with fewer, columns are many and their effects noise.
LEAST_PATIENTS = 20
# Number of diagnoses, the most frequent ones, whose pairs are columns: 400 make 79,800.
MOST_DIAGNOSES = 400


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Sequences:
    """Pairs of diagnoses that training patients have in sufficient number.

    P pairs have 2 P columns: 1 where a patient has both diagnoses in any visit, for each pair; then which was recorded
    first, for each pair: 1 for the first of the pair, -1 for the second, 0 in the same visit or where one is missing.

    Attributes:
        pairs: int64 (P, 2), diagnosis codes, the lower one of a pair first.
    """

    pairs: np.ndarray

    @classmethod
    def learn(cls, store: Store, patients: np.ndarray, least: int = LEAST_PATIENTS) -> "Sequences":
        """Learns the pairs of training patients.

        Args:
            store: the cohort.
            patients: int64, the rows of `store` that train.
            least: least number of patients with both diagnoses of a pair.
        """
        first = _FirstVisits.read(store.select(patients))
        codes, counts = np.unique(first.code, return_counts=True)
        frequent = codes[np.sort(np.argsort(-counts, kind="stable")[:MOST_DIAGNOSES])]
        column = np.minimum(np.searchsorted(frequent, first.code), len(frequent) - 1) if len(frequent) else first.code
        hits = np.flatnonzero(frequent[column] == first.code)
        shape = (len(patients), len(frequent))
        present = sparse.csr_matrix((np.ones(len(hits)), (first.patient[hits], column[hits])), shape)
        both = sparse.triu(present.T @ present, k=1).tocoo()
        kept = both.data >= least
        rows, columns = both.row[kept], both.col[kept]
        order = np.lexsort((columns, rows))
        return cls(frequent[np.stack([rows[order], columns[order]], axis=1)])

    def __len__(self) -> int:
        """Number of columns."""
        return 2 * len(self.pairs)

    def __repr__(self) -> str:
        return f"Sequences({len(self.pairs):,} pairs of diagnoses)"

    def matrix(self, store: Store, patients: np.ndarray) -> sparse.csr_matrix:
        """Returns the values of patients, float64 (patients, columns).

        Args:
            store: a cohort with the same codes.
            patients: int64, rows of `store`.
        """
        shape = (len(patients), len(self.pairs))
        if not len(self.pairs):
            return sparse.csr_matrix((len(patients), 0))
        first = _FirstVisits.read(store.select(patients)).among(np.unique(self.pairs))
        # Each diagnosis of a patient with each later one in the list, which is ascending.
        ends = np.cumsum(np.bincount(first.patient, minlength=len(patients)))
        counts = ends[first.patient] - np.arange(len(first.code)) - 1
        lower = np.repeat(np.arange(len(first.code)), counts)
        higher = ranges(np.arange(1, len(first.code) + 1), counts)
        base = self.pairs.max() + 1
        keys = self.pairs[:, 0] * base + self.pairs[:, 1]
        key = first.code[lower] * base + first.code[higher]
        column = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
        hits = np.flatnonzero(keys[column] == key)
        cells = (first.patient[lower[hits]], column[hits])
        both = sparse.csr_matrix((np.ones(len(hits)), cells), shape)
        order = np.sign(first.visit[lower[hits]] - first.visit[higher[hits]])
        return sparse.hstack([both, sparse.csr_matrix((order.astype(np.float64), cells), shape)], format="csr")

    def names(self, vocabulary: Vocabulary | None) -> list[str]:
        """Returns a name of each column for people, such as `dx 3 and dx 7` and `dx 3 before dx 7`."""
        names = [[code_name(vocabulary, "dx", code) for code in pair] for pair in self.pairs.tolist()]
        return [f"{one} {word} {other}" for word in ("and", "before") for one, other in names]

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns arrays for an archive of NumPy, from which `from_arrays` makes the columns again."""
        return {"pairs": self.pairs}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Sequences":
        """Returns the columns of `arrays`."""
        return cls(arrays["pairs"])


@dataclasses.dataclass(frozen=True, eq=False)
class _FirstVisits:
    """The first visit of each diagnosis of each patient, by patient and then by code.

    Attributes:
        patient: int64.
        code: int64.
        visit: int64, counted from the end: 1 for the last.
    """

    patient: np.ndarray
    code: np.ndarray
    visit: np.ndarray

    @classmethod
    def read(cls, store: Store) -> "_FirstVisits":
        """Returns the first visits of all patients."""
        occurrences = Occurrences.read(store, links=False)
        patient, code, visit = (
            array[: len(store.dx)] for array in (occurrences.patient, -1 - occurrences.key, occurrences.visit)
        )
        order = np.lexsort((-visit, code, patient))
        patient, code, visit = patient[order], code[order], visit[order]
        new = np.ones(len(patient), bool)
        new[1:] = (patient[1:] != patient[:-1]) | (code[1:] != code[:-1])
        return cls(patient[new], code[new], visit[new])

    def among(self, codes: np.ndarray) -> "_FirstVisits":
        """Returns those of the diagnoses in `codes`."""
        kept = np.isin(self.code, codes)
        return _FirstVisits(self.patient[kept], self.code[kept], self.visit[kept])
