"""Rules for identifiers, the same for every source: how one is written, and that it occurs once."""

import ibis

from mime_tf.ehr.engine import Engine
from mime_tf.errors import InputError, show


def without_point(column: ibis.Value) -> ibis.Value:
    """Returns identifiers without the `.0` that programs append where a column of whole numbers has gaps.

    Args:
        column: Ibis string expression.
    """
    return column.re_replace(r"\.0+$", "")


def check_unique(engine: Engine, table: ibis.Table, name: str, where: str) -> None:
    """Raises InputError if a column holds a value more than once.

    Args:
        engine: the table's engine.
        table: the table.
        name: name of the column; nulls do not count.
        where: how the message names the column.
    """
    if again := repeated(engine, table, name):
        raise InputError(f"{where} {show(again[0])} occurs {again[1]} times; must occur once")


def repeated(engine: Engine, table: ibis.Table, name: str) -> tuple[str, int] | None:
    """Returns the first value, in their order, that a column holds more than once, and how often; or None."""
    known = table.filter(table[name].notnull())
    counts = known.group_by(id=known[name]).agg(times=known.count())
    rows = engine.arrow(counts.filter(counts.times > 1).order_by("id").limit(1)).to_pylist()
    return (rows[0]["id"], rows[0]["times"]) if rows else None
