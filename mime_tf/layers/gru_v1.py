"""GRUV1: the TensorFlow 1.x GRU over a whole sequence."""

import keras
import tensorflow as tf

from mime_tf.layers.checks import require_sizes
from mime_tf.layers.gru_v1_cell import GRUV1Cell
from mime_tf.layers.gru_v1_recurrence import gru_v1, gru_v1_scoring


@keras.saving.register_keras_serializable("mime_tf")
class GRUV1(keras.layers.Layer):
    """Runs a `GRUV1Cell` over sequences; the state starts at zero.

    The result is that of `keras.layers.RNN(GRUV1Cell(units))`, several times faster: inputs are projected for all steps
    at once, and the recurrence has a hand-written gradient (`gru_v1_recurrence`).

    Args:
        units: H, the width of the state.
        return_sequences: return the state after every step instead of the last one.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor of shape (B, T, F).
        mask: optional boolean tensor of shape (B, T). A step where it is False leaves the state unchanged.
        training: False keeps only the last state in memory, unless `return_sequences`. A gradient can still be taken,
            more slowly.

    Returns:
        Tensor of shape (B, H), the state after the last step, or (B, T, H) with `return_sequences`.

    Raises:
        ValueError: `units` is not a positive integer.

    Example:
    >>> GRUV1(3)(np.zeros((2, 5, 4), "float32")).shape
    TensorShape([2, 3])
    """

    def __init__(self, units, return_sequences=False, **kwargs):
        super().__init__(**kwargs)
        require_sizes(units=units)
        self.units = units
        self.return_sequences = return_sequences
        self.cell = GRUV1Cell(units, dtype=self.dtype_policy, name="cell")
        self.supports_masking = True

    def build(self, input_shape):
        self.cell.build(input_shape)
        self.built = True

    def call(self, inputs, mask=None, training=None):
        batch, times, features = tf.unstack(tf.shape(inputs))
        steps = tf.reshape(tf.range(batch * times), [batch, times])
        if mask is not None:
            steps = tf.where(mask, steps, -1)
        return self.recur(tf.reshape(inputs, [-1, features]), tf.transpose(steps), training)

    def recur(self, inputs, steps, training=None):
        """Runs the recurrence over steps that refer to their inputs by row, so that a shared input is projected once.

        Args:
            inputs: float tensor of shape (rows, F).
            steps: int32 tensor of shape (T, B), time first: the row of `inputs` that each step takes, or -1 for a
                masked step, which leaves the state unchanged.
            training: as for calling the layer.

        Returns:
            Tensor of shape (B, H), or (B, T, H) with `return_sequences`, as calling the layer returns.
        """
        weights = [self._compute(value) for value in (self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias)]
        if self.return_sequences:
            return tf.transpose(gru_v1(inputs, *weights, steps, return_sequences=True), [1, 0, 2])
        return (gru_v1_scoring if training is False else gru_v1)(inputs, *weights, steps)

    def _compute(self, variable):
        """Casts a variable to the compute dtype."""
        return tf.cast(variable, self.compute_dtype)

    def compute_mask(self, inputs, mask=None):
        return mask if self.return_sequences else None

    def compute_output_shape(self, input_shape):
        return (*input_shape[: 2 if self.return_sequences else 1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "return_sequences": self.return_sequences}
