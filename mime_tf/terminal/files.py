"""Files that are either whole or not there: everything the project writes goes through here."""

import contextlib
import csv
import json
import math
import os

from mime_tf.errors import InputError

TEMPORARY = ".tmp"


@contextlib.contextmanager
def replacing(path, mode="wb"):
    """Opens a file beside `path` that takes its place when the block ends, and goes when the block fails.

    A reader, or a run that was killed, sees the old file or the new one and never half of one.

    Args:
        path: the file to write.
        mode: `"wb"`, or `"w"` for UTF-8 text.

    Yields:
        The open file.
    """
    path = os.fspath(path)
    # Always the same name, so that what a killed run left is written over by the one that goes on.
    temporary = path + TEMPORARY
    try:
        with open(temporary, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        raise


def write_table(path, names, rows):
    """Writes a CSV file with a header of `names`, atomically; None is an empty field."""
    with replacing(path, "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)


def write_json(path, value):
    """Writes `value` to `path` as indented JSON, atomically; a NaN becomes null."""
    with replacing(path, "w") as file:
        json.dump(_without_nan(value), file, indent=1, allow_nan=False)
        file.write("\n")


def _without_nan(value):
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def read_json(path):
    """Returns the content of a JSON file, or None if there is no such file.

    Raises:
        InputError: the file is not readable JSON, or holds null.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON: {error}") from error
    if content is None:
        raise InputError(f"{path}: found null; damaged")
    return content
