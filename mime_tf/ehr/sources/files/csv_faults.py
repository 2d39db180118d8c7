"""Location of faults in CSV files, for messages, after an engine has refused a file.

Engines name neither the line nor the reason in a form that all of them share, so Python's `csv` reads the file again.
"""

import collections
import contextlib
import csv
import gzip
import os
import zlib
from collections.abc import Iterator
from typing import TextIO

from mime_tf.errors import InputError

_TAIL = 1 << 20  # bytes


def open_text(path: str) -> TextIO:
    """Opens a CSV file, plain or .gz, as text."""
    opener = gzip.open if path.lower().endswith(".gz") else open
    return opener(path, "rt", encoding="utf-8-sig", newline="")


def describe(error: Exception) -> str:
    """Returns the meaning of an error of reading a file, in words."""
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8: byte {error.object[error.start]:#04x}"
    if isinstance(error, EOFError):
        return "the .gz ends before its end; the file is cut off"
    if isinstance(error, (gzip.BadGzipFile, zlib.error)):
        return f"not a whole .gz file: {error}"
    if isinstance(error, csv.Error):
        return f"not CSV: {error}"
    return getattr(error, "strerror", None) or str(error)


def find(paths: list[str]) -> str | None:
    """Returns the file, line and reason of the first fault in some files, or None."""
    for path in paths:
        line, header = 0, None
        try:
            with open_text(path) as file:
                reader = csv.reader(file, strict=True)
                for row in reader:
                    header, line = header or row, reader.line_num
                    if row and len(row) != len(header):
                        return f"{path}: line {line}: {len(row)} fields; must be {len(header)}, as in the first line"
        except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
            return f"{path}: after line {line}: {describe(error)}"
    return None


def locate(paths: list[str], name: str, value: str) -> Iterator[tuple[str, int]]:
    """Yields the file and the line of each row in which a column has a value.

    Args:
        paths: CSV files.
        name: name of the column.
        value: the value, without surrounding blanks.
    """
    for path in paths:
        with open_text(path) as file:
            reader = csv.reader(file)
            index = [field.strip() for field in next(reader)].index(name)
            for row in reader:
                if len(row) > index and row[index].strip() == value:
                    yield path, reader.line_num


def check_end(path: str, fields: int) -> None:
    """Raises InputError if the last line, where it has no end, has too many fields: DuckDB would leave them out.

    Args:
        path: of a CSV file that was read to its end without an error.
        fields: number of fields of a line.
    """
    last = _tail(path).rpartition(b"\n")[2]
    # A line break in quotes is rare, and the whole file has to be read to tell it from the end of a line.
    if b'"' not in last and last.count(b",") < fields and len(last) < _TAIL:
        return
    with open_text(path) as file, contextlib.suppress(csv.Error):  # which the engine reports
        reader = csv.reader(file)
        (row,) = collections.deque(reader, maxlen=1)
        if len(row) > fields:
            line = reader.line_num
            raise InputError(f"{path}: line {line}: {len(row)} fields; must be {fields}, as in the first line")


def _tail(path: str) -> bytes:
    """Returns the last bytes of a file, or of the content of a .gz."""
    with gzip.open(path) if path.lower().endswith(".gz") else open(path, "rb") as file:
        if not path.lower().endswith(".gz"):
            file.seek(max(0, os.path.getsize(path) - _TAIL))
        tail = b""
        while block := file.read(_TAIL):
            tail = (tail + block)[-_TAIL:]
        return tail
