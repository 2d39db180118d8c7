"""Opening of a Parquet file that may be anyone's: regular, and measured before what it repeats is written out."""

import contextlib
import os
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mime_tf.data.parquet import footer
from mime_tf.terminal import bounds, reading

# Reads are small, and checksums are verified if the writer left any.
_OPTIONS = {"pre_buffer": False, "buffer_size": 1 << 20, "page_checksum_verification": True}
_VALUE = 8  # bytes of a value, or of the position of a list, in the columns


@contextlib.contextmanager
def opened(path: str | os.PathLike, texts: Sequence[str]) -> Iterator[tuple[pq.ParquetFile, bounds.Budget]]:
    """Opens a file, and the budget of the bytes that it may unpack to.

    Args:
        path: of the file.
        texts: names of columns that may hold text. As dictionaries, a text that rows share is in memory once, until
            `texts_size` has told how much it takes.

    Raises:
        InputError: the path is no regular file.
        OSError, pa.ArrowException: the file can't be read.
    """
    reading.require_regular(path)
    with pa.OSFile(os.fspath(path)) as source:
        schema = pq.read_schema(source)
        shared = [name for name in texts if schema.names.count(name) == 1 and _is_text(schema.field(name).type)]
        source.seek(0)
        with pq.ParquetFile(source, read_dictionary=shared, **_OPTIONS) as file:
            yield file, bounds.Budget(path, os.path.getsize(path))


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def values_size(path: str | os.PathLike, leaves: Sequence[str]) -> int:
    """Returns the bytes that columns take in memory, but for texts: a page may repeat a value any number of times.

    Args:
        path: of the file.
        leaves: dotted paths of the columns.
    """
    return _VALUE * sum(max(count, 0) for name, count in footer.num_values(path) if name in leaves)


def texts_size(column: pa.Array | pa.ChunkedArray) -> int:
    """Returns the bytes of the texts of a column, each for itself; 0 where it is no dictionary of texts."""
    if not pa.types.is_dictionary(column.type):
        return 0
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    lengths = [pc.fill_null(pc.binary_length(chunk.dictionary), 0).take(chunk.indices) for chunk in chunks]
    return sum(pc.sum(length).as_py() or 0 for length in lengths)
