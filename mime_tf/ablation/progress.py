"""How far an ablation is: one line for all of its runs."""

import time


class Progress:
    """Stands in for the `Console` of the runs; what they print is in their logs.

    Args:
        console: `mime_tf.terminal.console.Console`, shared by all runs.
        runs: how many runs there are.
        evaluations: how many evaluations each of them has, over all of its splits.
    """

    def __init__(self, console, runs, evaluations):
        self._console, self._runs, self._evaluations = console, runs, evaluations
        self._run, self._name = -1, ""
        self._done = self._seen = 0
        self._said = set()
        self._started = time.monotonic()

    def start(self, name):
        """Tells that the next run begins."""
        self._run, self._name = self._run + 1, name
        self._done = self._run * self._evaluations

    def line(self, text):
        """A result of one run, which is in its log."""

    def note(self, text):
        """Shows a remark the first time: all runs find the same devices."""
        if text not in self._said:
            self._said.add(text)
            self._console.note(text)

    def progress(self, text):
        """Counts one evaluation and shows the progress of all runs; `text` is of one split."""
        self._done, self._seen = self._done + 1, self._seen + 1
        total = self._runs * self._evaluations
        seconds = (time.monotonic() - self._started) / self._seen * (total - self._done)
        self._console.progress(
            f"{self._name}, run {self._run + 1} of {self._runs}: {self._done / total:.0%} of all, about "
            f"{time.strftime('%H:%M:%S', time.gmtime(seconds))} to go"
        )
