"""Labels made elsewhere: the label columns of MEDS (Medical Event Data Standard), in Parquet or CSV.

    subject_id       the patient's id in the export, an integer or text
    prediction_time  a time or a date; without a zone it counts as UTC
    boolean_value    the label, a boolean (in CSV true, false, 1 or 0) or an integer 0 or 1

Columns are read by name, in any order; others are ignored. The Parquet files of a folder and its sub-folders are read
as one, in the order of their names, because MEDS writes labels in shards.
"""

import csv
import dataclasses
import datetime
import glob
import os
import re
import zlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from mime_tf.data.parquet import opening
from mime_tf.ehr import identifiers, missing
from mime_tf.ehr.real_times import PLACEHOLDER_DAYS
from mime_tf.ehr.seconds import DAY, to_iso
from mime_tf.errors import InputError, show
from mime_tf.terminal import reading

COLUMNS = ("subject_id", "prediction_time", "boolean_value")
_VALUES = {"true": 1, "false": 0, "1": 1, "0": 0}
# Fractions of a second are cut off, which rounds down, so that no event of that second is used.
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?:(:\d\d)(?:[.,]\d+)?)?\s?(Z|UTC|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
)
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@dataclasses.dataclass(frozen=True)
class Labels:
    """The rows of a label file, in its order; no subject has one time twice.

    Attributes:
        subject: (rows,), str as objects.
        time: int64, (rows,), whole seconds since 1970-01-01T00:00:00 UTC, rounded down.
        label: int64 of 0 and 1, (rows,).
    """

    subject: np.ndarray
    time: np.ndarray
    label: np.ndarray


@dataclasses.dataclass(frozen=True)
class _Origin:
    """The file of consecutive rows, for messages.

    Attributes:
        path: the file.
        unit: "line" or "row".
        numbers: the number of each row in it.
    """

    path: str
    unit: str
    numbers: Sequence[int]


def read(path: str | os.PathLike) -> Labels:
    """Reads a label file.

    Args:
        path: a `.parquet` file, a folder of them, or a `.csv` or `.csv.gz` file.

    Raises:
        InputError: the file can't be read, has no rows, lacks a column or holds a wrong value; the message names the
            line of a CSV, counted from 1, or the row of a Parquet file, counted from 0.
    """
    path = os.fspath(path)
    if path.endswith((".csv", ".csv.gz")):
        origins, columns = _read_csv(path)
    elif path.endswith(".parquet") or os.path.isdir(path):
        origins, columns = _read_parquet(_shards(path))
    else:
        raise InputError(f"{path}: must be named .csv, .csv.gz or .parquet, or be a folder of .parquet files")
    labels = Labels(*columns)
    if not len(labels.subject):
        raise InputError(f"{path}: no rows; at least one is needed")
    _check_subjects(labels, origins)
    _check_times(labels, origins)
    _check_distinct(labels, origins)
    return labels


def _check_subjects(labels, origins):
    """Raises InputError if a subject is a word for a missing value, such as NA."""
    words = np.isin(np.char.lower(labels.subject.astype(str)), missing.WORDS)
    if words.any():
        row = int(np.argmax(words))
        found = f"found {show(labels.subject[row])}, a word for a missing value"
        raise InputError(f"{_location(origins, row)}: subject_id: {found}; every row needs one")


def _check_times(labels, origins):
    """Raises InputError if a time is a date such as 9999-12-31, which programs write for "open" or "unknown"."""
    days = labels.time // DAY
    none = np.isin(days, PLACEHOLDER_DAYS)
    if none.any():
        row = int(np.argmax(none))
        found = f"found {to_iso(int(labels.time[row]))[:10]}, which stands for no date"
        raise InputError(f"{_location(origins, row)}: prediction_time: {found}; must be when the prediction is made")


def _check_distinct(labels, origins):
    """Raises InputError if a subject has a time twice, because either label could be meant."""
    subject = np.unique(labels.subject.astype(str), return_inverse=True)[1]
    order = np.lexsort((labels.time, subject))
    again = (np.diff(subject[order]) == 0) & (np.diff(labels.time[order]) == 0)
    if again.any():
        first, second = sorted(order[np.flatnonzero(again)[0] :][:2].tolist())
        time = str(np.datetime64(int(labels.time[second]), "s")).replace("T", " ")
        raise InputError(
            f"{_location(origins, second)}: subject {show(labels.subject[second])} has the time {time} a second time, "
            f"as in {_location(origins, first)}; once is right"
        )


def _location(origins, row):
    """The file and line of a row, counted over all files."""
    for origin in origins:
        if row < len(origin.numbers):
            return f"{origin.path}: {origin.unit} {origin.numbers[row]}"
        row -= len(origin.numbers)
    raise IndexError(row)


def parse_time(text: str) -> int:
    """Returns the seconds since 1970 of a time in ISO 8601, rounded down.

    >>> parse_time("1970-01-02"), parse_time("1970-01-01 01:00:00.9Z"), parse_time("1970-01-01T24:00+01:00")
    (86400, 3600, 82800)

    Raises:
        ValueError: the text is no such time.
    """
    match = _TIME.fullmatch(text.strip())
    if not match:
        raise ValueError("must be a date or a time such as 2015-06-30 or 2015-06-30 08:00:00")
    date, minutes, seconds, zone = match.groups()
    zone = "+00:00" if zone in (None, "Z", "UTC") else f"{zone[:3]}:{zone[3:].lstrip(':') or '00'}"
    is_midnight = (minutes, seconds) in (("24:00", None), ("24:00", ":00"))
    clock = "00:00:00" if is_midnight else (minutes or "00:00") + (seconds or ":00")
    time = datetime.datetime.fromisoformat(f"{date}T{clock}{zone}")
    return (time - _EPOCH) // datetime.timedelta(seconds=1) + (DAY if is_midnight else 0)


