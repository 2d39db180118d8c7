"""Files that are written whole or not at all; the project writes all files by these functions."""

import contextlib
import csv
import glob
import json
import math
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from typing import Any

from mime_tf.errors import InputError
from mime_tf.terminal import locks, reading, signals

_TEMPORARY = re.compile(r"\.[0-9a-f]{8}\.tmp(\.\w+)?$")


def is_leftover(name: str) -> bool:
    """Whether a name is that of a temporary file or a lock, which a command that was killed leaves.

    >>> is_leftover("a.csv.0123abcd.tmp"), is_leftover("a.csv.lock"), is_leftover("a.tmp")
    (True, True, False)
    """
    return name.endswith(locks.LOCK) or _TEMPORARY.search(name) is not None


def remove_leftovers(path: str | os.PathLike) -> None:
    """Removes the temporary files that killed processes left beside `path`: those that nobody has locked any more."""
    for leftover in glob.glob(glob.escape(os.fspath(path)) + ".????????.tmp*"):
        if _TEMPORARY.search(leftover):
            with contextlib.suppress(OSError), locks.opened(leftover) as descriptor:
                if locks.lock(descriptor):
                    shutil.rmtree(leftover) if os.path.isdir(leftover) else os.remove(leftover)


@contextlib.contextmanager
def naming(path: str, temporary: str | None = None) -> Iterator[None]:
    """Names the file in an error of the system that names none, such as that of a full disk.

    Args:
        path: the file that is written.
        temporary: the name that it has until then, which nobody has to know.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None or os.fspath(error.filename) == temporary:
            error.filename, error.filename2 = path, None
        raise


@contextlib.contextmanager
def beside(path: str | os.PathLike, ending: str = "") -> Iterator[str]:
    """Makes an empty file beside `path` that replaces it when the block ends, and is removed when the block fails.

    Args:
        path: the file to write.
        ending: of the name of the file beside it.

    Yields:
        The path to write to. Its name is of this process alone, and the file is locked, so that nobody removes it.
    """
    path = os.fspath(path)
    remove_leftovers(path)
    temporary, descriptor = _new_file(path, ending)
    with contextlib.ExitStack() as stack, naming(path, temporary):
        stack.callback(os.close, descriptor)
        stack.callback(_remove, temporary)
        yield temporary
        if _publication is None:
            os.replace(temporary, path)
        else:
            _publication.add(temporary, path, stack.pop_all())


def _new_file(path: str, ending: str) -> tuple[str, int]:
    """Makes a temporary file beside `path`; returns its path, and its descriptor, which is locked."""
    while True:
        temporary = f"{path}.{secrets.token_hex(4)}.tmp{ending}"
        # In the instant before it is locked, another writer may take it for a leftover.
        with contextlib.suppress(BlockingIOError), naming(path, temporary):
            return temporary, locks.acquire(temporary)


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
    # A path on the command line may have bytes that are not UTF-8; they are written as they were given.
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "errors": "surrogateescape"}
    with beside(path) as temporary, open(temporary, mode, **text) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


class Publication:
    """Files that take their places together. The last one tells a reader that the others belong to it."""

    def __init__(self) -> None:
        self._written: list[tuple[str, str]] = []
        self._outdated: list[str] = []
        self._temporaries = contextlib.ExitStack()

    def add(self, temporary: str, path: str, cleaning: contextlib.ExitStack) -> None:
        """Adds a file that is written, and that `cleaning` removes."""
        self._written.append((temporary, path))
        self._temporaries.push(cleaning)

    def remove(self, path: str) -> None:
        """Removes an earlier file, which would not belong to the new ones, when these appear."""
        self._outdated.append(path)

    def publish(self) -> None:
        """Puts the files in their places."""
        if len(self._written) > 1:
            self._outdated.insert(0, self._written[-1][1])
        for path in self._outdated:
            _remove(path)
        for temporary, path in self._written:
            with naming(path, temporary):
                os.replace(temporary, path)

    def close(self) -> None:
        """Removes the files that did not get to their places."""
        self._temporaries.close()


_publication: Publication | None = None


@contextlib.contextmanager
def publishing() -> Iterator[Publication]:
    """Makes the files that are written in the block appear when it ends, all of them, or none if it fails.

    It is for the output of a command, whose work is done then: a later signal does not stop the command any more.
    """
    global _publication
    _publication = publication = Publication()
    try:
        yield publication
        signals.ignore()
        publication.publish()
    finally:
        _publication = None
        publication.close()


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)


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
