"""The wanted columns of a table, found by name in each of its files and read as text or as seconds."""

import dataclasses
import functools
import itertools
import os
from collections.abc import Callable, Sequence

import ibis
import pyarrow as pa

from mime_tf.ehr import identifiers, missing
from mime_tf.ehr.engine import Engine
from mime_tf.ehr.identifiers import CODE, IDENTIFIER
from mime_tf.ehr.sources.files import times, types
from mime_tf.ehr.sources.files.csv_file import CsvFile
from mime_tf.ehr.sources.files.listing import partition
from mime_tf.ehr.sources.files.parquet_file import ParquetFile
from mime_tf.errors import InputError, show

HEADER_ROW = "is_header"  # beside the wanted columns: a row of CSV that repeats the header


@dataclasses.dataclass(frozen=True)
class Column:
    """A wanted column of a table.

    Attributes:
        names: its possible names, of which the first that the file has is taken; case does not matter.
        needed: it must exist; else it may be missing, and is then all null.
        time: it holds times, which are read as seconds (`mime_tf.ehr.sources.files.times`).
        time_format: strptime's pattern of its times, or None for ISO 8601.
        digits: for identifiers and codes, as for `mime_tf.ehr.identifiers.exact`; None for other text.
    """

    names: tuple[str, ...]
    needed: bool = True
    time: bool = False
    time_format: str | None = None
    digits: int | None = None


identifier = functools.partial(Column, digits=IDENTIFIER)
code = functools.partial(Column, digits=CODE)


@dataclasses.dataclass(frozen=True)
class Shard:
    """A file of a table.

    Attributes:
        file: the file.
        names: its name of each wanted column, or None for a missing one, by the columns' names in the result.
        values: the columns that its path gives a value.
    """

    file: CsvFile | ParquetFile
    names: dict[str, str | None]
    values: dict[str, str]

    def kind(self, key: str) -> pa.DataType | None:
        """The Arrow type of a wanted column in the file; None for text of CSV or of the path."""
        name = self.names[key]
        return self.file.type(name) if isinstance(self.file, ParquetFile) and name in self.file.header else None

    def form(self) -> tuple:
        """Equal for files that an engine may read together."""
        wanted = [self.values.get(name or "", name) for name in self.names.values()]
        if isinstance(self.file, CsvFile):
            return self.file.separator, self.file.header, tuple(wanted)
        return tuple(wanted), tuple(self.kind(key) for key in self.names)


@dataclasses.dataclass(frozen=True)
class ReadTable:
    """A table that was read.

    Attributes:
        table: the wanted columns.
        shards: its files.
        repeated_headers: number of rows that repeated the header, which are left out.
    """

    table: ibis.Table
    shards: list[Shard]
    repeated_headers: int

    def where(self, key: str, value: str, most: int = 2) -> str:
        """Returns the files and the lines, or rows, in which an identifier is, `most` of them at most."""
        return locate(self.shards, key, lambda text: identifiers.exact_text(text) == value, most)


def read(engine: Engine, name: str, paths: list[str], columns: dict[str, Column], folder: str = "") -> ReadTable:
    """Reads the files of one table, which may differ in separators, types and order of columns.

    Args:
        engine: computes the table.
        name: name in the scratch folder.
        paths: the files.
        columns: the wanted columns, by their names in the result.
        folder: folder of the table, below which names of folders may be columns (`year=2011`).

    Raises:
        InputError: a column is missing, a file is damaged, a time can't be read, or an identifier or code may have lost
            digits.
    """
    shards = [_shard(engine, path, columns, folder or os.path.dirname(path)) for path in paths]
    _check_names(shards)
    _check_types(shards, columns)
    called = f"table_{name.lower()}"
    try:
        kept = engine.keep(_union(engine, shards, columns, None), called)
    except engine.errors as error:
        copies = os.path.join(engine.folder, f"{called}_plain")
        try:
            kept = engine.keep(_union(engine, shards, columns, copies), f"{called}_again")
        except engine.errors:
            files = ", ".join(shard.file.path for shard in shards[:3])
            raise InputError(f"{files}: not readable by {engine.name}; must be whole CSV or Parquet") from error
    repeated = _check_values(engine, kept, shards, columns)
    table = kept.filter(~kept[HEADER_ROW]) if repeated else kept
    return ReadTable(table.select(*columns), shards, repeated)


