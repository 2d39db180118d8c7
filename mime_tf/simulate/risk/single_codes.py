"""Risk of single codes: each code with an effect counts once per patient, linked or not."""

import statistics
from typing import Any

import numpy as np

from mime_tf.data.store import Store, distinct
from mime_tf.simulate.risk.occurrences import occurrences
from mime_tf.simulate.risk.pairs import Pairs

COUNTS = {"dx": 24, "rx": 12, "pr": 12}  # codes with an effect, beside the diagnoses of pairs


def draw_effects(use: dict[str, np.ndarray], pairs: Pairs, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draws the effects of the most used codes outside pairs, and of the diagnoses of pairs.

    Args:
        use: for each kind, float64 (codes,), the use of each code outside pairs.
        pairs: the pairs, whose orders have no effect.
        rng: random generator.

    Returns:
        For each kind, float64 (codes,).
    """
    effects = {kind: np.zeros(len(codes)) for kind, codes in use.items()}
    for kind, count in COUNTS.items():
        outside = use[kind].copy()
        outside[pairs.orders_of_kind(kind)] = 0
        effects[kind][np.argsort(-outside, kind="stable")[:count]] = alternating(count, rng)
    effects["dx"][pairs.dx] = alternating(pairs.dx.size, rng).reshape(pairs.dx.shape)
    return effects


def alternating(count: int, rng: np.random.Generator) -> np.ndarray:
    """Draws effects of alternating sign, so that a record is no risk for being long."""
    return rng.choice([-1, 1]) * (-1) ** np.arange(count) * rng.uniform(0.5, 1.5, count)


def sums(effects: dict[str, np.ndarray], store: Store) -> np.ndarray:
    """Returns the sum of the effects of each patient's distinct codes: float64 (patients,)."""
    total = np.zeros(len(store))
    for kind, kind_effects in effects.items():
        patient, _, codes = occurrences(store, kind, kind_effects != 0)
        patient, codes = np.divmod(distinct(patient * len(kind_effects) + codes), len(kind_effects))
        total += np.bincount(patient, kind_effects[codes], len(store))
    return total


def score(sums: np.ndarray) -> np.ndarray:
    """Returns the code score: the normal variable of each sum's rank; mean 0 and, unless all are equal, variance 1."""
    _, inverse, counts = np.unique(sums, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2) / len(sums)
    scores = np.array([statistics.NormalDist().inv_cdf(rank) for rank in ranks])[inverse]
    scores -= scores.mean()
    return scores / (scores.std() or 1.0)


def truth(effects: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Returns the codes with an effect, for the truth in JSON."""
    return [
        {"kind": kind, "index": int(code), "effect": float(kind_effects[code])}
        for kind, kind_effects in effects.items()
        for code in np.flatnonzero(kind_effects)
    ]
