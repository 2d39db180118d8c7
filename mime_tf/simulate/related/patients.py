"""Records of patients whose codes are in families."""

import numpy as np

from mime_tf.data.store import Store, offsets
from mime_tf.simulate.frequencies import sample
from mime_tf.simulate.patients import MAX_VISITS, MEAN_DX, Rates, make_distinct
from mime_tf.simulate.related.world import RelatedWorld

MEAN_MEDICATIONS = 0.36  # per Dx-object: 13 per patient of 20 visits


def draw(world: RelatedWorld, mean_visits: float, patients: int, rng: np.random.Generator) -> Store:
    """Draws patients, each diagnosis and each order independently of all others but for a visit's distinct diagnoses.

    Args:
        world: the world that they come from.
        mean_visits: average number of visits, at least 3.
        patients: number of patients.
        rng: random generator.
    """
    visits = np.minimum(rng.geometric(Rates(mean_visits).last_visit, patients), MAX_VISITS)
    dxobjs = 1 + rng.poisson(MEAN_DX - 1, visits.sum())
    dx = sample(world.ranked["dx"], int(dxobjs.sum()), rng).astype(np.int32)
    make_distinct(dx, np.repeat(np.arange(len(dxobjs)), dxobjs), np.empty(0, np.int64), world.ranked["dx"], rng)
    counts = rng.poisson(MEAN_MEDICATIONS, len(dx))
    rx = _medications(world, np.repeat(world.families["dx"][dx], counts), rng)
    none = np.zeros(len(dx) + 1, np.int64)
    return Store(offsets(visits), offsets(dxobjs), dx, offsets(counts), rx, none, np.empty(0, np.int32))


def _medications(world: RelatedWorld, family: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws a medication for each order, whose diagnosis is of the given family."""
    quantiles = rng.random(len(family))
    result = np.empty(len(family), np.int32)
    for index, frequencies in enumerate(world.ordered):
        orders = family == index
        result[orders] = np.searchsorted(np.cumsum(frequencies)[:-1], quantiles[orders], side="right")
    return result
