"""Times a step of `TorchMiME`, and holds its loss to that of `MiME`."""

import dataclasses

import numpy as np
import torch

from benchmarks.child import peak_gb
from benchmarks.laps import Laps
from benchmarks.torch_model import TorchMiME, flat_batch
from mime_tf.config import TrainConfig
from mime_tf.data import pickled, sizes
from mime_tf.training.plan import Plan


def time_torch(prefix, settings, laps, steps):
    """Times steps on the batches that training draws, each with the making of its batch, and without evaluations.

    Args:
        prefix: prefix of the cohort.
        settings: keyword arguments of `TrainConfig`, with one split.
        laps: number of laps, of which the later half counts.
        steps: updates in a lap.

    Returns:
        Dict: `"ms_per_step"`, `"cost"` and `"gflops"`, medians over the later half of the laps; `"peak_gb"`; and
        `"lap_s"` of each lap.
    """
    config, part, resolved, starts = _planned(prefix, settings)
    model = _model(config, resolved)
    adam = torch.optim.Adam(model.parameters(), config.learning_rate, eps=1e-8, fused=True)
    starts, size, timed = iter(np.resize(starts, laps * steps)), config.batch_size, Laps()
    for _ in range(laps):
        for _ in range(steps):
            start = next(starts)
            loss = model(flat_batch(part.patients(start, start + size), part.labels[start : start + size]))
            adam.zero_grad()
            loss.backward()
            adam.step()
        if not np.isfinite(loss.item()):
            raise ValueError(f"loss was {loss.item()} after a step: nothing to time")
        timed.lap()
    steady = timed.summary(laps // 2)
    return {
        "ms_per_step": steady["seconds"] / steps * 1000,
        "cost": steady["cost"] / steps,
        "gflops": steady["gflops"],
        "peak_gb": peak_gb(),
        "lap_s": timed.seconds,
    }


def compare(prefix, settings, windows=3):
    """Compares the losses of the two models, of equal weights, on a few windows of training patients.

    Args:
        prefix: prefix of the cohort.
        settings: keyword arguments of `TrainConfig`, with one split.
        windows: number of windows.

    Returns:
        Dict: `"losses"`, the pairs.

    Raises:
        ValueError: they differ by more than a hundred-thousandth.
    """
    from mime_tf.batches import datasets
    from mime_tf.losses import LogLoss
    from mime_tf.training.build import build_model

    config, part, resolved, starts = _planned(prefix, settings)
    ours = build_model(dataclasses.replace(config, rnn_cell="gru"), resolved)
    ours.compile(loss=LogLoss())
    theirs = _model(config, resolved)
    theirs.take(ours)
    losses, size = [], config.batch_size
    for start, (inputs, labels) in zip(
        starts[:windows], datasets.training_batches(part, starts[:windows], size), strict=True
    ):
        batch = flat_batch(part.patients(start, start + size), part.labels[start : start + size])
        losses.append([float(ours.compute_loss(inputs, labels, ours(inputs))), theirs(batch).item()])
    if not np.allclose(*np.transpose(losses), rtol=1e-5, atol=0):
        raise ValueError(f"the losses of MiME and of PyTorch's differ: {losses}")
    return {"losses": losses}


def _planned(prefix, settings):
    """Returns the configuration, the training patients, the resolved sizes, and the starts of the windows."""
    config = TrainConfig(**{name: tuple(value) if name == "split_seeds" else value for name, value in settings.items()})
    store, labels = pickled.read(prefix)
    plan = Plan(config, store, labels)
    resolved = sizes.resolve(store, {name: getattr(config, name) for name in sizes.SIZE_NAMES}, prefix)
    return config, plan.splits[config.split_seeds[0]].train, resolved, plan.starts[0]


def _model(config, resolved):
    torch.manual_seed(0)
    return TorchMiME(
        **{name: resolved[name] for name in ("num_dx", "num_rx", "num_pr", "max_dx_per_visit")},
        emb_size=config.dx_emb_size,
        dxobj_emb_size=config.dxobj_emb_size,
        rnn_size=config.rnn_size,
        regularize=config.regularize,
        aux_lambda=config.aux_lambda,
    )
