"""How good probabilities are: discrimination and calibration with bootstrap intervals, operating points, curves.

Every measure depends on nothing but how many patients of either label have each probability, a `Tally`. A bootstrap
resample is a tally with other counts, so the patients are sorted once and not once a resample.
"""

import dataclasses

import numpy as np
from sklearn import metrics

from mime_tf import evaluation
from mime_tf.errors import InputError

BINS = 10
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
    """Returns the mean cross-entropy, as `mime_tf.evaluation.log_loss`."""
    of_one, of_zero = np.log(tally.values + 1e-10), np.log(1 - tally.values + 1e-10)
    return -(tally.ones @ of_one + tally.zeros @ of_zero) / tally.total.sum()


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
    differences = np.bincount(_bins(tally), tally.ones - tally.total * tally.values, BINS)
    return np.abs(differences).sum() / tally.total.sum()


def _bins(tally):
    """The bin of each probability, (U,)."""
    before = np.cumsum(tally.total) - tally.total
    return np.minimum((before * BINS / tally.total.sum()).astype(int), BINS - 1)


MEASURES = {
    "auc": "ROC AUC",
    "average_precision": "average precision",
    "brier": "Brier score",
    "log_loss": "log loss",
    "calibration_in_the_large": "calibration in the large",
    "calibration_intercept": "calibration intercept",
    "calibration_slope": "calibration slope",
    "expected_calibration_error": "expected calibration error",
}


def measure(tally):
    """Returns the values of all `MEASURES`, in their order: float64, (8,)."""
    line = calibration_line(tally)
    discrimination = auc(tally), average_precision(tally), brier_score(tally), log_loss(tally)
    return np.array([*discrimination, calibration_in_the_large(tally), *line, expected_calibration_error(tally)])


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
        notes: list of str, what is not defined and why.
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
    labels, probabilities = _checked(labels, probabilities)
    for name, value in (("bootstrap", bootstrap), ("seed", seed)):
        if value < 0:
            raise InputError(f"{name}: found {value}; must be 0 or more")
    values, which = np.unique(probabilities, return_inverse=True)
    patient = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1]
    patients = int(patient.max()) + 1

    def tally(times):
        """The tally in which each patient counts so many times."""
        times = times[patient]
        return Tally(
            values,
            np.bincount(which, times * labels, len(values)),
            np.bincount(which, times * (1 - labels), len(values)),
        )

    whole, stream = tally(np.ones(patients)), np.random.default_rng(seed)
    point = dict(zip(MEASURES, map(float, measure(whole)), strict=True)) | _by_scikit_learn(labels, probabilities)
    resampled = np.full((bootstrap, len(MEASURES)), np.nan)
    for number in range(bootstrap):
        drawn = stream.integers(0, patients, patients)
        resampled[number] = measure(tally(np.bincount(drawn, minlength=patients)))
        if progress:
            progress(f"resampled {number + 1:,} of {bootstrap:,} times")
    intervals = dict(zip(MEASURES, map(_interval, resampled.T), strict=True))
    notes = _notes(whole, point, resampled)
    return Assessment(len(labels), patients, int(labels.sum()), point, intervals, notes)


def _checked(labels, probabilities):
    """Returns labels as int64 and probabilities as float64, or raises InputError."""
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, np.float64)
    if labels.ndim != 1 or labels.shape != probabilities.shape or not len(labels):
        found = f"labels of shape {labels.shape} and probabilities of shape {probabilities.shape}"
        raise InputError(f"found {found}; one of each a patient is needed, and one patient or more")
    if not np.isin(labels, (0, 1)).all():
        raise InputError("labels: found others than 0 and 1")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise InputError("probabilities: found others than 0 to 1")
    return labels.astype(np.int64), probabilities


def _by_scikit_learn(labels, probabilities):
    """What scikit-learn has a function for, so that it is what training reported to the last digit."""
    found = evaluation.summarize(labels, probabilities)
    return {
        "auc": found["auc"],
        "average_precision": found["aucpr"],
        "brier": float(metrics.brier_score_loss(labels, probabilities, pos_label=1)),
        "log_loss": found["loss"],
    }


def _interval(values):
    """The middle 95% of the values that are numbers."""
    values = values[~np.isnan(values)]
    low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (np.nan, np.nan)
    return float(low), float(high)


