"""tf.data datasets of padded batches: for `MiME.fit`, `evaluate` and `predict`."""

import numpy as np
import tensorflow as tf

from mime_tf import batching

INPUTS = {
    "visits": tf.TensorSpec((None, None), tf.int32),
    "dxobjs": tf.TensorSpec((None, None), tf.int32),
    "dx": tf.TensorSpec((None,), tf.int32),
    "rx": tf.TensorSpec((None, None), tf.int32),
    "pr": tf.TensorSpec((None, None), tf.int32),
}


def training_batches(part, starts, batch_size, choose_shape=None):
    """Returns the dataset of the training windows: one batch for each of `starts`, in their order.

    Args:
        part: `mime_tf.cohort.Part`, the training patients, sorted by number of visits.
        starts: integers, the first patient of each window, as `mime_tf.batching.window_starts` draws them.
        batch_size: B, patients in a batch.
        choose_shape: see `mime_tf.batching.Batcher.batch`.

    Returns:
        tf.data.Dataset of `(inputs, labels)`: the dict of int32 tensors that `MiME` takes, and float32 (B,).
    """
    return _dataset(part, lambda: batching.windows(starts, batch_size), len(starts), choose_shape)


def scoring_batches(part, batch_size):
    """Returns the dataset of all patients of `part` once, in order, `batch_size` at a time, the last batch shorter.

    Args:
        part: `mime_tf.cohort.Part`.
        batch_size: B, patients in a batch.

    Returns:
        tf.data.Dataset of `(inputs, labels)` as from `training_batches`.
    """
    count = -(-len(part) // batch_size)
    return _dataset(part, lambda: batching.chunks(len(part), batch_size), count)


def _dataset(part, groups, count, choose_shape=None):
    batcher = batching.Batcher(part.store)
    labels = part.labels.astype(np.float32)

    def generate():
        for rows in groups():
            yield batcher.batch(rows, choose_shape), labels[rows]

    dataset = tf.data.Dataset.from_generator(generate, output_signature=(INPUTS, tf.TensorSpec((None,), tf.float32)))
    return dataset.apply(tf.data.experimental.assert_cardinality(count)).prefetch(4)
