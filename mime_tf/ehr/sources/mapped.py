"""Any hospital's tables: a mapping in YAML says which column is what."""

import ibis

from mime_tf.ehr.linkage import reasons as links_to_rows
from mime_tf.ehr.schema import Export
from mime_tf.ehr.sources import mapping_file
from mime_tf.ehr.sources.folder import Column, Folder
from mime_tf.errors import InputError

TIMES = ("birth", "death", "start", "stop", "time")
NEEDED = ("visits", "diagnoses")  # these tables can't be gone on without


def read(engine, path, mapping, on_error="stop", progress=None):
    """Reads an export.

    Args:
        engine: `mime_tf.ehr.engine.Engine`.
        path: the folder with the tables, each `.csv`, `.csv.gz` or `.parquet`, or a folder of such files.
        mapping: path of the YAML, as `docs/tables.md` describes it.
        on_error: with `"skip"`, tables other than the visits and diagnoses that can't be read are gone on without.
        progress: function that is given a text now and then, or None.

    Returns:
        `mime_tf.ehr.schema.Export`. Orders are called by their kind and identifier.

    Raises:
        InputError: as `mime_tf.ehr.sources.mapping_file.read` and `mime_tf.ehr.sources.folder.Folder.table`; a table is
            missing; or a code of orders has several others in its place.
    """
    plan = mapping_file.read(mapping)
    folder = Folder(engine, path, on_error, progress)
    _check_tables(folder, plan, mapping)
    look = _look_up(folder, plan.diagnoses)
    diagnoses = engine.keep(_coded(_table(folder, plan.diagnoses), plan.diagnoses, look), "mapped_diagnoses")
    names, orders, reasons, left_out = [_names(diagnoses, plan.diagnoses, look)], [], [], {}
    for part in plan.orders:
        table = _table(folder, part)
        if table is None:
            continue
        ordered, own = _orders(engine, folder, part, table, mapping)
        orders.append(ordered)
        names.append(own)
        if "reason" in part.columns:
            because = ordered.select("order", code="reason").filter(ibis._.code.notnull())
            reasons.append(_reasons(because, plan.diagnoses, look))
    for part in plan.links:
        table = _table(folder, part)
        if table is not None:
            linked, counts = _links(engine, part, table, plan.diagnoses, diagnoses, look)
            reasons.append(linked)
            left_out |= counts
    if not orders:
        raise InputError(f"{path}: none of the tables of orders can be read: {folder.skipped[0][1]}")
    visits = _table(folder, plan.visits)
    orders = ibis.union(*orders)
    return Export(
        patients=_patients(folder, plan.patients, visits),
        visits=visits.select("visit", "patient", "start", "stop"),
        diagnoses=diagnoses.select("visit", "system", "code", "time"),
        orders=orders.select("order", "visit", "kind", "system", "code", "time"),
        reasons=ibis.union(*reasons or [_reasons(orders.select("order", "code").limit(0), plan.diagnoses, None)]),
        names=ibis.union(*names).distinct(),
        left_out=left_out,
        skipped=folder.skipped,
    )


def _check_tables(folder, plan, mapping):
    """Raises InputError if a table is missing, before any is read."""
    for part in plan.parts():
        if not folder.paths(part.file):
            raise InputError(f"{mapping}: {part.where}.file: found {part.file}; {folder.missing(part.file)}")


def _table(folder, part):
    """The columns of a part, those that are not mapped null; None where the table was skipped."""
    columns = {}
    for key in mapping_file.COLUMNS[part.section]:
        time, name = key in TIMES, part.columns.get(key)
        columns[key] = Column((name,) if name else (), needed=name is not None, time=time, form=part.form)
    return folder.table(part.file, columns, part.section in NEEDED, called=part.where.replace("[", "_").rstrip("]"))


def _look_up(folder, part):
    """The look-up of a part as key, code and display, or None."""
    if part.names is None:
        return None
    table = _table(folder, part.names)
    if table is None:
        return None
    table = table.filter(table.key.notnull())
    return table if "code" in part.names.columns else table.mutate(code=table.key)


def _translated(table, part, look):
    """Puts the codes of a look-up in the place of those of a table, where the look-up has such."""
    if part.names is None or "code" not in part.names.columns:
        return table
    if look is None:  # it was skipped; its codes are not those of the table
        return table.mutate(code=ibis.null("string"))
    there = look.filter(look.code.notnull()).select(code="key", another="code").distinct()
    joined = table.left_join(there, "code")
    return joined.drop("code", "code_right").rename(code="another")


def _coded(table, part, look):
    return _translated(table, part, look).mutate(**{key: ibis.literal(v) for key, v in part.constants.items()})


def _orders(engine, folder, part, table, mapping):
    """The orders of a part, and what their codes are called."""
    look = _look_up(folder, part)
    if look is not None and "code" in part.names.columns:
        pairs = look.filter(look.code.notnull()).select("key", "code").distinct()
        where = f"{mapping}: {part.where}.names.key: {part.names.columns['key']} in {part.names.file}"
        links_to_rows.check_unique(engine, pairs, "key", where)
    coded = _coded(table, part, look)
    coded = coded.mutate(order=ibis.literal(part.constants["kind"] + " ") + coded.order)
    kept = engine.keep(coded, f"mapped_{part.where.replace('[', '_').rstrip(']')}")
    return kept, _names(kept, part, look)


def _names(table, part, look):
    """What the codes of a part are called, by its own table and its look-up."""
    constants = {"kind": ibis.literal("dx")} | {key: ibis.literal(value) for key, value in part.constants.items()}
    tables = [named.select("code", "display") for named in (table, look) if named is not None]
    named = ibis.union(*tables).mutate(**constants).filter(ibis._.code.notnull(), ibis._.display.notnull())
    return named.select("kind", "system", "code", "display")


def _reasons(table, part, look):
    """Orders and diagnoses, the latter as the diagnoses' table has them."""
    return _coded(table, part, look).select("order", "system", "code")


def _links(engine, part, table, diagnoses_part, diagnoses, look):
    """The reasons of a table of links, and what was left out of them."""
    table = table.mutate(order=ibis.literal(part.constants["kind"] + " ") + table.order)
    if "diagnosis" in part.columns:
        return links_to_rows.reasons(engine, table.select("order", "diagnosis"), diagnoses, part.where)
    whole = table.filter(table.order.notnull(), table.code.notnull())
    lost = engine.value(table.filter(table.order.isnull() | table.code.isnull()).count())
    counts = {f"{part.where} without an order or a diagnosis": lost} if lost else {}
    return _reasons(whole.select("order", "code"), diagnoses_part, look), counts


def _patients(folder, part, visits):
    table = None if part is None else _table(folder, part)
    if table is None:
        ids = visits.filter(visits.patient.notnull()).select("patient").distinct()
        missing = {"birth": ibis.null("int64"), "sex": ibis.null("string"), "death": ibis.null("int64")}
        table = ids.mutate(**missing)
    return table.mutate(end=ibis.null("int64")).select("patient", "birth", "sex", "death", "end")
