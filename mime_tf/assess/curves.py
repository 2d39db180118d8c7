"""The points behind the plots: ROC, precision-recall, calibration, decision curve, distribution of the scores."""

import math

import numpy as np
from sklearn import metrics

from mime_tf.assess.bootstrap import Sample
from mime_tf.assess.decision_curve import THRESHOLDS, decision_curve
from mime_tf.assess.measures import BINS, Tally, bins

COLUMNS = ("curve", "x", "y", "threshold", "count")
SCORE_BINS = 20


def curves(labels, probabilities):
    """Returns the points behind the plots.

    Args:
        labels: 0 or 1, (rows,).
        probabilities: (rows,).

    Returns:
        Dict from a curve's name to a dict of arrays `x`, `y`, `threshold` and `count`, of equal length:
        `"roc"`: 1 - specificity, sensitivity, at this threshold, of so many alerts; the first point has no threshold;
        `"precision_recall"`: recall, precision, and the same; the last point has no threshold;
        `"calibration"`: mean probability and share of ones of each bin, its lowest probability, its rows;
        `"net_benefit_model"`, `"net_benefit_all"`, `"net_benefit_none"`: threshold, net benefit
        (`mime_tf.assess.decision_curve`), threshold again, rows treated;
        `"scores_0"`, `"scores_1"`: of the rows of a label, the middle of each of `SCORE_BINS` bins from 0 to the
        highest probability, its share of them, its lower end, its rows.
        Where the labels are all alike there is calibration only.

    Raises:
        InputError: as `mime_tf.assess.measures.assess`.
    """
    sample = Sample.of(labels, probabilities)
    labels, probabilities = sample.labels, sample.values[sample.which]
    found = {"calibration": _calibration(sample)}
    if 0 < labels.sum() < len(labels):
        fpr, tpr, thresholds = metrics.roc_curve(labels, probabilities)
        found["roc"] = _curve(fpr, tpr, np.where(np.isinf(thresholds), np.nan, thresholds), probabilities)
        precision, recall, thresholds = metrics.precision_recall_curve(labels, probabilities, drop_intermediate=True)
        found["precision_recall"] = _curve(recall, precision, np.append(thresholds, np.nan), probabilities)
        for name, (benefit, treated) in decision_curve(labels, probabilities).items():
            found[f"net_benefit_{name}"] = {
                "x": THRESHOLDS,
                "y": benefit,
                "threshold": THRESHOLDS,
                "count": treated.astype(int),
            }
        for label in (0, 1):
            found[f"scores_{label}"] = _scores(probabilities[labels == label], probabilities.max())
    return found


def rows(found):
    """Yields the curves as the rows of a table of the `COLUMNS`; where there is no threshold it is empty."""
    for name, curve in found.items():
        for row in zip(*(curve[column].tolist() for column in COLUMNS[1:]), strict=True):
            yield [name, *("" if math.isnan(value) else value for value in row)]


def _curve(x, y, thresholds, probabilities):
    """A curve whose counts are those of the alerts; without a threshold there is none."""
    alerts = len(probabilities) - np.searchsorted(np.sort(probabilities), thresholds)
    return {"x": x, "y": y, "threshold": thresholds, "count": alerts}


def _calibration(sample):
    ones, zeros = sample.counts()
    total, of_bin = ones + zeros, bins(Tally(sample.values, ones, zeros))
    count, filled = np.bincount(of_bin, total, BINS), np.unique(of_bin)
    return {
        "x": (np.bincount(of_bin, total * sample.values, BINS) / np.maximum(count, 1))[filled],
        "y": (np.bincount(of_bin, ones, BINS) / np.maximum(count, 1))[filled],
        "threshold": sample.values[np.searchsorted(of_bin, filled)],
        "count": count[filled].astype(int),
    }


def _scores(probabilities, highest):
    edges = np.linspace(0, highest or 1.0, SCORE_BINS + 1)
    count = np.histogram(probabilities, edges)[0]
    middles = (edges[:-1] + edges[1:]) / 2
    return {"x": middles, "y": count / len(probabilities), "threshold": edges[:-1], "count": count}
