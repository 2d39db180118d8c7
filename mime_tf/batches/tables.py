"""Patients that form a batch, and the padded integer tables that a batch is made of.

A batch is four tables, each padded with -1 and each pointing into the next:

    patients [B]    patient b's history is row patients[b] of `visits`
    visits [S, T]   the history's t-th visit is row visits[s, t] of `dxobjs`
    dxobjs [V, D]   the visit's d-th Dx-object is row dxobjs[v, d] of `dx`, `rx` and `pr`
    dx [N], rx [N, R], pr [N, P]   the Dx-object's diagnosis, medications and procedures

and, where the days of the visits are known, days [S, T], from the history's t-th visit to the prediction time.
Histories, visits and Dx-objects that occur more than once in the batch are in its tables once, and padding in time
costs no visit and no Dx-object: the authors' program spends most of its time on these.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from mime_tf.batches.distinct import distinct_rows
from mime_tf.data.store import Store, ranges
from mime_tf.errors import InputError

DIMENSIONS = ("B", "S", "T", "V", "D", "N", "R", "P")


class Batch:
    """The different histories, visits and Dx-objects of some patients, ready to be laid out in tables.

    Args:
        store: Store, the patients of the batch and no others.

    Attributes:
        size: dict with the keys `DIMENSIONS`, the least sizes of the tables; each is at least 1.
    """

    def __init__(self, store: Store):
        one_each = np.arange(len(store.dx) + 1)
        dxobjs, dxobj_of = distinct_rows(
            [(one_each, store.dx), (store.rx_offsets, store.rx), (store.pr_offsets, store.pr)]
        )
        visits, visit_of = distinct_rows([(store.dxobjs, dxobj_of)])
        of_histories = [(store.visits, visit_of)] + ([] if store.days is None else [(store.visits, store.days)])
        histories, self._patients = distinct_rows(of_histories)
        self._days = None if store.days is None else _slices(store.visits, store.days, histories)
        self._visits = _slices(store.visits, visit_of, histories)
        self._dxobjs = _slices(store.dxobjs, dxobj_of, visits)
        self._dx = store.dx[dxobjs]
        self._rx = _slices(store.rx_offsets, store.rx, dxobjs)
        self._pr = _slices(store.pr_offsets, store.pr, dxobjs)
        longest = [counts.max(initial=1) for _, counts in (self._visits, self._dxobjs, self._rx, self._pr)]
        rows = [max(len(level), 1) for level in (self._patients, histories, visits, dxobjs)]
        needed = (rows[0], rows[1], longest[0], rows[2], longest[1], rows[3], longest[2], longest[3])
        self.size = dict(zip(DIMENSIONS, map(int, needed), strict=True))

    def tables(self, size: Mapping[str, int] | None = None) -> dict[str, np.ndarray]:
        """Returns the tables.

        Args:
            size: dict with the keys `DIMENSIONS`, each at least as in `self.size`, which is the default.

        Returns:
            Dict of int32 arrays `"patients"` [B], `"visits"` [S, T], `"dxobjs"` [V, D], `"dx"` [N], `"rx"` [N, R],
            `"pr"` [N, P]; and `"days"` [S, T] where the store has days.
        """
        size = size or self.size
        days = {} if self._days is None else {"days": padded(*self._days, size["S"], size["T"])}
        return days | {
            "patients": _filled_up(self._patients, size["B"]),
            "visits": padded(*self._visits, size["S"], size["T"]),
            "dxobjs": padded(*self._dxobjs, size["V"], size["D"]),
            "dx": _filled_up(self._dx, size["N"]),
            "rx": padded(*self._rx, size["N"], size["R"]),
            "pr": padded(*self._pr, size["N"], size["P"]),
        }


def _slices(offsets: np.ndarray, values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the values that the offsets give to `rows`, concatenated, and the number of each row's values."""
    counts = offsets[rows + 1] - offsets[rows]
    return values[ranges(offsets[rows], counts)], counts


def _filled_up(values: np.ndarray, length: int) -> np.ndarray:
    """Returns `values` as int32, filled up to `length` with -1."""
    result = np.full(length, -1, np.int32)
    result[: len(values)] = values
    return result


def padded(values: np.ndarray, counts: np.ndarray, rows: int, width: int) -> np.ndarray:
    """Lays consecutive slices of `values` out as the rows of an int32 table filled up with -1.

    >>> padded(np.array([7, 8, 9]), np.array([2, 0, 1]), 4, 3).tolist()
    [[7, 8, -1], [-1, -1, -1], [9, -1, -1], [-1, -1, -1]]
    """
    table = np.full((rows, width), -1, np.int32)
    table[: len(counts)][np.arange(width) < counts[:, None]] = values
    return table


def block_bounds(visit_counts: np.ndarray, most_patients: int, most_visits: int) -> np.ndarray:
    """Cuts patients, sorted by visits, into consecutive blocks, each to be one batch.

    Args:
        visit_counts: int64 (patients,), ascending.
        most_patients: most patients in a block.
        most_visits: most visits in a block of more than one patient, each patient counted with as many as the longest
            history of the block has.

    Returns:
        int64 (blocks + 1,), the start of each block, and the end.

    >>> block_bounds(np.array([1, 1, 1, 4, 5, 20]), 3, 10).tolist()
    [0, 3, 5, 6]
    """
    bounds = [0]
    while bounds[-1] < len(visit_counts):
        longest = visit_counts[bounds[-1] : bounds[-1] + most_patients]
        fit = np.searchsorted(longest * np.arange(1, len(longest) + 1), most_visits, side="right")
        bounds.append(bounds[-1] + max(1, int(fit)))
    return np.array(bounds)


def window_starts(random_seed: int, train_sizes: Sequence[int], batch_size: int, steps: int) -> list[np.ndarray]:
    """Draws the start of each training batch in its sorted training list.

    One stream of NumPy's legacy generator runs through all splits, as in the authors' program: the draws of a split
    depend on the splits before it.

    Args:
        random_seed: seed of the stream.
        train_sizes: number of training patients of each split, in the order of training.
        batch_size: patients in a batch, at most the smallest of `train_sizes`.
        steps: number of updates of a split.

    Returns:
        A list of int64 arrays of `steps` starts, one per split.

    Raises:
        InputError: a training set is smaller than a batch.
    """
    if min(train_sizes) < batch_size:
        raise InputError(f"batch_size is {batch_size}; a training set has {min(train_sizes)} patients, fewer than that")
    stream = np.random.RandomState(random_seed)
    return [stream.randint(0, size - batch_size + 1, size=steps) for size in train_sizes]
