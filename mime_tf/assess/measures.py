"""How good probabilities are: discrimination and calibration, with bootstrap intervals.

Every measure depends on nothing but how many patients of either label have each probability, a `Tally`. A bootstrap
resample is a tally with other counts, so the patients are sorted once and not once a resample.
"""

import dataclasses

import numpy as np
from sklearn import metrics

from mime_tf.assess import summary
from mime_tf.assess.bootstrap import Sample, interval

BINS = 10
# With fewer rows of a label than this, what is measured is said to be uncertain.
FEW = 20
# Where a logit is taken, so that a probability of exactly 0 or 1 has one.
CLIP = 1e-7


@dataclasses.dataclass(frozen=True)
class Tally:
    """How many patients have which probability.

    Attributes:
        values: float64 (U,), the different probabilities, ascending.
        ones, zeros: float64 (U,), how many patients of label 1 and of label 0 have each, a resampled patient counting
            as often as it was drawn.
    """

    values: np.ndarray
    ones: np.ndarray
    zeros: np.ndarray

    @property
    def total(self):
        """float64 (U,), how many patients have each probability."""
        return self.ones + self.zeros

    @property
    def one_class(self):
        """Whether the labels are all alike."""
        return not (self.ones.any() and self.zeros.any())


def auc(tally):
    """Returns the area under the ROC curve: the share of pairs that are ranked right, a tie being half right."""
    if tally.one_class:
        return np.nan
    below = np.cumsum(tally.zeros) - tally.zeros / 2
    return tally.ones @ below / (tally.ones.sum() * tally.zeros.sum())


def average_precision(tally):
    """Returns the mean of the precision over the patients of label 1, as scikit-learn does."""
    if tally.one_class:
        return np.nan
    ones, alerts = tally.ones[::-1], np.cumsum(tally.total[::-1])
    return ones @ (np.cumsum(ones) / np.maximum(alerts, 1)) / ones.sum()


def brier_score(tally):
    """Returns the mean squared difference of label and probability."""
    return (tally.ones @ (1 - tally.values) ** 2 + tally.zeros @ tally.values**2) / tally.total.sum()


def log_loss(tally):
    """Returns the mean cross-entropy, as `mime_tf.scoring.summary.log_loss`."""
    of_one, of_zero = np.log(tally.values + 1e-10), np.log(1 - tally.values + 1e-10)
    return -(tally.ones @ of_one + tally.zeros @ of_zero) / tally.total.sum()


def observed_to_expected(tally):
    """Returns how many are of label 1 for each one that the probabilities add up to; 1 is ideal."""
    expected = tally.total @ tally.values
    return tally.ones.sum() / expected if expected else np.nan


def calibration_in_the_large(tally):
    """Returns what has to be added to every logit for the mean probability to be the share of ones; 0 is ideal."""
    if tally.one_class:
        return np.nan
    return _fit(np.ones((len(tally.values), 1)), _logits(tally), tally)[0]


def calibration_line(tally):
    """Returns intercept and slope of the unpenalized logistic regression of the label on the logit; 0 and 1 are ideal.

    They are nan where no finite line is the most likely: all probabilities are alike, or one separates the labels.
    """
    logits, ones, zeros = _logits(tally), tally.ones > 0, tally.zeros > 0
    if tally.one_class or not (logits[ones].max() > logits[zeros].min() and logits[zeros].max() > logits[ones].min()):
        return np.nan, np.nan
    center = np.average(logits, weights=tally.total)
    intercept, slope = _fit(np.stack([np.ones_like(logits), logits - center], axis=1), 0.0, tally)
    return intercept - slope * center, slope


def _logits(tally):
    clipped = np.clip(tally.values, CLIP, 1 - CLIP)
    return np.log(clipped / (1 - clipped))


def _fit(design, offset, tally):
    """Newton's method for a logistic regression; a step is halved until the likelihood does not fall.

    Args:
        design: (U, K).
        offset: (U,), or 0.
        tally: Tally.

    Returns:
        (K,), nan where it does not converge.
    """
    coefficients, total = np.zeros(design.shape[1]), tally.total
    line = offset + design @ coefficients
    loss = total @ np.logaddexp(0, line) - tally.ones @ line
    for _ in range(100):
        p = (1 + np.tanh(line / 2)) / 2
        hessian = (design.T * (total * p * (1 - p))) @ design
        try:
            step = np.linalg.solve(hessian, design.T @ (tally.ones - total * p))
        except np.linalg.LinAlgError:
            break
        if np.abs(step).max() < 1e-9 * (1 + np.abs(coefficients).max()):
            return coefficients + step
        for _ in range(40):
            line = offset + design @ (coefficients + step)
            new_loss = total @ np.logaddexp(0, line) - tally.ones @ line
            if new_loss <= loss + 1e-12 * abs(loss):
                break
            step = step / 2
        coefficients, loss = coefficients + step, new_loss
    return np.full(len(coefficients), np.nan)


