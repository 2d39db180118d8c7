"""Progress of an ablation: one line for all of its runs."""

import time

from mime_tf.terminal.console import Console


class Progress:
    """Takes the place of the `Console` of each run, whose results are in its log.

    Args:
        console: the console of the ablation.
        runs: number of runs.
        evaluations: number of evaluations of each run, over all of its splits.
    """

    def __init__(self, console: Console, runs: int, evaluations: int) -> None:
        self._console, self._runs, self._evaluations = console, runs, evaluations
        self._run, self._name = -1, ""
        self._done = self._seen = 0
        self._notes: set[str] = set()
        self._started = time.monotonic()

    def start(self, name: str) -> None:
        """Begins the next run."""
        self._run, self._name = self._run + 1, name
        self._done = self._run * self._evaluations

    def line(self, text: str) -> None:
        """Drops a result of a run: it is in its log."""

    def note(self, text: str) -> None:
        """Shows a remark once, because all runs make the same on the devices."""
        if text not in self._notes:
            self._notes.add(text)
            self._console.note(text)

    def progress(self, text: str) -> None:
        """Counts an evaluation and shows the progress of all runs in place of `text`, that of one split.

        After the last of the runs, `text` is shown.
        """
        if self._run >= self._runs:
            self._console.progress(f"{self._name}: {text}")
            return
        self._done, self._seen = self._done + 1, self._seen + 1
        total = self._runs * self._evaluations
        seconds = (time.monotonic() - self._started) / self._seen * (total - self._done)
        self._console.progress(
            f"{self._name}, run {self._run + 1} of {self._runs}: {self._done / total:.0%} of all, about "
            f"{time.strftime('%H:%M:%S', time.gmtime(seconds))} to go"
        )
