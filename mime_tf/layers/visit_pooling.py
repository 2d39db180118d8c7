"""VisitPooling: a patient's visits as one vector, whatever their order."""

import keras
import tensorflow as tf

from mime_tf.layers.lookup import gather_padded, gather_sum

VISIT_VIEWS = ("sum", "mean", "max")


@keras.saving.register_keras_serializable("mime_tf")
class VisitPooling(keras.layers.Layer):
    """Sum, mean or largest entries of the embeddings of a patient's visits. The layer has no weights.

    Args:
        view: `"sum"`, `"mean"` or `"max"`. An empty visit, whose embedding is zero, counts among the visits of the mean
            and of the largest entries.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        visits: float tensor of shape (V, O), embeddings of visits.
        members: integer tensor of shape (S, T), the rows of `visits` that form each history, padded with -1.

    Returns:
        Tensor of shape (S, O); zeros for a history without visits.

    Raises:
        ValueError: an unknown `view`.

    Example:
    >>> visits, members = np.array([[-1.0, 2.0], [-3.0, 4.0]]), np.array([[0, 1], [1, -1], [-1, -1]])
    >>> VisitPooling("mean")(visits, members).numpy().tolist()
    [[-2.0, 3.0], [-3.0, 4.0], [0.0, 0.0]]
    >>> VisitPooling("max")(visits, members).numpy().tolist()
    [[-1.0, 4.0], [-3.0, 4.0], [0.0, 0.0]]
    """

    def __init__(self, view="sum", **kwargs):
        super().__init__(**kwargs)
        if view not in VISIT_VIEWS:
            raise ValueError(f"`view` must be one of {VISIT_VIEWS}. Received: {view=}")
        self.view = view

    def build(self, visits_shape=None, members_shape=None):
        """Makes no weights; Keras records the shapes under the names that `compute_output_shape` has."""
        self.built = True

    def call(self, visits, members):
        is_visit = members >= 0
        if self.view == "max":
            values = gather_padded(visits, members)
            # The lowest number rather than minus infinity, which would give the gradient of an empty history as NaN.
            lowest = tf.where(is_visit[..., tf.newaxis], values, values.dtype.min)
            largest = tf.reduce_max(lowest, axis=1)
            return tf.where(tf.reduce_any(is_visit, axis=1, keepdims=True), largest, tf.zeros_like(largest))
        total = gather_sum(visits, members)
        if self.view == "sum":
            return total
        return total / tf.maximum(tf.reduce_sum(tf.cast(is_visit, total.dtype), axis=1, keepdims=True), 1)

    def compute_output_shape(self, visits_shape, members_shape):
        return (members_shape[0], visits_shape[-1])

    def get_config(self):
        return {**super().get_config(), "view": self.view}
