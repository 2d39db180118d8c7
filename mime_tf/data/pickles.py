"""Unpickling of data that may come from anywhere: the whole file is looked through before any of it is run."""

import io
import os
import pickle
import pickletools
import re
import struct
from typing import Any

from mime_tf.errors import InputError, show
from mime_tf.terminal import reading

_NAMES = {ord(code.code): code.name for code in pickletools.opcodes}


def load(path: str | os.PathLike, expected: str) -> Any:
    """Unpickles a file of plain data.

    Args:
        path: of the file.
        expected: name of its right content, for errors.

    Raises:
        InputError: the file can't be read, is no pickle, or holds or would run anything but plain data.
    """
    path = os.fspath(path)
    try:
        with reading.open_binary(path) as file:
            data = file.read()
    except InputError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: can't be read ({reason}); {expected} is needed") from error
    try:
        _look_through(data)
        return _Unpickler(path, data).load()
    except InputError:
        raise
    except Exception as error:  # pickle raises nearly anything on a broken file
        reason = f"({type(error).__name__}): " + " ".join(str(error).split())[:150]
        raise InputError(f"{path}: not a readable pickle {reason}; {expected} is needed") from error


# A sequence of the instructions that plain data and NumPy numbers are made of, strings apart: no dicts or sets (to hash
# a deep tuple can crash Python), no classes, persistent ids or extension codes.
_INSTRUCTIONS = (
    rb"(?:[(012NRabelt)\]\x85-\x89\x93\x94]+|[Khq\x80].|M..|[Jj]....|[G\x95].{8}|r...[\x00-\x%02x]"
    rb"|p[0-9]{1,%d}\n|[IFLSVg][^\n]*\n|c[^\n]*\n[^\n]*\n){0,10000}"
)
# Number of bytes that state the length, by the instruction that carries a string or a long.
_STRINGS = dict(zip(b"UC\x8a\x8cTBX\x8b\x8d\x8e\x96", (1, 1, 1, 1, 4, 4, 4, 4, 8, 8, 8), strict=True))


def _look_through(data: bytes) -> None:
    """Goes through the instructions of a pickle without running them; raises UnpicklingError at one not allowed.

    Python believes the lengths and memo indices that a file states, so that one wrong byte can cost 64 GB. Here a
    string must end inside the file, and an index be no larger than a file of this size has use for.
    """
    pattern = re.compile(_INSTRUCTIONS % (min(len(data) >> 24, 255), len(str(len(data) // 4))), re.DOTALL)
    position = 0
    while not data.startswith(b".", position):
        match = pattern.match(data, position)
        assert match is not None  # no instruction at all matches as well
        end = match.end()
        position = end if end > position else _end_of_string(data, position)
    if position + 1 < len(data):
        raise pickle.UnpicklingError(f"{len(data) - position - 1} bytes follow its end at byte {position}")


def _end_of_string(data: bytes, position: int) -> int:
    """Returns the end of the string that starts at `position`."""
    if position == len(data):
        raise pickle.UnpicklingError(f"it breaks off after {position} bytes")
    width = _STRINGS.get(data[position])
    start = position + 1 + (width or 0)
    end = start + int.from_bytes(data[position + 1 : start], "little")
    if width is None or end > len(data):
        name = _NAMES.get(data[position], hex(data[position]))
        raise pickle.UnpicklingError(f"{name} at byte {position} is cut short, out of range or not plain data")
    return end


class _Unpickler(pickle.Unpickler):
    """Gives a file the substitutes below for the names that make a NumPy number, and nothing for any other."""

    def __init__(self, path: str, data: bytes):
        buffer = io.BufferedReader(io.BytesIO(data), 1 << 20)  # pickle is faster where it can peek
        super().__init__(buffer, encoding="latin-1")  # keeps the bytes of Python 2's strings
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _SUBSTITUTES:
            return _SUBSTITUTES[module, name]
        is_array = module.startswith("numpy") and name in ("_reconstruct", "_frombuffer")
        description = "a NumPy array (pickle its .tolist() instead)" if is_array else show(f"{module}.{name}")
        raise InputError(
            f"{self.path}: found {description}; only lists, tuples, ints, bools and NumPy numbers may be in it"
        )


# The substitutes are neither functions nor classes and have no `__dict__`: a file can call them, not change them.


_LONGEST_NUMBER = 8  # bytes


class _Encode:
    """Substitute for `_codecs.encode`, which makes bytes in protocols 0 to 2 of Python 3."""

    __slots__ = ()

    def __call__(self, text, encoding):
        # A text in the file can be encoded any number of times, each into bytes of their own.
        if len(text) > _LONGEST_NUMBER:
            raise pickle.UnpicklingError(f"found {len(text)} bytes; a NumPy number has {_LONGEST_NUMBER} at most")
        return str.encode(text, "latin-1")


class _MakeDtype:
    """Substitute for `numpy.dtype`."""

    __slots__ = ()

    def __call__(self, code, *flags):
        return _Dtype(code)


class _Dtype:
    """Substitute for a NumPy dtype: a format of `struct`, whose byte order comes last."""

    __slots__ = ("format", "order")

    def __init__(self, code):
        if not isinstance(code, str) or code not in _FORMATS:
            raise pickle.UnpicklingError(f"found a NumPy {show(code)}")
        self.format = _FORMATS[code]
        self.order = "="

    def __setstate__(self, state):
        self.order = ">" if state[1] == ">" else "<"


class _MakeScalar:
    """Substitute for `numpy.core.multiarray.scalar`; makes a Python int, bool or float."""

    __slots__ = ()

    def __call__(self, dtype, data):
        data = data.encode("latin-1") if isinstance(data, str) else data
        return struct.unpack(dtype.order + dtype.format, data)[0]


_DTYPES = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
_FORMATS = dict(zip(_DTYPES, "?bhiqBHIQefd", strict=True))
_SUBSTITUTES = {
    ("_codecs", "encode"): _Encode(),
    ("numpy", "dtype"): _MakeDtype(),
    ("numpy.core.multiarray", "scalar"): _MakeScalar(),
    ("numpy._core.multiarray", "scalar"): _MakeScalar(),
}
