"""A step of training, timed from outside: a whole run of `mime_tf.training.train`, which tells when it evaluates."""

import itertools
import statistics
import tempfile
import time

from benchmarks.child import peak_gb
from mime_tf import records
from mime_tf.config import TrainConfig
from mime_tf.console import Console
from mime_tf.training import train
from mime_tf.training.splits import Splits


class Clock(Console):
    """A console that keeps results to itself and notes when each evaluation was told.

    Attributes:
        begun: when it was made, in seconds.
        times: when each line of an evaluation came.
    """

    def __init__(self):
        super().__init__(period=10.0)
        self.begun, self.times = time.perf_counter(), []

    def line(self, text):
        if text.startswith("round:"):
            self.times.append(time.perf_counter())


def config_of(settings):
    """Returns the `TrainConfig` of settings that were JSON on the way here."""
    return TrainConfig(**{name: tuple(value) if name == "split_seeds" else value for name, value in settings.items()})


def steady_and_start(begun, times, eval_period):
    """Tells the steady rate of a run from what it took to get there.

    Args:
        begun: when the run began, in seconds.
        times: when each evaluation was told; the n-th comes after n periods and one update.
        eval_period: updates from one to the next.

    Returns:
        Seconds a step in the steady state, the median over the later half of the periods; and what the run took up to
        the middle beyond what so many steps take at that rate.
    """
    middle = len(times) // 2
    periods = [after - before for before, after in itertools.pairwise(times[middle - 1 :])]
    step = statistics.median(periods) / eval_period
    return step, times[middle - 1] - begun - (middle * eval_period + 1) * step


def time_training(prefix, settings):
    """Trains on a cohort and says how long that took.

    Args:
        prefix: of the cohort.
        settings: keyword arguments of `TrainConfig`: one split, and four evaluations or more.

    Returns:
        Dict: `"ms_per_step"`, steady, with everything that `train` does in it; `"start_s"`, what came before the steady
        state and beyond it: reading, splitting, planning shapes, building, tracing and compiling; `"peak_gb"`;
        `"read_s"` and `"split_s"`, once more by themselves; `"round_s"`, when each evaluation was told.
    """
    config, clock = config_of(settings), Clock()
    with tempfile.TemporaryDirectory() as folder:
        train(config, prefix, f"{folder}/", f"{folder}/log", console=clock)
    step, start = steady_and_start(clock.begun, clock.times, config.eval_period)
    return {
        "ms_per_step": step * 1000,
        "start_s": start,
        "peak_gb": peak_gb(),
        **_reading(config, prefix),
        "round_s": [moment - clock.begun for moment in clock.times],
    }


def _reading(config, prefix):
    """How long the cohort takes to be read, and to be split once."""
    begun = time.perf_counter()
    store, labels = records.read(prefix)
    read = time.perf_counter()
    Splits(config, store, labels).make(config.split_seeds[0])
    return {"read_s": read - begun, "split_s": (time.perf_counter() - read) / 2}
