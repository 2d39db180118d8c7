"""Risk of an order of events: which of two diagnoses came first."""

import numpy as np

from mime_tf.data.store import Store
from mime_tf.simulate.risk import interaction
from mime_tf.simulate.risk.logit import Risk, standardized
from mime_tf.simulate.risk.occurrences import visit_table
from mime_tf.simulate.world import World


def risk(world: World, store: Store, rng: np.random.Generator) -> Risk:
    """Returns the risk of patients; pairs of diagnoses are drawn as in the mode `interaction`."""
    diagnoses, effects = interaction.draw(world, rng)
    scores = {"order": standardized(sums(diagnoses, effects, store))}
    return Risk(scores, {"order": 1.0}, {"sequences": interaction.truth(diagnoses, effects)})


def sums(diagnoses: np.ndarray, effects: np.ndarray, store: Store) -> np.ndarray:
    """Returns each patient's sum over pairs: float64 (patients,).

    A pair counts with its effect if its first diagnosis was seen in an earlier visit than its second, with the negative
    of it if in a later one, and with 0 if both were first seen in one visit, or one of them never.

    Args:
        diagnoses: int64 (pairs, 2), distinct.
        effects: float64 (pairs,).
        store: the records.
    """
    first = visit_table(store, "dx", diagnoses.ravel()).reshape(len(store), len(effects), 2)
    order = np.sign(first[..., 1] - first[..., 0])
    return np.where((first >= 0).all(axis=2), order, 0) @ effects
