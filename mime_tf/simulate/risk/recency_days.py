"""Risk that fades with time: each occurrence of a code has an effect that halves every 90 days."""

import numpy as np

from mime_tf.data.store import Store
from mime_tf.simulate.risk import single_codes
from mime_tf.simulate.risk.logit import Risk, standardized
from mime_tf.simulate.risk.recency import sums
from mime_tf.simulate.world import World

HALVING_DAYS = 90
_GAP, _SPREAD, _LAST = 30.0, 1.0, 20.0  # days


def days(store: Store, rng: np.random.Generator) -> np.ndarray:
    """Draws the days from each visit to the prediction time, int32 (visits,).

    The days between two visits, and from the last one to the prediction time, are exponential. The mean of the former
    is a patient's own, lognormal around 30 days, so that a number of visits says little of a number of days.
    """
    counts = store.visit_counts
    means = np.repeat(_GAP * np.exp(rng.normal(0, _SPREAD, len(store))), counts)
    means[store.visits[1:] - 1] = _LAST  # what follows the last visit
    gaps = np.floor(rng.exponential(means)).astype(np.int64)
    totals = np.cumsum(gaps)
    before = np.concatenate([[0], totals])
    return (np.repeat(before[store.visits[1:]], counts) - before[:-1]).astype(np.int32)


def risk(world: World, store: Store, rng: np.random.Generator) -> Risk:
    """Returns the risk of patients with days of visits; the codes with an effect are those of the additive mode."""
    assert store.days is not None
    scores = {"recency": standardized(sums(world.effects, store, 0.5 ** (store.days / HALVING_DAYS)))}
    truth = {"halving_days": HALVING_DAYS, "codes": single_codes.truth(world.effects)}
    return Risk(scores, {"recency": 1.0}, truth)
