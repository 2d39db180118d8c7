"""Which patients have which codes, and how often."""

import numpy as np
from scipy import sparse

from mime_tf.data.store import Store, offsets

_BLOCK = 50_000  # patients whose codes are looked at together


def code_matrix(store: Store, rows: np.ndarray, kind: str, size: int) -> sparse.csc_matrix:
    """Returns how often patients have the codes of a kind, int64 (rows, size), without a stored 0.

    Args:
        store: the patients.
        rows: int64, those that are asked about.
        kind: one of `mime_tf.data.store.CODE_KINDS`.
        size: number of codes, more than the largest.
    """
    codes, counts = store.codes_of(rows, kind)
    by_patient = sparse.csr_matrix((np.ones(len(codes), np.int64), codes, offsets(counts)), (len(rows), size))
    matrix = by_patient.tocsc()  # a column is sorted by itself; the codes of each patient would have to be
    matrix.sum_duplicates()
    return matrix


def count_by_code(store: Store, rows: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Counts each code of a kind, up to the largest of the store.

    Args:
        store: the patients.
        rows: int64, those whose codes are counted.
        kind: one of `mime_tf.data.store.CODE_KINDS`.

    Returns:
        Two int64 arrays (codes,): how many of the rows have the code, and how often it occurs in them.
    """
    size, rows = store.vocabulary_size(kind), np.sort(rows)  # as they are in memory
    having, occurring = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for start in range(0, len(rows), _BLOCK):
        matrix = code_matrix(store, rows[start : start + _BLOCK], kind, size)
        having += matrix.getnnz(axis=0)
        occurring += np.asarray(matrix.sum(axis=0)).ravel()
    return having, occurring
