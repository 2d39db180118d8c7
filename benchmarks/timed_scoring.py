"""Times scoring: the patients per second that an untrained model gives probabilities to."""

import numpy as np

from benchmarks.child import peak_gb
from benchmarks.laps import Laps
from benchmarks.timed_training import config_of
from mime_tf.batches import datasets
from mime_tf.data import pickled, sizes
from mime_tf.scoring.scorer import Scorer
from mime_tf.training.build import build_model
from mime_tf.training.plan import Plan

# More than one, because after a reading of the yardstick caches are cold, and NumPy's threads spin for a while.
SCORINGS_PER_LAP = 4


def time_scoring(prefix, settings, repeats):
    """Scores the validation set of a cohort again and again, in batches of `eval_batch_size`.

    Args:
        prefix: prefix of the cohort.
        settings: keyword arguments of `TrainConfig`, with one split.
        repeats: number of laps of `SCORINGS_PER_LAP` scorings; their median counts.

    Returns:
        Dict: `"kept"`, with batches made beforehand, as training scores a small set, and `"cut"`, with batches made
        anew each time: each a dict of `"per_s"`, patients per second, `"cost"` per patient, and `"gflops"`.
        `"patients"`, the number in the set, and `"peak_gb"`.
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
        for _ in range(SCORINGS_PER_LAP):
            function()
        laps.lap()
    summary, patients = laps.summary(), SCORINGS_PER_LAP * patients
    return {"per_s": patients / summary["seconds"], "cost": summary["cost"] / patients, "gflops": summary["gflops"]}
