"""FusedAdam: the Adam of TensorFlow 1.x, in one pass over each weight."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("mime_tf")
class FusedAdam(keras.optimizers.Adam):
    """Keras's Adam, computed by TensorFlow's fused kernel and with the epsilon of TensorFlow 1.x.

    With `g` the gradient of a weight `w` and `t` the number of the update, counted from 1,

        m = m + (1 - beta_1) (g - m)
        v = v + (1 - beta_2) (g * g - v)
        w = w - learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)

    The kernel reads and writes `w`, `m` and `v` once, where Keras's ops pass over them a dozen times. For a model of
    two million weights on a CPU, those passes are most of the cost of an update beyond its matrix products.

    Args:
        learning_rate: a number or a `keras.optimizers.schedules.LearningRateSchedule`.
        epsilon: added to the square root of `v`, which is not corrected for its bias.
        **kwargs: arguments of `keras.optimizers.Adam`, without `amsgrad`.

    Raises:
        ValueError: `amsgrad` is set.

    Reference:
        Kingma and Ba, 2014, https://arxiv.org/abs/1412.6980, the order of computation at the end of section 2.
    """

    def __init__(self, learning_rate=1e-3, epsilon=1e-8, **kwargs):
        super().__init__(learning_rate, epsilon=epsilon, **kwargs)
        if self.amsgrad:
            raise ValueError("`amsgrad` must not be set: the kernel has no such variant. Received: amsgrad=True")

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        update = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[index]),
            v=_handle(self._velocities[index]),
            beta1_power=self.beta_1**update,
            beta2_power=self.beta_2**update,
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, variable.dtype),
        )


def _handle(variable):
    """Returns the resource handle of a variable, on the device of the replica that is being updated."""
    return (variable.value if isinstance(variable, keras.Variable) else variable).handle
