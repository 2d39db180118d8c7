"""Risk that fades: each occurrence of a code has an effect that halves every two visits."""

import numpy as np

from mime_tf.data.store import Store, distinct
from mime_tf.simulate.risk import single_codes
from mime_tf.simulate.risk.logit import Risk, standardized
from mime_tf.simulate.risk.occurrences import occurrences
from mime_tf.simulate.world import World

HALVING_VISITS = 2


def risk(world: World, store: Store, rng: np.random.Generator) -> Risk:
    """Returns the risk of patients; the codes with an effect are those of the additive mode."""
    since = np.repeat(store.visits[1:] - 1, store.visit_counts) - np.arange(store.visits[-1])  # 0 for the last visit
    scores = {"recency": standardized(sums(world.effects, store, 0.5 ** (since / HALVING_VISITS)))}
    truth = {"halving_visits": HALVING_VISITS, "codes": single_codes.truth(world.effects)}
    return Risk(scores, {"recency": 1.0}, truth)


def sums(effects: dict[str, np.ndarray], store: Store, fading: np.ndarray) -> np.ndarray:
    """Returns the sum of faded effects over each visit's distinct codes: float64 (patients,).

    Args:
        effects: for each kind, float64 (codes,).
        store: the records.
        fading: float64 (visits,), share of an effect that is left since each visit.
    """
    total = np.zeros(len(store))
    for kind, kind_effects in effects.items():
        _, visit, code = occurrences(store, kind, kind_effects != 0)
        visit, code = np.divmod(distinct(visit * len(kind_effects) + code), len(kind_effects))
        patient = np.searchsorted(store.visits, visit, side="right") - 1
        total += np.bincount(patient, kind_effects[code] * fading[visit], len(store))
    return total
