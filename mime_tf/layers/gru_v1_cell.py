"""GRUV1Cell: one step of the GRU that TensorFlow 1.x's Keras computed by default."""

import keras

from mime_tf.layers.checks import require_sizes


@keras.saving.register_keras_serializable("mime_tf")
def hard_sigmoid_v1(x):
    """Hard sigmoid of TensorFlow 1.x, `clip(0.2 x + 0.5, 0, 1)`; the slope of Keras 3's is 1/6."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


@keras.saving.register_keras_serializable("mime_tf")
class GRUV1Cell(keras.layers.GRUCell):
    """One step of the GRU of Keras in TensorFlow 1.x, the recurrence of the authors' program.

    With `hs` the `hard_sigmoid_v1` and `*` element-wise,

        z  = hs(v W_z + h U_z + b_z)
        g  = hs(v W_g + h U_g + b_g)
        c  = tanh(v W_h + (g * h) U_h + b_h)
        h' = z * h + (1 - z) * c

    Kernels hold their columns in the order z, g, h. The cell is Keras's `GRUCell` with the reset gate applied before
    the matrix product, one bias, and the hard sigmoid of TensorFlow 1.x. `GRUV1` is the same recurrence as a fast loop.

    Args:
        units: H, the width of the state.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: tensor of shape (B, F).
        states: list of one tensor of shape (B, H).

    Returns:
        The new state, twice: as output and in a list.

    Raises:
        ValueError: `units` is not a positive integer.

    Example:
    >>> keras.layers.RNN(GRUV1Cell(3))(np.zeros((2, 5, 4), "float32")).shape
    TensorShape([2, 3])

    Reference:
        Cho et al., 2014, https://arxiv.org/abs/1406.1078, first version.
    """

    def __init__(self, units, **kwargs):
        require_sizes(units=units)
        super().__init__(units, recurrent_activation=hard_sigmoid_v1, reset_after=False, **kwargs)

    def get_config(self):
        # The other arguments of GRUCell are fixed: they define this cell.
        return {**keras.layers.Layer.get_config(self), "units": self.units}
