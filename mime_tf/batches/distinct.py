"""Numbering of the distinct rows of ragged columns, exactly, in time linear in their length but for one sort."""

import itertools
from collections.abc import Sequence

import numpy as np

from mime_tf.data.store import ranges


def distinct_rows(columns: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Numbers the rows so that two rows have one number exactly when they are equal in every column.

    Rows are compared by a 64-bit hash, and then with the first row of the same hash; should two different rows
    ever share a hash, another hash is tried.

    Args:
        columns: list of `(offsets, values)` pairs with the same number of rows: row `i` of a column is the slice
            `values[offsets[i]:offsets[i + 1]]` of non-negative integers.

    Returns:
        Two int64 arrays: the first row of each number from 0 up, and the number of every row.

    >>> first, numbers = distinct_rows([(np.array([0, 2, 2, 4]), np.array([5, 6, 5, 6]))])
    >>> first[numbers].tolist()  # rows 0 and 2 are equal
    [0, 1, 0]
    """
    for salt in itertools.count(1):
        hashes = sum(_slice_hashes(*column, salt + 1000 * number) for number, column in enumerate(columns))
        _, first, numbers = np.unique(hashes, return_index=True, return_inverse=True)
        if all(_equal_slices(*column, first[numbers]) for column in columns):
            return first, numbers
    raise AssertionError("itertools.count never ends")


def _slice_hashes(offsets: np.ndarray, values: np.ndarray, salt: int) -> np.ndarray:
    """Returns a hash of each slice, uint64, that depends on its values, their order and its length."""
    lengths = np.diff(offsets)
    index = np.arange(offsets[0], offsets[-1]) - np.repeat(offsets[:-1], lengths)
    words = _mix(values[offsets[0] : offsets[-1]].astype(np.uint64) + _mix(index.astype(np.uint64) + np.uint64(salt)))
    sums = np.zeros(len(words) + 1, np.uint64)
    np.cumsum(words, out=sums[1:])
    return (
        sums[offsets[1:] - offsets[0]]
        - sums[offsets[:-1] - offsets[0]]
        + _mix(lengths.astype(np.uint64) + np.uint64(salt << 32))
    )


def _mix(words: np.ndarray) -> np.ndarray:
    """Scrambles uint64 words with the finalizer of SplitMix64 (Steele, Lea and Flood, 2014)."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _equal_slices(offsets: np.ndarray, values: np.ndarray, others: np.ndarray) -> bool:
    """Whether every slice is equal to the slice at its entry of `others`."""
    lengths = np.diff(offsets)
    return np.array_equal(lengths, lengths[others]) and np.array_equal(
        values[ranges(offsets[:-1], lengths)], values[ranges(offsets[others], lengths)]
    )
