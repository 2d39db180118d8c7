"""Output of a command: results on stdout, notes and progress on stderr, never one inside the other."""

import sys
import time

from mime_tf.errors import escaped


class Console:
    """Prints lines, and one line of progress that disappears before them.

    On a terminal the progress is rewritten in place. Anywhere else, such as in a file, each progress is a new line.

    Args:
        period: least number of seconds between two lines of progress that are not rewritten.
    """

    def __init__(self, period: float = 30.0):
        self._period = period
        self._in_place = sys.stderr is not None and sys.stderr.isatty()
        self._shown = False
        self._last = time.monotonic()

    def line(self, text: str) -> None:
        """Prints a result to stdout."""
        self._clear()
        print(escaped(text), flush=True)

    def note(self, text: str) -> None:
        """Prints a remark to stderr."""
        self._clear()
        print(escaped(text), file=sys.stderr, flush=True)

    def progress(self, text: str) -> None:
        """Shows how far the work is, unless it was shown a moment ago."""
        now = time.monotonic()
        if now - self._last < (0.1 if self._in_place else self._period):
            return
        self._last, text = now, escaped(text)
        if self._in_place:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
            self._shown = True
        else:
            print(text, file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
            self._shown = False
