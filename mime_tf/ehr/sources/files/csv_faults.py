"""Location of faults in CSV files, for messages, after an engine has refused a file.

Engines name neither the line nor the reason in a form that all of them share, so Python's `csv` reads the file again.
"""

import csv
import gzip
import zlib
from typing import IO

from mime_tf.errors import show
from mime_tf.terminal import reading


def open_text(path: str) -> IO[str]:
    """Opens a CSV file, plain or .gz, as text."""
    return reading.open_text(path, newline="")


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


def locate(paths: list[str], name: str, value: str) -> tuple[str, int | None]:
    """Returns the file and the line where a column has a value, or the files and None.

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
                    return path, reader.line_num
    return show(paths), None
