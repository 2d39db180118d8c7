"""VisitTransform: the paper's transformation of a visit's sum of Dx-objects, with its skip connection."""

import keras


@keras.saving.register_keras_serializable("mime_tf")
class VisitTransform(keras.layers.Layer):
    """Transforms the sum `F` of a visit's Dx-objects into the visit's embedding, `v = a(F W_v) + F`.

    Args:
        activation: `a`, a name or function that `keras.activations.get` takes.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        sums: float tensor of shape (..., O), of `VisitEmbedding`.

    Returns:
        Tensor of shape (..., O).

    Example:
    >>> layer = VisitTransform("relu")
    >>> layer.build((None, 2))
    >>> layer.set_weights([np.array([[1.0, 0.0], [0.0, -1.0]])])
    >>> layer(np.array([[2.0, 3.0]])).numpy().tolist()
    [[4.0, 3.0]]

    Reference:
        Choi, Xiao, Stewart and Sun, NeurIPS 2018, equation 1.
    """

    def __init__(self, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)

    def build(self, sums_shape):
        width = sums_shape[-1]
        self.kernel = self.add_weight(shape=(width, width), initializer="glorot_uniform", name="kernel")
        self.built = True

    def call(self, sums):
        return self.activation(keras.ops.matmul(sums, self.kernel)) + sums

    def compute_output_shape(self, sums_shape):
        return sums_shape

    def get_config(self):
        return {**super().get_config(), "activation": keras.activations.serialize(self.activation)}
