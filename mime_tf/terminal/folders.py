"""A folder that is written whole or not at all."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator

from mime_tf.terminal import files, locks, signals

_EARLIER = ".earlier"


@contextlib.contextmanager
def replacing_folder(path: str | os.PathLike) -> Iterator[str]:
    """Makes a folder beside `path` that replaces it when the block ends, and is removed when the block fails.

    A reader sees the old folder or the new one, except for an instant between two renames. It is for the output of a
    command, as `mime_tf.terminal.files.publishing` is.

    Args:
        path: the folder, after `restore`.

    Yields:
        The path to write to.
    """
    path = os.path.normpath(path)
    temporary, earlier = f"{path}.{secrets.token_hex(4)}.tmp", path + _EARLIER
    with contextlib.ExitStack() as stack, files.naming(path, temporary):
        os.makedirs(temporary)
        stack.callback(shutil.rmtree, temporary, ignore_errors=True)
        locks.lock(stack.enter_context(locks.opened(temporary)))
        yield temporary
        signals.ignore()
        if os.path.lexists(path):
            os.rename(path, earlier)
        try:
            os.rename(temporary, path)
        finally:
            restore(path)


def restore(path: str | os.PathLike) -> None:
    """Puts back what a `replacing_folder` that was killed has renamed, and removes what it left."""
    path = os.path.normpath(path)
    if os.path.lexists(path):
        shutil.rmtree(path + _EARLIER, ignore_errors=True)
    elif os.path.lexists(path + _EARLIER):
        os.rename(path + _EARLIER, path)
    files.remove_leftovers(path)
