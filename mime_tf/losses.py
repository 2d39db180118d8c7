"""Losses of the authors' program: of the prediction, and of the auxiliary heads."""

import keras
import tensorflow as tf

EPSILON = 1e-10
# Most factors of 1/2 or more in a product: 2^-64 is a normal number of float32.
MOST_FACTORS = 64


@keras.saving.register_keras_serializable("mime_tf")
class LogLoss(keras.losses.Loss):
    """Binary cross-entropy of probabilities, `-(y log(p + 1e-10) + (1 - y) log(1 - p + 1e-10))`, mean over patients.

    The loss of a patient with several outcomes is their sum, so that the other losses weigh the same whatever the
    number of outcomes. Keras's `BinaryCrossentropy` clips p to [1e-7, 1 - 1e-7] instead; away from saturation the two
    agree to 1e-6.

    Args:
        name: name of the loss.
        **kwargs: arguments of `keras.losses.Loss`.

    Example:
    >>> float(LogLoss()(np.array([1.0]), np.array([[0.5]])))  # log 2
    0.6931471824645996
    """

    def __init__(self, name="log_loss", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        if keras.backend.standardize_dtype(y_pred.dtype) in ("float16", "bfloat16"):  # 1e-10 is 0 in float16
            y_pred = keras.ops.cast(y_pred, "float32")
        y_true = keras.ops.cast(keras.ops.reshape(y_true, keras.ops.shape(y_pred)), y_pred.dtype)
        log_positive, log_negative = _log(y_pred), _log(1.0 - y_pred)
        return -keras.ops.sum(y_true * log_positive + (1.0 - y_true) * log_negative, axis=-1)


def _log(probability):
    """Returns `log(probability + 1e-10)`, finite and with a finite gradient, however a compiler rearranges the sum.

    TensorFlow's constant folding turns `1 - p + 1e-10` into `(1 + 1e-10) - p`, which is 0 in float32 where `p` is 1:
    the logarithm is infinite, and its product with a weight of 0 is NaN. Nothing is folded through the inner maximum;
    the outer one keeps the sum above 0 even where a compiler drops the inner one.
    """
    return keras.ops.log(keras.ops.maximum(keras.ops.maximum(probability, 0.0) + EPSILON, EPSILON))


@tf.custom_gradient
def diagnosis_loss(logits, dx):
    """Softmax cross-entropy of each Dx-object's diagnosis.

    With `x` the logits, `p` their softmax and `d` the diagnosis, it is `max(x) - x_d - log(max(p))`. Its gradient is
    `p - (1 at d)`.

    Args:
        logits: float tensor of shape (N, num_dx).
        dx: integer tensor of shape (N,), diagnosis codes, or -1 for no Dx-object.

    Returns:
        Tensor of shape (N,); its values where `dx` is -1 are meaningless.
    """
    probabilities, columns = tf.nn.softmax(logits), tf.maximum(dx, 0)
    below_largest = tf.reduce_max(logits, 1) - tf.gather(logits, columns, batch_dims=1)
    loss = below_largest - tf.math.log(tf.reduce_max(probabilities, 1))

    def gradient(upstream):
        indices = tf.stack([tf.range(tf.shape(columns)[0]), tf.cast(columns, tf.int32)], axis=1)
        return tf.tensor_scatter_nd_sub(probabilities * upstream[:, tf.newaxis], indices, upstream), None

    return loss, gradient


@tf.custom_gradient
def order_loss(logits, codes):
    """Sigmoid cross-entropy of each Dx-object's SET of medications, or procedures, mean over the vocabulary.

    With `x` the logits and `S` the set, it is `(sum of softplus(x) - sum over S of x) / vocabulary`. Its gradient is
    `(sigmoid(x) - 1 in S) / vocabulary`. Neither needs a target row of zeros and ones.

    Args:
        logits: float tensor of shape (N, vocabulary).
        codes: integer tensor of shape (N, R), padded with -1; a repeated code counts once.

    Returns:
        Tensor of shape (N,).
    """
    vocabulary = logits.shape[1]
    probabilities = tf.sigmoid(logits)
    earlier = tf.linalg.band_part(codes[:, :, tf.newaxis] == codes[:, tf.newaxis, :], -1, 0)
    first = tf.reduce_sum(tf.cast(earlier, tf.int32), axis=2) == 1
    in_set = tf.cast(first & (codes >= 0), logits.dtype)
    columns = tf.maximum(codes, 0)
    ordered = tf.gather(logits, columns, batch_dims=1) * in_set
    loss = (_sum_of_softplus(logits, probabilities) - tf.reduce_sum(ordered, 1)) / vocabulary

    def gradient(upstream):
        weights = upstream[:, tf.newaxis] / vocabulary
        rows = tf.broadcast_to(tf.range(tf.shape(codes)[0])[:, tf.newaxis], tf.shape(codes))
        indices = tf.stack([rows, tf.cast(columns, tf.int32)], axis=2)
        return tf.tensor_scatter_nd_sub(probabilities * weights, indices, in_set * weights), None

    return loss, gradient


def _sum_of_softplus(logits, probabilities):
    """Returns the sum of `softplus(x)` over each row of logits `x`, given `p = sigmoid(x)`: (N, units) give (N,).

    `softplus(x) = max(x, 0) - log(max(p, 1 - p))`. Of some columns at a time the logarithm is taken of their product,
    because logarithms take most of the time; each factor is 1/2 or more.
    """
    units = logits.shape[1]
    together = max(count for count in range(1, MOST_FACTORS + 1) if units % count == 0)
    factors = tf.reshape(tf.maximum(probabilities, 1 - probabilities), [-1, units // together, together])
    logarithms = tf.math.log(tf.reduce_prod(factors, axis=2))
    return tf.reduce_sum(tf.nn.relu(logits), axis=1) - tf.reduce_sum(logarithms, axis=1)


def sum_of_squares(variables):
    """Returns the sum of squares of all `variables` of rank 2 or more, not halved: biases do not count."""
    return 2 * tf.add_n([tf.nn.l2_loss(value) for value in variables if len(value.shape) > 1])
