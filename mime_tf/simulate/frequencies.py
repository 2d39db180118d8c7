"""How often codes are used: few of them often, most of them rarely."""

import numpy as np


def heavy_tail(count: int) -> np.ndarray:
    """Returns the frequencies of `count` codes from the most to the least used, by the law of Zipf and Mandelbrot.

    >>> heavy_tail(2).round(3).tolist()
    [0.556, 0.444]
    """
    weights = 1 / np.arange(4, count + 4)
    return weights / weights.sum()


def sample(codes: np.ndarray, shape: int | tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draws from codes that are sorted by use, the most used first."""
    return codes[np.searchsorted(np.cumsum(heavy_tail(len(codes)))[:-1], rng.random(shape), side="right")]
