"""Synthea's CSV export, in every layout of columns since 2017.

What differs between versions: SYSTEM beside CODE (missing before 2023), START and STOP in place of DATE, PAYER and
costs. Columns are found by name, so the rest does not matter. Without SYSTEM, conditions, procedures and reasons are
SNOMED-CT and medications are RxNorm, as Synthea documents them.
"""

import ibis

from mime_tf.ehr.schema import SYSTEMS, Export
from mime_tf.ehr.sources.folder import Column, Folder

SNOMED, RXNORM = "SNOMED-CT", "RxNorm"

_CODE = {"system": Column(("SYSTEM",), needed=False), "code": Column(("CODE",)), "display": Column(("DESCRIPTION",))}
_REASON = {
    "reason": Column(("REASONCODE",), needed=False),
    "reason_display": Column(("REASONDESCRIPTION",), needed=False),
}
_VISIT = {"visit": Column(("ENCOUNTER",))}
_START = Column(("START", "DATE"), time=True)
_STOP = Column(("STOP",), needed=False, time=True)

TABLES = {
    "patients": {
        "patient": Column(("ID",)),
        "birth": Column(("BIRTHDATE",), time=True),
        "sex": Column(("GENDER",), needed=False),
        "death": Column(("DEATHDATE",), needed=False, time=True),
    },
    "encounters": {"visit": Column(("ID",)), "patient": Column(("PATIENT",)), "start": _START, "stop": _STOP} | _REASON,
    "conditions": {"time": _START} | _VISIT | _CODE,
    "medications": {"time": _START} | _VISIT | _CODE | _REASON,
    "procedures": {"time": _START} | _VISIT | _CODE | _REASON,
}
ORDERS = {"medications": ("rx", RXNORM), "procedures": ("pr", SNOMED)}


def read(engine, path, on_error="stop", progress=None):
    """Reads an export.

    Args:
        engine: `mime_tf.ehr.engine.Engine`.
        path: the folder with `patients.csv`, `encounters.csv`, `conditions.csv`, `medications.csv` and
            `procedures.csv`, each also `.csv.gz` or `.parquet`.
        on_error: with `"skip"`, medications or procedures that can't be read are gone on without.
        progress: function that is given a text now and then, or None.

    Returns:
        `mime_tf.ehr.schema.Export`.

    Raises:
        InputError: as `mime_tf.ehr.sources.folder.Folder.table`.
    """
    folder = Folder(engine, path, on_error, progress)
    tables = {name: folder.table(name, columns, needed=name not in ORDERS) for name, columns in TABLES.items()}
    encounters = tables["encounters"]
    conditions = _with_system(tables["conditions"], SNOMED)
    ordered = [_orders(tables[name], name, *ORDERS[name]) for name in ORDERS if tables[name] is not None]
    if not ordered:
        missing = ibis.null("string")
        ordered = [_orders(conditions.mutate(reason=missing, reason_display=missing).limit(0), "none", "rx", RXNORM)]
    orders = engine.keep(ibis.union(*ordered) if len(ordered) > 1 else ordered[0], "synthea_orders")
    because = [conditions.select("visit", "system", "code", "time"), _visit_reasons(encounters)]
    names = [
        conditions.select(kind=ibis.literal("dx"), system="system", code="code", display="display"),
        _reason_names(encounters),
        _reason_names(orders),
        orders.select("kind", "system", "code", "display"),
    ]
    return Export(
        patients=tables["patients"].mutate(end=ibis.null("int64")),
        visits=encounters.select("visit", "patient", "start", "stop"),
        diagnoses=ibis.union(*because),
        orders=orders.select("order", "visit", "kind", "system", "code", "time"),
        reasons=orders.filter(orders.reason.notnull()).select("order", system=ibis.literal(SNOMED), code="reason"),
        names=ibis.union(*names).distinct(),
        skipped=folder.skipped,
    )


def _with_system(table, default):
    """Gives code systems their one name, and the default where the export names none."""
    return table.mutate(system=table.system.lower().substitute(SYSTEMS, else_=table.system).fill_null(default))


def _orders(table, name, kind, system):
    """The orders of a table, numbered: Synthea gives them no identifier."""
    table = _with_system(table, system)
    by = [table.visit, table.time, table.code, table.reason, table.display]
    number = ibis.row_number().over(order_by=by).cast("string")
    return table.mutate(order=ibis.literal(f"{name} ") + number, kind=ibis.literal(kind)).select(
        "order", "visit", "kind", "system", "code", "display", "time", "reason", "reason_display"
    )


def _visit_reasons(encounters):
    return encounters.filter(encounters.reason.notnull()).select(
        "visit", system=ibis.literal(SNOMED), code="reason", time=ibis.null("int64")
    )


def _reason_names(table):
    return table.filter(table.reason.notnull()).select(
        kind=ibis.literal("dx"), system=ibis.literal(SNOMED), code="reason", display="reason_display"
    )
