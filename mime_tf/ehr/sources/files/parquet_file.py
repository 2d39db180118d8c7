"""A Parquet file of a table: the types of its columns, and its rows as text, read by Arrow for messages."""

import dataclasses
import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from mime_tf.errors import InputError, show
from mime_tf.terminal import reading


@dataclasses.dataclass(frozen=True)
class ParquetFile:
    """A Parquet file.

    Attributes:
        path: of the file.
        header: the names of its columns.
        types: their Arrow types; of a dictionary, that of its values.
    """

    path: str
    header: tuple[str, ...]
    types: tuple[pa.DataType, ...]

    @classmethod
    def open(cls, path: str) -> "ParquetFile":
        """Reads the schema of a file.

        Raises:
            InputError: the file is damaged, or has two columns of one name.
        """
        reading.require_regular(path)
        try:
            schema = pq.read_schema(path)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{path}: not readable as Parquet: {_one_line(error)}") from error
        lower = [name.lower() for name in schema.names]
        twice = next((name for name in schema.names if lower.count(name.lower()) > 1), None)
        if twice is not None:
            raise InputError(f"{path}: two columns {show(twice)}; each column needs a name of its own, in any case")
        types = (kind.value_type if pa.types.is_dictionary(kind) else kind for kind in schema.types)
        return cls(path, tuple(schema.names), tuple(types))

    def type(self, name: str) -> pa.DataType:
        """Returns the type of a column."""
        return self.types[self.header.index(name)]

    def check_text(self, name: str) -> None:
        """Raises InputError at the first value of a binary column that is not UTF-8."""
        row = 0
        for array in self._arrays(name):
            for value in array.to_pylist():
                try:
                    (value or b"").decode()
                except UnicodeDecodeError as error:
                    raise InputError(
                        f"{self.path}: row {row}: {name}: found {show(value)}; must be text in UTF-8"
                    ) from error
                row += 1

    def values(self, name: str) -> Iterator[tuple[str, str]]:
        """Yields the place of each row in words, counted from 0, and its value of a column as text."""
        row = 0
        for array in self._arrays(name):
            for value in array.to_pylist():
                text = "" if value is None else value.decode(errors="replace") if isinstance(value, bytes) else value
                yield f"row {row}", str(text).strip()
                row += 1

    def _arrays(self, name):
        try:
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(columns=[name]):
                    yield batch.column(0)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{self.path}: not readable as Parquet: {_one_line(error)}") from error


def _one_line(error):
    return re.sub(r"\s+", " ", str(error))[:200]
