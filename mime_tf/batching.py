"""Which patients form a batch, and the padded integer tensors that a batch is made of.

A batch is three tables, each padded with -1 where nothing is and each pointing into the next:

    visits [B, T]   patient b's t-th visit is row visits[b, t] of `dxobjs`
    dxobjs [V, D]   the visit's d-th Dx-object is row dxobjs[v, d] of `dx`, `rx` and `pr`
    dx [N], rx [N, R], pr [N, P]   the Dx-object's diagnosis, medications and procedures

Visits and Dx-objects that occur more than once in the batch stand in its tables once, and padding in time costs
no visit and no Dx-object: that is most of what the authors' program spends its time on.
"""

import numpy as np

from mime_tf.distinct import distinct_rows
from mime_tf.errors import InputError
from mime_tf.store import ranges

DIMENSIONS = ("B", "T", "V", "D", "N", "R", "P")


class Batcher:
    """Cuts batches out of a store.

    Args:
        store: Store, the patients.
    """

    def __init__(self, store):
        self.store = store
        one_each = np.arange(len(store.dx) + 1)
        self.dxobj_ids = distinct_rows(
            [(one_each, store.dx), (store.rx_offsets, store.rx), (store.pr_offsets, store.pr)]
        )
        self.visit_ids = distinct_rows([(store.dxobjs, self.dxobj_ids)])

    def batch(self, rows, choose_shape=None):
        """Returns the batch of the patients at `rows`.

        Args:
            rows: integers, the patients.
            choose_shape: function from the sizes the batch needs, a dict with the keys `DIMENSIONS`, to the sizes
                it gets, each at least as large; by default what it needs.

        Returns:
            Dict of int32 arrays `"visits"` [B, T], `"dxobjs"` [V, D], `"dx"` [N], `"rx"` [N, R], `"pr"` [N, P].
            T, V, D, N, R and P are at least 1.
        """
        store, rows = self.store, np.asarray(rows, np.int64)
        visit_counts = store.visits[rows + 1] - store.visits[rows]
        all_visits = ranges(store.visits[rows], visit_counts)
        _, first, visit_of = np.unique(self.visit_ids[all_visits], return_index=True, return_inverse=True)
        visits = all_visits[first]
        dxobj_counts = store.dxobjs[visits + 1] - store.dxobjs[visits]
        all_dxobjs = ranges(store.dxobjs[visits], dxobj_counts)
        _, first, dxobj_of = np.unique(self.dxobj_ids[all_dxobjs], return_index=True, return_inverse=True)
        dxobjs = all_dxobjs[first]
        rx_counts = store.rx_offsets[dxobjs + 1] - store.rx_offsets[dxobjs]
        pr_counts = store.pr_offsets[dxobjs + 1] - store.pr_offsets[dxobjs]

        most = [counts.max(initial=1) for counts in (visit_counts, dxobj_counts, rx_counts, pr_counts)]
        needed = (len(rows), most[0], max(len(visits), 1), most[1], max(len(dxobjs), 1), most[2], most[3])
        size = dict(zip(DIMENSIONS, map(int, needed), strict=True))
        if choose_shape:
            size = choose_shape(size)
        return {
            "visits": padded(visit_of, visit_counts, size["B"], size["T"]),
            "dxobjs": padded(dxobj_of, dxobj_counts, size["V"], size["D"]),
            "dx": padded(store.dx[dxobjs], np.ones(len(dxobjs), int), size["N"], 1)[:, 0],
            "rx": padded(store.rx[ranges(store.rx_offsets[dxobjs], rx_counts)], rx_counts, size["N"], size["R"]),
            "pr": padded(store.pr[ranges(store.pr_offsets[dxobjs], pr_counts)], pr_counts, size["N"], size["P"]),
        }


def padded(values, counts, rows, width):
    """Lays consecutive runs of `values` out as the rows of an int32 table filled up with -1.

    >>> padded(np.array([7, 8, 9]), np.array([2, 0, 1]), 4, 3).tolist()
    [[7, 8, -1], [-1, -1, -1], [9, -1, -1], [-1, -1, -1]]
    """
    table = np.full((rows, width), -1, np.int32)
    table[: len(counts)][np.arange(width) < counts[:, None]] = values
    return table


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
