"""Any hospital's tables, by a mapping in YAML that gives each column its meaning."""

import functools
import os
from collections.abc import Callable

import ibis

from mime_tf.ehr.engine import Engine
from mime_tf.ehr.identifiers import CODE, IDENTIFIER, check_unique
from mime_tf.ehr.schema import Export
from mime_tf.ehr.sources import links
from mime_tf.ehr.sources import mapping as mappings
from mime_tf.ehr.sources.files.columns import Column
from mime_tf.ehr.sources.files.folder import Folder
from mime_tf.errors import InputError

TIMES = ("birth", "death", "start", "stop", "time")
DIGITS = dict.fromkeys(("patient", "visit", "order", "diagnosis"), IDENTIFIER) | dict.fromkeys(
    ("code", "key", "reason"), CODE
)


def read(
    engine: Engine,
    path: str | os.PathLike,
    mapping: str | os.PathLike,
    on_error: str = "stop",
    progress: Callable[[str], None] | None = None,
) -> Export:
    """Reads an export.

    Args:
        engine: computes the tables.
        path: the folder with the tables, each `.csv`, `.csv.gz` or `.parquet`, or a folder of such files.
        mapping: path of the YAML, as `docs/tables.md` describes it.
        on_error: with `"skip"`, bad tables other than the visits and diagnoses are passed over.
        progress: receives a line of text now and then.

    Returns:
        The export. An order's identifier is its kind and its identifier in the table.

    Raises:
        InputError: as `mime_tf.ehr.sources.mapping.read` and `mime_tf.ehr.sources.files.folder.Folder.table`; a table
            is missing; or a look-up gives a code of orders several others.
    """
    plan = mappings.read(mapping)
    folder = Folder(engine, path, on_error, progress)
    _check_existence(folder, plan, mapping)
    visits = _table(folder, plan.visits)
    look_up = _look_up(folder, plan.diagnoses)
    diagnoses = engine.keep(_coded(_table(folder, plan.diagnoses), plan.diagnoses, look_up), "mapped_diagnoses")
    names, orders, reasons = [_names(diagnoses, plan.diagnoses, look_up)], [], []
    left_out: dict[str, int] = {}
    for part in plan.orders:
        table = _optional_table(folder, part)
        if table is None:
            continue
        part_orders, part_names = _orders(engine, folder, part, table, mapping)
        orders.append(part_orders)
        names.append(part_names)
        if "reason" in part.columns:
            reason_codes = part_orders.select("order", code="reason").filter(ibis._.code.notnull())
            reasons.append(_reasons(reason_codes, plan.diagnoses, look_up))
    for part in plan.links:
        table = _optional_table(folder, part)
        if table is not None:
            linked, counts = _linked_reasons(engine, part, table, plan.diagnoses, diagnoses, visits, look_up)
            reasons.append(linked)
            left_out |= counts
    if not orders:
        raise InputError(f"{path}: none of the tables of orders can be read: {folder.skipped[0][1]}")
    all_orders = ibis.union(*orders)
    if not reasons:
        reasons.append(_reasons(all_orders.select("order", "code").limit(0), plan.diagnoses, None))
    return Export(
        patients=_patients(folder, plan.patients, visits),
        visits=visits.select("visit", "patient", "start", "stop"),
        diagnoses=diagnoses.select("visit", "system", "code", "time", "patient"),
        orders=all_orders.select("order", "visit", "kind", "system", "code", "time", "patient"),
        reasons=ibis.union(*reasons),
        names=ibis.union(*names).distinct(),
        left_out=folder.left_out | left_out,
        skipped=folder.skipped,
        passed_over=folder.not_read(),
        where=_places(folder, plan),
    )


def _places(folder, plan):
    """Where identifiers are in the files; an order's begins with its kind."""
    places = {"visit": functools.partial(folder.where, "visits", "visit")}
    if plan.patients:
        places["patient"] = functools.partial(folder.where, "patients", "patient")

    def order(identifier):
        kind, _, name = identifier.partition(" ")
        parts = [part for part in plan.orders if part.constants["kind"] == kind]
        return " and ".join(filter(None, (folder.where(_scratch_name(part), "order", name) for part in parts)))

    return places | {"order": order}


