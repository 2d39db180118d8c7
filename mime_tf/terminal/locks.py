"""Locks on files, which end with the process that holds them.

Where the system or the file system has no such locks, nothing is locked.
"""

import contextlib
import os
from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"


def acquire(path: str) -> int:
    """Opens a file, which is made if need be, and locks it until it is closed.

    Raises:
        BlockingIOError: another process has it locked.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            lock(descriptor)
            # Whoever had the lock until a moment ago may have removed the file: this lock would be on nothing.
            if os.path.exists(path) and os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


@contextlib.contextmanager
def opened(path: str) -> Iterator[int]:
    """Opens a file or a folder that exists, to lock it."""
    descriptor = os.open(path, os.O_RDONLY if os.path.isdir(path) else os.O_RDWR)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def lock(descriptor: int, wait: bool = False) -> bool:
    """Locks an open file or folder until it is closed; returns False where there are no locks.

    Args:
        descriptor: of the file.
        wait: wait for another process that has it locked.

    Raises:
        BlockingIOError: another process has it locked, and `wait` is not set.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # a file system without locks
        return False
    return True
