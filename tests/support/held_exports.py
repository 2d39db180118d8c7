"""What a source reads of an export, as plain Python."""

import csv

from mime_tf.ehr import engine
from mime_tf.ehr.schema import SCHEMAS

DAY = 86_400


def held(source, path, *arguments, where=None, **options):
    """Reads an export by a source's module; returns its tables as sorted lists of tuples, with left_out and skipped.

    Args:
        where: `mime_tf.ehr.engine.Engine`, None for DuckDB.
    """
    if where is None:
        with engine.opened() as place:
            return held(source, path, *arguments, where=place, **options)
    export = source.read(where, path, *arguments, **options)
    tables = {name: where.arrow(getattr(export, name)) for name in SCHEMAS}
    for name, table in tables.items():
        assert table.column_names == list(SCHEMAS[name]), name
        assert [str(kind) for kind in table.schema.types] == list(SCHEMAS[name].values()), name
    rows = {
        name: sorted((tuple(row.values()) for row in table.to_pylist()), key=repr) for name, table in tables.items()
    }
    return rows | {"left_out": export.left_out, "skipped": export.skipped}


def write(path, *rows):
    """Writes rows as CSV; the first is the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path
