"""The wanted columns of a table, found by name and read as text or as seconds."""

import dataclasses
import itertools

import ibis

from mime_tf.ehr.engine import Engine, first_line
from mime_tf.ehr.identifiers import repeated
from mime_tf.ehr.sources.files import csv_faults, headers, times
from mime_tf.errors import InputError, show


@dataclasses.dataclass(frozen=True)
class Column:
    """A wanted column of a table.

    Attributes:
        names: its possible names, of which the first that the file has is taken; case does not matter.
        needed: it must exist; else it may be missing, and is then all null.
        time: it holds times, which are read as seconds (`mime_tf.ehr.sources.files.times`).
        time_format: strptime's pattern of its times, or None for ISO 8601.
        unique: no two rows have the same value.
    """

    names: tuple[str, ...]
    needed: bool = True
    time: bool = False
    time_format: str | None = None
    unique: bool = False


def read(engine: Engine, name: str, paths: list[str], columns: dict[str, Column]) -> ibis.Table:
    """Reads the files of one table.

    Args:
        engine: computes the table.
        name: name in the scratch folder.
        paths: the files, all CSV or all Parquet.
        columns: the wanted columns, by their names in the result.

    Raises:
        InputError: a column is missing, a file is damaged, a time can't be read, or a value that is to be unique
            occurs twice.
    """
    header, is_parquet = headers.common_header(paths), headers.is_parquet(paths[0])
    names = _names_in_file(paths[0], header, columns)
    try:
        raw = engine.read_parquet(paths) if is_parquet else engine.read_csv(paths, header)
        kept = engine.keep(raw.select(**_expressions(raw, names, columns)), f"table_{name.lower()}")
    except engine.errors as error:
        fault = None if is_parquet else csv_faults.find(paths)
        raise InputError(fault or f"{', '.join(paths)}: not readable: {first_line(error)}") from error
    for key, column in columns.items():
        if column.time and names[key]:
            _check_times(engine, kept, key, names[key], paths, column)
        if column.unique and names[key]:
            _check_unique(engine, kept, key, names[key], paths)
    return kept.select(*columns)


def _names_in_file(path, header, columns):
    """The name in the file of each wanted column, or None for a missing one that is not needed."""
    by_lower = {name.lower(): name for name in header}
    names = {}
    for key, column in columns.items():
        names[key] = next((by_lower[name.lower()] for name in column.names if name.lower() in by_lower), None)
        if names[key] is None and column.needed:
            raise InputError(f"{path}: no column {' or '.join(column.names)}; found {', '.join(header)}")
    return names


def _expressions(raw, names, columns):
    """The wanted columns of a table; beside each time the text of those that can't be read."""
    expressions = {}
    for key, column in columns.items():
        if names[key] is None:
            expressions[key] = ibis.null("int64" if column.time else "string")
            continue
        text = _text(raw[names[key]]).strip().nullif("")
        expressions[key] = times.from_column(raw[names[key]], column.time_format) if column.time else text
        if column.time:
            expressions[_unread(key)] = ibis.ifelse(expressions[key].isnull(), text, ibis.null("string"))
    return expressions


def _text(column):
    """A column as text; whole numbers have no point, though a gap among them made them floating-point numbers."""
    text = column.cast("string")
    if not column.type().is_floating():
        return text
    whole = (column % 1 == 0) & (column.abs() < 2**53)
    number = ibis.ifelse(whole, column, 0.0).cast("int64").cast("string")
    return ibis.cases((column.isnan(), ibis.null("string")), (whole, number), else_=text)


def _unread(key):
    return f"unread_{key}"


def _check_times(engine, table, key, name, paths, column):
    """Raises InputError if a time can't be read, with its file and line."""
    value = engine.value(table[_unread(key)].min())
    if value is None:
        return
    lines = iter(()) if headers.is_parquet(paths[0]) else csv_faults.locate(paths, name, value)
    location = next((f"{file}: line {line}" for file, line in lines), paths[0])
    right = f"a time of the form {column.time_format}" if column.time_format else times.RIGHT
    raise InputError(f"{location}: {name}: found {show(value)}; must be {right}")


def _check_unique(engine, table, key, name, paths):
    """Raises InputError if two rows have the same value, with the file and line, or row, of both."""
    again = repeated(engine, table, key)
    if again is None:
        return
    value, times = again
    is_parquet = headers.is_parquet(paths[0])
    rows = headers.parquet_rows(paths, name, value) if is_parquet else csv_faults.locate(paths, name, value)
    unit = "row" if is_parquet else "line"
    places = [f"{file}: {unit} {number}" for file, number in itertools.islice(rows, 2)]
    where = " and ".join(places) or ", ".join(paths)
    raise InputError(f"{where}: {name} {show(value)} occurs {times} times; must occur once")
