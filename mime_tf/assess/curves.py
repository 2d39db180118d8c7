"""The points behind the plots: ROC, precision-recall, calibration, decision curve, distribution of the probabilities.

The decision curve is that of Vickers and Elkin, Decision curve analysis: a novel method for evaluating prediction
models, Medical Decision Making 26 (2006) 565-574.
"""

import math
from collections.abc import Iterator

import numpy as np
from sklearn import metrics

from mime_tf.assess.bootstrap import Sample, Tally
from mime_tf.assess.measures import BINS, bins, smooth_shares
from mime_tf.assess.scores import Scores

COLUMNS = ("curve", "x", "y", "threshold", "count")
SCORE_BINS = 20
SMOOTH_POINTS = 100
# Patients are treated from a threshold on; a threshold of 0.1 accepts ten treated for each of label 1.
THRESHOLDS = np.arange(1, 100) / 100
Curve = dict[str, np.ndarray]


def curves(scores: Scores) -> dict[str, Curve]:
    """Returns the points behind the plots.

    Args:
        scores: the scores of a set.

    Returns:
        Dict from a curve's name to a dict of arrays `x`, `y`, `threshold` and `count`, of equal length:
        `"roc"`: 1 - specificity, sensitivity, threshold, number of alerts; the first point has no threshold;
        `"precision_recall"`: recall, precision, threshold, number of alerts; the last point has no threshold;
        `"calibration"`: mean probability, share of label 1, lowest probability and number of rows of each bin;
        `"calibration_smooth"`, where `mime_tf.assess.measures.smooth_shares` is defined: probability, smooth share of
        label 1, probability again, number of rows, at up to `SMOOTH_POINTS` of the probabilities;
        `"net_benefit_model"`, `"net_benefit_all"`, `"net_benefit_none"`: threshold, net benefit as in
        `decision_curve`, threshold again, number of rows treated;
        `"scores_0"`, `"scores_1"`, of the rows of a label: middle, share of the rows, lower end and number of rows of
        each of `SCORE_BINS` bins from 0 to the highest probability.
        Only calibration if the labels are all alike.
    """
    labels, probabilities = scores.labels, scores.probabilities
    tally = Sample(scores).tally()
    points = {"calibration": _calibration(tally)} | _smooth(tally)
    if 0 < labels.sum() < len(labels):
        fpr, tpr, thresholds = metrics.roc_curve(labels, probabilities)
        points["roc"] = _alerting(fpr, tpr, np.where(np.isinf(thresholds), np.nan, thresholds), probabilities)
        precision, recall, thresholds = metrics.precision_recall_curve(labels, probabilities, drop_intermediate=True)
        points["precision_recall"] = _alerting(recall, precision, np.append(thresholds, np.nan), probabilities)
        for name, (benefit, treated) in decision_curve(scores).items():
            points[f"net_benefit_{name}"] = {
                "x": THRESHOLDS,
                "y": benefit,
                "threshold": THRESHOLDS,
                "count": treated.astype(int),
            }
        for label in (0, 1):
            points[f"scores_{label}"] = _distribution(probabilities[labels == label], probabilities.max())
    return points


def rows(points: dict[str, Curve]) -> Iterator[list]:
    """Yields the points of `curves` as rows of a table of `COLUMNS`, an empty cell for no threshold."""
    for name, curve in points.items():
        for row in zip(*(curve[column].tolist() for column in COLUMNS[1:]), strict=True):
            yield [name, *("" if math.isnan(value) else value for value in row)]


def decision_curve(scores: Scores, thresholds: np.ndarray = THRESHOLDS) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns the net benefit of treating by the model, of treating all rows and of treating none.

    The net benefit at the threshold `t` is `tp / n - fp / n * t / (1 - t)`: true positives per row, less false
    positives per row weighted by the odds of the threshold.

    Args:
        scores: the scores of a set.
        thresholds: from 0 to less than 1, (thresholds,).

    Returns:
        Dict from `"model"`, `"all"` and `"none"` to two float64 arrays (thresholds,): net benefit and number of rows
        treated.
    """
    tally = Sample(scores).tally()
    thresholds, starts = np.asarray(thresholds), np.searchsorted(tally.values, thresholds)
    ones, zeros = (np.append(np.cumsum(counts[::-1])[::-1], 0) for counts in (tally.ones, tally.zeros))
    nothing = np.zeros(len(thresholds))
    treated = {
        "model": (ones[starts], zeros[starts]),
        "all": (nothing + ones[0], nothing + zeros[0]),
        "none": (nothing, nothing),
    }
    return {
        name: ((tp - fp * thresholds / (1 - thresholds)) / len(scores), tp + fp) for name, (tp, fp) in treated.items()
    }


def _smooth(tally: Tally) -> dict[str, Curve]:
    """Returns the smooth calibration curve under its name, or nothing where it is not defined."""
    shares = smooth_shares(tally)
    if np.isnan(shares).any():
        return {}
    chosen = np.unique(np.linspace(0, len(shares) - 1, SMOOTH_POINTS).round().astype(int))
    x = tally.values[chosen]
    return {
        "calibration_smooth": {"x": x, "y": shares[chosen], "threshold": x, "count": tally.total[chosen].astype(int)}
    }


def _alerting(x: np.ndarray, y: np.ndarray, thresholds: np.ndarray, probabilities: np.ndarray) -> Curve:
    """A curve whose counts are numbers of alerts, 0 without a threshold."""
    alerts = len(probabilities) - np.searchsorted(np.sort(probabilities), thresholds)
    return {"x": x, "y": y, "threshold": thresholds, "count": alerts}


def _calibration(tally: Tally) -> Curve:
    bin_index = bins(tally)
    count, filled = np.bincount(bin_index, tally.total, BINS), np.unique(bin_index)
    return {
        "x": (np.bincount(bin_index, tally.total * tally.values, BINS) / np.maximum(count, 1))[filled],
        "y": (np.bincount(bin_index, tally.ones, BINS) / np.maximum(count, 1))[filled],
        "threshold": tally.values[np.searchsorted(bin_index, filled)],
        "count": count[filled].astype(int),
    }


def _distribution(probabilities: np.ndarray, highest: float) -> Curve:
    edges = np.linspace(0, highest or 1.0, SCORE_BINS + 1)
    count = np.histogram(probabilities, edges)[0]
    middles = (edges[:-1] + edges[1:]) / 2
    return {"x": middles, "y": count / len(probabilities), "threshold": edges[:-1], "count": count}
