"""Bootstrap resamples of patients: each is drawn with all its rows, any number of times."""

import dataclasses

import numpy as np

from mime_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Sample:
    """Labels and probabilities, with the probabilities sorted once for all resamples.

    Attributes:
        labels: int64 (rows,), 0 or 1.
        values: float64 (U,), the different probabilities, ascending.
        which: int (rows,), the position of each row's probability in `values`.
        patient: int (rows,), whose row it is, from 0.
        patients: number of patients.
    """

    labels: np.ndarray
    values: np.ndarray
    which: np.ndarray
    patient: np.ndarray
    patients: int

    @classmethod
    def of(cls, labels, probabilities, groups=None):
        """Sorts labels and probabilities, (rows,) each; `groups` says whose row each is, by default a patient each.

        Raises:
            InputError: as `checked`, or there are not as many groups.
        """
        labels, probabilities = checked(labels, probabilities)
        if groups is not None and np.shape(groups) != labels.shape:
            raise InputError(f"groups: found shape {np.shape(groups)}; must be {labels.shape}, one for each row")
        values, which = np.unique(probabilities, return_inverse=True)
        patient = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1]
        return cls(labels, values, which, patient, int(patient.max()) + 1)

    def counts(self, times=None):
        """Counts the rows that have each probability.

        Args:
            times: (patients,), how often each patient counts; once by default.

        Returns:
            Two float64 arrays (U,): the rows of label 1, and those of label 0.
        """
        times = np.ones(len(self.labels)) if times is None else times[self.patient]
        size = len(self.values)
        return (
            np.bincount(self.which, times * self.labels, size),
            np.bincount(self.which, times * (1 - self.labels), size),
        )

    def resamples(self, bootstrap, seed, progress=None):
        """Yields how often each patient is drawn, (patients,), in each of `bootstrap` resamples.

        The same patients, number and seed give the same resamples.

        Raises:
            InputError: `bootstrap` or `seed` is negative.
        """
        check(bootstrap, seed)
        stream = np.random.default_rng(seed)
        for number in range(bootstrap):
            yield np.bincount(stream.integers(0, self.patients, self.patients), minlength=self.patients)
            if progress:
                progress(f"resampled {number + 1:,} of {bootstrap:,} times")


def check(bootstrap, seed):
    """Raises InputError where the number of resamples, or their seed, is negative."""
    for name, value in (("bootstrap", bootstrap), ("seed", seed)):
        if value < 0:
            raise InputError(f"{name}: found {value}; must be 0 or more")


def checked(labels, probabilities):
    """Returns labels as int64 and probabilities as float64.

    Raises:
        InputError: there is none, there are not as many of one as of the other, or one is not what it should be.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, np.float64)
    if labels.ndim != 1 or labels.shape != probabilities.shape or not len(labels):
        found = f"labels of shape {labels.shape} and probabilities of shape {probabilities.shape}"
        raise InputError(f"found {found}; one of each a patient is needed, and one patient or more")
    if not np.isin(labels, (0, 1)).all():
        raise InputError("labels: found others than 0 and 1")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise InputError("probabilities: found others than 0 to 1")
    return labels.astype(np.int64), probabilities


def interval(values):
    """Returns the middle 95% of the values that are numbers, a pair of floats; nan where there is none."""
    values = values[~np.isnan(values)]
    low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (np.nan, np.nan)
    return float(low), float(high)
