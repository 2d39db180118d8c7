"""The tables in the folder of an export, as CSV (plain or .gz) or Parquet, and their columns, by name."""

import csv
import dataclasses
import glob
import gzip
import os
import zlib

from mime_tf.ehr import engine
from mime_tf.ehr.sources import csv_faults, times
from mime_tf.errors import InputError, show

ENDINGS = (".csv", ".csv.gz", ".parquet")
ON_ERROR = ("stop", "skip")


@dataclasses.dataclass(frozen=True)
class Column:
    """A column that a table is asked for.

    Attributes:
        names: the names that it may have, of which the first that is there is taken; case does not matter.
        needed: it must be there; else it may be missing, and is then all null.
        time: it holds times, which are read as seconds (`mime_tf.ehr.sources.times`).
        form: strptime's pattern of a time that is not written as ISO 8601 has it.
    """

    names: tuple
    needed: bool = True
    time: bool = False
    form: str | None = None


class Folder:
    """A folder of tables.

    Args:
        engine: `mime_tf.ehr.engine.Engine`.
        path: the folder.
        on_error: `"stop"`, or `"skip"` to go on without a table that can be done without when its files are bad.
        progress: function that is given a text now and then, or None.

    Attributes:
        skipped: list of (file, why), the tables gone on without.

    Raises:
        InputError: there is no such folder.
    """

    def __init__(self, engine, path, on_error="stop", progress=None):
        if not os.path.isdir(path):
            raise InputError(f"{path}: must be a folder with the tables of an export")
        self.engine, self.path, self.skipped = engine, os.fspath(path), []
        self._skip, self._progress = on_error == "skip", progress or (lambda text: None)

    def paths(self, name):
        """Returns the files of a table, whatever its case: `name.csv` and so on, or those in a folder of such a name.

        Raises:
            InputError: the table is there more than once, such as `name.csv` beside `name.csv.gz`.
        """
        wanted = {name.lower(), *(name.lower() + ending for ending in ENDINGS)}
        there = sorted(entry.path for entry in os.scandir(self.path) if entry.name.lower() in wanted)
        tables = {path: _files(path) if os.path.isdir(path) else [path] * bool(_ending(path)) for path in there}
        found = [path for path, files in tables.items() if files]
        if len(found) > 1:
            raise InputError(f"{self.path}: {name} is there {len(found)} times ({', '.join(found)}); one is needed")
        files = sorted(file for files in tables.values() for file in files)
        if len({_ending(file) == ".parquet" for file in files}) > 1:
            raise InputError(f"{found[0]}: holds Parquet and CSV; a table is one or the other")
        return files

    def table(self, name, columns, needed=True, called=None):
        """Reads a table.

        Args:
            name: what its files are called, without their ending.
            columns: dict from the name that a column shall have to `Column`.
            needed: the table must be there, and be readable whatever `on_error` says.
            called: what to keep it as, for a table that is read more than once; None for `name`.

        Returns:
            Ibis table of `columns`: int64 seconds for times, else text without blanks around it, an empty one being
            null. None where the table is missing or bad and not needed.

        Raises:
            InputError: the table or a column is missing, a file is damaged, or a time can't be read.
        """
        paths = []
        try:
            paths = self.paths(name)
            if paths:
                self._progress(f"reading {', '.join(paths)}")
                return _read(self.engine, called or name, paths, columns)
            if needed:
                raise InputError(self.missing(name))
        except InputError as error:
            if needed or not self._skip:
                raise
            self.skipped.append((", ".join(paths) or name, str(error)))
        return None

    def missing(self, name):
        """Says that a table is missing, and what is there."""
        names = sorted(os.listdir(self.path))
        more = [f"and {len(names) - 5} more"] if len(names) > 5 else []
        there = ", ".join(names[:5] + more) or "nothing"
        wanted = ", ".join(name + ending for ending in ENDINGS)
        return f"{self.path}: no table {name} ({wanted}, or a folder {name} of such files); found {there}"


def _files(folder):
    """The files of a table that is a folder of them."""
    return [path for path in glob.glob(os.path.join(glob.escape(folder), "*")) if path.lower().endswith(ENDINGS)]


