"""The machine that a benchmark ran on, and the yardstick that makes two machines comparable."""

import datetime
import os
import platform
import time

import numpy as np

from mime_tf.runs.versions import versions

SIZE = 2048


def gflops(repeats):
    """Times a float32 matrix product of `SIZE` in NumPy.

    The fastest of several is taken, because other programs can only slow a product down.

    Args:
        repeats: number of products.

    Returns:
        GFLOP/s of the fastest.
    """
    matrix = np.random.default_rng(0).random((SIZE, SIZE), np.float32)
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - begun)
    return 2 * SIZE**3 / min(seconds) / 1e9


class Others:
    """Share of the machine that other programs took while this one, with the processes it waited for, worked."""

    def __init__(self):
        self._begun, self._busy, self._own = time.monotonic(), _busy_seconds(), _own_seconds()

    def share(self):
        """Returns the share of all cores' time since this was made, from 0 to 1, or None if the system does not say."""
        if self._busy is None:
            return None
        theirs = (_busy_seconds() - self._busy) - (_own_seconds() - self._own)
        return max(theirs, 0.0) / (os.cpu_count() * (time.monotonic() - self._begun))


def _busy_seconds():
    """Seconds that all cores together have worked since the system started, for any program; or None."""
    try:
        with open("/proc/stat", encoding="utf-8") as file:
            user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    except OSError:
        return None
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own_seconds():
    """Seconds that they have worked for this process and for those it has waited for."""
    return sum(os.times()[:4])


def description():
    """Returns the circumstances of a measurement: a dict of the date, the machine and the versions."""
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": {"cpu": _cpu(), "cores": _cores(), "memory_gb": _memory_gb(), "system": platform.platform()},
        "versions": versions(),
    }


def _cpu():
    """The processor's model name, as far as the system says."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def _cores():
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _memory_gb():
    """The machine's memory in GB, or None if the system does not say."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, OSError, ValueError):
        return None
