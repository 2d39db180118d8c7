"""The two stages of an explanation as functions of a model: how far a record has grown, the logit, its derivatives."""

import numpy as np
import tensorflow as tf

from mime_tf.batches.tables import padded
from mime_tf.data.store import ranges
from mime_tf.layers.lookup import gather_padded

_POINT_ROWS = 8192  # visits, or Dx-objects, times points that are computed together
# Tables of the distinct Dx-objects of patients, (U,), each a diagnosis of a patient with the union of its orders: the
# patient and the diagnosis of each; their orders, and the distinct Dx-object of each order; and the number of the
# distinct Dx-object of each Dx-object, (N,), and of the distinct order of each order, (M + L,).
DISTINCT = (
    *("distinct_patient", "distinct_dx", "distinct_rx", "distinct_rx_dxobject", "distinct_pr", "distinct_pr_dxobject"),
    *("dx_distinct", "order_distinct"),
)


class Stages:
    """The two stages of `mime_tf.explain.attribution`, of a few patients and one model.

    A stage is computed at K points of its path for each of B patients. Their visits are rows of a table of B T rows.

    Args:
        model: MiME that computes in float32.
    """

    def __init__(self, model):
        self._model = model
        self._has_distinct = "distinct" in model.pooling
        vector = tf.TensorSpec((None,), tf.int32)
        names = ("dx", "visit", "rx", "rx_dxobject", "pr", "pr_dxobject")
        batch = {name: vector for name in (*names, *DISTINCT)}
        batch["mask"] = tf.TensorSpec((None, None), tf.bool)
        if model.reads_days:
            batch["days"] = tf.TensorSpec((None, None), tf.int32)
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
        alone = layer.transform(self._embeddings("dx", batch["dx"]))
        visits = tf.math.unsorted_segment_sum(alone, batch["visit"], tf.size(batch["mask"]))
        paths = {"visits": _scaled(visits, tf.repeat(points, tf.shape(batch["mask"])[1], axis=0))}
        if self._has_distinct:
            distinct = layer.transform(self._embeddings("dx", batch["distinct_dx"]))
            sums = tf.math.unsorted_segment_sum(distinct, batch["distinct_patient"], tf.shape(batch["mask"])[0])
            paths["distinct"] = _scaled(sums, points)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(paths)
            logits = self._logits(paths["visits"], paths.get("distinct"), batch)
        gradients = tape.gradient(logits, paths, unconnected_gradients="zero")
        derivatives = _inner_products(alone, gradients["visits"], batch["visit"])
        if self._has_distinct:
            of_distinct = _inner_products(distinct, gradients["distinct"], batch["distinct_patient"])
            derivatives += _divided(of_distinct, batch["dx_distinct"])
        return logits, derivatives

    def _orders(self, batch, points):
        layer, patient = self._model.dxobject_embedding, batch["visit"] // tf.shape(batch["mask"])[1]
        dx = self._embeddings("dx", batch["dx"])
        pairs, pair_dxobject = self._pairs(dx, batch, "")
        paths = {"dxobjects": _grown(dx, pairs, pair_dxobject, tf.gather(points, patient))}
        if self._has_distinct:
            distinct_dx = self._embeddings("dx", batch["distinct_dx"])
            distinct_pairs, distinct_dxobject = self._pairs(distinct_dx, batch, "distinct_")
            shares = tf.gather(points, batch["distinct_patient"])
            paths["distinct"] = _grown(distinct_dx, distinct_pairs, distinct_dxobject, shares)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(paths)
            dxobjects, distinct = layer.transform(paths["dxobjects"]), None
            visits = tf.math.unsorted_segment_sum(dxobjects, batch["visit"], tf.size(batch["mask"]))
            if self._has_distinct:
                embedded = layer.transform(paths["distinct"])
                patients = tf.shape(batch["mask"])[0]
                distinct = tf.math.unsorted_segment_sum(embedded, batch["distinct_patient"], patients)
            logits = self._logits(visits, distinct, batch)
        gradients = tape.gradient(logits, paths, unconnected_gradients="zero")
        derivatives = _inner_products(pairs, gradients["dxobjects"], pair_dxobject)
        if self._has_distinct:
            of_distinct = _inner_products(distinct_pairs, gradients["distinct"], distinct_dxobject)
            derivatives += _divided(of_distinct, batch["order_distinct"])
        return logits, derivatives

    def _pairs(self, dx, batch, prefix):
        """Returns the vectors of the pairs of diagnoses and orders, (M + L, E), and the Dx-object of each."""
        layer = self._model.dxobject_embedding
        rx_dxobject, pr_dxobject = (batch[f"{prefix}{kind}_dxobject"] for kind in ("rx", "pr"))
        rx = tf.gather(layer.dx_to_rx(dx), rx_dxobject) * self._embeddings("rx", batch[f"{prefix}rx"])
        pr = tf.gather(layer.dx_to_pr(dx), pr_dxobject) * self._embeddings("pr", batch[f"{prefix}pr"])
        return tf.concat([rx, pr], axis=0), tf.concat([rx_dxobject, pr_dxobject], axis=0)

    def _embeddings(self, kind, codes):
        """Returns the activated embeddings of codes, (codes, E)."""
        layer = self._model.dxobject_embedding
        return gather_padded(layer.emb_activation(layer.table(kind)), codes)

    def _logits(self, visits, distinct, batch):
        """Returns the logits (B, K) of visit vectors (B T, K, O) and, if any, sums of distinct Dx-objects (B, K, O)."""
        mask = batch["mask"]
        patients, times, points, width = tf.shape(mask)[0], tf.shape(mask)[1], tf.shape(visits)[1], visits.shape[2]
        histories = tf.transpose(tf.reshape(visits, [patients, times, points, width]), [0, 2, 1, 3])
        rows = tf.reshape(tf.range(patients * points * times), [patients * points, times])
        members = tf.where(tf.repeat(mask, points, axis=0), rows, -1)
        if distinct is not None:
            distinct = tf.reshape(distinct, [patients * points, width])
        # `training` is left out: with training=False the layer computes no gradient, and no cell draws at random.
        visits = self._model.transform_visits(tf.reshape(histories, [-1, width]))
        days = tf.repeat(batch["days"], points, axis=0) if "days" in batch else None
        vectors = self._model.pool(*self._model.date_visits(visits, members, days), distinct)
        kernel, _ = self._model.split_kernel()
        return tf.reshape(vectors @ kernel + self._model.prediction.bias, [patients, points])


