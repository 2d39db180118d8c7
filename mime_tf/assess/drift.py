"""Drift: how far scores and codes of later patients are from those that a model was made with.

A distance is larger in few patients than in many, because chance alone moves shares apart. `corrected` takes that off.
"""

import numpy as np

from mime_tf.assess.comparison import Estimate
from mime_tf.assess.wilson import wilson

BINS = 10


class ScoreBins:
    """Bins of probabilities, `BINS` of about equally many of a reference.

    Args:
        reference: probabilities of the reference, (rows,).
    """

    def __init__(self, reference: np.ndarray):
        inner = np.quantile(reference, np.arange(1, BINS) / BINS, method="inverted_cdf")
        # Equal deciles make one bin of several.
        self._edges = np.unique(inner)
        self._reference = self._smoothed(np.bincount(self.index(reference), minlength=self.count))

    @property
    def count(self) -> int:
        """Number of bins, fewer than `BINS` where probabilities of the reference are equal."""
        return len(self._edges) + 1

    def index(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns the bin of each probability, from 0: int64 (rows,). An edge belongs to the bin below it."""
        return np.searchsorted(self._edges, probabilities, side="left")

    def stability_index(self, counts: np.ndarray) -> float:
        """Returns the population stability index of rows per bin against the reference; 0 where all shares are equal.

        It is the sum over bins of (p - q) log(p / q), q the shares of the reference. Half a row is added to each bin,
        so that an empty one has a logarithm (Yurdakul and Naranjo, Journal of Risk Model Validation 14 (2020) 89-100).

        Args:
            counts: (bins,), rows in each bin, which may be weighted.
        """
        shares = self._smoothed(counts)
        return float(((shares - self._reference) * np.log(shares / self._reference)).sum())

    def _smoothed(self, counts: np.ndarray) -> np.ndarray:
        return (counts + 0.5) / (counts.sum() + 0.5 * self.count)


def distance(shares: np.ndarray, reference: np.ndarray) -> float:
    """Returns the distance of Bray and Curtis between shares of rows that have each code; nan without any code.

    0 are the same shares, 1 no code in common.

    >>> distance(np.array([0.5, 0.5, 0.0]), np.array([0.5, 0.0, 0.5]))
    0.5

    Args:
        shares: (codes,), share of the rows that have each code.
        reference: (codes,), of other rows.
    """
    total = shares.sum() + reference.sum()
    return float(np.abs(shares - reference).sum() / total) if total else np.nan


def corrected(value: float, resampled: np.ndarray) -> Estimate:
    """Returns a distance of 0 or more less its bias by chance, with a basic bootstrap interval.

    A resample is about as much further away from the patients as these are, by chance, from the population (Davison and
    Hinkley, Bootstrap Methods and their Application, 1997, 2.1 and 5.2). So twice the value less the mean, and less the
    percentiles, of the resamples are the estimate and its bounds, and none is below 0.

    >>> corrected(0.3, np.array([0.4, 0.4, 0.4])).value
    0.2
    """
    if not len(resampled) or np.isnan(value):
        return Estimate(value, np.nan, np.nan)
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    numbers = (2 * value - each for each in (np.nanmean(resampled), high, low))
    middle, least, most = (max(round(float(number), 12), 0.0) for number in numbers)
    return Estimate(middle, least, most)


def share_differences(
    shares: np.ndarray, patients: int, reference: np.ndarray, reference_patients: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the 95% intervals of the differences of shares from those of a reference.

    They are Newcombe's, of Wilson's intervals of either (Statistics in Medicine 17 (1998) 873-890, method 10).

    Args:
        shares: (codes,).
        patients: number of patients behind them.
        reference: (codes,).
        reference_patients: number of patients behind these.
    """
    low, high = wilson(shares * patients, np.full(len(shares), patients))
    low_there, high_there = wilson(reference * reference_patients, np.full(len(reference), reference_patients))
    difference = shares - reference
    return (
        difference - np.sqrt((shares - low) ** 2 + (high_there - reference) ** 2),
        difference + np.sqrt((high - shares) ** 2 + (reference - low_there) ** 2),
    )
