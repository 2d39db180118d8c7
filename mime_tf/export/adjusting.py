"""The adjustment of a fitted split's probabilities, `mime_tf.runs.adjustment`, by operations of TensorFlow."""

import numpy as np
import tensorflow as tf

from mime_tf.assess.calibration import CLIP


def adjusted(adjustment, output, empty):
    """Returns adjusted probabilities.

    Args:
        adjustment: `mime_tf.runs.adjustment.Adjustment`.
        output: float32 (B,), of the model.
        empty: bool (B,), whether the model was shown no code of the patient.

    Returns:
        float32 (B,).
    """
    if adjustment.recalibration is not None:
        output = _recalibrated(adjustment.recalibration, tf.cast(output, tf.float64))
    if adjustment.prevalence is not None:
        output = tf.where(empty, tf.constant(adjustment.prevalence, output.dtype), output)
    return tf.cast(output, tf.float32)


def _recalibrated(recalibration, values):
    """Returns recalibrated probabilities, float64."""
    if recalibration.probabilities:
        return _between(values, np.array(recalibration.probabilities), np.array(recalibration.shares))
    clipped = tf.clip_by_value(values, CLIP, 1 - CLIP)
    return tf.sigmoid(recalibration.intercept + recalibration.slope * tf.math.log(clipped / (1 - clipped)))


def _between(values, x, y):
    """Interpolates as `numpy.interp` does: straight between the points, level beyond them."""
    if len(x) == 1:
        return tf.ones_like(values) * y[0]
    right = tf.clip_by_value(tf.searchsorted(tf.constant(x), values, side="right"), 1, len(x) - 1)
    x0, x1, y0, y1 = (tf.gather(tf.constant(points), right - back) for points in (x, y) for back in (1, 0))
    share = tf.clip_by_value((values - x0) / tf.where(x1 > x0, x1 - x0, tf.ones_like(x0)), 0, 1)
    return y0 + share * (y1 - y0)
