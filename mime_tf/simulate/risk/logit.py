"""Risks from logits, and how well they can be told apart."""

import math

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


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Returns the area under the ROC curve, a tie counting one half; NaN if all labels are the same.

    >>> auc(np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.4, 0.8]))
    0.875
    """
    inverse = np.unique(scores, return_inverse=True)[1]
    zeros, ones = np.bincount(inverse, labels == 0), np.bincount(inverse, labels == 1)
    comparisons = zeros.sum() * ones.sum()
    return float(ones @ (np.cumsum(zeros) - zeros / 2) / comparisons) if comparisons else math.nan
