"""Bounds on the memory that a file of the input may take, in proportion to its size; one variable raises them all."""

import math
import os

from mime_tf.errors import InputError, show

VARIABLE = "MIME_TF_BOUNDS"
_FREE = 64 << 20  # bytes that any file may unpack to: less than importing TensorFlow takes
_PER_BYTE = 100  # bytes in memory per byte of the file; nested lists take 65 at most, a .csv.gz 20 on average
_LINE = 64 << 20  # bytes of a line, or of a JSON value; a resource of FHIR with a picture in it takes some 10 MB


def factor() -> float:
    """Returns the factor of all bounds: the environment variable `VARIABLE`, or 1.

    Raises:
        InputError: the variable is not a number of 1 or more.
    """
    text = os.environ.get(VARIABLE, "1")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 1 <= value < math.inf:
        raise InputError(f"{VARIABLE}: found {show(text)}; must be a number of 1 or more, the factor of all bounds")
    return value


def unpacked(size: int) -> int:
    """Returns the largest number of bytes that a file of `size` bytes may unpack to."""
    return int((_FREE + _PER_BYTE * size) * factor())


def line() -> int:
    """Returns the largest number of bytes of a line."""
    return int(_LINE * factor())


def check_unpacked(path: str | os.PathLike, count: int, size: int) -> None:
    """Raises InputError if a file of `size` bytes unpacks to `count` bytes, and that is too much.

    Args:
        path: of the file.
        count: bytes that it takes in memory.
        size: bytes of the file.
    """
    bound = unpacked(size)
    if count > bound:
        raise InputError(
            f"{path}: unpacks to {count:,} bytes or more; a file of {size:,} bytes may unpack to {bound:,}, and "
            f"{raised(count / bound)}"
        )


class Budget:
    """The bytes that a file may unpack to, as they are used up.

    Args:
        path: of the file.
        size: bytes of the file.
    """

    def __init__(self, path: str | os.PathLike, size: int):
        self._path, self._size, self._taken = path, size, 0

    def take(self, count: int) -> None:
        """Counts bytes that are about to be used; raises InputError if all that were taken are too many."""
        self._taken += count
        check_unpacked(self._path, self._taken, self._size)


def check_line(count: int, name: str = "a line") -> None:
    """Raises InputError if a text of so many characters is longer than `line`; `name` is what the text is."""
    bound = line()
    if count > bound:
        raise InputError(f"{name} of {count:,} characters or more; {bound:,} are read, and {raised(count / bound)}")


def raised(times: float) -> str:
    """Returns the words on how to make the bounds so many times as large."""
    return f"{VARIABLE}={math.ceil(factor() * times)} would permit it"
