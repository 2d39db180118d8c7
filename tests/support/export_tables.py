"""The common tables of an export, as plain Python."""

import csv

from mime_tf.ehr.engine import opened
from mime_tf.ehr.schema import SCHEMAS

DAY = 86_400
OWNED = ("diagnoses", "orders", "reasons")  # tables whose rows say whose they are


def read_tables(read, path, *arguments, engine=None, **options):
    """Reads an export; returns its tables as sorted lists of tuples, with left_out and skipped.

    The tables `OWNED` are without their column `patient` there, and with it in `owners`.

    Args:
        read: `read` of a source.
        path: the export.
        *arguments: further arguments of `read`.
        engine: the engine, None for DuckDB.
        **options: further arguments of `read`.
    """
    if engine is None:
        with opened() as engine:
            return read_tables(read, path, *arguments, engine=engine, **options)
    export = read(engine, path, *arguments, **options)
    tables = {name: engine.arrow(getattr(export, name)) for name in SCHEMAS}
    for name, table in tables.items():
        assert table.column_names == list(SCHEMAS[name]), name
        assert [str(kind) for kind in table.schema.types] == list(SCHEMAS[name].values()), name
    rows = {
        name: sorted_rows(table.drop_columns("patient") if name in OWNED else table) for name, table in tables.items()
    }
    return (
        {"owners": {name: sorted_rows(tables[name]) for name in OWNED}}
        | rows
        | {
            "left_out": export.left_out,
            "skipped": export.skipped,
        }
    )


def sorted_rows(table):
    """The rows of a `pyarrow.Table` as tuples, sorted."""
    return sorted((tuple(row.values()) for row in table.to_pylist()), key=repr)


def write(path, *rows):
    """Writes rows as CSV; the first is the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path
