"""Distinct Dx-objects of a history: each diagnosis once, with the union of the orders that it led to."""

import tensorflow as tf

from mime_tf.layers.lookup import drop_padding


def distinct_dxobjects(inputs, num_dx, num_rx, num_pr):
    """Collapses each history of a batch to its distinct diagnoses and, per diagnosis, its distinct orders.

    Args:
        inputs: the batch, as `mime_tf.MiME` takes it.
        num_dx: number of diagnosis codes.
        num_rx: number of medication codes.
        num_pr: number of procedure codes.

    Returns:
        The diagnoses, int64 (U,); their orders, the pairs of vectors `rx` and `pr` that `DxObjectEmbedding.embed`
        takes; and the history that each diagnosis belongs to, int64 (U,).
    """
    dxobjs, history = _references(inputs["visits"], inputs["dxobjs"])
    keys, member = tf.unique(history * num_dx + _gather(inputs["dx"], dxobjs))
    member = tf.cast(member, tf.int64)

    def union(orders, num_codes):
        codes, reference = drop_padding(tf.gather(orders, dxobjs))
        keys, _ = tf.unique(tf.gather(member, reference) * num_codes + tf.cast(codes, tf.int64))
        return keys % num_codes, keys // num_codes

    return keys % num_dx, union(inputs["rx"], num_rx), union(inputs["pr"], num_pr), keys // num_dx


def _references(visits, dxobjs):
    """Returns the Dx-objects of all histories, one after the other, and the history of each: two int64 vectors."""
    visit, history = drop_padding(visits)
    rows, index = drop_padding(tf.gather(dxobjs, visit))
    return tf.cast(rows, tf.int64), tf.gather(history, index)


def _gather(codes, rows):
    return tf.cast(tf.gather(codes, rows), tf.int64)
