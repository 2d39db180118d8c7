"""One rule for identifiers and codes, the same for every source: how one is written, and which may have lost digits.

Programs that hold whole numbers as floating-point numbers, as pandas and R do for a column with gaps, write 101 as
`101.0` and 100000 as `1e+05`. Both are read as the whole number. From 2**53 on such a number may stand for its
neighbour, and an exponent after several digits may have cut off others: these are refused.
"""

import re
from collections.abc import Callable

import ibis

from mime_tf.ehr.engine import Engine
from mime_tf.errors import InputError, show

EXACT = 2**53  # from here on, float64 does not tell neighbouring whole numbers apart
RIGHT = "written with all of its digits: as a floating-point number it may have lost some (from 2**53 on it is inexact)"

# Least number of digits before the point. A code such as ICD-9-CM's 250.0 is no whole number; no code system has four
# digits before a point.
IDENTIFIER, CODE = 1, 4

_EXPONENT = r"^[+-]?\d\.\d*[eE][+-]?\d{1,3}$|^[+-]?\d+(\.\d*)?[eE]\+\d{2,3}$"
_ROUND = r"^[1-9](\.0*)?[eE]\+?(0?\d|1[0-5])$"


def _pointed(digits: int) -> str:
    return r"^([+-]?\d{%d,})\.0+$" % digits


def exact(text: ibis.Value, digits: int = IDENTIFIER) -> ibis.Value:
    """Returns identifiers or codes with whole numbers in digits alone; null where digits may be lost.

    Args:
        text: Ibis string expression.
        digits: `IDENTIFIER` or `CODE`.
    """
    whole = text.re_extract(_pointed(digits), 1)
    number = whole.length().between(1, 17).ifelse(whole, ibis.null("string")).try_cast("int64")
    converted = ibis.cases(
        (text.re_search(_pointed(digits)), ibis.ifelse(number.abs() < EXACT, whole, ibis.null("string"))),
        (text.re_search(_ROUND), text.try_cast("float64").cast("int64").cast("string")),
        (text.re_search(_EXPONENT), ibis.null("string")),
        else_=text,
    )
    # Few values have a point or a plus: the others are spared the patterns.
    return ibis.ifelse(text.contains(".") | text.contains("+"), converted, text)


def exact_text(text: str, digits: int = IDENTIFIER) -> str | None:
    """Returns one identifier or code, as `exact` does.

    >>> exact_text("101.0"), exact_text("1e+05"), exact_text("9007199254740993.0"), exact_text("1.23457E+11")
    ('101', '100000', None, None)
    """
    if "." not in text and "+" not in text:
        return text
    if whole := re.search(_pointed(digits), text, re.ASCII):
        return whole[1] if len(whole[1]) <= 17 and abs(int(whole[1])) < EXACT else None
    if re.search(_ROUND, text, re.ASCII):
        return str(int(float(text)))
    return None if re.search(_EXPONENT, text, re.ASCII) else text


def repeated(table: ibis.Table, name: str) -> ibis.Table:
    """Returns the values that a column holds more than once, as `id` and `times`; nulls do not count."""
    known = table.filter(table[name].notnull())
    counts = known.group_by(id=known[name]).agg(times=known.count())
    return counts.filter(counts.times > 1)


def check_unique(
    engine: Engine, table: ibis.Table, name: str, called: str, where: Callable[[str], str] | None = None
) -> None:
    """Raises InputError if a column holds a value more than once.

    Args:
        engine: the table's engine.
        table: the table.
        name: name of the column; nulls do not count.
        called: how the message names the column.
        where: returns the files and lines of a value, or None if they are not known.
    """
    first = engine.arrow(repeated(table, name).order_by("id").limit(1)).to_pylist()
    if first:
        value, times = first[0]["id"], first[0]["times"]
        place = f"{where(value)}: " if where else ""
        raise InputError(f"{place}{called} {show(value)} occurs {times} times; must occur once")
