"""How far models differ that were tested on the same patients, with intervals of a paired bootstrap.

In every resample the same patients are drawn for all models and all splits, so what makes a patient easy or hard for
all of them cancels. A difference is taken in each split and averaged over the splits.
"""

import dataclasses

import numpy as np

from mime_tf.assess import measures
from mime_tf.errors import InputError

METRICS = {"average_precision": "average precision", "auc": "ROC AUC"}
_MEASURES = (measures.average_precision, measures.auc)  # in the order of METRICS


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A value and its 95% interval: the 2.5th and 97.5th percentile of the resamples; nan where it is not defined."""

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class TestSet:
    """The patients that a split was tested on.

    Attributes:
        patients: whose row each is, (rows,), equal where rows are of one patient, in all splits.
        labels: 0 or 1, (rows,).
    """

    __test__ = False  # no test for pytest to collect

    patients: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What is found of several models.

    Attributes:
        splits: dict from a model's name to one dict a split, from each of `METRICS` to a float.
        means: dict from a model's name to a dict from each of `METRICS` to the `Estimate` of the mean over the splits.
        differences: dict from the name of each model but the first to a dict from each of `METRICS` to the `Estimate`
            of the first model's mean less that model's.
    """

    splits: dict
    means: dict
    differences: dict


def compare(tests, models, bootstrap=1000, seed=0, progress=None):
    """Compares models that were tested on the same patients.

    Args:
        tests: list of `TestSet`, one a split.
        models: dict from a model's name to its probabilities, a list of arrays (rows,), one a split. The others are
            compared with the first.
        bootstrap: number of resamples of the patients of all splits together, at least 1. A patient is drawn with all
            rows, in every split that it is tested in.
        seed: of the resamples.
        progress: function that is given a text now and then.

    Returns:
        Comparison.

    Raises:
        InputError: `bootstrap` is less than 1 or `seed` less than 0; labels and probabilities are not as many.
    """
    for name, value, least in (("bootstrap", bootstrap, 1), ("seed", seed, 0)):
        if value < least:
            raise InputError(f"{name}: found {value}; must be at least {least}")
    names = list(models)
    numbers = np.unique(np.concatenate([test.patients for test in tests]), return_inverse=True)[1]
    cut = np.split(numbers, np.cumsum([len(test.patients) for test in tests])[:-1])
    tallies = [
        [_Tallier(of_split, test.labels, models[name][split]) for name in names]
        for split, (of_split, test) in enumerate(zip(cut, tests, strict=True))
    ]
    patients = int(numbers.max()) + 1
    whole = _measure(tallies, np.ones(patients))
    stream, resampled = np.random.default_rng(seed), np.empty((bootstrap, len(names), len(_MEASURES)))
    for number in range(bootstrap):
        times = np.bincount(stream.integers(0, patients, patients), minlength=patients)
        resampled[number] = _measure(tallies, times).mean(axis=0)
        if progress:
            progress(f"resampled {number + 1:,} of {bootstrap:,} times")
    means = whole.mean(axis=0)
    return Comparison(
        {
            name: [dict(zip(METRICS, map(float, row), strict=True)) for row in whole[:, m]]
            for m, name in enumerate(names)
        },
        {name: _estimates(means[m], resampled[:, m]) for m, name in enumerate(names)},
        {
            name: _estimates(means[0] - means[m], resampled[:, 0] - resampled[:, m])
            for m, name in enumerate(names[1:], 1)
        },
    )


class _Tallier:
    """One model's test in one split, its probabilities sorted once.

    Args:
        patients: int, (rows,), the number of each row's patient.
        labels: 0 or 1, (rows,).
        probabilities: (rows,).
    """

    def __init__(self, patients, labels, probabilities):
        labels, probabilities = np.asarray(labels), np.asarray(probabilities, np.float64)
        if not patients.shape == labels.shape == probabilities.shape:
            found = f"{patients.shape}, {labels.shape} and {probabilities.shape}"
            raise InputError(f"patients, labels and probabilities have shapes {found}; one of each a row is needed")
        self.patients, self.labels = patients, labels
        self.values, self.which = np.unique(probabilities, return_inverse=True)

    def tally(self, times):
        """The tally in which each patient counts so many `times`."""
        times, size = times[self.patients], len(self.values)
        ones = np.bincount(self.which, times * self.labels, size)
        return measures.Tally(self.values, ones, np.bincount(self.which, times, size) - ones)


def _measure(tallies, times):
    """The values of the `METRICS`, (splits, models, metrics)."""
    return np.array([[[of(one.tally(times)) for of in _MEASURES] for one in split] for split in tallies])


def _estimates(values, resampled):
    """One `Estimate` a metric, of values (metrics,) and of resamples (bootstrap, metrics)."""
    found = {}
    for name, value, column in zip(METRICS, values, resampled.T, strict=True):
        column = column[~np.isnan(column)]
        low, high = np.percentile(column, [2.5, 97.5]) if len(column) else (np.nan, np.nan)
        found[name] = Estimate(float(value), float(low), float(high))
    return found
