"""Where the codes and linked pairs of a batch occur, and their ancestors, for `CodeRegression`."""

import tensorflow as tf

from mime_tf.layers.lookup import drop_padding

CODES = 2**31  # codes are int32; a key is one of mime_tf.regression.columns
IN_PAIRS = 4  # ancestors of a code that make pairs, the nearest first, as in mime_tf.regression.lineage


def occurrences(inputs, above=None):
    """Returns the occurrences of the codes and linked pairs of a batch, and of their ancestors.

    Args:
        inputs: dict of the tables of a batch, of `mime_tf.batches.tables`.
        above: `mime_tf.layers.code_ancestors.CodeAncestors`, or None.

    Returns:
        Three int64 vectors: the history, the visit counted from the last as 1, and the key. And a fourth, int32: the
        days from the visit to the prediction time, or None where the batch has no days.
    """
    visits = inputs["visits"]
    lengths = tf.reduce_sum(tf.cast(visits >= 0, tf.int64), axis=1)
    at = tf.where(visits >= 0)
    history, from_end = at[:, 0], tf.gather(lengths, at[:, 0]) - at[:, 1]
    days = tf.gather_nd(inputs["days"], at) if "days" in inputs else None
    dxobjects, visit = drop_padding(tf.gather(inputs["dxobjs"], tf.gather_nd(visits, at)))
    history, from_end = tf.gather(history, visit), tf.gather(from_end, visit)
    dx = tf.cast(tf.gather(inputs["dx"], dxobjects), tf.int64)
    positions, numbers = _expanded(above, "dx", dx)
    owners, keys = [positions], [-1 - numbers]
    for number, kind in enumerate(("rx", "pr")):
        codes, owner = drop_padding(tf.gather(inputs[kind], dxobjects))
        codes = tf.cast(codes, tf.int64)
        positions, numbers = _expanded(above, kind, codes)
        owners.append(tf.gather(owner, positions))
        keys.append(-1 - ((number + 1) * CODES + numbers))
        positions, diagnoses = _expanded(above, "dx", tf.gather(dx, owner), IN_PAIRS)
        again, orders = _expanded(above, kind, tf.gather(codes, positions), IN_PAIRS)
        owners.append(tf.gather(owner, tf.gather(positions, again)))
        keys.append((tf.gather(diagnoses, again) * 2 + number) * CODES + orders)
    owner = tf.concat(owners, axis=0)
    days = None if days is None else tf.gather(tf.gather(days, visit), owner)
    return tf.gather(history, owner), tf.gather(from_end, owner), tf.concat(keys, axis=0), days


def _expanded(above, kind, codes, most=None):
    """Returns positions in `codes`, and the numbers of the codes and, with a layer of them, of their ancestors."""
    return (tf.range(tf.size(codes, tf.int64)), codes) if above is None else above.expand(kind, codes, most)
