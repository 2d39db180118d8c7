"""Logits of probabilities, and the intercept and slope of calibration; light, so that every command may import it."""

import numpy as np

from mime_tf.assess import logistic
from mime_tf.assess.bootstrap import Tally

# Probabilities are clipped to [CLIP, 1 - CLIP] before a logit is taken, so that 0 and 1 have one.
CLIP = 1e-7
_ROUNDING = 1e-5  # of a logit: those that differ by less are alike, for models compute in float32


def logits(probabilities: np.ndarray) -> np.ndarray:
    """Returns the logits of probabilities, which are clipped to [CLIP, 1 - CLIP]."""
    clipped = np.clip(probabilities, CLIP, 1 - CLIP)
    return np.log(clipped / (1 - clipped))


def calibration_in_the_large(tally: Tally) -> float:
    """Returns the shift of all logits at which the mean probability is the share of label 1; 0 is ideal."""
    if tally.one_class:
        return np.nan
    return logistic.fit(np.ones((len(tally.values), 1)), logits(tally.values), tally)[0]


def calibration_line(tally: Tally) -> tuple[float, float]:
    """Returns intercept and slope of the unpenalized logistic regression of the label on the logit; 0 and 1 are ideal.

    They are nan where no finite line is the most likely: all probabilities are alike but for rounding, or one of them
    separates the labels.
    """
    x, ones, zeros = logits(tally.values), tally.ones > 0, tally.zeros > 0
    if tally.one_class or np.ptp(x) < _ROUNDING:
        return np.nan, np.nan
    if not (x[ones].max() > x[zeros].min() and x[zeros].max() > x[ones].min()):
        return np.nan, np.nan
    center = np.average(x, weights=tally.total)
    intercept, slope = logistic.fit(np.stack([np.ones_like(x), x - center], axis=1), 0.0, tally)
    return intercept - slope * center, slope
