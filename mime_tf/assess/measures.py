"""Measures of probabilities against labels, discrimination and calibration, with bootstrap intervals.

A measure is a function of a `Tally`, the rows of each label at each distinct probability. A resample is a tally with
other counts, so probabilities are sorted once for all resamples.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn import metrics

from mime_tf.assess import logistic, summary
from mime_tf.assess.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Progress, Sample, Tally, interval
from mime_tf.assess.calibration import calibration_in_the_large, calibration_line, logits
from mime_tf.assess.scores import Scores
from mime_tf.assess.wilson import wilson
from mime_tf.data.frames import frame

BINS = 10
_KNOTS = (0.1, 0.5, 0.9)
# With fewer rows of a label a note calls the measures uncertain.
FEW = 20


def auc(tally: Tally) -> float:
    """Returns the area under the ROC curve: the share of pairs that are ranked correctly, a tie counting half."""
    if tally.one_class:
        return np.nan
    below = np.cumsum(tally.zeros) - tally.zeros / 2
    return tally.ones @ below / (tally.ones.sum() * tally.zeros.sum())


def average_precision(tally: Tally) -> float:
    """Returns the mean of the precision over the rows of label 1, as scikit-learn does."""
    if tally.one_class:
        return np.nan
    ones, alerts = tally.ones[::-1], np.cumsum(tally.total[::-1])
    return ones @ (np.cumsum(ones) / np.maximum(alerts, 1)) / ones.sum()


def brier_score(tally: Tally) -> float:
    """Returns the mean squared difference of label and probability."""
    return (tally.ones @ (1 - tally.values) ** 2 + tally.zeros @ tally.values**2) / tally.total.sum()


def log_loss(tally: Tally) -> float:
    """Returns the mean cross-entropy, of `mime_tf.assess.summary.log_losses`."""
    of_one, of_zero = summary.log_losses(tally.values)
    return (tally.ones @ of_one + tally.zeros @ of_zero) / tally.total.sum()


def observed_to_expected(tally: Tally) -> float:
    """Returns the number of rows of label 1 over the sum of the probabilities; 1 is ideal."""
    expected = tally.total @ tally.values
    return tally.ones.sum() / expected if expected else np.nan


def expected_calibration_error(tally: Tally) -> float:
    """Returns the mean over rows of the distance between their bin's share of label 1 and its mean probability.

    The bins are `BINS` of equally many rows, ranked by probability; equal probabilities stay together.
    """
    differences = np.bincount(bins(tally), tally.ones - tally.total * tally.values, BINS)
    return np.abs(differences).sum() / tally.total.sum()


def scaled_brier(tally: Tally) -> float:
    """Returns 1 less the Brier score over that of the share of cases for everyone: 1 is ideal, 0 is worth nothing."""
    if tally.one_class:
        return np.nan
    share = tally.ones.sum() / tally.total.sum()
    return 1 - brier_score(tally) / (share * (1 - share))


def smooth_shares(tally: Tally) -> np.ndarray:
    """Returns the share of cases at each probability as a smooth function of its logit: float64 (U,).

    The function is a logistic regression on a restricted cubic spline of three knots, at the 10th, 50th and 90th
    percentile of the logits (Harrell, Regression Modeling Strategies, 2nd ed., 2.4.5; Austin and Steyerberg,
    Statistics in Medicine 38 (2019) 4051-4065, for calibration). It is the straight `calibration_line` where too few
    probabilities are different for knots, and nan where no finite curve is the most likely.
    """
    x = logits(tally.values)
    intercept, slope = calibration_line(tally)
    if np.isnan(slope):
        return np.full(len(x), np.nan)
    knots = np.quantile(np.repeat(x, tally.total.astype(int)), _KNOTS)
    if (np.diff(knots) > 0).all() and (tally.total > 0).sum() > len(knots):
        bend = spline(x, knots)
        columns = np.ones_like(x), x - knots[1], bend - np.average(bend, weights=tally.total)
        design = np.stack(columns, axis=1)
        predictor = design @ logistic.fit(design, 0.0, tally)
    else:
        predictor = intercept + slope * x
    return (1 + np.tanh(predictor / 2)) / 2


def spline(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Returns the one bent column of a restricted cubic spline of three knots, straight beyond the outer ones.

    >>> spline(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0])).tolist()
    [0.0, 0.25, 1.5, 3.0]
    """
    first, middle, last = knots
    cubes = [np.maximum(x - knot, 0) ** 3 for knot in knots]
    bent = cubes[0] - cubes[1] * (last - first) / (last - middle) + cubes[2] * (middle - first) / (last - middle)
    return bent / (last - first) ** 2


def smooth_errors(tally: Tally) -> tuple[float, float, float, float]:
    """Returns the mean, the median, the 90th percentile and the largest distance of `smooth_shares` to probabilities.

    They are Eavg (also called the integrated calibration index), E50, E90 and Emax, over rows; 0 is ideal.
    """
    errors = np.repeat(np.abs(smooth_shares(tally) - tally.values), tally.total.astype(int))
    if np.isnan(errors).any():
        return np.nan, np.nan, np.nan, np.nan
    median, ninetieth = np.quantile(errors, [0.5, 0.9])
    return float(errors.mean()), float(median), float(ninetieth), float(errors.max())


def bins(tally: Tally) -> np.ndarray:
    """Returns the bin of each probability, from 0: int64 (U,)."""
    before = np.cumsum(tally.total) - tally.total
    return np.minimum((before * BINS / tally.total.sum()).astype(int), BINS - 1)


