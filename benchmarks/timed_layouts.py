"""A bare step of the packed and of the dense model, timed over the same windows of patients."""

import statistics
import time

import keras
import numpy as np
import tensorflow as tf

from benchmarks.child import peak_gb
from benchmarks.dense_model import DenseMiME, dense_batch
from benchmarks.paper_cohort import SLOTS
from benchmarks.timed_training import config_of
from mime_tf import pipeline, records
from mime_tf.building import build_model
from mime_tf.config import SIZE_NAMES
from mime_tf.losses import LogLoss
from mime_tf.training.splits import Splits

LAYOUTS = ("packed", "dense")


def time_layout(prefix, settings, layout, windows, repeats):
    """Times updates on a few training windows, from the shortest patients to the longest, whose batches are cut before.

    Args:
        prefix: of the cohort.
        settings: keyword arguments of `TrainConfig`, all sizes among them. `jit_compile` is for the packed model: the
            dense one would have to be compiled for each length.
        layout: one of `LAYOUTS`.
        windows: how many windows, spread evenly over the training patients.
        repeats: updates on each window that are timed, after one that is not; their median counts.

    Returns:
        Dict: `"ms_per_step"`, the mean over the windows; `"longest"`, the most visits in each window; `"window_ms"`, of
        each window; `"peak_gb"`.
    """
    config = config_of(settings)
    splits = Splits(config, *records.read(prefix))
    part = splits.make(config.split_seeds[0]).train
    last = len(part) - config.batch_size
    starts = ((np.arange(windows) + 0.5) / windows * last).astype(int)
    make = _packed if layout == "packed" else _dense
    step, batches = make(config, splits, part, starts)
    milliseconds = [_median_ms(step, batch, repeats) for batch in batches]
    counts = part.store.visit_counts[part.rows]
    return {
        "ms_per_step": statistics.mean(milliseconds),
        "longest": [int(counts[start : start + config.batch_size].max()) for start in starts],
        "window_ms": milliseconds,
        "peak_gb": peak_gb(),
    }


def _packed(config, splits, part, starts):
    """The step of the packed model, and its batches of the windows."""
    compiles = config.jit_compile == "on"
    model = build_model(config, {name: getattr(config, name) for name in SIZE_NAMES})
    model.compile(_adam(config), loss=LogLoss(), jit_compile=compiles)
    shapes = splits.training_shapes() if compiles else None
    return (
        tf.function(model.train_step, reduce_retracing=True, jit_compile=compiles),
        pipeline.training_batches(part, starts, config.batch_size, shapes),
    )


def _dense(config, splits, part, starts):
    """The step of the dense model, and its batches of the windows."""
    model = DenseMiME(
        config.num_dx,
        config.num_rx,
        config.num_pr,
        config.dx_emb_size,
        config.dxobj_emb_size,
        config.rnn_size,
        config.regularize,
        config.aux_lambda,
    )
    model.compile(_adam(config))
    ends = starts + config.batch_size
    batches = (
        tf.nest.map_structure(
            tf.constant, (dense_batch(part.patients(start, end), SLOTS), part.labels[start:end].astype(np.float32))
        )
        for start, end in zip(starts, ends, strict=True)
    )
    return tf.function(model.train_step, reduce_retracing=True), batches


def _adam(config):
    return keras.optimizers.Adam(config.learning_rate, epsilon=1e-8)


def _median_ms(step, batch, repeats):
    """The median duration of a step on a batch, the first one, which may be traced and compiled, left out."""
    seconds = []
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        tf.nest.map_structure(lambda value: value.numpy(), step(batch))
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds[1:]) * 1000
