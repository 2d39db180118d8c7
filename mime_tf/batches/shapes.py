"""A few padded shapes for all batches of a run, because XLA compiles a step anew for every shape."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from mime_tf.batches.tables import DIMENSIONS, Batch
from mime_tf.splits.split import Part

MOST_SHAPES = 5
CANDIDATES = 100
# Number of windows to choose shapes by: enough that one in a thousand of the others fits none, and cut in a second.
WINDOWS = 2000


def plan(
    parts: Sequence[Part], starts: Sequence[np.ndarray], batch_size: int, most_shapes: int = MOST_SHAPES
) -> Callable[[dict[str, int]], dict[str, int]]:
    """Chooses padded shapes such that every batch fits one and the mean cost of a batch is low.

    The shapes are chosen for the windows that will be drawn, or for an even sample of very many; one more shape takes
    the batches that fit none of these.

    Args:
        parts: the parts that are cut into batches.
        starts: list of integer arrays, the starts of each part's windows.
        batch_size: B, patients in a window.
        most_shapes: most shapes that are chosen; the last resort may be one more.

    Returns:
        Function from the sizes a batch needs to the sizes it gets, both dicts with the keys `DIMENSIONS`.
    """
    samples = [_even_sample(np.unique(part_starts), max(WINDOWS // len(parts), 2)) for part_starts in starts]
    sizes = [window_sizes(part, batch_size, sample) for part, sample in zip(parts, samples, strict=True)]
    largest = np.max([largest_sizes(part, batch_size) for part in parts], axis=0)
    shapes = [*best_shapes(np.concatenate(sizes), most_shapes), largest]

    def choose_shape(needed):
        wanted = np.array([needed[name] for name in DIMENSIONS])
        shape = next(shape for shape in shapes if (shape >= wanted).all())
        return dict(zip(DIMENSIONS, map(int, shape), strict=True))

    return choose_shape


def _even_sample(values: np.ndarray, count: int) -> np.ndarray:
    """Returns at most `count` of the sorted `values`, evenly from the first to the last."""
    return values[np.unique(np.linspace(0, len(values) - 1, min(count, len(values))).astype(int))]


def window_sizes(part: Part, batch_size: int, starts: np.ndarray) -> np.ndarray:
    """Returns the sizes that the batches of the windows at `starts` need: int64, (windows, 8), as `DIMENSIONS`."""
    batches = (Batch(part.patients(start, start + batch_size)) for start in starts)
    return np.array([[batch.size[name] for name in DIMENSIONS] for batch in batches])


def largest_sizes(part: Part, batch_size: int) -> np.ndarray:
    """Returns sizes that no batch of `batch_size` consecutive patients exceeds, without cutting them: int64, (8,)."""
    store = part.store
    visits, dxobjs = part.visit_counts, np.diff(store.dxobjs[store.visits])[part.rows]
    levels = (store.dxobjs, store.rx_offsets, store.pr_offsets)
    most_dxobjs, most_rx, most_pr = (np.diff(starts).max(initial=1) for starts in levels)
    in_window = [np.convolve(counts, np.ones(batch_size, int)).max() for counts in (visits, dxobjs)]
    sizes = [batch_size, batch_size, visits.max(), in_window[0], most_dxobjs, in_window[1], most_rx, most_pr]
    return np.maximum(sizes, 1)


def best_shapes(sizes: np.ndarray, most_shapes: int) -> list[np.ndarray]:
    """Returns at most `most_shapes` shapes, cheapest first, of which each row of `sizes` fits one, at little cost."""
    sizes = sizes[np.argsort(_cost(sizes), kind="stable")]
    bounds = np.unique(np.linspace(0, len(sizes), CANDIDATES + 1).astype(int))
    blocks = np.maximum.reduceat(sizes, bounds[:-1], axis=0)
    return sorted(_best_groups(blocks, np.diff(bounds), most_shapes), key=_cost)


def _cost(sizes: np.ndarray) -> np.ndarray:
    """Returns the cost of a step padded to these sizes, in units of a Dx-object's matrix products.

    At the authors' widths a visit's projection is 256 x 768 and a Dx-object's products are 200 x 656; reading a row of
    a table costs about a fortieth of that. The recurrence is left out: batches of one shape are about equally long.
    """
    size = dict(zip(DIMENSIONS, np.moveaxis(sizes, -1, 0), strict=True))
    read = size["N"] * (size["R"] + size["P"]) + size["V"] * size["D"] + 3 * size["S"] * size["T"]
    return size["N"] + 1.5 * size["V"] + read / 40


def _best_groups(blocks: np.ndarray, weights: np.ndarray, most_groups: int) -> list[np.ndarray]:
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
    for best_starts in reversed(starts):
        ends.append(best_starts[ends[-1]])
    edges = [0, *reversed(ends)]
    return [blocks[start:end].max(axis=0) for start, end in itertools.pairwise(edges)]