def expected_calibration_error(tally):
    """Returns the mean over patients of how far their bin's share of ones is from its mean probability.

    The bins are `BINS` of equally many patients, ranked by probability; equal probabilities stay together.
    """
    differences = np.bincount(bins(tally), tally.ones - tally.total * tally.values, BINS)
    return np.abs(differences).sum() / tally.total.sum()


def bins(tally):
    """Returns the bin of each probability, from 0: int, (U,)."""
    before = np.cumsum(tally.total) - tally.total
    return np.minimum((before * BINS / tally.total.sum()).astype(int), BINS - 1)


MEASURES = {
    "auc": "ROC AUC",
    "average_precision": "average precision",
    "brier": "Brier score",
    "log_loss": "log loss",
    "observed_to_expected": "observed / expected",
    "calibration_in_the_large": "calibration in the large",
    "calibration_intercept": "calibration intercept",
    "calibration_slope": "calibration slope",
    "expected_calibration_error": "expected calibration error",
}


def measure(tally):
    """Returns the values of all `MEASURES`, in their order: float64, (9,)."""
    discrimination = auc(tally), average_precision(tally), brier_score(tally), log_loss(tally)
    large = observed_to_expected(tally), calibration_in_the_large(tally)
    return np.array([*discrimination, *large, *calibration_line(tally), expected_calibration_error(tally)])


@dataclasses.dataclass(frozen=True)
class Assessment:
    """What is found of a set of patients.

    Attributes:
        rows: number of predictions.
        patients: number of patients, fewer where one has several rows.
        ones: number of rows of label 1.
        values: dict from each of `MEASURES` to a float, nan where it is not defined.
        intervals: dict from each of `MEASURES` to its 95% bootstrap interval, a pair of floats; nan where there is
            none.
        notes: list of str, what is not defined or uncertain, and why.
    """

    rows: int
    patients: int
    ones: int
    values: dict
    intervals: dict
    notes: list


def assess(labels, probabilities, groups=None, bootstrap=1000, seed=0, progress=None):
    """Measures probabilities against what came true.

    Args:
        labels: 0 or 1, (rows,).
        probabilities: from 0 to 1, (rows,).
        groups: whose row each is, any values that can be sorted, (rows,); by default each row is a patient of its own.
            A bootstrap resample draws patients, each with all its rows.
        bootstrap: number of resamples; 0 for no intervals. An interval is from the 2.5th to the 97.5th percentile.
        seed: of the resamples.
        progress: function that is given a text now and then.

    Returns:
        Assessment.

    Raises:
        InputError: there are no rows, labels and probabilities are not as many, one is not what it should be, or
            `bootstrap` or `seed` is negative.
    """
    sample = Sample.of(labels, probabilities, groups)
    whole = Tally(sample.values, *sample.counts())
    point = dict(zip(MEASURES, map(float, measure(whole)), strict=True)) | _by_scikit_learn(sample)
    resampled = np.full((bootstrap, len(MEASURES)), np.nan) if bootstrap > 0 else np.empty((0, len(MEASURES)))
    for number, times in enumerate(sample.resamples(bootstrap, seed, progress)):
        resampled[number] = measure(Tally(sample.values, *sample.counts(times)))
    intervals = dict(zip(MEASURES, map(interval, resampled.T), strict=True))
    notes = [*_few(whole), *_undefined(whole, point, resampled)]
    return Assessment(len(sample.labels), sample.patients, int(whole.ones.sum()), point, intervals, notes)


def _by_scikit_learn(sample):
    """What scikit-learn has a function for, so that it is what training reported to the last digit."""
    labels, probabilities = sample.labels, sample.values[sample.which]
    found = summary.summarize(labels, probabilities)
    return {
        "auc": found["auc"],
        "average_precision": found["aucpr"],
        "brier": float(metrics.brier_score_loss(labels, probabilities, pos_label=1)),
        "log_loss": found["loss"],
    }


def _few(whole):
    """Yields a warning where a label is rare."""
    for label, counts in ((1, whole.ones), (0, whole.zeros)):
        if 0 < counts.sum() < FEW:
            yield (
                f"only {int(counts.sum())} rows of label {label}: everything here is uncertain, and with fewer than "
                f"{FEW} the intervals tend to be too narrow"
            )


def _undefined(whole, point, resampled):
    """Yields what is not defined, for the set and for resamples of it."""
    if whole.one_class:
        yield (
            f"the labels are all {int(whole.ones.any())}: only Brier score, log loss, observed / expected and "
            "calibration error are defined"
        )
    elif np.isnan(point["calibration_slope"]):
        yield "calibration intercept and slope: no line fits: the probabilities are alike, or separate the labels"
    for name, values in zip(MEASURES, resampled.T, strict=True):
        missing = int(np.isnan(values).sum())
        if missing and not np.isnan(point[name]):
            yield (
                f"{MEASURES[name]}: not defined in {missing} of {len(values)} resamples; its interval is of the others"
            )
