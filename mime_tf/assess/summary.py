"""The figures that the authors' program reports of a set of patients."""

import numpy as np
from sklearn import metrics

# What is reported of a split, in the order the authors' program prints it.
RESULTS = ("valid_loss", "test_loss", "valid_auc", "test_auc", "valid_aucpr", "test_aucpr")


def log_loss(labels, probabilities):
    """Returns the mean of `-(y log(p + 1e-10) + (1 - y) log(1 - p + 1e-10))`, in float64."""
    labels, probabilities = np.asarray(labels, np.float64), np.asarray(probabilities, np.float64)
    log_of_one, log_of_zero = np.log(probabilities + 1e-10), np.log(1 - probabilities + 1e-10)
    return float(-np.mean(labels * log_of_one + (1 - labels) * log_of_zero))


def summarize(labels, probabilities):
    """Returns what is reported of a set.

    Args:
        labels: 0 or 1, (patients,).
        probabilities: (patients,).

    Returns:
        Dict of floats: `"loss"`, `"auc"` (ROC) and `"aucpr"` (average precision). The last two are NaN where the
        labels are all alike, and so is everything where a probability is not a number.
    """
    loss = log_loss(labels, probabilities)
    if np.isnan(loss) or np.all(labels == labels[0]):
        return {"loss": loss, "auc": np.nan, "aucpr": np.nan}
    return {
        "loss": loss,
        "auc": float(metrics.roc_auc_score(labels, probabilities)),
        "aucpr": float(metrics.average_precision_score(labels, probabilities)),
    }


def results(valid, test):
    """Returns what `summarize` says of valid and of test as one dict with the keys `RESULTS`."""
    named = {f"valid_{name}": value for name, value in valid.items()}
    named |= {f"test_{name}": value for name, value in test.items()}
    return {name: named[name] for name in RESULTS}
