"""Bootstrap over patients: each resample draws as many patients as there are, each with all its rows.

A resample is a count per patient: one that is drawn three times weighs three times as much. The reasons not to use a
library are in docs/decisions/0006-own-bootstrap.md.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from mime_tf.assess.scores import Scores
from mime_tf.errors import InputError

Progress = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Bootstrap:
    """Number of resamples and their seed: the same patients, number and seed give the same resamples.

    Attributes:
        times: number of resamples; 0 for no intervals.
        seed: seed of the resamples.

    Raises:
        InputError: one of them is negative.
    """

    times: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in (("bootstrap", self.times), ("seed", self.seed)):
            if value < 0:
                raise InputError(f"{name}: found {value}; must be 0 or more")

    def require_resamples(self) -> None:
        """Raises InputError if there are no resamples, for a verdict, which goes by intervals."""
        if not self.times:
            raise InputError("bootstrap: found 0; must be at least 1")

    def draws(self, num_patients: int, progress: Progress | None = None) -> Iterator[np.ndarray]:
        """Yields for each resample how often each patient is drawn, int64 (num_patients,).

        Args:
            num_patients: number of patients.
            progress: called with a line of text after each resample.
        """
        stream = np.random.default_rng(self.seed)
        for resample in range(self.times):
            yield np.bincount(stream.integers(0, num_patients, num_patients), minlength=num_patients)
            if progress:
                progress(f"resampled {resample + 1:,} of {self.times:,} times")


DEFAULT_BOOTSTRAP = Bootstrap()


@dataclasses.dataclass(frozen=True, eq=False)
class Tally:
    """Number of rows of each label at each probability; every measure depends on nothing else.

    Attributes:
        values: float64 (U,), the distinct probabilities, ascending.
        ones, zeros: float64 (U,), rows of label 1 and of label 0 at each, a row counting as often as its patient was
            drawn.
    """

    values: np.ndarray
    ones: np.ndarray
    zeros: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """float64 (U,), rows at each probability."""
        return self.ones + self.zeros

    @property
    def one_class(self) -> bool:
        """Whether the labels are all alike."""
        return not (self.ones.any() and self.zeros.any())


class Sample:
    """Scores with their probabilities sorted once for all resamples.

    Args:
        scores: the scores of a set.
        patient_index: int64 (rows,), indices of patients that are common to several sets; by default those of `scores`.
    """

    def __init__(self, scores: Scores, patient_index: np.ndarray | None = None) -> None:
        self._labels = scores.labels
        self._values, self._value_index = np.unique(scores.probabilities, return_inverse=True)
        self._patient_index = scores.patient_index if patient_index is None else patient_index

    def tally(self, drawn: np.ndarray | None = None) -> Tally:
        """Counts the rows at each probability.

        Args:
            drawn: (patients,), how often each patient counts; once by default.
        """
        weights = np.ones(len(self._labels)) if drawn is None else drawn[self._patient_index]
        ones, zeros = (
            np.bincount(self._value_index, weights * members, len(self._values))
            for members in (self._labels, 1 - self._labels)
        )
        return Tally(self._values, ones, zeros)


def interval(values: np.ndarray) -> tuple[float, float]:
    """Returns the 2.5th and the 97.5th percentile of the values that are not nan; two nan if there are none."""
    values = values[~np.isnan(values)]
    low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (np.nan, np.nan)
    return float(low), float(high)
