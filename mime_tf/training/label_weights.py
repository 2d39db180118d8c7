"""Weights of the labels in the cross-entropy of training."""

import numpy as np
import tensorflow as tf


def label_weights(class_weight: str, labels: np.ndarray) -> np.ndarray | None:
    """Returns the weights of label 0 and of label 1.

    Args:
        class_weight: `"none"`; `"balanced"`, which is `n / (2 n_label)`; or the weight of label 1 as a text, that of
            label 0 being 1.
        labels: int array of 0 and 1, the training set's; it has both if `class_weight` is `"balanced"`.

    Returns:
        float32 array (2,), or None for `"none"`.

    Example:
    >>> label_weights("balanced", np.array([0, 0, 0, 1])).tolist()
    [0.6666666865348816, 2.0]
    """
    if class_weight == "none":
        return None
    if class_weight == "balanced":
        return (len(labels) / (2 * np.bincount(labels, minlength=2))).astype(np.float32)
    return np.array([1, float(class_weight)], np.float32)


def weighted(batches: tf.data.Dataset, weights: np.ndarray) -> tf.data.Dataset:
    """Returns a dataset of `(inputs, labels)` with each patient's weight after its label: Keras's `sample_weight`."""
    return batches.map(lambda inputs, labels: (inputs, labels, tf.gather(weights, tf.cast(labels, tf.int32))))
