"""What a command shows: results on stdout, notes and progress on stderr, never one inside the other."""

import sys
import time


class Console:
    """Prints lines and one line of progress that gives way to them.

    On a terminal the progress is rewritten in place. Anywhere else, such as a file, it is a line of its own at most
    every `period` seconds.

    Args:
        period: seconds.
    """

    def __init__(self, period=30.0):
        self._period = period
        self._in_place = sys.stderr.isatty()
        self._shown = False
        self._last = time.monotonic()

    def line(self, text):
        """Prints a result to stdout."""
        self._clear()
        print(text, flush=True)

    def note(self, text):
        """Prints a remark to stderr."""
        self._clear()
        print(text, file=sys.stderr, flush=True)

    def progress(self, text):
        """Shows how far the work is, now and then."""
        now = time.monotonic()
        if now - self._last < (0.1 if self._in_place else self._period):
            return
        self._last = now
        if self._in_place:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
            self._shown = True
        else:
            print(text, file=sys.stderr, flush=True)

    def _clear(self):
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
            self._shown = False
