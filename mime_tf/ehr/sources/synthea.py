"""Synthea's CSV export, in every layout of columns since 2017.

Versions differ in SYSTEM beside CODE (missing before 2023), START and STOP in place of DATE, PAYER and costs. Columns
are read by name, so that the others do not matter. Without SYSTEM, conditions, procedures and reasons are SNOMED-CT and
medications RxNorm, as Synthea documents them.
"""

import functools
import os
from collections.abc import Callable

import ibis

from mime_tf.ehr.engine import Engine
from mime_tf.ehr.schema import SYSTEMS, Export
from mime_tf.ehr.sources.files.columns import Column, code, identifier
from mime_tf.ehr.sources.files.folder import Folder

SNOMED, RXNORM = "SNOMED-CT", "RxNorm"

_CODE = {"system": Column(("SYSTEM",), needed=False), "code": code(("CODE",)), "display": Column(("DESCRIPTION",))}
_REASON = {
    "reason": code(("REASONCODE",), needed=False),
    "reason_display": Column(("REASONDESCRIPTION",), needed=False),
}
_VISIT = {"visit": identifier(("ENCOUNTER",))}
_PATIENT = {"patient": identifier(("PATIENT",), needed=False)}  # of an event; its visit has one too
_START = Column(("START", "DATE"), time=True)
_STOP = Column(("STOP",), needed=False, time=True)

TABLES = {
    "patients": {
        "patient": identifier(("ID",)),
        "birth": Column(("BIRTHDATE",), time=True),
        "sex": Column(("GENDER",), needed=False),
        "death": Column(("DEATHDATE",), needed=False, time=True),
    },
    "encounters": {"visit": identifier(("ID",)), "patient": identifier(("PATIENT",)), "start": _START, "stop": _STOP}
    | _REASON,
    "conditions": {"time": _START} | _VISIT | _PATIENT | _CODE,
}
ORDER_TABLES = {"medications": ("rx", RXNORM), "procedures": ("pr", SNOMED)}
ORDER_COLUMNS = {"time": _START} | _VISIT | _PATIENT | _CODE | _REASON


def read(
    engine: Engine,
    path: str | os.PathLike,
    on_error: str = "stop",
    progress: Callable[[str], None] | None = None,
) -> Export:
    """Reads an export.

    Args:
        engine: computes the tables.
        path: the folder with `patients.csv`, `encounters.csv`, `conditions.csv`, `medications.csv` and
            `procedures.csv`, each also `.csv.gz` or `.parquet`.
        on_error: with `"skip"`, bad medications or procedures are passed over.
        progress: receives a line of text now and then.

    Raises:
        InputError: as `mime_tf.ehr.sources.files.folder.Folder.table`.
    """
    folder = Folder(engine, path, on_error, progress)
    patients, encounters, conditions = (folder.table(name, columns) for name, columns in TABLES.items())
    conditions = _with_system(conditions, SNOMED)
    ordered = []
    for name, (kind, system) in ORDER_TABLES.items():
        table = folder.optional_table(name, ORDER_COLUMNS)
        if table is not None:
            ordered.append(_orders(table, name, kind, system))
    if not ordered:
        missing = ibis.null("string")
        ordered = [_orders(conditions.mutate(reason=missing, reason_display=missing).limit(0), "none", "rx", RXNORM)]
    orders = engine.keep(ibis.union(*ordered) if len(ordered) > 1 else ordered[0], "synthea_orders")
    diagnoses = [conditions.select("visit", "system", "code", "time", "patient"), _visit_reasons(encounters)]
    names = [
        conditions.select(kind=ibis.literal("dx"), system="system", code="code", display="display"),
        _reason_names(encounters),
        _reason_names(orders),
        orders.select("kind", "system", "code", "display"),
    ]
    return Export(
        patients=patients.mutate(end=ibis.null("int64")),
        visits=encounters.select("visit", "patient", "start", "stop"),
        diagnoses=ibis.union(*diagnoses),
        orders=orders.select("order", "visit", "kind", "system", "code", "time", "patient"),
        reasons=_order_reasons(orders),
        names=ibis.union(*names).distinct(),
        left_out=folder.left_out,
        skipped=folder.skipped,
        passed_over=folder.not_read(),
        where={
            "patient": functools.partial(folder.where, "patients", "patient"),
            "visit": functools.partial(folder.where, "encounters", "visit"),
        },
    )


def _with_system(table, default):
    """Gives each code system its one name, and the default where the export names none."""
    return table.mutate(system=table.system.lower().substitute(SYSTEMS, else_=table.system).fill_null(default))


def _orders(table, name, kind, system):
    """The orders of a table, numbered, because Synthea gives them no identifier."""
    table = _with_system(table, system)
    key = [table.visit, table.time, table.code, table.reason, table.display]
    number = ibis.row_number().over(order_by=key).cast("string")
    return table.mutate(order=ibis.literal(f"{name} ") + number, kind=ibis.literal(kind)).select(
        "order", "visit", "kind", "system", "code", "display", "time", "patient", "reason", "reason_display"
    )


def _visit_reasons(encounters):
    return encounters.filter(encounters.reason.notnull()).select(
        "visit", system=ibis.literal(SNOMED), code="reason", time=ibis.null("int64"), patient=ibis.null("string")
    )


def _order_reasons(orders):
    return orders.filter(orders.reason.notnull()).select(
        "order", system=ibis.literal(SNOMED), code="reason", patient=ibis.null("string")
    )


def _reason_names(table):
    return table.filter(table.reason.notnull()).select(
        kind=ibis.literal("dx"), system=ibis.literal(SNOMED), code="reason", display="reason_display"
    )
