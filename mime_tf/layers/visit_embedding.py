"""VisitEmbedding: the Dx-objects of a visit become one vector."""

import keras

from mime_tf.layers.lookup import look_up_sum


@keras.saving.register_keras_serializable("mime_tf")
class VisitEmbedding(keras.layers.Layer):
    """Embeds visits: a visit is the sum of its Dx-objects' embeddings. The layer has no weights.

    Args:
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        dxobjects: float tensor of shape (N, O), the Dx-objects' embeddings.
        members: integer tensor of shape (..., D): the rows of `dxobjects` that make up each visit, -1 for none.

    Returns:
        Tensor of shape (..., O); zeros for a visit without Dx-objects.

    Example:
    >>> VisitEmbedding()(np.array([[1.0, 2.0], [30.0, 40.0]]), np.array([[0, 1], [1, -1], [-1, -1]])).numpy()
    array([[31., 42.],
           [30., 40.],
           [ 0.,  0.]], dtype=float32)

    Reference:
        Choi, Xiao, Stewart and Sun, NeurIPS 2018, section 2, as the authors' program computes it: the paper's
        visit activation is not applied there.
    """

    def call(self, dxobjects, members):
        return look_up_sum(dxobjects, members)

    def compute_output_shape(self, dxobjects_shape, members_shape):
        return (*members_shape[:-1], dxobjects_shape[-1])
