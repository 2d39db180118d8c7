"""DxObjectEmbedding: embeds a diagnosis and the orders that it led to as one vector."""

import keras
import tensorflow as tf

from mime_tf.layers.ancestor_embeddings import AncestorEmbeddings
from mime_tf.layers.checks import require_sizes
from mime_tf.layers.lookup import drop_padding, gather_padded, gather_rows, segment_sum


@keras.saving.register_keras_serializable("mime_tf")
class DxObjectEmbedding(keras.layers.Layer):
    """Embeds Dx-objects: a diagnosis with the medications and procedures ordered because of it.

    With `a` the embedding activation, `s` the order activation and `*` element-wise,

        e = a(W_dx[dx]),   r = sum of a(W_rx[rx]),   p = sum of a(W_pr[pr])
        x = e + s(e W_dr + b_dr) * r + s(e W_dp + b_dp) * p
        o = s(x W_o + b_o)

    A code that is repeated among the orders of a Dx-object counts each time. With `skip` the last line is that of the
    paper, `o = s(x W_o + b_o) + x`. With `ancestors`, the rows of `W_dx`, `W_rx` and `W_pr` are made of those of
    codes and of their ancestors (`AncestorEmbeddings`).

    Args:
        num_dx: number of diagnosis codes.
        num_rx: number of medication codes.
        num_pr: number of procedure codes.
        emb_size: width E of the three code embeddings; one width, because they are added.
        dxobj_emb_size: width O of the result.
        emb_activation: `a`, applied to the code embeddings: a name or function that `keras.activations.get` takes.
        order_activation: `s`, applied to the interactions and to the result: a name or function as well.
        skip: add `x` to the result, the paper's skip connection G; the two widths are then equal.
        ancestors: `sizes` of an `AncestorEmbeddings`, or None.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        dx: integer tensor of shape (...), diagnosis codes, or -1 for no Dx-object.
        rx: integer tensor of shape (..., R), medication codes, padded with -1.
        pr: integer tensor of shape (..., P), procedure codes, padded with -1.

    Returns:
        Tensor of shape (..., O); zeros where `dx` is -1.

    Raises:
        ValueError: a size is not a positive integer, or `skip` is set and the two widths differ.

    Example:
    >>> layer = DxObjectEmbedding(num_dx=5, num_rx=5, num_pr=5, emb_size=4, dxobj_emb_size=3)
    >>> layer(np.array([0, 2]), np.array([[0, 1], [-1, -1]]), np.array([[0], [-1]])).shape
    TensorShape([2, 3])

    Reference:
        Choi, Xiao, Stewart and Sun, "MiME: Multilevel Medical Embedding of Electronic Health Records for
        Predictive Healthcare", NeurIPS 2018, section 2, equations 2 and 3.
    """

    def __init__(
        self,
        num_dx,
        num_rx,
        num_pr,
        emb_size=200,
        dxobj_emb_size=256,
        emb_activation="relu",
        order_activation="relu",
        skip=False,
        ancestors=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        require_sizes(num_dx=num_dx, num_rx=num_rx, num_pr=num_pr, emb_size=emb_size, dxobj_emb_size=dxobj_emb_size)
        if skip and emb_size != dxobj_emb_size:
            raise ValueError(f"`skip` takes equal widths. Received: {emb_size=}, {dxobj_emb_size=}")
        self.num_dx = num_dx
        self.num_rx = num_rx
        self.num_pr = num_pr
        self.emb_size = emb_size
        self.dxobj_emb_size = dxobj_emb_size
        self.emb_activation = keras.activations.get(emb_activation)
        self.order_activation = keras.activations.get(order_activation)
        self.skip = skip
        self.ancestors = None if ancestors is None else list(ancestors)
        self.dx_to_rx = keras.layers.Dense(emb_size, order_activation, dtype=self.dtype_policy, name="dx_to_rx")
        self.dx_to_pr = keras.layers.Dense(emb_size, order_activation, dtype=self.dtype_policy, name="dx_to_pr")
        self.to_dxobj = keras.layers.Dense(dxobj_emb_size, order_activation, dtype=self.dtype_policy, name="to_dxobj")
        self.shared = None
        if ancestors is not None:
            self.shared = AncestorEmbeddings(ancestors, emb_size, dtype=self.dtype_policy, name="shared")

    def build(self, dx_shape=None, rx_shape=None, pr_shape=None):
        """Makes the weights, whose sizes do not depend on the shapes."""
        self.dx_embeddings = self._add_table("dx_embeddings", self.num_dx)
        self.rx_embeddings = self._add_table("rx_embeddings", self.num_rx)
        self.pr_embeddings = self._add_table("pr_embeddings", self.num_pr)
        for dense in (self.dx_to_rx, self.dx_to_pr, self.to_dxobj):
            dense.build((None, self.emb_size))
        if self.shared is not None:
            self.shared.build()
        self.built = True

    def _add_table(self, name, codes):
        return self.add_weight(shape=(codes, self.emb_size), initializer="glorot_uniform", name=name)

    def call(self, dx, rx, pr):
        dxobjects = self.embed(tf.reshape(dx, [-1]), drop_padding(rx), drop_padding(pr))
        dxobjects = tf.reshape(dxobjects, tf.concat([tf.shape(dx), [self.dxobj_emb_size]], axis=0))
        return dxobjects * tf.cast(dx >= 0, dxobjects.dtype)[..., tf.newaxis]

    def embed(self, dx, rx, pr):
        """Embeds Dx-objects whose orders are listed one after the other, without padding.

        Args:
            dx: integer tensor of shape (N,), diagnosis codes; the result for a -1 is meaningless.
            rx: pair of vectors of one length, as `mime_tf.layers.lookup.drop_padding` returns them: all medication
                codes, and the index in `dx` that each belongs to.
            pr: as `rx`, of the procedures.

        Returns:
            Tensor of shape (N, O).
        """
        # Everything that depends on the diagnosis alone is computed once per distinct diagnosis.
        codes, dx_index = tf.unique(dx)
        diagnoses = self._activated(gather_padded(self.table("dx"), codes))

        def sum_of_orders(orders, kind, dense):
            codes, dxobj_index = orders
            interactions = self._activated(gather_rows(self.table(kind), codes))
            interactions *= gather_rows(dense(diagnoses), tf.gather(dx_index, dxobj_index))
            return segment_sum(interactions, dxobj_index, tf.size(dx))

        from_rx = sum_of_orders(rx, "rx", self.dx_to_rx)
        from_pr = sum_of_orders(pr, "pr", self.dx_to_pr)
        return self.transform(gather_rows(diagnoses, dx_index) + from_rx + from_pr)

    def table(self, kind):
        """Returns the embeddings of the codes of a kind, (codes, E), before their activation."""
        own = getattr(self, f"{kind}_embeddings")
        return own if self.shared is None else self.shared.add_to(own, kind)

    def relate(self, relations):
        """Gives codes their ancestors; what a code with ancestors has alone becomes 0.

        Args:
            relations: dict from each kind of codes to int64 (relations, 2), a code and an ancestor of it each.
        """
        for kind, pairs in relations.items():
            self.shared.relations[kind].assign(pairs)
            own = getattr(self, f"{kind}_embeddings")
            values = keras.ops.convert_to_numpy(own).copy()
            values[pairs[:, 0]] = 0
            own.assign(values)

    def _activated(self, embeddings):
        # Outside of a call, Keras does not cast weights to the type that is computed in.
        return self.emb_activation(tf.cast(embeddings, self.compute_dtype))

    def transform(self, sums):
        """Returns the embeddings `o` of Dx-objects, (..., O), given the sums `x` of their parts, (..., E)."""
        return self.to_dxobj(sums) + sums if self.skip else self.to_dxobj(sums)

    def compute_output_shape(self, dx_shape, rx_shape=None, pr_shape=None):
        return (*dx_shape, self.dxobj_emb_size)

    def get_config(self):
        return {
            **super().get_config(),
            "num_dx": self.num_dx,
            "num_rx": self.num_rx,
            "num_pr": self.num_pr,
            "emb_size": self.emb_size,
            "dxobj_emb_size": self.dxobj_emb_size,
            "emb_activation": keras.activations.serialize(self.emb_activation),
            "order_activation": keras.activations.serialize(self.order_activation),
            "skip": self.skip,
            "ancestors": self.ancestors,
        }
