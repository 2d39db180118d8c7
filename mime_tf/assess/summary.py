"""The figures that the authors' program reports of a set: cross-entropy, ROC AUC, average precision."""

import numpy as np

# The results of a split, in the order in which the authors' program prints them.
RESULTS = ("valid_loss", "test_loss", "valid_auc", "test_auc", "valid_aucpr", "test_aucpr")
EPSILON = 1e-10  # as in `mime_tf.losses`, which loads Keras


def log_losses(probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the losses of label 1 and of label 0, `-log(p + 1e-10)` and `-log(1 - p + 1e-10)`, in float64.

    Both are finite also at 0, at 1 and where rounding has left a probability just outside.
    """
    probabilities = np.asarray(probabilities, np.float64)
    return -np.log(np.maximum(probabilities, 0) + EPSILON), -np.log(np.maximum(1 - probabilities, 0) + EPSILON)


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Returns the mean of `log_losses`, of several outcomes of a patient their sum: the loss of training."""
    labels, (of_one, of_zero) = np.asarray(labels, np.float64), log_losses(probabilities)
    losses = labels * of_one + (1 - labels) * of_zero
    return float(np.mean(losses if losses.ndim == 1 else losses.sum(axis=1)))


def summarize(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Returns the figures of a set.

    Args:
        labels: 0 or 1, (rows,); or (rows, outcomes).
        probabilities: of the same shape, nan among them where a model has diverged.

    Returns:
        Dict: `"loss"`, `"auc"` (ROC) and `"aucpr"` (average precision), the last two over all pairs of a row and an
        outcome. They are nan where the labels are all alike; all three are where a probability is.
    """
    loss = log_loss(labels, probabilities)
    labels, probabilities = np.ravel(labels), np.ravel(probabilities)
    if np.isnan(loss) or np.all(labels == labels[0]):
        return {"loss": loss, "auc": np.nan, "aucpr": np.nan}
    from sklearn import metrics

    return {
        "loss": loss,
        "auc": float(metrics.roc_auc_score(labels, probabilities)),
        "aucpr": float(metrics.average_precision_score(labels, probabilities)),
    }


def results(valid: dict[str, float], test: dict[str, float]) -> dict[str, float]:
    """Returns the figures of valid and of test, as `summarize` has them, under the names `RESULTS`."""
    named = {f"valid_{name}": value for name, value in valid.items()}
    named |= {f"test_{name}": value for name, value in test.items()}
    return {name: named[name] for name in RESULTS}
