"""Weights of the parts of a blend, fitted on predictions for patients that no part was fitted to."""

import numpy as np
from scipy import optimize, special

from mime_tf.assess.summary import log_loss

# Largest weight: few patients may be told apart without an error, and the best weights are then infinite.
MOST = 4.0


def fit_weights(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """Fits a logistic regression on logits, without a penalty and with weights of at least 0.

    Args:
        logits: float (patients, parts), each part's for patients that it was not fitted to.
        labels: 0 or 1, (patients,), of both kinds.

    Returns:
        float64 (parts,), weights from 0 to `MOST`, and the bias. A part that adds nothing to the others has weight 0.

    Example:
    >>> rng = np.random.default_rng(0)
    >>> useful, useless = rng.normal(size=(2, 4000))
    >>> labels = rng.random(4000) < 1 / (1 + np.exp(1 - 0.5 * useful))
    >>> weights, bias = fit_weights(np.stack([useful, useless, -useful], axis=1), labels)
    >>> bool(abs(weights[0] - 0.5) < 0.1 and abs(bias + 1) < 0.1), float(weights[2])
    (True, 0.0)
    """
    labels = np.asarray(labels, np.float64)
    design = np.column_stack([logits, np.ones(len(labels))])
    start = np.zeros(design.shape[1])
    start[-1] = special.logit((labels.sum() + 0.5) / (len(labels) + 1))  # finite also if all labels are alike

    def loss(coefficients):
        total = design @ coefficients
        # log(1 + e^t) - y t, and its gradient, in a form that never overflows.
        value = np.mean(np.logaddexp(0, total) - labels * total)
        return value, design.T @ (special.expit(total) - labels) / len(labels)

    bounds = [(0, MOST)] * logits.shape[1] + [(None, None)]
    solved = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14})
    return solved.x[:-1], float(solved.x[-1])


def calibrated_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Returns the mean log loss of probabilities after `fit_weights` was fitted to their logits; nan for a nan."""
    if not np.isfinite(probabilities).all():
        return np.nan
    logits = logits_of(probabilities)
    weights, bias = fit_weights(logits[:, np.newaxis], labels)
    return log_loss(labels, special.expit(weights[0] * logits + bias))


def calibrated_losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the log loss of each patient, float64 (patients,), after `fit_weights` was fitted to the logits.

    Args:
        logits: float (patients,), of a model that was not fitted to the patients.
        labels: 0 or 1, (patients,), of both kinds.
    """
    weights, bias = fit_weights(logits[:, np.newaxis], labels)
    total = weights[0] * logits + bias
    return np.logaddexp(0, total) - np.asarray(labels, np.float64) * total


def logits_of(probabilities: np.ndarray) -> np.ndarray:
    """Returns logits, float64; those of float32 probabilities that are 0 or 1 are finite as well."""
    return special.logit(np.clip(np.asarray(probabilities, np.float64), 1e-7, 1 - 1e-7))
