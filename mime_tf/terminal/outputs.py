"""Checks, before anything is read, that results may be written to a path, and the lock on it while they are made."""

import contextlib
import datetime
import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator

from mime_tf.errors import InputError
from mime_tf.terminal import files, locks, reading

_HOLDER = re.compile(r"process \d{1,10} on [\w.-]{1,255} since [\d :-]{19} UTC")


def check_file(path: str, overwrite: bool) -> None:
    """Raises InputError unless a file may be written at `path`, atomically, by replacing the file there.

    Args:
        path: the file; the folders above it need not exist yet.
        overwrite: whether a file may exist already.
    """
    if os.path.isdir(path):
        raise InputError(f"{path}: is a folder; a file is written")
    reading.require_regular(path)
    if os.path.lexists(path) and not overwrite:
        raise InputError(f"{path}: exists; --overwrite replaces it")
    check_writable(path)


def check_folder(path: str, overwrite: bool, is_ours: Callable[[str], bool]) -> None:
    """Raises InputError unless files may be written into a folder that is new, empty or of an earlier run.

    Args:
        path: the folder; it and those above it need not exist yet.
        overwrite: whether files of an earlier run may be in it.
        is_ours: tells from the name of a file in the folder whether the command writes such a file.
    """
    if os.path.lexists(path) and not os.path.isdir(path):
        raise InputError(f"{path}: is not a folder; a folder is written")
    names = sorted(os.listdir(path)) if os.path.isdir(path) else []
    names = [name for name in names if not files.is_leftover(name)]
    foreign = [name for name in names if not is_ours(name)]
    if foreign:
        raise InputError(f"{path}: has {foreign[0]} in it, which this command does not write; must be new or empty")
    if names and not overwrite:
        raise InputError(f"{path}: has {names[0]} in it; must be new or empty, or --overwrite replaces what is in it")
    if not os.path.isdir(path):
        check_writable(path)
    elif not os.access(path, os.W_OK):
        raise InputError(f"{path}: can't be written; it is read-only")


def check_writable(path: str) -> None:
    """Raises InputError unless a file or folder at `path` may be replaced, or made if there is none.

    Args:
        path: a file or folder; the folders above it need not exist yet.
    """
    folder = os.path.dirname(path) or "."
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder) or "."
    if not os.path.isdir(folder):
        raise InputError(f"{path}: can't be written; {folder} is not a folder")
    for existing in (folder, path):
        if os.path.exists(existing) and not os.access(existing, os.W_OK):
            raise InputError(f"{path}: can't be written; {existing} is read-only")


def check_apart(outputs: Iterable[str], inputs: Iterable[str]) -> None:
    """Raises InputError if an output is one of the inputs, by whatever name: writing it would destroy the input.

    Args:
        outputs: files that are written, whether they exist or not.
        inputs: files that are read, whether they exist or not.
    """
    identities = {identity: path for path in inputs for identity in _identities(path)}
    for output in outputs:
        for identity in _identities(output):
            if identity in identities:
                raise InputError(f"{output}: is read as well ({identities[identity]}); must be another file")


def _identities(path: str) -> list:
    """Returns the path without links, and the file's number if it exists: two names may be of one file."""
    with contextlib.suppress(OSError):
        status = os.stat(path)
        return [os.path.realpath(path), (status.st_dev, status.st_ino)]
    return [os.path.realpath(path)]


@contextlib.contextmanager
def claimed(check: Callable[[], None], *paths: str) -> Iterator[None]:
    """Checks outputs and locks them while the block runs, as `locked` does.

    Args:
        check: raises InputError unless the outputs may be written. It is asked twice: without the lock it has the
            clearer words, and only with it nobody else can write them after it was asked.
        paths: the outputs.
    """
    check()
    with locked(*paths):
        check()
        yield


@contextlib.contextmanager
def locked(*paths: str | os.PathLike) -> Iterator[None]:
    """Keeps other processes from writing some outputs while the block runs.

    The lock of an output is the file `<output>.lock` beside it. A process that was killed holds its lock no longer, so
    a file that it left does not matter. Folders above the outputs are made, and removed again if nothing was written.

    Args:
        paths: the outputs.

    Raises:
        InputError: another process writes one of them, or it can't be written.
    """
    with contextlib.ExitStack() as stack:
        for path in sorted({os.path.abspath(path): os.fspath(path) for path in paths}.items()):
            stack.enter_context(_locked(*path))
        yield


@contextlib.contextmanager
def _locked(path: str, name: str) -> Iterator[None]:
    check_writable(name)
    with _folder(os.path.dirname(path)):
        lock = path + locks.LOCK
        try:
            descriptor = locks.acquire(lock)
        except BlockingIOError:
            raise InputError(f"{name}: is being written by {_holder(lock)}; wait for it, or give another") from None
        try:
            with contextlib.suppress(OSError):  # of a full disk; the lock holds without the words
                os.truncate(descriptor, 0)
                now = datetime.datetime.now(datetime.UTC).isoformat(" ", "seconds")[:19]
                os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()} since {now} UTC\n".encode())
            yield
        finally:
            try:
                with contextlib.suppress(FileNotFoundError):
                    os.remove(lock)
            finally:
                os.close(descriptor)


@contextlib.contextmanager
def _folder(path: str) -> Iterator[None]:
    """Makes a folder, and removes it and those above it that it made too, if they are empty in the end."""
    made = []
    while not os.path.isdir(path):
        made.append(path)
        path = os.path.dirname(path)
    try:
        for folder in reversed(made):
            os.makedirs(folder, exist_ok=True)
        yield
    finally:
        with contextlib.suppress(OSError):
            for folder in made:
                os.rmdir(folder)


def _holder(lock: str) -> str:
    """Returns who holds a lock, as far as the file says so in the words of `locked`."""
    try:
        with open(lock, encoding="utf-8", errors="replace") as file:
            text = file.read(400).strip()
    except OSError:
        return "another process"
    return text if _HOLDER.fullmatch(text) else "another process"
