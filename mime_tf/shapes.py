"""A few padded shapes for all batches of a run, because XLA compiles a step anew for every shape."""

import itertools

import numpy as np

from mime_tf.batching import DIMENSIONS
from mime_tf.store import offsets

MOST_SHAPES = 4
CANDIDATES = 100


def window_sizes(batcher, batch_size):
    """Returns the sizes that the batch of every window needs, exactly.

    Args:
        batcher: `mime_tf.batching.Batcher` of a training set.
        batch_size: B, consecutive patients in a window.

    Returns:
        int64 array of shape (patients - B + 1, 7), columns as in `DIMENSIONS`.
    """
    store = batcher.store
    visit_counts, dxobj_counts = store.visit_counts, np.diff(store.dxobjs)
    patient_of_visit = np.repeat(np.arange(len(store)), visit_counts)
    patient_of_dxobj = np.repeat(patient_of_visit, dxobj_counts)
    most = np.ones((len(store), 4), np.int64)
    most[:, 0] = visit_counts
    np.maximum.at(most[:, 1], patient_of_visit, dxobj_counts)
    np.maximum.at(most[:, 2], patient_of_dxobj, np.diff(store.rx_offsets))
    np.maximum.at(most[:, 3], patient_of_dxobj, np.diff(store.pr_offsets))
    most = np.lib.stride_tricks.sliding_window_view(most, batch_size, axis=0).max(axis=-1)
    distinct_visits = _distinct_in_windows(batcher.visit_ids, patient_of_visit, len(store), batch_size)
    distinct_dxobjs = _distinct_in_windows(batcher.dxobj_ids, patient_of_dxobj, len(store), batch_size)
    batch_sizes = np.full(len(most), batch_size)
    columns = [batch_sizes, most[:, 0], distinct_visits, most[:, 1], distinct_dxobjs, most[:, 2], most[:, 3]]
    return np.stack([np.maximum(column, 1) for column in columns], axis=1)


def plan(sizes, most_shapes=MOST_SHAPES):
    """Chooses padded shapes such that every batch fits one and the mean cost of a batch is least.

    Args:
        sizes: int array of shape (windows, 7), from `window_sizes`, of one split or of several together.
        most_shapes: how many shapes there may be.

    Returns:
        Function from the sizes a batch needs to the sizes it gets, both dicts with the keys `DIMENSIONS`; it is the
        `choose_shape` of `Batcher.batch`.
    """
    sizes = sizes[np.argsort(_cost(sizes), kind="stable")]
    bounds = np.unique(np.linspace(0, len(sizes), CANDIDATES + 1).astype(int))
    blocks = np.maximum.reduceat(sizes, bounds[:-1], axis=0)
    shapes = _best_groups(blocks, np.diff(bounds), most_shapes)

    def choose_shape(needed):
        wanted = np.array([needed[name] for name in DIMENSIONS])
        fitting = [shape for shape in shapes if (shape >= wanted).all()]
        return dict(zip(DIMENSIONS, map(int, fitting[0]), strict=True)) if fitting else needed

    return choose_shape


def _distinct_in_windows(ids, patients, count, batch_size):
    """How many distinct ids the window of `batch_size` patients from each start on holds.

    An id counts in a window at its first patient there: for an occurrence at patient p whose previous one is at q,
    in the windows that start after q and reach p.
    """
    order = np.lexsort((patients, ids))
    ids, patients = ids[order], patients[order]
    previous = np.full(len(ids), -1)
    same = ids[1:] == ids[:-1]
    previous[1:][same] = patients[:-1][same]
    first_start = np.maximum(np.maximum(previous, patients - batch_size) + 1, 0)
    change = np.bincount(first_start, minlength=count + 1) - np.bincount(patients + 1, minlength=count + 1)
    return offsets(change)[1 : count - batch_size + 2]


def _cost(sizes):
    """What a step at these sizes costs, up to a factor: rows through the Dx-object's and the recurrence's products."""
    by_name = dict(zip(DIMENSIONS, np.moveaxis(sizes, -1, 0), strict=True))
    return by_name["N"] + 3 * by_name["B"] * by_name["T"] + 30 * by_name["T"]


def _best_groups(blocks, weights, most_groups):
    """Divides consecutive blocks into groups, each padded to its largest member, at the least total cost.

    Dynamic programming over the end of the last group; one group more never costs more.

    Returns:
        List of shapes (arrays), in the order of the groups.
    """
    count = len(blocks)
    costs = np.full((count, count + 1), np.inf)
    for start in range(count):
        largest = np.maximum.accumulate(blocks[start:], axis=0)
        costs[start, start + 1 :] = _cost(largest) * np.cumsum(weights[start:])
    best, starts = costs[0], []
    for _ in range(1, min(most_groups, count)):
        totals = best[:count, None] + costs
        starts.append(totals.argmin(axis=0))
        best = totals.min(axis=0)
    ends = [count]
    for start_of in reversed(starts):
        ends.append(start_of[ends[-1]])
    edges = [0, *reversed(ends)]
    return [blocks[start:end].max(axis=0) for start, end in itertools.pairwise(edges)]
