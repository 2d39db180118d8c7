"""Risk that needs two things together: products of the presence of two diagnoses.

Each presence is taken less its mean in the cohort. So neither diagnosis alone tells anything about its product, as far
as the two occur independently of each other.
"""

from typing import Any

import numpy as np

from mime_tf.data.store import Store
from mime_tf.simulate.risk.logit import Risk, standardized
from mime_tf.simulate.risk.occurrences import visit_table
from mime_tf.simulate.risk.single_codes import alternating
from mime_tf.simulate.world import World

PAIRS = 10


def risk(world: World, store: Store, rng: np.random.Generator) -> Risk:
    """Returns the risk of patients."""
    diagnoses, effects = draw(world, rng)
    scores = {"interaction": standardized(sums(diagnoses, effects, store))}
    return Risk(scores, {"interaction": 1.0}, {"interactions": truth(diagnoses, effects)})


def draw(world: World, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws pairs among the most used acute diagnoses, which occur independently of each other.

    Returns:
        int64 (10, 2), the diagnoses, each in one pair; float64 (10,), the effects of the pairs.
    """
    return rng.permutation(world.acute[: 2 * PAIRS]).reshape(PAIRS, 2), alternating(PAIRS, rng)


def sums(diagnoses: np.ndarray, effects: np.ndarray, store: Store) -> np.ndarray:
    """Returns the sum of the effects times the products of centred presence: float64 (patients,).

    Args:
        diagnoses: int64 (pairs, 2), distinct.
        effects: float64 (pairs,).
        store: the records.
    """
    present = (visit_table(store, "dx", diagnoses.ravel()) >= 0).astype(float)
    centred = (present - present.mean(axis=0)).reshape(len(store), len(effects), 2)
    return centred.prod(axis=2) @ effects


def truth(diagnoses: np.ndarray, effects: np.ndarray) -> list[dict[str, Any]]:
    """Returns pairs of diagnoses and their effects, for the truth in JSON."""
    pairs = zip(diagnoses.tolist(), effects.tolist(), strict=True)
    return [{"diagnoses": diagnoses, "effect": effect} for diagnoses, effect in pairs]
