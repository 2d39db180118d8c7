"""Durations, each between two readings of the yardstick, because a shared machine is not equally fast for long."""

import statistics
import time

from benchmarks.child import gflops


class Laps:
    """A stopwatch that pauses while the yardstick is read, at its start and after each lap.

    Args:
        read: function that returns GFLOP/s.
        now: function that returns seconds.

    Attributes:
        seconds: duration of each lap.
        readings: GFLOP/s, one more than laps.
    """

    def __init__(self, read=gflops, now=time.perf_counter):
        self._read, self._now = read, now
        self.seconds, self.readings = [], [read()]
        self._since = now()

    def lap(self):
        """Ends a lap and begins the next one."""
        self.seconds.append(self._now() - self._since)
        self.readings.append(self._read())
        self._since = self._now()

    def gflops(self):
        """Returns GFLOP/s of each lap: the mean of the readings before and after it."""
        return [(before + after) / 2 for before, after in zip(self.readings, self.readings[1:], strict=False)]

    def costs(self):
        """Returns the cost of each lap in GFLOP-equivalents: the work that the yardstick would have done meanwhile."""
        return [seconds * gflops for seconds, gflops in zip(self.seconds, self.gflops(), strict=True)]

    def summary(self, first=0):
        """Sums up the laps from `first` on.

        Returns:
            Dict: the medians `"seconds"` and `"cost"` of a lap, and `"gflops"`, the lowest and the highest reading.
        """
        readings = self.readings[first:]
        return {
            "seconds": statistics.median(self.seconds[first:]),
            "cost": statistics.median(self.costs()[first:]),
            "gflops": [min(readings), max(readings)],
        }
