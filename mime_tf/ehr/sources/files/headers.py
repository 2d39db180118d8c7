"""Column names of CSV and Parquet files."""

import csv
import zlib
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from mime_tf.ehr import engine
from mime_tf.ehr.sources.files import csv_faults
from mime_tf.errors import InputError, show


def is_parquet(path: str) -> bool:
    """Tells by its name whether a file is Parquet."""
    return path.lower().endswith(".parquet")


def common_header(paths: list[str]) -> list[str]:
    """Returns the column names of the files of one table.

    Raises:
        InputError: a file is damaged, or the files differ in their columns.
    """
    headers = [parquet_header(path) if is_parquet(path) else csv_header(path) for path in paths]
    for path, header in zip(paths, headers, strict=True):
        if header != headers[0]:
            raise InputError(f"{path}: other columns than {paths[0]}: found {show(header)}; must be {show(headers[0])}")
    return headers[0]


def csv_header(path: str) -> list[str]:
    """Returns the column names of a CSV file; a .gz is read to its end to see whether it is whole.

    Raises:
        InputError: the file is empty, damaged, not UTF-8, ends in a line of too many fields, or has two columns of one
            name.
    """
    try:
        with csv_faults.open_text(path) as file:
            header = next(csv.reader(file), None)
        if header:
            csv_faults.check_end(path, len(header))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: {csv_faults.describe(error)}") from error
    if not header:
        raise InputError(f"{path}: empty; must begin with a line of column names")
    header = [name.strip() for name in header]
    lower = [name.lower() for name in header]
    twice = next((name for name in header if lower.count(name.lower()) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: two columns {show(twice)}; each column needs a name of its own, whatever its case")
    return header


def parquet_rows(paths: list[str], name: str, value: str) -> Iterator[tuple[str, int]]:
    """Yields the file and the row, counted from 0, of each row in which a column has a value, written as text."""
    for path in paths:
        with pq.ParquetFile(path) as file:
            row = 0
            for batch in file.iter_batches(columns=[name]):
                for index, found in enumerate(batch.column(0).to_pylist()):
                    whole = isinstance(found, float) and found.is_integer()
                    if found is not None and str(int(found) if whole else found).strip() == value:
                        yield path, row + index
                row += len(batch)


def parquet_header(path: str) -> list[str]:
    """Returns the column names of a Parquet file; raises InputError if it is damaged."""
    try:
        return pq.read_schema(path).names
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: not readable as Parquet: {engine.first_line(error)}") from error
