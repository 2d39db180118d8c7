"""Where in a CSV file something is wrong: for messages, after an engine has refused it."""

import csv
import gzip
import zlib

from mime_tf.errors import show


def opened(path):
    """Opens a CSV file, plain or .gz, as text."""
    opener = gzip.open if path.lower().endswith(".gz") else open
    return opener(path, "rt", encoding="utf-8-sig", newline="")


def reason(error):
    """Says in words what an error of reading a file means."""
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8: byte {error.object[error.start]:#04x}"
    if isinstance(error, EOFError):
        return "the .gz ends before its end; the file is cut off"
    if isinstance(error, (gzip.BadGzipFile, zlib.error)):
        return f"not a whole .gz file: {error}"
    if isinstance(error, csv.Error):
        return f"not CSV: {error}"
    return getattr(error, "strerror", None) or str(error)


def find(paths):
    """Returns what is wrong with the first bad file of some, and where, in a line; None where nothing is found."""
    for path in paths:
        line, header = 0, None
        try:
            with opened(path) as file:
                reader = csv.reader(file, strict=True)
                for row in reader:
                    header, line = header or row, reader.line_num
                    if row and len(row) != len(header):
                        return f"{path}: line {line}: {len(row)} fields; must be {len(header)}, as in the first line"
        except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
            return f"{path}: after line {line}: {reason(error)}"
    return None


def locate(paths, name, value):
    """Returns the file and the line where a column has this value, or the files and None.

    Args:
        paths: list of CSV files.
        name: of the column.
        value: str, without blanks around it.
    """
    for path in paths:
        with opened(path) as file:
            reader = csv.reader(file)
            column = [field.strip() for field in next(reader)].index(name)
            for row in reader:
                if len(row) > column and row[column].strip() == value:
                    return path, reader.line_num
    return show(paths), None