def split_ending(name):
    """Returns the name of a file without the ending of a table, and that ending; "" where it has none.

    >>> split_ending("PAT_ENC.csv.gz"), split_ending("PAT_ENC")
    (('PAT_ENC', '.csv.gz'), ('PAT_ENC', ''))
    """
    ending = _ending(name)
    return name[: len(name) - len(ending)], ending


def _ending(path):
    return next((ending for ending in reversed(ENDINGS) if path.lower().endswith(ending)), "")


def _read(place, name, paths, columns):
    """Reads files of one table."""
    parquet = _ending(paths[0]) == ".parquet"
    headers = [_parquet_header(path) if parquet else csv_header(path) for path in paths]
    for path, header in zip(paths, headers, strict=True):
        if header != headers[0]:
            raise InputError(f"{path}: other columns than {paths[0]}: found {show(header)}; must be {show(headers[0])}")
    found = _find(paths[0], headers[0], columns)
    try:
        raw = place.read_parquet(paths) if parquet else place.read_csv(paths, headers[0])
        kept = place.keep(raw.select(**_expressions(raw, found, columns)), f"table_{name.lower()}")
    except place.errors as error:
        fault = None if parquet else csv_faults.find(paths)
        raise InputError(fault or f"{', '.join(paths)}: not readable: {engine.first_line(error)}") from error
    for key, column in columns.items():
        if column.time and found[key]:
            _check_times(place, kept, key, found[key], paths, column)
    return kept.select(*columns)


def _expressions(raw, found, columns):
    """The wanted columns of a table; beside each time, what was there where it can't be read."""
    import ibis

    expressions = {}
    for key, column in columns.items():
        if found[key] is None:
            expressions[key] = ibis.null("int64" if column.time else "string")
            continue
        text = _text(raw[found[key]]).strip().nullif("")
        expressions[key] = times.from_column(raw[found[key]], column.form) if column.time else text
        if column.time:
            expressions[_unread(key)] = ibis.ifelse(expressions[key].isnull(), text, ibis.null("string"))
    return expressions


def _text(column):
    """A column as text; whole numbers have no point, though a gap among them made them floating-point numbers."""
    import ibis

    text = column.cast("string")
    if not column.type().is_floating():
        return text
    whole = (column % 1 == 0) & (column.abs() < 2**53)
    number = ibis.ifelse(whole, column, 0.0).cast("int64").cast("string")
    return ibis.cases((column.isnan(), ibis.null("string")), (whole, number), else_=text)


def _unread(key):
    return f"unread_{key}"


def _check_times(place, kept, key, name, paths, column):
    """Raises InputError if a time can't be read, saying where it is."""
    value = place.value(kept[_unread(key)].min())
    if value is None:
        return
    file, line = csv_faults.locate(paths, name, value) if _ending(paths[0]) != ".parquet" else (paths[0], None)
    where = f"{file}: line {line}" if line else file
    right = f"a time of the form {column.form}" if column.form else times.RIGHT
    raise InputError(f"{where}: {name}: found {show(value)}; must be {right}")


def _find(path, header, columns):
    """Returns which column of the file each wanted one is, None where it may be missing and is."""
    lower = {name.lower(): name for name in header}
    found = {}
    for key, column in columns.items():
        found[key] = next((lower[name.lower()] for name in column.names if name.lower() in lower), None)
        if found[key] is None and column.needed:
            names = " or ".join(column.names)
            raise InputError(f"{path}: no column {names}; found {', '.join(header)}")
    return found


def csv_header(path):
    """Returns the names of the columns of a CSV file; a .gz is read to its end to see whether it is whole.

    Raises:
        InputError: the file is empty, damaged, not UTF-8, or has two columns of one name.
    """
    try:
        if path.lower().endswith(".gz"):
            with gzip.open(path, "rb") as file:
                while file.read(1 << 20):
                    pass
        with csv_faults.opened(path) as file:
            header = next(csv.reader(file), None)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: {csv_faults.reason(error)}") from error
    if not header:
        raise InputError(f"{path}: empty; must begin with a line of column names")
    header = [name.strip() for name in header]
    lower = [name.lower() for name in header]
    twice = next((name for name in header if lower.count(name.lower()) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: two columns {show(twice)}; each column needs a name of its own, whatever its case")
    return header


def _parquet_header(path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(path).names
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: not readable as Parquet: {engine.first_line(error)}") from error
