"""A bare step of the packed and of the dense model, timed over the same windows of patients."""

import statistics

import numpy as np
import tensorflow as tf

from benchmarks.child import peak_gb
from benchmarks.dense_model import DenseMiME, dense_batch
from benchmarks.laps import Laps
from benchmarks.paper_cohort import SLOTS
from benchmarks.timed_training import config_of
from mime_tf.batches import datasets
from mime_tf.config import SIZE_NAMES
from mime_tf.data import pickled
from mime_tf.losses import LogLoss
from mime_tf.optimizer import FusedAdam
from mime_tf.training.build import build_model
from mime_tf.training.plan import Plan

LAYOUTS = ("packed", "dense")


def time_layout(prefix, settings, layout, windows, repeats, steps):
    """Times updates on a few training windows, from the shortest patients to the longest, with batches made beforehand.

    Args:
        prefix: prefix of the cohort.
        settings: keyword arguments of `TrainConfig`, all sizes among them. `jit_compile` "on" is for the packed model:
            the dense one would have to be compiled for each length.
        layout: one of `LAYOUTS`.
        windows: number of windows, spread evenly over the training patients.
        repeats: laps on each window; their median counts.
        steps: updates in a lap.

    Returns:
        Dict: `"ms_per_step"` and `"cost"` of a step, means over the windows; `"gflops"`, the lowest and the highest
        reading; `"longest"`, the most visits in each window; `"window_cost"`, cost in each window; `"peak_gb"`.
    """
    config = config_of(settings)
    plan = Plan(config, *pickled.read(prefix))
    part = plan.make(config.split_seeds[0]).train
    last = len(part) - config.batch_size
    starts = ((np.arange(windows) + 0.5) / windows * last).astype(int)
    make = _packed if layout == "packed" else _dense
    step, batches = make(config, plan, part, starts)
    timed = [_timed(step, batch, repeats, steps) for batch in batches]
    counts = part.store.visit_counts[part.rows]
    readings = [reading for of_window in timed for reading in of_window["gflops"]]
    return {
        "ms_per_step": statistics.mean(of_window["seconds"] for of_window in timed) / steps * 1000,
        "cost": statistics.mean(of_window["cost"] for of_window in timed) / steps,
        "gflops": [min(readings), max(readings)],
        "longest": [int(counts[start : start + config.batch_size].max()) for start in starts],
        "window_cost": [of_window["cost"] / steps for of_window in timed],
        "peak_gb": peak_gb(),
    }


def _packed(config, plan, part, starts):
    """The step of the packed model, and its batches of the windows."""
    compiles = config.jit_compile == "on"
    model = build_model(config, {name: getattr(config, name) for name in SIZE_NAMES})
    model.compile(_adam(config), loss=LogLoss(), jit_compile=compiles)
    shapes = plan.training_shapes() if compiles else None
    return (
        tf.function(model.train_step, reduce_retracing=True, jit_compile=compiles),
        datasets.training_batches(part, starts, config.batch_size, shapes),
    )


def _dense(config, plan, part, starts):
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
    return FusedAdam(config.learning_rate)


def _timed(step, batch, repeats, steps):
    """Sums up laps of steps on a batch, after a first step, which traces and compiles."""
    _finish(step(batch))
    laps = Laps()
    for _ in range(repeats):
        for _ in range(steps):
            _finish(step(batch))
        laps.lap()
    return laps.summary()


def _finish(results):
    """Waits for the results of a step; raises ValueError if a loss is not finite, because NaNs take another time."""
    values = tf.nest.map_structure(lambda value: value.numpy(), results)
    for name, value in values.items():
        if not np.all(np.isfinite(value)):
            raise ValueError(f"{name} was {value} after a step: nothing to time")
