"""The log file: appended to, and each line of a run in it once, however often the run was killed."""

import os


class Journal:
    """Appends a run's lines to a log that may hold other runs' before and between them.

    Args:
        path: the log.
        start: the log's size in bytes when the run began. A line that stands after it was written by this run
            before it was killed, and is not written again.
    """

    def __init__(self, path, start):
        self._path = path
        with open(path, "a+b") as file:
            file.seek(start)
            text = file.read().decode("utf-8", "replace")
        *self._written, self._broken_off = text.split("\n")

    def add(self, line):
        """Appends `line`, unless it stands there already; completes it where the run was killed inside it."""
        if line in self._written:
            self._written.remove(line)
            return
        begun = self._broken_off if line.startswith(self._broken_off) else ""
        self._broken_off = ""
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(line[len(begun) :] + "\n")


def size(path):
    """The size of a file in bytes, 0 where there is none."""
    return os.path.getsize(path) if os.path.exists(path) else 0
