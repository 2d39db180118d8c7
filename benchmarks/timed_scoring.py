"""Scoring, timed: how many patients a second a model that is not trained gives probabilities to."""

import numpy as np

from benchmarks.child import peak_gb
from benchmarks.laps import Laps
from benchmarks.timed_training import config_of
from mime_tf.batches import datasets
from mime_tf.data import pickled, sizes
from mime_tf.scoring.scorer import Scorer
from mime_tf.training.build import build_model
from mime_tf.training.plan import Plan

# Scorings in a lap: after a reading of the yardstick caches are cold, and NumPy's threads spin for a while.
A_LAP = 4


def time_scoring(prefix, settings, repeats):
    """Scores the validation set of a cohort again and again, in batches of `eval_batch_size`.

    Args:
        prefix: of the cohort.
        settings: keyword arguments of `TrainConfig`, with one split.
        repeats: how many laps of `A_LAP` scorings; the median counts.

    Returns:
        Dict: `"kept"`, for batches that were cut before, as training scores a small set, and `"cut"`, with the batches
        cut anew each time: each a dict of `"per_s"`, patients a second, of `"cost"` a patient, and of `"gflops"`.
        `"patients"`, how many the set has, and `"peak_gb"`.
    """
    config = config_of(settings)
    store, labels = pickled.read(prefix)
    plan = Plan(config, store, labels)
    given = {name: getattr(config, name) for name in sizes.SIZE_NAMES}
    model = build_model(config, sizes.resolve(store, given, prefix))
    scorer = Scorer(model)
    part = plan.make(config.split_seeds[0]).valid

    def cut():
        return datasets.scoring_batches(part, config.eval_batch_size)

    kept = list(cut())
    if not np.isfinite(scorer(kept)).all():
        raise ValueError("some probabilities are not numbers: nothing to time")
    return {
        "kept": _timed(lambda: scorer(kept), repeats, len(part)),
        "cut": _timed(lambda: scorer(cut()), repeats, len(part)),
        "patients": len(part),
        "peak_gb": peak_gb(),
    }


def _timed(function, repeats, patients):
    laps = Laps()
    for _ in range(repeats):
        for _ in range(A_LAP):
            function()
        laps.lap()
    summary, patients = laps.summary(), A_LAP * patients
    return {"per_s": patients / summary["seconds"], "cost": summary["cost"] / patients, "gflops": summary["gflops"]}
