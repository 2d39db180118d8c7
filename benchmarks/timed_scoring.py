"""Scoring, timed: how many patients a second a model that is not trained gives probabilities to."""

import statistics
import time

from benchmarks.child import peak_gb
from benchmarks.timed_training import config_of
from mime_tf import evaluation, pipeline, records, sizes
from mime_tf.building import build_model
from mime_tf.training.splits import Splits


def time_scoring(prefix, settings, repeats):
    """Scores the validation set of a cohort again and again, in batches of the shapes that training plans.

    Args:
        prefix: of the cohort.
        settings: keyword arguments of `TrainConfig`, with one split.
        repeats: how often; the median counts.

    Returns:
        Dict: `"patients"`, how many the set has; `"kept_per_s"`, patients a second from batches that were cut before,
        as training scores a small set; `"cut_per_s"`, the same with the batches cut anew each time; `"peak_gb"`.
    """
    config = config_of(settings)
    store, labels = records.read(prefix)
    splits = Splits(config, store, labels)
    given = {name: getattr(config, name) for name in sizes.SIZE_NAMES}
    model = build_model(config, sizes.resolve(store, given, prefix))
    scorer = evaluation.Scorer(model, config.jit_compile == "on")
    part = splits.make(config.split_seeds[0]).valid
    shapes = splits.scoring_shapes() if config.jit_compile == "on" else None

    def cut():
        return pipeline.scoring_batches(part, config.eval_batch_size, shapes)

    kept = list(cut())
    scorer(kept)
    return {
        "patients": len(part),
        "kept_per_s": len(part) / _median_seconds(lambda: scorer(kept), repeats),
        "cut_per_s": len(part) / _median_seconds(lambda: scorer(cut()), repeats),
        "peak_gb": peak_gb(),
    }


def _median_seconds(function, repeats):
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)
