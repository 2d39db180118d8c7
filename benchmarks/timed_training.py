"""A step of training, timed from outside: a whole run of `mime_tf.training.train`, which tells when it evaluates."""

import tempfile
import time

from benchmarks.child import peak_gb
from benchmarks.laps import Laps
from mime_tf import records
from mime_tf.config import TrainConfig
from mime_tf.console import Console
from mime_tf.training import train
from mime_tf.training.splits import Splits


class LapConsole(Console):
    """A console that keeps results to itself and ends a lap when an evaluation is told.

    Args:
        laps: `Laps`.
    """

    def __init__(self, laps):
        super().__init__(period=10.0)
        self._laps = laps

    def line(self, text):
        if text.startswith("round:"):
            self._laps.lap()


def config_of(settings):
    """Returns the `TrainConfig` of settings that were JSON on the way here."""
    return TrainConfig(**{name: tuple(value) if name == "split_seeds" else value for name, value in settings.items()})


def steady_and_start(laps, eval_period):
    """Tells the steady rate of a run from what it took to get there.

    Args:
        laps: `Laps`, one for each evaluation; the first began with the run.
        eval_period: updates between evaluations. Before the first there is one more.

    Returns:
        Dict: `"ms_per_step"`, `"cost"` and `"gflops"` of the steady state, medians over the later half of the laps; and
        `"start_s"`, what the earlier half took beyond what so many steps take at that cost and its GFLOP/s.
    """
    middle = len(laps.seconds) // 2
    steady = laps.summary(middle)
    cost = steady["cost"] / eval_period
    steps = [eval_period + (lap == 0) for lap in range(middle)]
    at_steady_cost = [count * cost / gflops for count, gflops in zip(steps, laps.gflops(), strict=False)]
    return {
        "ms_per_step": steady["seconds"] / eval_period * 1000,
        "cost": cost,
        "gflops": steady["gflops"],
        "start_s": sum(laps.seconds[:middle]) - sum(at_steady_cost),
    }


def time_training(prefix, settings):
    """Trains on a cohort and says how long that took.

    Args:
        prefix: of the cohort.
        settings: keyword arguments of `TrainConfig`: one split, and two evaluations or more.

    Returns:
        Dict: what `steady_and_start` returns; `"peak_gb"`; `"read_s"` and `"split_s"`, once more by themselves;
        `"lap_s"` and `"lap_gflops"`, of each evaluation period.
    """
    config, laps = config_of(settings), Laps()
    with tempfile.TemporaryDirectory() as folder:
        train(config, prefix, f"{folder}/", f"{folder}/log", console=LapConsole(laps))
    return {
        **steady_and_start(laps, config.eval_period),
        "peak_gb": peak_gb(),
        **_reading(config, prefix),
        "lap_s": laps.seconds,
        "lap_gflops": laps.gflops(),
    }


def _reading(config, prefix):
    """How long the cohort takes to be read, and to be split once."""
    begun = time.perf_counter()
    store, labels = records.read(prefix)
    read = time.perf_counter()
    splits = Splits(config, store, labels)
    made = time.perf_counter()
    splits.make(config.split_seeds[0])
    return {"read_s": read - begun, "split_s": time.perf_counter() - made}
