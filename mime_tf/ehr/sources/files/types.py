"""Columns of any type as text or as seconds, the same on every engine; types that can't be exact are refused."""

import ibis
import pyarrow as pa

from mime_tf.ehr.identifiers import EXACT
from mime_tf.ehr.sources.files import times

_TEXT = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
_BINARY = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
_WHOLE = (pa.types.is_integer, pa.types.is_boolean)
_FLOATING = (pa.types.is_float32, pa.types.is_float64)
_MOMENTS = (pa.types.is_date, pa.types.is_timestamp)
DIGITS_OF_DECIMAL = 38  # engines read decimals of more digits as floating-point numbers, or not at all
TEXT_RIGHT = "text, whole numbers, decimals or floating-point numbers"
TIME_RIGHT = "dates, timestamps or text"


def is_binary(kind: pa.DataType | None) -> bool:
    """Whether values are bytes, which may be text."""
    return kind is not None and _is(kind, _BINARY)


def readable(kind: pa.DataType | None, time: bool) -> bool:
    """Whether columns of a type are read; None is the text of a CSV file."""
    if kind is None or _is(kind, (*_TEXT, *_BINARY, *_WHOLE, *_FLOATING, pa.types.is_null)):
        return True
    if pa.types.is_decimal(kind):
        return kind.precision <= DIGITS_OF_DECIMAL
    return time and _is(kind, _MOMENTS)


def text(column: ibis.Value, kind: pa.DataType | None) -> ibis.Value:
    """Returns a column as text without surrounding blanks, null where it is empty.

    A whole number has no point, whatever the type that holds it.

    Args:
        column: Ibis expression.
        kind: the type that the file gives it, or None for CSV.
    """
    if kind is not None and pa.types.is_null(kind):
        return ibis.null("string")
    plain = column.cast("string")
    if kind is not None and pa.types.is_decimal(kind):
        return _decimal(column, plain, kind)
    if kind is not None and _is(kind, _FLOATING):
        return _floating(column, plain, kind)
    return plain.strip().nullif("")


def inexact(column: ibis.Value, kind: pa.DataType | None) -> ibis.Value | None:
    """Returns whether a floating-point number may stand for its neighbour, or None for other types."""
    if kind is None or not _is(kind, _FLOATING):
        return None
    return (column.abs() >= _limit(kind)) & ~column.isnan()


def seconds(column: ibis.Value, text: ibis.Value, kind: pa.DataType | None, time_format: str | None) -> ibis.Value:
    """Returns a column as seconds since 1970, null where it is no time.

    Args:
        column: Ibis expression.
        text: the column as `text` returns it.
        kind: the type that the file gives it, or None for CSV.
        time_format: as for `times.from_text`.
    """
    if kind is not None and pa.types.is_null(kind):
        return ibis.null("int64")
    if kind is None or not _is(kind, _MOMENTS):
        return times.from_text(text, time_format)
    if column.type().is_integer():  # Spark has no type for nanoseconds
        rest = ((column % 10**9) + 10**9) % 10**9
        return ((column - rest) / 10**9).round().cast("int64")
    return times.from_moment(column)


def _is(kind, tests):
    return any(test(kind) for test in tests)


def _limit(kind):
    return EXACT if pa.types.is_float64(kind) else 2**24


def _decimal(column, plain, kind):
    if not kind.scale:
        return plain
    digits = plain.re_replace("0+$", "").re_replace(r"\.$", "")
    return ibis.ifelse(column == 0, "0", digits)  # which Spark writes as 0E-10


def _floating(column, plain, kind):
    whole = (column % 1 == 0) & (column.abs() < _limit(kind))
    number = ibis.ifelse(whole, column, 0.0).cast("int64").cast("string")
    return ibis.cases((column.isnan(), ibis.null("string")), (whole, number), else_=plain)
