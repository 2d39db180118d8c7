"""Opening of input files, which may be anyone's: regular files alone, in lines and amounts of bounded length."""

import contextlib
import csv
import errno
import gzip
import io
import os
import stat
from collections.abc import Iterator
from typing import IO, BinaryIO

from mime_tf.errors import InputError
from mime_tf.terminal import bounds

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def require_regular(path: str | os.PathLike) -> None:
    """Raises InputError if a path is there and is no regular file, for a library that opens it by itself.

    A named pipe would keep the library waiting, and a device may never end.
    """
    with contextlib.suppress(OSError):
        _check_kind(path, os.stat(path).st_mode)


def _check_kind(path: str | os.PathLike, mode: int) -> None:
    kind = _KINDS.get(stat.S_IFMT(mode))
    if kind:
        raise InputError(f"{os.fspath(path)}: is {kind}; a regular file is needed")


def open_binary(path: str | os.PathLike) -> BinaryIO:
    """Opens a regular file; a named pipe or a device is refused without waiting for it.

    Raises:
        InputError: the path is no regular file.
        OSError: as `open` does.
    """
    return open(path, "rb", opener=_open_regular)


def _open_regular(path: str, flags: int) -> int:
    try:
        descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        require_regular(path)  # a socket can't be opened
        raise
    try:
        _check_kind(path, os.fstat(descriptor).st_mode)
    except InputError:
        os.close(descriptor)
        raise
    return descriptor


def open_text(path: str | os.PathLike, newline: str | None = None) -> IO[str]:
    """Opens a regular file of UTF-8 text, with or without a byte order mark.

    A file whose name ends in .gz is unpacked; where it unpacks to more than `bounds.unpacked` of its size, reading
    raises InputError.

    Raises:
        InputError: the path is no regular file.
        OSError: as `open` does.
    """
    return io.TextIOWrapper(open_unzipped(path), encoding="utf-8-sig", newline=newline)


def open_unzipped(path: str | os.PathLike) -> BinaryIO:
    """Opens a regular file, and unpacks it if its name ends in .gz; raises as `open_text` does."""
    file = open_binary(path)
    zipped = os.fspath(path).lower().endswith(".gz")
    return io.BufferedReader(Unzipped(file, os.fspath(path)), 1 << 16) if zipped else file


class Unzipped(io.RawIOBase):
    """The content of a .gz as a stream, whose reading ends with InputError where it is out of proportion to the file.

    Args:
        file: the .gz, which is closed with the stream.
        path: its name in messages.
    """

    def __init__(self, file: BinaryIO, path: str):
        self._file, self._path, self._count = file, path, 0
        self._size = data_size(file)
        self._stream = gzip.GzipFile(fileobj=file)

    def readable(self) -> bool:
        """Whether the stream can be read: it can."""
        return True

    def readinto(self, buffer) -> int:
        """Reads bytes into a buffer; returns their number, 0 at the end."""
        data = self._stream.read1(len(buffer))
        buffer[: len(data)] = data
        self._count += len(data)
        bounds.check_unpacked(self._path, self._count, self._size)
        return len(data)

    def close(self) -> None:
        """Closes the file as well."""
        if not self.closed:
            self._stream.close()
            self._file.close()
        super().close()


def lines(file: IO[str], path: str | os.PathLike) -> Iterator[str]:
    """Yields the lines of an open text file, as iterating over it does.

    Raises:
        InputError: a line is longer than `bounds.line`.
    """
    most, number = bounds.line(), 1
    while text := file.readline(most + 1):
        if len(text) > most:
            try:
                bounds.check_line(len(text))
            except InputError as error:
                raise InputError(f"{os.fspath(path)}: line {number}: {error}") from error
        yield text
        number += 1


def csv_rows(path: str | os.PathLike) -> Iterator[tuple[int, list[str]]]:
    """Yields the number of the last line of each row of a CSV file, and the row's fields; the header is the first.

    Quotation marks that no writer of CSV leaves are refused: one that is not closed would swallow all rows after it.

    Args:
        path: of the file, also a .gz.

    Raises:
        InputError: the path is no regular file, or a bound is exceeded.
        OSError, UnicodeDecodeError, csv.Error: the file can't be read, or is no CSV in UTF-8.
    """
    with open_text(path, newline="") as file:
        reader = csv.reader(lines(file, path), strict=True)
        for fields in reader:
            yield reader.line_num, fields


def data_size(file: BinaryIO) -> int:
    """Returns the number of bytes of a file without its holes, which take no room on a disk."""
    descriptor = file.fileno()
    end = os.fstat(descriptor).st_size
    if not hasattr(os, "SEEK_DATA"):
        return end
    position, held, start = os.lseek(descriptor, 0, os.SEEK_CUR), 0, 0
    try:
        while start < end:
            start = os.lseek(descriptor, start, os.SEEK_DATA)
            stop = os.lseek(descriptor, start, os.SEEK_HOLE)
            held, start = held + stop - start, stop
    except OSError as error:
        if error.errno != errno.ENXIO:  # no data after `start`; another error: the file system knows no holes
            return end
    finally:
        os.lseek(descriptor, position, os.SEEK_SET)
    return held
