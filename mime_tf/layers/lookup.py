"""Reading rows of a table through padded references: how each level of MiME points into the one below.

The gradients are written out: the sum that they end in drops a reference of -1, where TensorFlow's own would add a row
of zeros for each.
"""

import tensorflow as tf


def look_up(table, references, zeros=True):
    """Returns the rows of `table` that `references` name, and zeros where a reference is -1.

    Args:
        table: float tensor or variable of shape (rows, width).
        references: integer tensor of any shape, -1 or a row of `table`.
        zeros: with False some row stands where a reference is -1, for whoever does not look there.

    Returns:
        Tensor of shape (*references.shape, width).
    """

    @tf.custom_gradient
    def read(table):
        rows = _rows(table, references) if zeros else tf.gather(table, tf.maximum(references, 0))
        return rows, lambda upstream: _sum_by_row(upstream, references, table)

    return read(tf.convert_to_tensor(table))


def look_up_sum(table, references):
    """Returns the sum of the rows that the last axis of `references` names; see `look_up`.

    Returns:
        Tensor of shape (*references.shape[:-1], width).
    """

    @tf.custom_gradient
    def read(table):
        rows = _rows(table, references)

        def gradient(upstream):
            each = tf.broadcast_to(upstream[..., tf.newaxis, :], tf.shape(rows))
            return _sum_by_row(each, references, table)

        return tf.reduce_sum(rows, axis=-2), gradient

    return read(tf.convert_to_tensor(table))


def _rows(table, references):
    """The rows that `references` name; where one is -1, a row of zeros that is put below the table."""
    below = tf.cast(tf.shape(table)[0], references.dtype)
    return tf.gather(tf.pad(table, [[0, 1], [0, 0]]), tf.where(references < 0, below, references))


def _sum_by_row(values, references, table):
    """What arrives at each row of `table`, where `values` stand for the rows that `references` name."""
    return tf.math.unsorted_segment_sum(values, references, tf.shape(table)[0])
