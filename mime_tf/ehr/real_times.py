"""Times that are none: dates that programs write for "open" or "unknown", and times after the day of the conversion.

Placeholders are the first and last dates of databases and programs, and the round ones of data warehouses. A time that
is none is treated as missing. Exports whose dates were shifted into the future, as those of public research data are,
are told by their visits; of these only placeholders are taken out.
"""

import dataclasses
import datetime

import ibis

from mime_tf.ehr.engine import Engine
from mime_tf.ehr.schema import Export
from mime_tf.ehr.seconds import DAY, from_date, to_iso

PLACEHOLDERS = (
    *("0001-01-01", "1582-10-15", "1601-01-01", "1753-01-01", "1800-01-01", "1840-12-31", "1858-11-17"),
    *("1899-12-30", "1899-12-31", "1900-01-01", "2078-12-31", "2079-06-06", "2099-01-01", "2099-12-31"),
    *("2100-01-01", "2100-12-31", "2199-12-31", "2200-01-01", "2222-02-02", "2262-04-11", "2500-01-01", "2999-12-31"),
    *("3000-01-01", "3000-12-31", "4000-01-01", "4712-12-31", "5000-01-01", "9998-12-31", "9999-01-01", "9999-12-31"),
)
# Before and from these no time is real.
_EARLIEST, _LATEST = datetime.date(1700, 1, 1), datetime.date(2300, 1, 1)
# Between these lie the visits of exports with shifted dates.
_FIRST, _LAST = datetime.date(1902, 1, 1), datetime.date(2262, 1, 1)
PLACEHOLDER_DAYS = [from_date(datetime.date.fromisoformat(date)) // DAY for date in PLACEHOLDERS]
# From the table and column to the name of such times in counts.
TIMES = {
    ("patients", "birth"): "births",
    ("patients", "death"): "deaths",
    ("patients", "end"): "ends of records",
    ("visits", "start"): "visits that start",
    ("visits", "stop"): "ends of visits",
    ("diagnoses", "time"): "times of diagnoses",
    ("orders", "time"): "times of orders",
}


def is_placeholder(time: ibis.Value) -> ibis.Value:
    """Returns whether a time in seconds is of a day that stands for none."""
    day = _day(time)
    return day.isin(PLACEHOLDER_DAYS) | (time < from_date(_EARLIEST)) | (time >= from_date(_LATEST))


def take_out(engine: Engine, export: Export, now: int) -> tuple[Export, dict[str, int]]:
    """Replaces the times of an export that are none by null.

    A late end of a record stays: it says that the record is open, and `mime_tf.ehr.events` cuts it.

    Args:
        engine: the export's engine.
        export: the common tables of a source.
        now: time of the conversion, in seconds.

    Returns:
        The export, and the number of these times by their names.
    """
    visits = export.visits.filter(export.visits.start.notnull())
    counts = engine.numbers({"late": (visits.start > now + DAY).sum(), "all": visits.count()})
    is_shifted = 2 * counts["late"] > counts["all"]
    rows, tables = [], {name: getattr(export, name) for name, _ in TIMES}
    for (name, column), called in TIMES.items():
        time = tables[name][column]
        if is_shifted:
            is_none = is_placeholder(time) & ~time.between(from_date(_FIRST), from_date(_LAST))
        else:
            is_none = is_placeholder(time) | (time > now + DAY)  # whatever the zone
        if column == "end":
            is_none = is_none & (time < 0)
        rows.append(tables[name].filter(is_none).select(called=ibis.literal(called), day=_day(time)))
        tables[name] = tables[name].mutate(**{column: ibis.ifelse(is_none, ibis.null("int64"), time)})
    return dataclasses.replace(export, **tables), _counts(engine, ibis.union(*rows))


def _day(time):
    return (time / DAY).floor().cast("int64")


def _counts(engine, rows):
    counts: dict[str, int] = {}
    by_day = engine.arrow(rows.group_by("called", "day").agg(times=rows.count()).order_by("called", "day"))
    for row in by_day.to_pylist():
        name = f"{row['called']} {_in_words(row['day'])}"
        counts[name] = counts.get(name, 0) + row["times"]
    return counts


def _in_words(day):
    if day in PLACEHOLDER_DAYS:
        return f"on {to_iso(day * DAY)[:10]}, which stands for no date"
    if day * DAY < from_date(_EARLIEST):
        return f"before {_EARLIEST}"
    return f"from {_LATEST}" if day * DAY >= from_date(_LATEST) else "after the day of the conversion"
