"""The log file: a run appends to it, and has each of its lines in it once, however often it was killed."""

import os


class Journal:
    """Appends a run's lines to a log that may hold other runs' before and between them.

    Args:
        path: the log.
        start: size of the log in bytes when the run began. Lines after it were written by this run before it was
            killed, and are not written again.
    """

    def __init__(self, path: str, start: int):
        self._path = path
        with open(path, "a+b") as file:
            file.seek(start)
            text = file.read().decode("utf-8", "replace")
        *self._written, self._broken_off = text.split("\n")

    def add(self, line: str) -> None:
        """Appends `line`, unless the run wrote it before it was killed; completes it if the kill cut it short."""
        if line in self._written:
            self._written.remove(line)
            return
        begun = self._broken_off if line.startswith(self._broken_off) else ""
        self._broken_off = ""
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(line[len(begun) :] + "\n")


def size(path: str) -> int:
    """Returns the size of a file in bytes, 0 for a file that does not exist."""
    return os.path.getsize(path) if os.path.exists(path) else 0
