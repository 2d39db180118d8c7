"""Reading rows of a table through padded references: how each level of MiME points into the one below.

The gradients are written out: TensorFlow's own would add up a row of zeros for every reference of -1, and look for such
references where there are none.
"""

import tensorflow as tf


def look_up(table, references):
    """Returns the rows of `table` that `references` name, and zeros where a reference is -1.

    Args:
        table: float tensor or variable of shape (rows, width).
        references: integer tensor of any shape, -1 or a row of `table`.

    Returns:
        Tensor of shape (*references.shape, width).
    """
    below = tf.cast(tf.shape(table)[0], references.dtype)

    @tf.custom_gradient
    def padded(table):
        rows = tf.gather(tf.pad(table, [[0, 1], [0, 0]]), tf.where(references < 0, below, references))
        return rows, lambda upstream: tf.math.unsorted_segment_sum(upstream, references, below)

    return padded(tf.convert_to_tensor(table))


def look_up_sum(table, references):
    """Returns the sum of the rows that the last axis of `references` names; see `look_up`.

    Returns:
        Tensor of shape (*references.shape[:-1], width).
    """
    named, owners = filled(references)
    shape = tf.shape(references)[:-1]
    sums = add_up(read(table, named), owners, tf.reduce_prod(shape))
    return tf.reshape(sums, tf.concat([shape, tf.shape(sums)[1:]], axis=0))


def filled(references):
    """Returns the references that are not -1, and of each the list, along the last axis, that it stands in.

    Most slots of a padded table of codes are empty, and need not be read.

    Args:
        references: integer tensor of shape (..., slots).

    Returns:
        Two vectors: the references, and the numbers of their lists, counted over all axes but the last.
    """
    flat = tf.reshape(references, [-1])
    places = tf.where(flat >= 0)[:, 0]
    return tf.gather(flat, places), places // tf.cast(tf.shape(references)[-1], places.dtype)


def read(table, rows):
    """Returns the given `rows` of `table`, none of them -1: shape (*rows.shape, width)."""
    count = tf.shape(table)[0]

    @tf.custom_gradient
    def gather(table):
        return tf.gather(table, rows), lambda upstream: tf.math.unsorted_segment_sum(upstream, rows, count)

    return gather(tf.convert_to_tensor(table))


def add_up(values, rows, count):
    """Adds the i-th row of `values` to row `rows[i]`, none of them -1, of a table of zeros with `count` rows."""

    @tf.custom_gradient
    def scatter(values):
        return tf.math.unsorted_segment_sum(values, rows, count), lambda upstream: tf.gather(upstream, rows)

    return scatter(values)