def locate(shards: Sequence[Shard], key: str, test: Callable[[str], bool], most: int = 1) -> str:
    """Returns the file and the line, or row, of the first values of a column that pass a test; `""` without any."""
    places: dict[str, list[str]] = {}
    for shard in shards:
        name = shard.names[key]
        if name is not None and name in shard.file.header:
            passing = (place for place, value in shard.file.values(name) if test(value))
            first = list(itertools.islice(passing, most - sum(map(len, places.values()))))
            places |= {shard.file.path: first} if first else {}
    return " and ".join(f"{path}: {_joined(found)}" for path, found in places.items())


def _joined(places):
    """Places in a file in words, such as `lines 2 and 5` or `lines 2, 5 and 9`."""
    unit = places[0].split()[0]
    *most, last = (place.split()[1] for place in places)
    numbers = f"{', '.join(most)} and {last}" if most else last
    return f"{unit}{'s' if len(places) > 1 else ''} {numbers}"


def _shard(engine, path, columns, folder):
    is_parquet = path.lower().endswith(".parquet")
    file: CsvFile | ParquetFile
    file = ParquetFile.open(path) if is_parquet else CsvFile.open(path, check_text=engine.replaces_bad_text)
    values = partition(path, folder)
    by_lower = {name.lower(): name for name in (*values, *filter(None, file.header))}
    names = {}
    for key, column in columns.items():
        names[key] = next((by_lower[name.lower()] for name in column.names if name.lower() in by_lower), None)
        if names[key] is None and column.needed:
            line = f" line {file.first_line}:" if isinstance(file, CsvFile) else ""
            raise InputError(
                f"{path}:{line} no column {' or '.join(column.names)}; found {', '.join(filter(None, file.header))}"
            )
    return Shard(file, names, {name: value for name, value in values.items() if name not in file.header})


def _check_names(shards):
    """Raises InputError if one file of a table has a wanted column that another lacks."""
    first = shards[0]
    for shard in shards:
        for key, name in shard.names.items():
            if (name is None) != (first.names[key] is None):
                with_it, without = (first, shard) if name is None else (shard, first)
                raise InputError(
                    f"{without.file.path}: no column {with_it.names[key]}, which {with_it.file.path} has; "
                    "the files of a table must have the same columns"
                )


def _check_types(shards, columns):
    """Raises InputError if a column is of a type that is not read, or holds bytes that are no text."""
    for shard in shards:
        for key, column in columns.items():
            kind = shard.kind(key)
            if not types.readable(kind, column.time):
                right = types.TIME_RIGHT if column.time else types.TEXT_RIGHT
                raise InputError(f"{shard.file.path}: {shard.names[key]}: found the type {kind}; must be {right}")
            if types.is_binary(kind):
                shard.file.check_text(shard.names[key])


def _union(engine, shards, columns, copies):
    """The wanted columns of all files; with `copies`, those of plain copies of the CSV files, written there."""
    groups: dict[tuple, list[Shard]] = {}
    for shard in shards:
        groups.setdefault((*shard.form(), _is_copied(shard, copies)), []).append(shard)
    tables = [_read_alike(engine, alike, columns, copies) for alike in groups.values()]
    return tables[0] if len(tables) == 1 else ibis.union(*tables)


def _is_copied(shard, copies):
    return isinstance(shard.file, CsvFile) and not (shard.file.plain and copies is None)


