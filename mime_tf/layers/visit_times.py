"""VisitTimes: visits told apart by when they were."""

import keras
import tensorflow as tf

HALVING_DAYS = (30.0, 365.0)
TIMES = 2 * len(HALVING_DAYS)  # numbers that tell when a visit was


def times_of(days):
    """Returns the numbers that tell when the visits of histories were, float32 of shape (S, T, 4).

    They are 2^(-d/30), 2^(-d/365), 2^(-g/30) and 2^(-g/365): d are the days from the visit to the prediction time, g
    those since the visit before, without end for a first visit, so that its last two numbers are 0. An effect that
    fades with time is a weighted sum of such numbers.

    Args:
        days: int32 tensor of shape (S, T), days from each visit to the prediction time, padded with -1.

    Example:
    >>> times_of(np.array([[60, 30, -1]])).numpy()[0, :2].round(2).tolist()
    [[0.25, 0.8899999856948853, 0.0, 0.0], [0.5, 0.9399999976158142, 0.5, 0.9399999976158142]]
    """
    days = tf.cast(tf.maximum(days, 0), tf.float32)
    before = tf.concat([tf.fill([tf.shape(days)[0], 1], float("inf")), days[:, :-1]], axis=1)
    ages = tf.stack([days, before - days], axis=2)[..., tf.newaxis]
    faded = tf.pow(2.0, -ages / tf.constant(HALVING_DAYS))
    return tf.reshape(faded, tf.concat([tf.shape(days), [TIMES]], axis=0))


@keras.saving.register_keras_serializable("mime_tf")
class VisitTimes(keras.layers.Layer):
    """Scales and shifts the embedding of a visit by when it was, `v * (1 + t A) + t B`.

    Both matrices start at zero, so that a model starts as one that sees no times. The product lets the effect of what
    was recorded fade with time; the sum makes times matter by themselves.

    Args:
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        visits: float tensor of shape (rows, O).
        times: float tensor of shape (rows, K), of `times_of`.

    Returns:
        Tensor of shape (rows, O).

    Example:
    >>> layer = VisitTimes()
    >>> layer.build((None, 2), (None, 1))
    >>> layer.set_weights([np.array([[1.0, 0.0]]), np.array([[0.0, 10.0]])])
    >>> layer(np.array([[2.0, 3.0]]), np.array([[0.5]])).numpy().tolist()
    [[3.0, 8.0]]
    """

    def build(self, visits_shape, times_shape):
        shape = (times_shape[-1], visits_shape[-1])
        self.scale = self.add_weight(shape=shape, initializer="zeros", name="scale")
        self.shift = self.add_weight(shape=shape, initializer="zeros", name="shift")
        self.built = True

    def call(self, visits, times):
        times = keras.ops.cast(times, self.compute_dtype)
        return visits * (1 + keras.ops.matmul(times, self.scale)) + keras.ops.matmul(times, self.shift)

    def compute_output_shape(self, visits_shape, times_shape):
        return visits_shape
