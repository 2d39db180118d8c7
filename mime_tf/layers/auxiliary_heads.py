"""AuxiliaryHeads: predicts the codes of a Dx-object back from its embedding."""

import keras

from mime_tf.layers.checks import require_sizes


@keras.saving.register_keras_serializable("mime_tf")
class AuxiliaryHeads(keras.layers.Layer):
    """Three linear heads on Dx-object embeddings, one per kind of code.

    Their losses are `mime_tf.losses.diagnosis_loss` and `mime_tf.losses.order_loss`.

    Args:
        num_dx: number of diagnosis codes.
        num_rx: number of medication codes.
        num_pr: number of procedure codes.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        dxobjects: float tensor of shape (..., O).

    Returns:
        Dict of logits: `"dx"` of shape (..., num_dx), `"rx"` (..., num_rx) and `"pr"` (..., num_pr).

    Raises:
        ValueError: a size is not a positive integer.

    Example:
    >>> logits = AuxiliaryHeads(num_dx=5, num_rx=6, num_pr=7)(np.zeros((2, 3), "float32"))
    >>> {kind: tuple(values.shape) for kind, values in logits.items()}
    {'dx': (2, 5), 'rx': (2, 6), 'pr': (2, 7)}

    Reference:
        Choi, Xiao, Stewart and Sun, NeurIPS 2018, section 2, "Joint training with auxiliary tasks".
    """

    def __init__(self, num_dx, num_rx, num_pr, **kwargs):
        super().__init__(**kwargs)
        require_sizes(num_dx=num_dx, num_rx=num_rx, num_pr=num_pr)
        self.num_dx = num_dx
        self.num_rx = num_rx
        self.num_pr = num_pr
        self.dx_head = keras.layers.Dense(num_dx, dtype=self.dtype_policy, name="dx_head")
        self.rx_head = keras.layers.Dense(num_rx, dtype=self.dtype_policy, name="rx_head")
        self.pr_head = keras.layers.Dense(num_pr, dtype=self.dtype_policy, name="pr_head")

    def build(self, dxobjects_shape):
        for head in (self.dx_head, self.rx_head, self.pr_head):
            head.build(dxobjects_shape)
        self.built = True

    def call(self, dxobjects):
        return {"dx": self.dx_head(dxobjects), "rx": self.rx_head(dxobjects), "pr": self.pr_head(dxobjects)}

    def compute_output_shape(self, dxobjects_shape):
        sizes = {"dx": self.num_dx, "rx": self.num_rx, "pr": self.num_pr}
        return {kind: (*dxobjects_shape[:-1], size) for kind, size in sizes.items()}

    def get_config(self):
        return {**super().get_config(), "num_dx": self.num_dx, "num_rx": self.num_rx, "num_pr": self.num_pr}