def tables(store):
    """Lays a few patients out as `Stages` takes them.

    Args:
        store: `mime_tf.data.store.Store` of B patients.

    Returns:
        Dict of arrays: `"dx"` (N,), the diagnosis of each Dx-object, and `"visit"` (N,), the row of its visit in the
        table of B T rows; `"rx"` (M,) and `"pr"` (L,), the orders, and `"rx_dxobject"` and `"pr_dxobject"`, the index
        of the Dx-object of each; `"mask"` bool (B, T), True where a patient has a visit; those of `DISTINCT`; and
        `"days"` (B, T) of a store that has them.
    """
    times = store.visit_counts.max()
    patient_of_visit = np.repeat(np.arange(len(store)), store.visit_counts)
    visit = times * patient_of_visit + ranges(np.zeros(len(store), np.int64), store.visit_counts)
    dxobjects = np.arange(len(store.dx), dtype=np.int32)
    batch = {
        "dx": store.dx,
        "visit": np.repeat(visit, np.diff(store.dxobjs)).astype(np.int32),
        "rx": store.rx,
        "rx_dxobject": np.repeat(dxobjects, np.diff(store.rx_offsets)),
        "pr": store.pr,
        "pr_dxobject": np.repeat(dxobjects, np.diff(store.pr_offsets)),
        "mask": np.arange(times) < store.visit_counts[:, np.newaxis],
    }
    if store.days is not None:
        batch["days"] = padded(store.days, store.visit_counts, len(store), times)
    return batch | _distinct(batch, np.repeat(patient_of_visit, np.diff(store.dxobjs)))


def _distinct(batch, patient):
    """Returns the tables of `DISTINCT`, of Dx-objects whose patients are `patient` (N,)."""
    (of_patient, dx), dx_distinct = _unique(patient, batch["dx"])
    found = {"distinct_patient": of_patient, "distinct_dx": dx, "dx_distinct": dx_distinct}
    order_distinct, count = [], 0
    for kind in ("rx", "pr"):
        (dxobject, codes), number = _unique(dx_distinct[batch[f"{kind}_dxobject"]], batch[kind])
        found |= {f"distinct_{kind}": codes, f"distinct_{kind}_dxobject": dxobject}
        order_distinct.append(number + count)
        count += len(codes)
    found["order_distinct"] = np.concatenate(order_distinct)
    return {name: values.astype(np.int32) for name, values in found.items()}


def _unique(*columns):
    """Returns the distinct rows of columns, themselves columns, and the number of each row among them."""
    rows, numbers = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    return rows.T, numbers.reshape(-1)


def _in_pieces(stage, batch, points):
    """Computes a stage at all points (B, K), as many at a time as memory should hold."""
    together = max(1, _POINT_ROWS // max(batch["mask"].size, len(batch["dx"])))
    starts = range(0, points.shape[1], together)
    pieces = [stage(batch, np.asarray(points[:, start : start + together], np.float32)) for start in starts]
    logits, derivatives = zip(*pieces, strict=True)
    return tuple(
        np.concatenate([np.asarray(part, np.float64) for part in parts], axis=1) for parts in (logits, derivatives)
    )


def _scaled(vectors, points):
    """Returns vectors (n, W) times each of their points (n, K): (n, K, W)."""
    return vectors[:, tf.newaxis] * points[..., tf.newaxis]


def _grown(dx, pairs, pair_dxobject, shares):
    """Returns the sums of diagnoses (n, E) and the shares (n, K) of their pairs: (n, K, E)."""
    sums = tf.math.unsorted_segment_sum(pairs, pair_dxobject, tf.shape(dx)[0])
    return dx[:, tf.newaxis] + _scaled(sums, shares)


def _divided(derivatives, number):
    """Divides the derivatives (u, K) of distinct codes equally among their occurrences, `number` (n,): (n, K)."""
    ones = tf.ones_like(number, derivatives.dtype)
    occurrences = tf.math.unsorted_segment_sum(ones, number, tf.shape(derivatives)[0])
    return tf.gather(derivatives / tf.maximum(occurrences, 1)[:, tf.newaxis], number)


def _inner_products(vectors, gradients, rows):
    """Returns the inner products (n, K) of vectors (n, W) with the `rows` (n,) of gradients (rows, K, W)."""
    return tf.einsum("nw,nkw->nk", vectors, tf.gather(gradients, rows))
