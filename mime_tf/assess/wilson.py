"""Intervals of shares that need no resamples."""

import numpy as np

_Z = 1.959963984540054  # the 97.5th percentile of the normal distribution


def wilson(ones: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the 95% intervals of shares, by Wilson, Journal of the American Statistical Association 22 (1927) 209.

    >>> low, high = wilson(np.array([0, 5]), np.array([10, 10]))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 0.237], [0.278, 0.763])

    Args:
        ones: number of those that count, (shares,).
        total: of how many, above 0, (shares,).
    """
    middle = (ones + _Z * _Z / 2) / (total + _Z * _Z)
    half = _Z / (total + _Z * _Z) * np.sqrt(ones * (total - ones) / total + _Z * _Z / 4)
    return np.maximum(middle - half, 0), np.minimum(middle + half, 1)
