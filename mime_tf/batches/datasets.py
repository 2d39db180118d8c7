"""tf.data datasets of padded batches: for `MiME.fit`, `evaluate` and `predict`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from mime_tf.batches.tables import Batch, block_bounds
from mime_tf.data.store import offsets
from mime_tf.splits.split import Part

# Most visits in batches that are cut once and kept because they come again and again; in a cohort of the paper's shape
# each takes 60 bytes. The tensors of a scoring batch take 8 kB beside their values, as much as 128 visits.
VISITS_KEPT, VISITS_OF_TENSORS = 1 << 19, 128
# Most bytes of training windows that are kept: one Dx-object with very many orders makes a whole batch wide.
BYTES_KEPT = 64 << 20
# Most visits in a scoring batch, each patient counted with as many as the longest has; it bounds the memory of scoring.
MOST_VISITS = 2048

INPUTS = {
    "patients": tf.TensorSpec((None,), tf.int32),
    "visits": tf.TensorSpec((None, None), tf.int32),
    "dxobjs": tf.TensorSpec((None, None), tf.int32),
    "dx": tf.TensorSpec((None,), tf.int32),
    "rx": tf.TensorSpec((None, None), tf.int32),
    "pr": tf.TensorSpec((None, None), tf.int32),
}
DAYS = "days"
WITH_DAYS = INPUTS | {DAYS: tf.TensorSpec((None, None), tf.int32)}
ATTRIBUTES = "attributes"


def inputs_of(model: Any) -> dict[str, tf.TensorSpec]:
    """Returns the inputs of a model.

    These are `INPUTS`; `"days"` if it reads the days of visits; and float32 `"attributes"` (B, A) if it takes
    attributes of patients.
    """
    count = getattr(model, "attribute_count", 0)
    tables = WITH_DAYS if getattr(model, "reads_days", False) else INPUTS
    return tables | ({ATTRIBUTES: tf.TensorSpec((None, count), tf.float32)} if count else {})


def training_batches(
    part: Part,
    starts: Sequence[int] | np.ndarray,
    batch_size: int,
    choose_shape: Callable[[dict[str, int]], dict[str, int]] | None = None,
    replicas: int = 1,
) -> tf.data.Dataset:
    """Returns the dataset of the training windows: one batch for each of `starts`, in their order.

    Args:
        part: the training patients, sorted by number of visits.
        starts: integers, the first patient of each window, as `mime_tf.batches.tables.window_starts` draws them.
        batch_size: B, patients in a batch.
        choose_shape: function from the sizes a batch needs to those it gets, such as `mime_tf.batches.shapes.plan`
            returns; by default the two are the same.
        replicas: divide each window into this many batches of equally many patients, one after the other, one for
            each replica of a `tf.distribute` strategy.

    Returns:
        tf.data.Dataset of `(inputs, labels)`: the dict of int32 tensors that `MiME` takes, with the days of visits and
        the attributes of a part that has some; and float32 (B,) or (B, K).

    Raises:
        ValueError: `batch_size` is no multiple of `replicas`.
    """
    if batch_size % replicas:
        raise ValueError(f"`batch_size` must be a multiple of `replicas`. Received: {batch_size=}, {replicas=}")
    share = batch_size // replicas
    starts = (np.asarray(starts, np.int64)[:, np.newaxis] + share * np.arange(replicas)).ravel()
    return _dataset(part, starts, starts + share, choose_shape)


def scoring_batches(part: Part, batch_size: int) -> tf.data.Dataset:
    """Returns the dataset of all patients of `part` once, in order, as many at a time as fit.

    Args:
        part: the patients, sorted by number of visits.
        batch_size: B, the most patients in a batch. Batches of long histories have fewer, so that each has at most
            `MOST_VISITS`, or one patient.

    Returns:
        tf.data.Dataset of `(inputs, labels)` as from `training_batches`.
    """
    bounds = block_bounds(part.visit_counts, batch_size, MOST_VISITS)
    return _dataset(part, bounds[:-1], bounds[1:])


def kept_scoring_batches(part: Part, batch_size: int) -> Iterable[tuple]:
    """Returns `scoring_batches` for a set that is scored again and again: a list of the batches where they are small.

    To cut a small set anew, or to start an iterator, would cost more than to score it.
    """
    batches = scoring_batches(part, batch_size)
    visits = part.visit_counts.sum() + VISITS_OF_TENSORS * len(batches)
    return list(batches) if visits <= VISITS_KEPT else batches


def _dataset(part: Part, starts: np.ndarray, ends: np.ndarray, choose_shape: Callable | None = None) -> tf.data.Dataset:
    """Returns the dataset of one batch for each window of patients from `starts` to before `ends`."""
    labels, inputs = tf.constant(part.labels, tf.uint8), INPUTS if part.store.days is None else WITH_DAYS
    attributes = {} if part.attributes is None else {ATTRIBUTES: tf.constant(part.attributes, tf.float32)}

    def cut(start, end):
        batch = Batch(part.patients(start, end))
        return _pack(batch.tables(choose_shape(batch.size) if choose_shape else None), inputs)

    ends = np.minimum(ends, len(part))
    windows, indices = np.unique(np.stack([starts, ends], axis=1), axis=0, return_inverse=True)
    before = offsets(part.visit_counts)
    visits = np.diff(before[windows]).sum()
    kept = _cut_all(cut, windows) if len(windows) < len(starts) and visits <= VISITS_KEPT else None
    if kept:
        find = _keep(kept)
    else:
        # Not Dataset.from_generator: after it every call of TensorFlow took 1 ms more (2.21, CPU).
        def find(index, start, end):
            return tf.ensure_shape(tf.numpy_function(cut, [start, end], tf.int32, stateful=False), [None])

    @tf.autograph.experimental.do_not_convert
    def tensors(index, start, end):
        beside = {name: values[start:end] for name, values in attributes.items()}
        return _unpack(find(index, start, end), inputs) | beside, tf.cast(labels[start:end], tf.float32)

    options = tf.data.Options()
    # With autotuning, dropping the iterator blocks for as long as it has run, up to a minute (TensorFlow 2.21).
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_tensor_slices((indices.reshape(-1), starts, ends)).map(tensors)
    return dataset.prefetch(4).with_options(options)


def _cut_all(cut: Callable, windows: np.ndarray) -> list[np.ndarray] | None:
    """Returns the packed batches of all windows, or None where they take more than `BYTES_KEPT`."""
    packed: list[np.ndarray] = []
    taken = 0
    for start, end in windows:
        packed.append(cut(start, end))
        taken += packed[-1].nbytes
        if taken > BYTES_KEPT:
            return None
    return packed


def _keep(packed: list[np.ndarray]) -> Callable:
    """Returns a function that gives the packed batches back by their index, without going through Python."""
    bounds = tf.constant(offsets([len(vector) for vector in packed]))
    values = tf.constant(np.concatenate(packed))
    return lambda index, start, end: values[bounds[index] : bounds[index + 1]]


def _pack(batch: dict[str, np.ndarray], inputs: dict[str, tf.TensorSpec]) -> np.ndarray:
    """Returns the tables of a batch as one int32 vector, sizes and shapes first: one array crosses from Python."""
    tables = [batch[name] for name in inputs]
    sizes = [table.size for table in tables]
    shapes = [length for table in tables for length in table.shape]
    return np.concatenate([np.array(sizes + shapes, np.int32), *(table.ravel() for table in tables)])


def _unpack(packed: tf.Tensor, inputs: dict[str, tf.TensorSpec]) -> dict[str, tf.Tensor]:
    """Returns the dict of tables that `_pack` packed."""
    ranks = [spec.shape.rank for spec in inputs.values()]
    head, body = tf.split(packed, [len(ranks) + sum(ranks), -1])
    sizes, *shapes = tf.split(head, [len(ranks), *ranks])
    tables = tf.split(body, sizes, num=len(ranks))
    return {name: tf.reshape(*pair) for name, *pair in zip(inputs, tables, shapes, strict=True)}
