"""Identifiers of patients, visits and orders that occur more than once in an export."""

import dataclasses

import ibis

from mime_tf.ehr import left_out
from mime_tf.ehr.engine import Engine
from mime_tf.ehr.identifiers import check_unique, repeated
from mime_tf.ehr.schema import Export

# Tables by the name of their identifier.
_TABLES = {"patient": "patients", "visit": "visits", "order": "orders"}


def resolve(engine: Engine, export: Export, source: str, skip: bool = False) -> tuple[Export, dict[str, int]]:
    """Makes identifiers unique: of equal rows one is kept.

    Args:
        engine: the export's engine.
        export: the common tables.
        source: how messages name the export.
        skip: leave out rows that differ but have one identifier, and all that refers to them; else they are an error.

    Returns:
        The export, and the number of rows left out, by reason.

    Raises:
        InputError: rows of one identifier differ, and `skip` is not set.
    """
    counts: dict[str, int] = {}
    numbers = engine.numbers({name: repeated(getattr(export, table), name).count() for name, table in _TABLES.items()})
    for name, table_name in _TABLES.items():
        table = getattr(export, table_name)
        if not numbers[name]:
            continue
        distinct = engine.keep(table.distinct(), f"distinct_{table_name}")
        equal = engine.value(table.count()) - engine.value(distinct.count())
        if equal:
            counts[f"repeated rows of {table_name}, equal to another"] = equal
        export = dataclasses.replace(export, **{table_name: distinct})
        if not skip:
            check_unique(
                engine,
                distinct,
                name,
                f"{name}" if name in export.where else f"{source}: {name}",
                export.where.get(name),
            )
        ids = engine.keep(repeated(distinct, name).select("id"), f"repeated_{table_name}")
        export, removed = _without(engine, export, name, ids)
        counts |= removed
    return export, counts


def _without(engine: Engine, export: Export, name: str, ids: ibis.Table) -> tuple[Export, dict[str, int]]:
    """The export without the rows of some identifiers, and without what refers to them."""
    visits, orders = export.visits, export.orders
    if name == "patient":
        visit_ids = visits.semi_join(ids, visits.patient == ids.id).select(id="visit")
    elif name == "visit":
        visit_ids = ids
    else:
        visit_ids = ids.limit(0)
    order_ids = ids if name == "order" else orders.semi_join(visit_ids, orders.visit == visit_ids.id).select(id="order")
    gone = {"patients": ids if name == "patient" else ids.limit(0), "visits": visit_ids, "orders": order_ids}
    keys = {"patients": "patient", "visits": "visit", "orders": "order"}
    cut = {"diagnoses": ("visit", visit_ids), "reasons": ("order", order_ids)}
    cut |= {table: (keys[table], removed) for table, removed in gone.items()}
    why = f"of a {name} whose identifier is repeated"
    changed, tables = {}, {}
    for table_name, (key, removed) in cut.items():
        table = getattr(export, table_name)
        changed[table_name] = table.anti_join(removed, table[key] == removed.id)
        if table_name != "reasons":
            tables[f"{table_name} {why}"] = table.semi_join(removed, table[key] == removed.id)
    return dataclasses.replace(export, **changed), left_out.count(engine, tables)
