"""How often codes occurred in training, `code_counts.json`, to compare with the codes of later patients.

It holds numbers and no patient.
"""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from mime_tf.data.code_matrix import count_by_code
from mime_tf.data.cohort import Cohort
from mime_tf.data.store import CODE_KINDS
from mime_tf.errors import InputError, show
from mime_tf.runs.configuration import is_whole
from mime_tf.runs.folder import CODE_COUNTS
from mime_tf.terminal import files

_MOST = 10**15


@dataclasses.dataclass(frozen=True, eq=False)
class CodeCounts:
    """Number of rows that have each code at least once.

    Attributes:
        rows: number of rows.
        patients: number of patients, less than `rows` where one has several.
        counts: dict from each of `CODE_KINDS` to int64 (codes,).
    """

    rows: int
    patients: int
    counts: dict[str, np.ndarray]

    @classmethod
    def of(cls, cohort: Cohort, rows: np.ndarray) -> "CodeCounts":
        """Counts the codes of some rows of a cohort.

        Args:
            cohort: the patients.
            rows: int64.
        """
        counts = {kind: count_by_code(cohort.store, rows, kind)[0] for kind in CODE_KINDS}
        ids = cohort.patient_ids
        return cls(len(rows), len(rows) if ids is None else len(np.unique(ids[rows])), counts)

    @classmethod
    def pooled(cls, several: Sequence["CodeCounts"]) -> "CodeCounts":
        """Returns the counts of several training sets together; the patients are those of the largest, as they overlap.

        A row counts as often as it is in one of them.
        """
        sizes = {kind: max(len(each.counts[kind]) for each in several) for kind in CODE_KINDS}
        counts = {kind: np.zeros(size, np.int64) for kind, size in sizes.items()}
        for each in several:
            for kind in CODE_KINDS:
                counts[kind][: len(each.counts[kind])] += each.counts[kind]
        return cls(sum(each.rows for each in several), max(each.patients for each in several), counts)

    def shares(self, kind: str, size: int) -> np.ndarray:
        """Returns the share of the rows that have each of the first `size` codes of a kind, float64 (size,)."""
        shares, counts = np.zeros(size), self.counts[kind][:size]
        shares[: len(counts)] = counts / self.rows
        return shares

    def write(self, folder: str) -> None:
        """Writes code_counts.json into a fitted split's folder."""
        counts = {kind: self.counts[kind].tolist() for kind in CODE_KINDS}
        files.write_json(os.path.join(folder, CODE_COUNTS), {"rows": self.rows, "patients": self.patients, **counts})

    @classmethod
    def read(cls, folder: str | os.PathLike) -> "CodeCounts | None":
        """Reads code_counts.json, or returns None where a run does not know its data, as an imported one may not.

        Raises:
            InputError: the file is not as training writes it.
        """
        path = os.path.join(folder, CODE_COUNTS)
        content = files.read_json(path)
        if content is None:
            return None
        content = content if isinstance(content, dict) else {}
        rows: Any = content.get("rows")
        patients: Any = content.get("patients")
        for name, number, most in (("rows", rows, _MOST), ("patients", patients, rows)):
            if not (is_whole(number, 1) and number <= most):
                raise InputError(f"{path}: {name}: found {show(number)}; not as training writes it")
        return cls(rows, patients, {kind: _checked(path, kind, content.get(kind), rows) for kind in CODE_KINDS})


def _checked(path: str, kind: str, counts: Any, rows: int) -> np.ndarray:
    """Returns the counts of a kind, which may be anything."""
    if not (isinstance(counts, list) and all(is_whole(count, 0) and count <= rows for count in counts)):
        raise InputError(f"{path}: {kind}: found {show(counts)}; needed are numbers of rows, from 0 to {rows}")
    return np.array(counts, np.int64)