def _check_existence(folder, plan, mapping):
    """Raises InputError if a table is missing, before any is read."""
    for part in plan.parts():
        if not folder.paths(part.file):
            raise InputError(f"{mapping}: {part.where}.file: found {part.file}; {folder.missing(part.file)}")


def _columns(part):
    """The columns of a part; those that are not mapped are null."""
    columns = {}
    for key in mappings.COLUMNS[part.section]:
        name = part.columns.get(key)
        names = (name,) if name else ()
        time, digits = key in TIMES, DIGITS.get(key)
        columns[key] = Column(names, name is not None, time, part.time_format, digits)
    return columns


def _scratch_name(part):
    return part.where.replace("[", "_").rstrip("]")


def _table(folder, part):
    return folder.table(part.file, _columns(part), called=_scratch_name(part))


def _optional_table(folder, part):
    """The table of a part, or None if it was skipped."""
    return folder.optional_table(part.file, _columns(part), called=_scratch_name(part))


def _look_up(folder, part):
    """The look-up of a part as key, code and display, or None."""
    if part.names is None:
        return None
    table = _optional_table(folder, part.names)
    if table is None:
        return None
    table = table.filter(table.key.notnull())
    return table if "code" in part.names.columns else table.mutate(code=table.key)


def _translated(table, part, look_up):
    """Replaces the codes of a table by those of its look-up, if that has codes."""
    if part.names is None or "code" not in part.names.columns:
        return table
    if look_up is None:  # it was skipped, and the keys in the table are not the codes that the mapping asks for
        return table.mutate(code=ibis.null("string"))
    codes = look_up.filter(look_up.code.notnull()).select(code="key", translation="code").distinct()
    joined = table.left_join(codes, "code")
    return joined.drop("code", "code_right").rename(code="translation")


def _coded(table, part, look_up):
    constants = {key: ibis.literal(value) for key, value in part.constants.items()}
    return _translated(table, part, look_up).mutate(**constants)


def _orders(engine, folder, part, table, mapping):
    """The orders of a part, and the names of their codes."""
    look_up = _look_up(folder, part)
    if look_up is not None and "code" in part.names.columns:
        codes = look_up.filter(look_up.code.notnull()).select("key", "code").distinct()
        where = f"{mapping}: {part.where}.names.key: {part.names.file}: {part.names.columns['key']}"
        check_unique(engine, codes, "key", where)
    coded = _coded(table, part, look_up)
    coded = coded.mutate(order=ibis.literal(part.constants["kind"] + " ") + coded.order)
    kept = engine.keep(coded, f"mapped_{_scratch_name(part)}")
    return kept, _names(kept, part, look_up)


def _names(table, part, look_up):
    """The names of the codes of a part, by its own table and its look-up."""
    constants = {"kind": ibis.literal("dx")} | {key: ibis.literal(value) for key, value in part.constants.items()}
    tables = [named.select("code", "display") for named in (table, look_up) if named is not None]
    named = ibis.union(*tables).mutate(**constants).filter(ibis._.code.notnull(), ibis._.display.notnull())
    return named.select("kind", "system", "code", "display")


def _reasons(table, part, look_up):
    """Orders and the codes of their diagnoses, translated as those of the diagnoses' table are."""
    return _coded(table, part, look_up).select("order", "system", "code", patient=ibis.null("string"))


def _linked_reasons(engine, part, table, diagnoses_part, diagnoses, visits, look_up):
    """The reasons in a table of links, and counts of those left out."""
    table = table.mutate(order=ibis.literal(part.constants["kind"] + " ") + table.order)
    if "diagnosis" in part.columns:
        return links.follow(engine, table.select("order", "diagnosis"), diagnoses, visits, part.where)
    whole = table.filter(table.order.notnull(), table.code.notnull())
    incomplete = engine.value(table.filter(table.order.isnull() | table.code.isnull()).count())
    counts = {f"{part.where} without an order or a diagnosis": incomplete} if incomplete else {}
    return _reasons(whole.select("order", "code"), diagnoses_part, look_up), counts


def _patients(folder, part, visits):
    table = None if part is None else _optional_table(folder, part)
    if table is None:
        ids = visits.filter(visits.patient.notnull()).select("patient").distinct()
        missing = {"birth": ibis.null("int64"), "sex": ibis.null("string"), "death": ibis.null("int64")}
        table = ids.mutate(**missing)
    return table.mutate(end=ibis.null("int64")).select("patient", "birth", "sex", "death", "end")
