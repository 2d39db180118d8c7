"""Risk that changes when a treatment stops: medications of earlier visits that the last two visits do not have."""

import numpy as np

from mime_tf.data.store import Store
from mime_tf.simulate.risk.logit import Risk, standardized
from mime_tf.simulate.risk.occurrences import visit_table
from mime_tf.simulate.risk.single_codes import alternating
from mime_tf.simulate.world import World

LAST_VISITS = 2
TREATMENTS = 12


def risk(world: World, store: Store, rng: np.random.Generator) -> Risk:
    """Returns the risk of patients."""
    medications, effects = draw(world, rng)
    scores = {"stopping": standardized(sums(medications, effects, store))}
    pairs = zip(medications.tolist(), effects.tolist(), strict=True)
    treatments = [{"medication": medication, "effect": effect} for medication, effect in pairs]
    return Risk(scores, {"stopping": 1.0}, {"last_visits": LAST_VISITS, "treatments": treatments})


def draw(world: World, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws effects of the medications of pairs, which recur in a patient, and of the most used others.

    Returns:
        int64 (12,), the medications; float64 (12,), the effect of each one's stop.
    """
    of_pairs = world.pairs.orders_of_kind("rx")
    ranked = np.argsort(-world.use["rx"], kind="stable")
    others = ranked[~np.isin(ranked, of_pairs)]
    medications = np.concatenate([of_pairs, others])[:TREATMENTS]
    return rng.permutation(medications), alternating(TREATMENTS, rng)


def sums(medications: np.ndarray, effects: np.ndarray, store: Store) -> np.ndarray:
    """Returns the sum of the effects of the medications that each patient has stopped: float64 (patients,).

    Args:
        medications: int64 (n,), distinct.
        effects: float64 (n,).
        store: the records.
    """
    last = visit_table(store, "rx", medications, last=True)
    stopped = (last >= 0) & (last < store.visits[1:, None] - LAST_VISITS)
    return stopped @ effects
