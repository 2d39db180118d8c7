"""Checks, before anything is read, that results may be written to a path."""

import os
from collections.abc import Callable

from mime_tf.errors import InputError
from mime_tf.terminal import reading
from mime_tf.terminal.files import TEMPORARY


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
    foreign = [name for name in names if not is_ours(name.removesuffix(TEMPORARY))]
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
