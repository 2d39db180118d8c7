"""Gather and segment-sum ops for row indices padded with -1, with explicit gradients.

Each level of MiME refers to rows of the level below by index, and -1 pads the index tables. TensorFlow's own gradients
would add a row of zeros for every -1, and test for -1 where none can occur.
"""

import tensorflow as tf


def gather_padded(table, indices):
    """Returns the rows of `table` at `indices`, and zeros where an index is -1.

    Args:
        table: float tensor or variable of shape (rows, width).
        indices: integer tensor of any shape, -1 or a row of `table`.

    Returns:
        Tensor of shape (*indices.shape, width).
    """
    rows = tf.cast(tf.shape(table)[0], indices.dtype)

    @tf.custom_gradient
    def gather(table):
        values = tf.gather(tf.pad(table, [[0, 1], [0, 0]]), tf.where(indices < 0, rows, indices))
        return values, lambda upstream: tf.math.unsorted_segment_sum(upstream, indices, rows)

    return gather(tf.convert_to_tensor(table))


def gather_sum(table, indices):
    """Returns the sum over the last axis of `indices` of the rows of `table` there; -1 adds nothing.

    Args:
        table: float tensor or variable of shape (rows, width).
        indices: integer tensor of shape (..., slots), -1 or a row of `table`.

    Returns:
        Tensor of shape (..., width).
    """
    rows, segment_ids = drop_padding(indices)
    shape = tf.shape(indices)[:-1]
    sums = segment_sum(gather_rows(table, rows), segment_ids, tf.reduce_prod(shape))
    return tf.reshape(sums, tf.concat([shape, tf.shape(sums)[1:]], axis=0))


def drop_padding(indices):
    """Returns the indices that are not -1, flat, and the segment of each: the list along the last axis it belongs to.

    Most slots of a padded table of codes are empty, and need no gather.

    Args:
        indices: integer tensor of shape (..., slots), or -1 in an empty slot.

    Returns:
        Two vectors of one length: the indices, and int64 segment ids, which count the lists over all axes but the last.
    """
    flat = tf.reshape(indices, [-1])
    positions = tf.where(flat >= 0)[:, 0]
    return tf.gather(flat, positions), positions // tf.cast(tf.shape(indices)[-1], positions.dtype)


def gather_rows(table, rows):
    """Returns the given rows of `table`.

    Args:
        table: float tensor or variable of shape (count, width).
        rows: integer tensor of any shape, without -1.

    Returns:
        Tensor of shape (*rows.shape, width).
    """
    count = tf.shape(table)[0]

    @tf.custom_gradient
    def gather(table):
        return tf.gather(table, rows), lambda upstream: tf.math.unsorted_segment_sum(upstream, rows, count)

    return gather(tf.convert_to_tensor(table))


def segment_sum(values, segment_ids, num_segments):
    """Returns the sum of the rows of `values` per segment.

    Args:
        values: float tensor of shape (rows, width).
        segment_ids: integer tensor of shape (rows,), in any order and without -1.
        num_segments: number of segments; one without rows has the sum 0.

    Returns:
        Tensor of shape (num_segments, width).
    """

    @tf.custom_gradient
    def add(values):
        sums = tf.math.unsorted_segment_sum(values, segment_ids, num_segments)
        return sums, lambda upstream: tf.gather(upstream, segment_ids)

    return add(values)