MEASURES = {
    "auc": "ROC AUC",
    "average_precision": "average precision",
    "brier": "Brier score",
    "scaled_brier": "scaled Brier score",
    "log_loss": "log loss",
    "observed_to_expected": "observed / expected",
    "calibration_in_the_large": "calibration in the large",
    "calibration_intercept": "calibration intercept",
    "calibration_slope": "calibration slope",
    "expected_calibration_error": "expected calibration error",
    "eavg": "Eavg, smooth curve",
    "e50": "E50",
    "e90": "E90",
    "emax": "Emax",
}


def measure(tally: Tally) -> np.ndarray:
    """Returns the values of all `MEASURES`, in their order: float64 (14,)."""
    discrimination = auc(tally), average_precision(tally)
    overall = brier_score(tally), scaled_brier(tally), log_loss(tally)
    large = observed_to_expected(tally), calibration_in_the_large(tally)
    line, error = calibration_line(tally), expected_calibration_error(tally)
    return np.array([*discrimination, *overall, *large, *line, error, *smooth_errors(tally)])


@dataclasses.dataclass(frozen=True)
class Assessment:
    """The measures of a set.

    Attributes:
        rows: number of predictions.
        patients: number of patients, less than `rows` where one has several.
        ones: number of rows of label 1.
        values: dict from each of `MEASURES` to a float, nan where it is not defined.
        intervals: dict from each of `MEASURES` to its 95% bootstrap interval, a pair of floats; nan without one.
        notes: list of str: the measures that are undefined or uncertain, and why.
    """

    rows: int
    patients: int
    ones: int
    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    notes: list[str]

    def to_frame(self) -> Any:
        """Returns a pandas DataFrame of `value`, `low` and `high`, a row for each of `MEASURES`."""
        intervals = [self.intervals[name] for name in self.values]
        low, high = ([interval[end] for interval in intervals] for end in (0, 1))
        return frame({"value": list(self.values.values()), "low": low, "high": high}, index=list(self.values))


def assess(scores: Scores, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP, progress: Progress | None = None) -> Assessment:
    """Measures probabilities against labels.

    Args:
        scores: the scores of a set. A resample draws patients, each with all its rows.
        bootstrap: the resamples behind the intervals, which are from the 2.5th to the 97.5th percentile. Where all
            labels are alike that of observed / expected is Wilson's, which has a width.
        progress: called with a line of text after each resample.
    """
    sample = Sample(scores)
    whole = sample.tally()
    values = dict(zip(MEASURES, map(float, measure(whole)), strict=True)) | _by_scikit_learn(scores)
    draws = bootstrap.draws(scores.num_patients, progress)
    resampled = np.reshape([measure(sample.tally(drawn)) for drawn in draws], (-1, len(MEASURES)))
    intervals = dict(zip(MEASURES, map(interval, resampled.T), strict=True))
    if whole.one_class and bootstrap.times and not np.isnan(values["observed_to_expected"]):
        intervals["observed_to_expected"] = _of_one_label(scores)
    notes = [*_few(whole), *_undefined(whole, values, resampled)]
    return Assessment(len(scores), scores.num_patients, int(whole.ones.sum()), values, intervals, notes)


def _of_one_label(scores: Scores) -> tuple[float, float]:
    """Returns the interval of observed / expected where all labels are alike, which no resample would change.

    It is Wilson's, of the share of label 1 among as many patients, over the mean probability.
    """
    patients = np.array([scores.num_patients])
    low, high = wilson(patients * scores.labels[0], patients)
    mean = scores.probabilities.mean()
    return float(low[0] / mean), float(high[0] / mean)


def _by_scikit_learn(scores: Scores) -> dict[str, float]:
    """The measures that training reports as well, computed as there: they agree to the last digit."""
    figures = summary.summarize(scores.labels, scores.probabilities)
    return {
        "auc": figures["auc"],
        "average_precision": figures["aucpr"],
        "brier": float(metrics.brier_score_loss(scores.labels, scores.probabilities, pos_label=1)),
        "log_loss": figures["loss"],
    }


def _few(whole: Tally) -> Iterator[str]:
    """Yields a note on each label that is rare."""
    for label, counts in ((1, whole.ones), (0, whole.zeros)):
        if 0 < counts.sum() < FEW:
            yield (
                f"only {int(counts.sum())} rows of label {label}: everything here is uncertain, and with fewer than "
                f"{FEW} the intervals tend to be too narrow"
            )


def _undefined(whole: Tally, values: dict[str, float], resampled: np.ndarray) -> Iterator[str]:
    """Yields a note on each measure that is undefined, for the set or for resamples of it."""
    if whole.one_class:
        yield (
            f"the labels are all {int(whole.ones.any())}: only Brier score, log loss, observed / expected and "
            "calibration error are defined"
        )
    elif np.isnan(values["calibration_slope"]):
        yield "calibration intercept and slope: no line fits: the probabilities are alike, or separate the labels"
    elif np.isnan(values["eavg"]):
        yield "Eavg, E50, E90, Emax: no smooth curve fits: the probabilities separate the labels in parts"
    titles: dict[int, list[str]] = {}
    for (name, title), column in zip(MEASURES.items(), resampled.T, strict=True):
        undefined = int(np.isnan(column).sum())
        if undefined and not np.isnan(values[name]):
            titles.setdefault(undefined, []).append(title)
    for undefined, measured in titles.items():
        whose = "its interval is" if len(measured) == 1 else "their intervals are"
        yield f"{', '.join(measured)}: not defined in {undefined} of {len(resampled)} resamples; {whose} of the others"