def _notes(whole, point, resampled):
    """Returns what is not defined, for the set and for resamples of it."""
    notes = []
    if whole.one_class:
        notes.append(
            f"the labels are all {int(whole.ones.any())}: only Brier score, log loss and calibration error are defined"
        )
    elif np.isnan(point["calibration_slope"]):
        notes.append(
            "calibration intercept and slope: no line fits: the probabilities are alike, or separate the labels"
        )
    for name, values in zip(MEASURES, resampled.T, strict=True):
        missing = int(np.isnan(values).sum())
        if missing and not np.isnan(point[name]):
            notes.append(
                f"{MEASURES[name]}: not defined in {missing} of {len(values)} resamples; its interval is of the others"
            )
    return notes


# Operating points.


def alert_threshold(probabilities, rate):
    """Returns the lowest threshold at which at most a share `rate` of the patients is alerted.

    Equal probabilities are alerted together or not at all, so the share may be smaller, and even 0.

    Raises:
        InputError: the rate is not above 0 and at most 1.
    """
    if not 0 < rate <= 1:
        raise InputError(f"alert_rate: found {rate}; must be more than 0 and at most 1")
    values, counts = np.unique(np.asarray(probabilities, np.float64), return_counts=True)
    alerts = np.cumsum(counts[::-1])[::-1]
    allowed = values[alerts <= rate * len(probabilities) + 1e-9]
    return float(allowed[0] if len(allowed) else np.nextafter(values[-1], np.inf))


def operating_point(labels, probabilities, threshold):
    """Counts what comes of alerting the patients whose probability is `threshold` or more.

    Args:
        labels: 0 or 1, (rows,).
        probabilities: (rows,).
        threshold: a number.

    Returns:
        Dict of `threshold`; the counts `alerts`, `tp`, `fp`, `tn` and `fn`; and the shares `alert_rate`, `sensitivity`,
        `specificity`, `ppv` and `npv`, nan where there is nothing to take a share of.

    Raises:
        InputError: as `assess`; or the threshold is not a number.
    """
    labels, probabilities = _checked(labels, probabilities)
    if np.isnan(threshold):
        raise InputError("threshold: found nan; must be a number")
    alerted = probabilities >= threshold
    (tn, fp), (fn, tp) = metrics.confusion_matrix(labels, alerted, labels=[0, 1]).tolist()
    return {
        "threshold": float(threshold),
        "alerts": tp + fp,
        "alert_rate": (tp + fp) / len(labels),
        **{"tp": tp, "fp": fp, "tn": tn, "fn": fn},
        "sensitivity": _share(tp, fn),
        "specificity": _share(tn, fp),
        "ppv": _share(tp, fp),
        "npv": _share(tn, fn),
    }


def _share(part, rest):
    return part / (part + rest) if part + rest else np.nan


# Curves.


def curves(labels, probabilities):
    """Returns the points behind the plots.

    Args:
        labels: 0 or 1, (rows,).
        probabilities: (rows,).

    Returns:
        Dict from a curve's name to a dict of arrays `x`, `y`, `threshold` and `count`, of equal length:
        `"roc"`: 1 - specificity, sensitivity, at this threshold, of so many alerts; the first point has no threshold;
        `"precision_recall"`: recall, precision, and the same; the last point has no threshold;
        `"calibration"`: mean probability and share of ones of each bin, its lowest probability, its patients.
        Where the labels are all alike there is calibration only.

    Raises:
        InputError: as `assess`.
    """
    labels, probabilities = _checked(labels, probabilities)
    found = {"calibration": _calibration_points(labels, probabilities)}
    if 0 < labels.sum() < len(labels):
        fpr, tpr, thresholds = metrics.roc_curve(labels, probabilities)
        found["roc"] = _curve(fpr, tpr, np.where(np.isinf(thresholds), np.nan, thresholds), probabilities)
        precision, recall, thresholds = metrics.precision_recall_curve(labels, probabilities, drop_intermediate=True)
        found["precision_recall"] = _curve(recall, precision, np.append(thresholds, np.nan), probabilities)
    return found


def _curve(x, y, thresholds, probabilities):
    """A curve whose counts are those of the alerts; without a threshold there is none."""
    alerts = len(probabilities) - np.searchsorted(np.sort(probabilities), thresholds)
    return {"x": x, "y": y, "threshold": thresholds, "count": alerts}


def _calibration_points(labels, probabilities):
    values, which = np.unique(probabilities, return_inverse=True)
    ones, total = np.bincount(which, labels), np.bincount(which)
    bins = _bins(Tally(values, ones, total - ones))
    count, filled = np.bincount(bins, total, BINS), np.unique(bins)
    return {
        "x": (np.bincount(bins, total * values, BINS) / np.maximum(count, 1))[filled],
        "y": (np.bincount(bins, ones, BINS) / np.maximum(count, 1))[filled],
        "threshold": values[np.searchsorted(bins, filled)],
        "count": count[filled].astype(int),
    }
