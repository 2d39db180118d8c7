"""Which patients form a batch, and the padded integer tensors that a batch is made of.

A batch is four tables, each padded with -1 where nothing is and each pointing into the next:

    patients [B]    patient b's history is row patients[b] of `visits`
    visits [S, T]   the history's t-th visit is row visits[s, t] of `dxobjs`
    dxobjs [V, D]   the visit's d-th Dx-object is row dxobjs[v, d] of `dx`, `rx` and `pr`
    dx [N], rx [N, R], pr [N, P]   the Dx-object's diagnosis, medications and procedures

Histories, visits and Dx-objects that occur more than once in the batch stand in its tables once, and padding in time
costs no visit and no Dx-object: that is most of what the authors' program spends its time on.
"""

import numpy as np

from mime_tf.batches.distinct import distinct_rows
from mime_tf.data.store import ranges
from mime_tf.errors import InputError

DIMENSIONS = ("B", "S", "T", "V", "D", "N", "R", "P")


class Batch:
    """The different histories, visits and Dx-objects of some patients, ready to be laid out in tables.

    Args:
        store: Store, the patients of the batch and no others.

    Attributes:
        size: dict with the keys `DIMENSIONS`, what the tables need; each is at least 1.
    """

    def __init__(self, store):
        one_each = np.arange(len(store.dx) + 1)
        dxobjs, dxobj_of = distinct_rows(
            [(one_each, store.dx), (store.rx_offsets, store.rx), (store.pr_offsets, store.pr)]
        )
        visits, visit_of = distinct_rows([(store.dxobjs, dxobj_of)])
        histories, self._patients = distinct_rows([(store.visits, visit_of)])
        self._visits = _runs(store.visits, visit_of, histories)
        self._dxobjs = _runs(store.dxobjs, dxobj_of, visits)
        self._dx = store.dx[dxobjs]
        self._rx = _runs(store.rx_offsets, store.rx, dxobjs)
        self._pr = _runs(store.pr_offsets, store.pr, dxobjs)
        longest = [counts.max(initial=1) for _, counts in (self._visits, self._dxobjs, self._rx, self._pr)]
        rows = [max(len(found), 1) for found in (self._patients, histories, visits, dxobjs)]
        needed = (rows[0], rows[1], longest[0], rows[2], longest[1], rows[3], longest[2], longest[3])
        self.size = dict(zip(DIMENSIONS, map(int, needed), strict=True))

    def tables(self, size=None):
        """Returns the tables.

        Args:
            size: dict with the keys `DIMENSIONS`, each at least what `self.size` has; by default that.

        Returns:
            Dict of int32 arrays `"patients"` [B], `"visits"` [S, T], `"dxobjs"` [V, D], `"dx"` [N], `"rx"` [N, R],
            `"pr"` [N, P].
        """
        size = size or self.size
        return {
            "patients": _filled_up(self._patients, size["B"]),
            "visits": padded(*self._visits, size["S"], size["T"]),
            "dxobjs": padded(*self._dxobjs, size["V"], size["D"]),
            "dx": _filled_up(self._dx, size["N"]),
            "rx": padded(*self._rx, size["N"], size["R"]),
            "pr": padded(*self._pr, size["N"], size["P"]),
        }


def _runs(offsets, values, rows):
    """The values of the runs at `rows`, one after the other, and how many each has."""
    counts = offsets[rows + 1] - offsets[rows]
    return values[ranges(offsets[rows], counts)], counts


def _filled_up(values, length):
    """`values` as int32, with -1 up to `length`."""
    result = np.full(length, -1, np.int32)
    result[: len(values)] = values
    return result


def padded(values, counts, rows, width):
    """Lays consecutive runs of `values` out as the rows of an int32 table filled up with -1.

    >>> padded(np.array([7, 8, 9]), np.array([2, 0, 1]), 4, 3).tolist()
    [[7, 8, -1], [-1, -1, -1], [9, -1, -1], [-1, -1, -1]]
    """
    table = np.full((rows, width), -1, np.int32)
    table[: len(counts)][np.arange(width) < counts[:, None]] = values
    return table


def runs_of(visit_counts, most_patients, most_visits):
    """Cuts patients, sorted by visits, into consecutive runs: what is to go into one batch each.

    Args:
        visit_counts: int64 (patients,), ascending.
        most_patients: of a run.
        most_visits: of a run of more than one patient, each counted with as many visits as the longest has.

    Returns:
        int64 (runs + 1,), where each run starts, and the end.

    >>> runs_of(np.array([1, 1, 1, 4, 5, 20]), 3, 10).tolist()
    [0, 3, 5, 6]
    """
    bounds = [0]
    while bounds[-1] < len(visit_counts):
        longest = visit_counts[bounds[-1] : bounds[-1] + most_patients]
        fit = np.searchsorted(longest * np.arange(1, len(longest) + 1), most_visits, side="right")
        bounds.append(bounds[-1] + max(1, int(fit)))
    return np.array(bounds)


def window_starts(random_seed, train_sizes, batch_size, steps):
    """Draws where each training batch starts in its sorted training list.

    One stream of NumPy's legacy generator runs through all splits, as in the authors' program: what a split draws
    depends on the splits before it.

    Args:
        random_seed: seed of the stream.
        train_sizes: number of training patients of each split, in the order they are trained.
        batch_size: patients in a batch, at most the smallest of `train_sizes`.
        steps: number of updates of a split.

    Returns:
        A list of int64 arrays of `steps` starts, one a split.

    Raises:
        InputError: a training set is smaller than a batch.
    """
    if min(train_sizes) < batch_size:
        raise InputError(f"batch_size is {batch_size}; a training set has {min(train_sizes)} patients, fewer than that")
    stream = np.random.RandomState(random_seed)
    return [stream.randint(0, size - batch_size + 1, size=steps) for size in train_sizes]
