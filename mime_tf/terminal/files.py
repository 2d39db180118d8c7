"""Files that are written whole or not at all; the project writes all files by these functions."""

import contextlib
import csv
import json
import math
import os
from collections.abc import Iterable, Iterator
from typing import Any

from mime_tf.errors import InputError
from mime_tf.terminal import reading

TEMPORARY = ".tmp"


@contextlib.contextmanager
def replacing(path: str | os.PathLike, mode: str = "wb") -> Iterator[Any]:
    """Opens a file beside `path` that replaces it when the block ends, and is removed when the block fails.

    A reader, or a run that was killed, sees the old file or the new one and never half of one.

    Args:
        path: the file to write.
        mode: `"wb"`, or `"w"` for UTF-8 text.

    Yields:
        The open file.
    """
    path = os.fspath(path)
    # Always the same name, so that a resumed run overwrites the file that a killed run left.
    temporary = path + TEMPORARY
    try:
        # A path on the command line may have bytes that are not UTF-8; they are written as they were given.
        text = {} if "b" in mode else {"encoding": "utf-8", "errors": "surrogateescape"}
        with open(temporary, mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        raise


def write_table(path: str | os.PathLike, names: Iterable[str], rows: Iterable[Iterable]) -> None:
    """Writes a CSV file with a header of `names`, atomically; None is an empty field."""
    with replacing(path, "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Writes `value` to `path` as indented JSON, atomically; a NaN becomes null."""
    with replacing(path, "w") as file:
        json.dump(_without_nan(value), file, indent=1, allow_nan=False)
        file.write("\n")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def read_json(path: str | os.PathLike) -> Any:
    """Returns the content of a JSON file, or None if there is no such file.

    Raises:
        InputError: the file is not readable JSON, or holds null.
    """
    try:
        with reading.open_binary(path) as file:
            content = json.loads(file.read().decode(), parse_constant=_refuse, parse_float=_finite)
    except FileNotFoundError:
        return None
    except InputError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON: {error}") from error
    if content is None:
        raise InputError(f"{path}: found null; damaged")
    return content


def _refuse(name: str) -> None:
    """Refuses Python's extensions of JSON, NaN and Infinity, which no file of this program has."""
    raise ValueError(f"found {name}; a finite number is needed")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"found {text[:60]}; a finite number is needed")
    return value
