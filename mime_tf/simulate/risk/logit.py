"""Risks from logits, and how well they can be told apart."""

import dataclasses
import math
from typing import Any

import numpy as np


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Returns the probabilities of logits."""
    return 1 / (1 + np.exp(-logits))


def intercept(logits: np.ndarray, prevalence: float) -> float:
    """Returns the number whose sum with `logits` has the mean risk `prevalence`, by bisection."""
    middle = math.log(prevalence / (1 - prevalence))
    low, high = middle - float(logits.max()), middle - float(logits.min())
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sigmoid(middle + logits).mean() < prevalence else (low, middle)
    return middle


def standardized(values: np.ndarray) -> np.ndarray:
    """Returns values shifted and scaled to mean 0 and, unless all are equal, variance 1.

    >>> standardized(np.array([0.0, 2.0, 2.0, 0.0])).tolist()
    [-1.0, 1.0, 1.0, -1.0]
    """
    centred = values - values.mean()
    return centred / (centred.std() or 1.0)


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Returns the area under the ROC curve, a tie counting one half; NaN if all labels are the same.

    >>> auc(np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.4, 0.8]))
    0.875
    """
    inverse = np.unique(scores, return_inverse=True)[1]
    zeros, ones = np.bincount(inverse, labels == 0), np.bincount(inverse, labels == 1)
    comparisons = zeros.sum() * ones.sum()
    return float(ones @ (np.cumsum(zeros) - zeros / 2) / comparisons) if comparisons else math.nan


@dataclasses.dataclass(frozen=True)
class Risk:
    """Scores of patients whose weighted sum is the logit of their risk.

    Attributes:
        scores: float64 (patients,) per name, of mean 0 and variance 1; the code score, if any, comes first.
        shares: each score's share of the logit's variance; they sum to 1.
        truth: how the risk arises, as JSON can hold it.
    """

    scores: dict[str, np.ndarray]
    shares: dict[str, float]
    truth: dict[str, Any]

    def parts(self, effect: float) -> dict[str, np.ndarray]:
        """Returns each score's part of the logit, whose standard deviation is `effect`."""
        return {name: effect * math.sqrt(self.shares[name]) * score for name, score in self.scores.items()}

    def realized_shares(self) -> dict[str, float]:
        """Returns the variance of each part over that of their sum, a mode's own score first; NaN if that is 0."""
        total = float(np.var(sum(self.parts(1.0).values())))
        names = reversed(list(self.scores))
        variances = {name: self.shares[name] * float(self.scores[name].var()) for name in names}
        return {name: variance / total if total else math.nan for name, variance in variances.items()}
