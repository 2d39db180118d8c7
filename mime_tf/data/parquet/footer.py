"""The footer of a Parquet file: how many values each column says that it has.

Arrow has this too, but its binding ends the process where the metadata of a column are damaged. The footer is a struct
of Thrift's compact protocol, of which the few fields that are needed are read here by their numbers.
"""

import os
import struct
from typing import Any

from mime_tf.terminal import reading

# Numbers of fields, from the format's parquet.thrift.
_ROW_GROUPS, _COLUMNS, _METADATA, _PATH, _NUM_VALUES = 4, 1, 3, 3, 5
_MAGIC = b"PAR1"


def num_values(path: str | os.PathLike) -> list[tuple[str, int]]:
    """Returns the dotted path and the number of values of each column of each row group.

    Raises:
        InputError: the path is no regular file.
        OSError, ValueError: the file can't be read, or its footer is damaged.
    """
    with reading.open_binary(path) as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(end - 8, 0))
        tail = file.read(8)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC or length > end - 8:
            raise ValueError("no footer of Parquet at its end")
        file.seek(end - 8 - length)
        footer = file.read(length)
    try:
        groups = _Compact(footer).struct()[_ROW_GROUPS]
        columns = [column[_METADATA] for group in groups for column in group[_COLUMNS]]
        return [(b".".join(column[_PATH]).decode(), int(column[_NUM_VALUES])) for column in columns]
    except (IndexError, KeyError, TypeError, RecursionError, struct.error) as error:
        raise ValueError("its footer is damaged") from error


class _Compact:
    """Reads values of Thrift's compact protocol, one after another."""

    def __init__(self, data: bytes):
        self._data, self._position = data, 0

    def struct(self) -> dict[int, Any]:
        """Returns a struct as a dict from the number of a field to its value."""
        fields, number = {}, 0
        while header := self._byte():
            number = number + (header >> 4) if header >> 4 else self._integer()
            kind = header & 15
            fields[number] = kind == 1 if kind in (1, 2) else self._value(kind)
        return fields

    def _value(self, kind: int) -> Any:
        if kind in (1, 2, 3):
            return self._byte()
        if kind in (4, 5, 6):
            return self._integer()
        if kind in (7, 8):
            return self._take(8 if kind == 7 else self._varint())
        if kind in (9, 10):
            header = self._byte()
            count = header >> 4 if header >> 4 < 15 else self._varint()
            return [self._value(header & 15) for _ in range(count)]
        if kind == 12:
            return self.struct()
        raise IndexError(f"type {kind}")  # maps, which Parquet does not have

    def _byte(self) -> int:
        self._position += 1
        return self._data[self._position - 1]

    def _take(self, count: int) -> bytes:
        self._position += count
        if self._position > len(self._data):
            raise IndexError(count)
        return self._data[self._position - count : self._position]

    def _varint(self) -> int:
        result = shift = 0
        while True:
            byte = self._byte()
            result |= (byte & 127) << shift
            if byte < 128:
                return result
            shift += 7

    def _integer(self) -> int:
        """Returns a number of either sign: zigzag."""
        value = self._varint()
        return value >> 1 ^ -(value & 1)
