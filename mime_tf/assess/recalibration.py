"""Recalibration: a function from the probabilities of a model to those that fit the patients of another place or time.

`intercept` shifts all logits, so that the mean probability is the share of cases; `logistic` shifts and stretches them
(Cox, Two further applications of a model for binary regression, Biometrika 45 (1958) 562-565); `isotonic` is any
function that does not fall (Zadrozny and Elkan, KDD 2002), which takes many cases.
"""

import dataclasses

import numpy as np

from mime_tf.assess import calibration
from mime_tf.assess.bootstrap import Sample
from mime_tf.assess.scores import Scores
from mime_tf.errors import InputError

METHODS = ("intercept", "logistic", "isotonic")


@dataclasses.dataclass(frozen=True)
class Recalibration:
    """A function of probabilities.

    Attributes:
        method: one of `METHODS`.
        intercept, slope: of the logit; 0 and 1 for isotonic.
        probabilities, shares: the points of isotonic, ascending, between which it is straight; else empty.
    """

    method: str
    intercept: float = 0.0
    slope: float = 1.0
    probabilities: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns recalibrated probabilities, of the same shape and type."""
        values = np.asarray(probabilities, np.float64)
        if self.probabilities:
            changed = np.interp(values, self.probabilities, self.shares)
        else:
            changed = 1 / (1 + np.exp(-(self.intercept + self.slope * calibration.logits(values))))
        return changed.astype(np.asarray(probabilities).dtype)


def fit(scores: Scores, method: str) -> Recalibration:
    """Fits a recalibration to the labels of patients.

    Args:
        scores: labels and probabilities of the patients.
        method: one of `METHODS`.

    Raises:
        InputError: the labels are all alike, or no such function mends these probabilities.
    """
    tally = Sample(scores).tally()
    if tally.one_class:
        raise InputError(f"recalibration: the labels are all {int(tally.ones.any())}; cases and controls are needed")
    if method == "intercept":
        return Recalibration(method, float(calibration.calibration_in_the_large(tally)))
    if method == "logistic":
        intercept, slope = map(float, calibration.calibration_line(tally))
        if not slope > 0:
            fault = "is not defined" if np.isnan(slope) else f"is {slope:.3f}"
            raise InputError(
                f"recalibration: the calibration slope {fault}: the model does not rank these patients, and logistic "
                "recalibration would turn its order round; intercept mends the mean alone"
            )
        return Recalibration(method, intercept, slope)
    return _isotonic(scores, method)


def _isotonic(scores: Scores, method: str) -> Recalibration:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(out_of_bounds="clip").fit(scores.probabilities, scores.labels)
    # Of n patients no share can be told from 0 or 1 that is closer to it than half a patient.
    least = 0.5 / len(scores)
    shares = np.clip(fitted.y_thresholds_, least, 1 - least)
    return Recalibration(
        method, probabilities=tuple(fitted.X_thresholds_.tolist()), shares=tuple(map(float, shares.tolist()))
    )
