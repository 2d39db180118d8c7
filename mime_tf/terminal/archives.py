"""Zip archives of the input, measured before any of their members is unpacked."""

import contextlib
import os
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from mime_tf.errors import InputError
from mime_tf.terminal import bounds, reading


@contextlib.contextmanager
def opened(path: str | os.PathLike) -> Iterator[zipfile.ZipFile]:
    """Opens an archive whose members are in proportion to the bytes that it takes on a disk.

    `zipfile` unpacks no more of a member than the archive's directory states, so what is measured here holds.

    Raises:
        InputError: the path is no regular file, or the members unpack to too much.
        Exception: the archive is damaged; `zipfile` has an exception for each way.
    """
    with reading.open_binary(path) as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        bounds.check_unpacked(path, sum(member.file_size for member in members), reading.data_size(file))
        for member in members:
            # zipfile unpacks blocks of the other methods whole, however much is in them.
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise InputError(f"{os.fspath(path)}: compressed by method {member.compress_type}; deflate is needed")
        yield archive


@contextlib.contextmanager
def opened_npz(path: str | os.PathLike) -> Iterator[Any]:
    """Opens a NumPy archive, without pickles in it; yields what `numpy.load` returns.

    Raises:
        InputError: as `opened` does, or an array is said to be larger than the archive.
        Exception: the archive is damaged.
    """
    with opened(path) as archive:
        for member in archive.infolist():
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
                shape, _, dtype = read[version](file)
            # NumPy would make room for the array before it looks for its values.
            if int(np.prod([int(length) for length in shape], dtype=object)) * dtype.itemsize > member.file_size:
                raise InputError(f"{os.fspath(path)}: {member.filename}: cut off; shape {shape} needs more bytes")
    with reading.open_binary(path) as file, np.load(file, allow_pickle=False) as arrays:
        yield arrays
