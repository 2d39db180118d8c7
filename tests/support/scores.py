"""Random scores."""

import numpy as np


def random_set(seed, rows=200, digits=2):
    """Labels and probabilities with ties, not well calibrated."""
    stream = np.random.default_rng(seed)
    risk = stream.random(rows)
    return (stream.random(rows) < risk**2).astype(int), np.round(0.05 + 0.9 * risk, digits)
