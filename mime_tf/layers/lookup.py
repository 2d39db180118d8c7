"""Reading rows of a table through padded references: how each level of MiME points into the one below."""

import tensorflow as tf


def look_up(table, references):
    """Returns the rows of `table` that `references` name, and zeros where a reference is -1.

    Args:
        table: float tensor of shape (rows, width).
        references: integer tensor of any shape, -1 or a row of `table`.

    Returns:
        Tensor of shape (*references.shape, width).
    """
    rows = tf.gather(table, tf.maximum(references, 0))
    return rows * tf.cast(references >= 0, table.dtype)[..., tf.newaxis]


def look_up_sum(table, references):
    """Returns the sum of the rows that the last axis of `references` names; see `look_up`.

    Returns:
        Tensor of shape (*references.shape[:-1], width).
    """
    return tf.reduce_sum(look_up(table, references), axis=-2)
