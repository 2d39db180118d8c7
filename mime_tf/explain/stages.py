"""The two stages of an explanation as functions of a model: how far a record has grown, the logit, its derivatives."""

import numpy as np
import tensorflow as tf

from mime_tf.data.store import ranges
from mime_tf.layers.lookup import gather_padded

_POINT_ROWS = 8192  # visits, or Dx-objects, times points that are computed together


class Stages:
    """The two stages of `mime_tf.explain.attribution`, of a few patients and one model.

    A stage is computed at K points of its path for each of B patients. Their visits are rows of a table of B T rows.

    Args:
        model: MiME that computes in float32.
    """

    def __init__(self, model):
        self._model = model
        vector = tf.TensorSpec((None,), tf.int32)
        batch = {name: vector for name in ("dx", "visit", "rx", "rx_dxobject", "pr", "pr_dxobject")}
        batch["mask"] = tf.TensorSpec((None, None), tf.bool)
        signature = [batch, tf.TensorSpec((None, None), tf.float32)]
        self._diagnoses = tf.function(self._diagnoses, input_signature=signature)
        self._orders = tf.function(self._orders, input_signature=signature)

    def diagnoses(self, batch, points):
        """Computes stage 1, in which the visits grow to their vectors without any order.

        Args:
            batch: dict, of `tables`.
            points: (B, K), the share of the way, from 0 to 1.

        Returns:
            Two float64 arrays: the logits, (B, K); and their derivatives by the N diagnoses, (N, K).
        """
        return _in_pieces(self._diagnoses, batch, points)

    def orders(self, batch, points):
        """Computes stage 2, in which the pairs grow; as `diagnoses`, of the M medications, then the L procedures.

        Returns:
            Two float64 arrays: the logits, (B, K); and their derivatives by the pairs, (M + L, K).
        """
        return _in_pieces(self._orders, batch, points)

    def _diagnoses(self, batch, points):
        layer = self._model.dxobject_embedding
        alone = layer.to_dxobj(self._embeddings("dx", batch["dx"]))
        visits = tf.math.unsorted_segment_sum(alone, batch["visit"], tf.size(batch["mask"]))
        grown = visits[:, tf.newaxis] * tf.repeat(points, tf.shape(batch["mask"])[1], axis=0)[..., tf.newaxis]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(grown)
            logits = self._logits(grown, batch["mask"])
        return logits, _inner_products(alone, tape.gradient(logits, grown), batch["visit"])

    def _orders(self, batch, points):
        layer = self._model.dxobject_embedding
        dx = self._embeddings("dx", batch["dx"])
        rx = tf.gather(layer.dx_to_rx(dx), batch["rx_dxobject"]) * self._embeddings("rx", batch["rx"])
        pr = tf.gather(layer.dx_to_pr(dx), batch["pr_dxobject"]) * self._embeddings("pr", batch["pr"])
        pairs = tf.concat([rx, pr], axis=0)
        pair_dxobject = tf.concat([batch["rx_dxobject"], batch["pr_dxobject"]], axis=0)
        pair_sums = tf.math.unsorted_segment_sum(pairs, pair_dxobject, tf.shape(dx)[0])
        shares = tf.gather(points, batch["visit"] // tf.shape(batch["mask"])[1])
        grown = dx[:, tf.newaxis] + pair_sums[:, tf.newaxis] * shares[..., tf.newaxis]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(grown)
            visits = tf.math.unsorted_segment_sum(layer.to_dxobj(grown), batch["visit"], tf.size(batch["mask"]))
            logits = self._logits(visits, batch["mask"])
        return logits, _inner_products(pairs, tape.gradient(logits, grown), pair_dxobject)

    def _embeddings(self, kind, codes):
        """Returns the activated embeddings of codes, (codes, E)."""
        layer = self._model.dxobject_embedding
        return gather_padded(layer.emb_activation(getattr(layer, f"{kind}_embeddings")), codes)

    def _logits(self, visits, mask):
        """Returns the logits (B, K) of visit vectors (B T, K, O)."""
        patients, times, points, width = tf.shape(mask)[0], tf.shape(mask)[1], tf.shape(visits)[1], visits.shape[2]
        histories = tf.transpose(tf.reshape(visits, [patients, times, points, width]), [0, 2, 1, 3])
        histories = tf.reshape(histories, [patients * points, times, width])
        # `training` is left out: with training=False the layer computes no gradient, and no cell draws at random.
        states = self._model.rnn(histories, mask=tf.repeat(mask, points, axis=0))
        head = self._model.prediction
        return tf.reshape(states @ head.kernel + head.bias, [patients, points])


def tables(store):
    """Lays a few patients out as `Stages` takes them.

    Args:
        store: `mime_tf.data.store.Store` of B patients.

    Returns:
        Dict of arrays: `"dx"` (N,), the diagnosis of each Dx-object, and `"visit"` (N,), the row of its visit in the
        table of B T rows; `"rx"` (M,) and `"pr"` (L,), the orders, and `"rx_dxobject"` and `"pr_dxobject"`, the index
        of the Dx-object of each; `"mask"` bool (B, T), True where a patient has a visit.
    """
    times = store.visit_counts.max()
    visit = times * np.repeat(np.arange(len(store)), store.visit_counts)
    visit += ranges(np.zeros(len(store), np.int64), store.visit_counts)
    dxobjects = np.arange(len(store.dx), dtype=np.int32)
    return {
        "dx": store.dx,
        "visit": np.repeat(visit, np.diff(store.dxobjs)).astype(np.int32),
        "rx": store.rx,
        "rx_dxobject": np.repeat(dxobjects, np.diff(store.rx_offsets)),
        "pr": store.pr,
        "pr_dxobject": np.repeat(dxobjects, np.diff(store.pr_offsets)),
        "mask": np.arange(times) < store.visit_counts[:, np.newaxis],
    }


def _in_pieces(stage, batch, points):
    """Computes a stage at all points (B, K), as many at a time as memory should hold."""
    together = max(1, _POINT_ROWS // max(batch["mask"].size, len(batch["dx"])))
    starts = range(0, points.shape[1], together)
    pieces = [stage(batch, np.asarray(points[:, start : start + together], np.float32)) for start in starts]
    logits, derivatives = zip(*pieces, strict=True)
    return tuple(
        np.concatenate([np.asarray(part, np.float64) for part in parts], axis=1) for parts in (logits, derivatives)
    )


def _inner_products(vectors, gradients, rows):
    """Returns the inner products (n, K) of vectors (n, W) with the `rows` (n,) of gradients (rows, K, W)."""
    return tf.einsum("nw,nkw->nk", vectors, tf.gather(gradients, rows))
