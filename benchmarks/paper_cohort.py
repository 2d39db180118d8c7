"""Generates a cohort of the paper's shape: its numbers of visits, Dx-objects, orders and codes.

The labels are drawn by chance, because the cohort is for timing. `mime-tf simulate` makes one with an effect.
"""

import numpy as np

from mime_tf.data import pickled
from mime_tf.data.store import Store, offsets

VISITS, MOST_VISITS = 20, 199
DXOBJECTS, MEDICATIONS, PROCEDURES = 1.8, 0.31, 0.36
CODES = {"dx": 388, "rx": 99, "pr": 1824}
# The slots that the authors' main pads to.
SLOTS = {"max_dx_per_visit": 22, "max_rx_per_dx": 17, "max_pr_per_dx": 10}


def paper_cohort(patients, seed=0, visits=VISITS, codes_factor=1):
    """Returns a cohort of the paper's shape.

    Args:
        patients: number of patients.
        seed: seed of the draw.
        visits: mean number of visits per patient, geometric, cut at `MOST_VISITS`.
        codes_factor: factor on the paper's 388, 99 and 1,824 codes.

    Returns:
        Store, and int64 labels of which a fifth are 1.
    """
    random = np.random.default_rng(seed)
    visit_counts = np.minimum(random.geometric(1 / visits, patients), MOST_VISITS)
    dxobj_counts = 1 + random.poisson(DXOBJECTS - 1, visit_counts.sum())
    dxobjs = int(dxobj_counts.sum())
    rx_counts, pr_counts = random.poisson(MEDICATIONS, dxobjs), random.poisson(PROCEDURES, dxobjs)
    draw = {kind: _HeavyTail(count * codes_factor, random) for kind, count in CODES.items()}
    store = Store(
        offsets(visit_counts),
        offsets(dxobj_counts),
        draw["dx"](dxobjs),
        offsets(rx_counts),
        draw["rx"](int(rx_counts.sum())),
        offsets(pr_counts),
        draw["pr"](int(pr_counts.sum())),
    )
    return store, (random.random(patients) < 0.2).astype(np.int64)


def paper_sizes(codes_factor=1):
    """Returns the sizes that the authors' main gives its model: keyword arguments of `TrainConfig`."""
    return {**{f"num_{kind}": count * codes_factor for kind, count in CODES.items()}, **SLOTS}


def write(prefix, **arguments):
    """Writes a `paper_cohort` as `<prefix>.seqs` and `<prefix>.labels`."""
    pickled.write(prefix, *paper_cohort(**arguments))


class _HeavyTail:
    """Draws codes whose use falls with their rank, as Zipf's law has it."""

    def __init__(self, codes, random):
        weights = 1 / np.arange(1, codes + 1)
        self._edges, self._random = np.cumsum(weights) / weights.sum(), random

    def __call__(self, count):
        return np.minimum(np.searchsorted(self._edges, self._random.random(count)), len(self._edges) - 1).astype(
            np.int32
        )