# CSV.


def _read_csv(path):
    """Returns the origins of the rows, and the columns."""
    try:
        parsed = reading.csv_rows(path)
        _, header = next(parsed, (0, []))
        _check_columns(path, header)
        cells = [header.index(name) for name in COLUMNS]
        rows = [_csv_row(path, line, row, len(header), cells) for line, row in parsed if row]
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        raise InputError(f"{path}: can't be read as CSV in UTF-8 ({error})") from error
    lines, subjects, times, values = zip(*rows, strict=True) if rows else ((), (), (), ())
    columns = np.array(subjects, object), np.array(times, np.int64), np.array(values, np.int64)
    return [_Origin(path, "line", lines)], columns


def _csv_row(path, line, row, fields, cells):
    """Checks a row, and returns its line, subject, time and label."""
    if len(row) != fields:
        raise InputError(f"{path}: line {line}: {len(row)} fields; one for each of the header's {fields}")
    subject, time, value = (row[cell].strip() for cell in cells)
    if not subject:
        raise InputError(f"{path}: line {line}: subject_id is empty; every row needs one")
    subject = _identifier(subject, f"{path}: line {line}")
    if value.lower() not in _VALUES:
        raise InputError(f"{path}: line {line}: boolean_value: found {show(value)}; must be true, false, 1 or 0")
    return line, subject, _time(time, f"{path}: line {line}"), _VALUES[value.lower()]


def _identifier(text, where):
    """A subject as the sources write it."""
    subject = identifiers.exact_text(text)
    if subject is None:
        raise InputError(f"{where}: subject_id: found {show(text)}; must be {identifiers.RIGHT}")
    return subject


def _time(text, where):
    try:
        return parse_time(text)
    except ValueError as error:
        raise InputError(f"{where}: prediction_time: found {show(text)}; {error}") from error


def _check_columns(path, header):
    for name in COLUMNS:
        if list(header).count(name) != 1:
            absence = f"no column {name}; found {', '.join(header) or 'none'}"
            fault = f"column {name} twice" if name in header else absence
            raise InputError(f"{path}: {fault}; needs {', '.join(COLUMNS)}")


# Parquet.


def _shards(path):
    """Returns a Parquet file as a list, or the Parquet files of a folder."""
    if not os.path.isdir(path):
        return [path]
    shards = sorted(glob.glob(os.path.join(glob.escape(path), "**", "*.parquet"), recursive=True))
    if not shards:
        raise InputError(f"{path}: no file *.parquet in this folder; at least one is needed")
    return shards


def _read_parquet(shards):
    """Returns the origins of the rows, and the columns."""
    origins, parts = [], []
    for path in shards:
        try:
            with opening.opened(path, COLUMNS[:2]) as (file, budget):
                _check_columns(path, file.schema_arrow.names)
                budget.take(opening.values_size(path, COLUMNS))
                table = file.read(list(COLUMNS))
        except InputError:
            raise
        except (OSError, ValueError, pa.ArrowException) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{path}: can't be read ({reason}); a Parquet file of labels is needed") from error
        for name in COLUMNS[:2]:
            budget.take(opening.texts_size(table.column(name)))
        columns = [_column(table.column(name), name, path) for name in COLUMNS]
        parts.append((_subjects(columns[0], path), _times(columns[1], path), _values(columns[2], path)))
        origins.append(_Origin(path, "row", range(len(table))))
    return origins, [np.concatenate(column) for column in zip(*parts, strict=True)]


def _column(column, name, path):
    """Returns a column as one Arrow array without nulls, a dictionary decoded."""
    column = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    if column.null_count:
        row = int(np.argmin(column.is_valid().to_numpy()))
        raise InputError(f"{path}: row {row}: {name} is null; every row needs one")
    return column.combine_chunks()


def _subjects(array, path):
    if not (pa.types.is_integer(array.type) or _is_text(array.type)):
        raise InputError(f"{path}: subject_id is of type {array.type}; must be an integer or a string")
    if pa.types.is_integer(array.type):
        return np.array([str(subject) for subject in array.to_pylist()], object)
    subjects = [_identifier(text.strip(), f"{path}: row {row}") for row, text in enumerate(array.to_pylist())]
    return np.array(subjects, object)


def _times(array, path):
    if _is_text(array.type):
        texts = array.to_pylist()
        return np.array([_time(text, f"{path}: row {row}") for row, text in enumerate(texts)], np.int64)
    if pa.types.is_date(array.type):
        array = array.cast(pa.timestamp("ms"))
    if not pa.types.is_timestamp(array.type):
        raise InputError(f"{path}: prediction_time is of type {array.type}; must be a timestamp, a date or a string")
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[array.type.unit]
    return array.cast(pa.int64()).to_numpy() // per_second  # with a zone it is UTC already


def _values(array, path):
    if not (pa.types.is_boolean(array.type) or pa.types.is_integer(array.type)):
        raise InputError(f"{path}: boolean_value is of type {array.type}; must be a boolean, or an integer 0 or 1")
    values = array.to_numpy(zero_copy_only=False)
    good = (values == 0) | (values == 1)
    if not good.all():
        row = int(np.argmin(good))
        raise InputError(f"{path}: row {row}: boolean_value: found {values[row]}; must be 0 or 1")
    return values.astype(np.int64)


def _is_text(kind):
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
