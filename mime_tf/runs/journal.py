"""The log file: a run appends to it, and has each of its lines in it once, however often it was killed."""

import os
from collections.abc import Callable

from mime_tf.terminal import files, locks


class Journal:
    """Appends a run's lines, in their order, to a log that may hold other runs' before, between and after them.

    Where each line goes is noted before it is written. A run that was killed finds its lines there, though other runs
    may have written the same words since.

    Args:
        path: the log.
        positions: list of the position in bytes of each line that was noted so far; lengthened here.
        note: saves `positions`.
    """

    def __init__(self, path: str, positions: list[int], note: Callable[[], None]):
        self._path, self._positions, self._note, self._added = path, positions, note, 0
        self._append("")  # the log exists from the beginning

    def add(self, line: str) -> None:
        """Appends `line`, unless the run wrote it before it was killed; completes it if the kill cut it short."""
        index, text = self._added, f"{line}\n"
        self._added += 1
        written = self._written(self._positions[index], text) if index < len(self._positions) else None
        self._append(text if written is None else text[written:], index if written is None else None)

    def _written(self, position: int, text: str) -> int | None:
        """Returns how many characters of a line, which are ASCII, are at its position, or None if it is not there."""
        with open(self._path, "rb") as file:
            file.seek(position)
            there = file.read(len(text)).decode("latin-1")
            cut_short = text.startswith(there) and position + len(there) == os.fstat(file.fileno()).st_size
        return len(there) if there == text or cut_short else None

    def _append(self, text: str, index: int | None = None) -> None:
        """Appends a text; with `index`, notes that it is the line of this number."""
        with files.naming(self._path), open(self._path, "a", encoding="utf-8") as file:
            locks.lock(file.fileno(), wait=True)  # nobody else appends between the note and the line
            if index is not None:
                self._positions[index:] = [os.fstat(file.fileno()).st_size]
                self._note()
            if text:
                file.write(text)