def _read_alike(engine, shards, columns, copies):
    first, paths = shards[0], [shard.file.path for shard in shards]
    if isinstance(first.file, ParquetFile):
        raw = engine.read_parquet(paths)
        return _wanted(raw, first, columns, ibis.literal(False))
    header, separator = first.file.header, first.file.separator
    if _is_copied(first, copies):
        header, separator = header[: first.file.width], ","
        paths = [_plain_copy(engine, shard, copies) for shard in shards]
    raw = engine.read_csv(paths, len(header), separator)
    raw = raw.rename({name or f"unnamed {index}": f"c{index}" for index, name in enumerate(header)})
    wanted = [name for name in first.names.values() if name in header]
    is_header = functools.reduce(lambda a, b: a & b, (raw[name].strip() == name for name in wanted))
    return _wanted(raw, first, columns, is_header.fill_null(False))


def _plain_copy(engine, shard, copies):
    folder = copies or os.path.join(engine.folder, "plain")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{len(os.listdir(folder))}.csv")
    shard.file.write_plain(path)
    return path


def _wanted(raw, shard, columns, is_header):
    """The wanted columns of a table, and beside them the text of the values that can't be read or are not exact.

    Each step names what the next one uses repeatedly, because engines plan an expression anew wherever it is written.
    """
    existing = {key: name for key, name in shard.names.items() if name is not None}
    sources = {
        _raw(key): ibis.literal(shard.values[name]) if name in shard.values else raw[name]
        for key, name in existing.items()
    }
    table = raw.select(**sources, **{HEADER_ROW: is_header})
    table = table.mutate(**{_text(key): _as_text(table, key, shard, columns[key]) for key in existing})
    table = table.mutate(**{key: _read_as(table, key, shard, columns[key]) for key in existing})
    table = table.mutate(
        **{key: ibis.null("int64" if columns[key].time else "string") for key in columns - existing.keys()}
    )
    unread = {
        _unread(key): ibis.ifelse(table[key].isnull(), table[_text(key)], ibis.null("string"))
        for key in existing
        if columns[key].time or columns[key].digits is not None
    }
    return table.select(*columns, HEADER_ROW, **unread)


def _as_text(table, key, shard, column):
    text = types.text(table[_raw(key)], shard.kind(key))
    return text if column.digits == CODE else missing.as_null(text)


def _read_as(table, key, shard, column):
    """The values of a column: seconds, identifiers or codes, or other text."""
    source, text, kind = table[_raw(key)], table[_text(key)], shard.kind(key)
    if column.time:
        return types.seconds(source, text, kind, column.time_format)
    if column.digits is None:
        return text
    inexact = types.inexact(source, kind)
    return identifiers.exact(text, column.digits) if inexact is None else inexact.ifelse(None, text)


def _same(value, text):
    """Whether a text is a value, however a floating-point number is written."""
    try:
        return text == value or float(text) == float(value)
    except ValueError:
        return False


def _raw(key):
    return f"raw_{key}"


def _text(key):
    return f"text_{key}"


def _unread(key):
    return f"unread_{key}"


def _check_values(engine, table, shards, columns):
    """Raises InputError at a value that can't be read or is not exact; returns the number of repeated headers."""
    unread = [key for key in columns if _unread(key) in table.columns]
    first = {key: table[_unread(key)].min(where=~table[HEADER_ROW]) for key in unread}
    (found,) = engine.arrow(table.aggregate(**first, **{HEADER_ROW: table[HEADER_ROW].sum()})).to_pylist()
    for key in unread:
        if (value := found[key]) is not None:
            column = columns[key]
            right = f"a time of the form {column.time_format}" if column.time_format else times.RIGHT
            right = right if column.time else identifiers.RIGHT
            place = locate(shards, key, functools.partial(_same, value)) or shards[0].file.path
            raise InputError(f"{place}: {shards[0].names[key]}: found {show(value)}; must be {right}")
    return found[HEADER_ROW] or 0
