"""Times a step of training from outside: a whole run of `mime_tf.training.train`, which reports its evaluations."""

import csv
import math
import pathlib
import tempfile
import time

from benchmarks.child import peak_gb
from benchmarks.laps import Laps
from mime_tf.config import TrainConfig
from mime_tf.data.cohort import Cohort
from mime_tf.terminal.console import Console
from mime_tf.training import train
from mime_tf.training.plan import Plan


class LapConsole(Console):
    """A console that drops results and ends a lap after a number of evaluations.

    Args:
        laps: `Laps`.
        evaluations: number of evaluations in a lap.
    """

    def __init__(self, laps, evaluations):
        super().__init__(period=10.0)
        self._laps, self._evaluations = laps, evaluations
        self._reported = 0

    def line(self, text):
        self._reported += text.startswith("round:")
        if text.startswith("round:") and self._reported % self._evaluations == 0:
            self._laps.lap()


def config_of(settings):
    """Returns the `TrainConfig` of settings that come from JSON, where tuples are lists."""
    return TrainConfig(**{name: tuple(value) if name == "split_seeds" else value for name, value in settings.items()})


def steady_and_start(laps, steps_per_lap):
    """Separates the steady rate of a run from its start.

    Args:
        laps: `Laps`, of which the first began with the run.
        steps_per_lap: updates in each; the first has one more.

    Returns:
        Dict: `"ms_per_step"`, `"cost"` and `"gflops"` of the steady state, medians over the later half of the laps; and
        `"start_s"`, the time of the earlier half beyond that of its steps at this cost and its GFLOP/s.
    """
    middle = len(laps.seconds) // 2
    steady = laps.summary(middle)
    cost = steady["cost"] / steps_per_lap
    steps = [steps_per_lap + (lap == 0) for lap in range(middle)]
    at_steady_cost = [count * cost / gflops for count, gflops in zip(steps, laps.gflops(), strict=False)]
    return {
        "ms_per_step": steady["seconds"] / steps_per_lap * 1000,
        "cost": cost,
        "gflops": steady["gflops"],
        "start_s": sum(laps.seconds[:middle]) - sum(at_steady_cost),
    }


def time_training(prefix, settings, evaluations=1):
    """Trains on a cohort and returns the times.

    Args:
        prefix: prefix of the cohort, or its Parquet file.
        settings: keyword arguments of `TrainConfig`: one split, and two laps or more.
        evaluations: number of evaluations in a lap: several if they follow each other fast, because the run saves its
            state every few seconds, and a reading of the yardstick takes seconds that no step takes.

    Returns:
        Dict: the items of `steady_and_start`; `"peak_gb"`; `"read_s"` and `"split_s"`, reading and splitting once more
        by themselves; `"lap_s"` and `"lap_gflops"` of each lap.
    """
    config, laps = config_of(settings), Laps()
    with tempfile.TemporaryDirectory() as folder:
        train(config, prefix, f"{folder}/", f"{folder}/log", console=LapConsole(laps, evaluations))
        require_finite(pathlib.Path(folder) / f"r{config.random_seed}s{config.split_seeds[0]}" / "history.csv")
    return {
        **steady_and_start(laps, config.eval_period * evaluations),
        "peak_gb": peak_gb(),
        **_reading(config, prefix),
        "lap_s": laps.seconds,
        "lap_gflops": laps.gflops(),
    }


def require_finite(history):
    """Raises ValueError unless every loss in a `history.csv` is finite, because NaNs take another time."""
    with open(history, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for name, value in row.items():
                if "loss" in name and not math.isfinite(float(value or "nan")):
                    raise ValueError(f"{name} was {value or 'nan'} at iteration {row['iteration']}: nothing to time")


def _reading(config, prefix):
    """The time of reading the cohort, and of splitting it once."""
    begun = time.perf_counter()
    cohort = Cohort.open(prefix)
    read = time.perf_counter()
    plan = Plan(config, cohort.store, cohort.labels)
    made = time.perf_counter()
    plan.make(config.split_seeds[0])
    return {"read_s": read - begun, "split_s": time.perf_counter() - made}
