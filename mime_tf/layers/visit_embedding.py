"""VisitEmbedding: sums the Dx-objects of a visit."""

import keras

from mime_tf.layers.lookup import gather_sum


@keras.saving.register_keras_serializable("mime_tf")
class VisitEmbedding(keras.layers.Layer):
    """Embeds each visit as the sum of the embeddings of its Dx-objects. The layer has no weights.

    Args:
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        dxobjects: float tensor of shape (N, O), embeddings of Dx-objects.
        members: integer tensor of shape (..., D), the rows of `dxobjects` that form each visit, padded with -1.

    Returns:
        Tensor of shape (..., O); zeros for a visit without Dx-objects.

    Example:
    >>> VisitEmbedding()(np.array([[1.0, 2.0], [30.0, 40.0]]), np.array([[0, 1], [1, -1], [-1, -1]])).numpy()
    array([[31., 42.],
           [30., 40.],
           [ 0.,  0.]], dtype=float32)

    Reference:
        Choi, Xiao, Stewart and Sun, NeurIPS 2018, section 2, as the authors' program computes it: without the
        paper's visit activation.
    """

    def build(self, dxobjects_shape=None, members_shape=None):
        """Makes no weights; Keras records the shapes under the names that `compute_output_shape` has."""
        self.built = True

    def call(self, dxobjects, members):
        return gather_sum(dxobjects, members)

    def compute_output_shape(self, dxobjects_shape, members_shape):
        return (*members_shape[:-1], dxobjects_shape[-1])
