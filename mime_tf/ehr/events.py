"""An export with numbers in place of its identifiers and codes, checked: what linkage and design work on.

A visit's number says its place: by patient, then start, then identifier. A concept is a code of a system, of the kind
dx, rx or pr.
"""

import dataclasses
from typing import Any

import ibis

from mime_tf.errors import InputError, show

# Prefix of what `--strict` does not let pass.
NOWHERE = "reference to nowhere: "


@dataclasses.dataclass(frozen=True)
class Events:
    """The tables of an export, numbered; Ibis tables, all numbers int64.

    Attributes:
        patients: p, patient (the identifier), birth, sex, death, end: when the record ends, by the source or by the
            latest that is recorded, death included.
        visits: v, p, start.
        diagnoses: v, p, dx, time; each dx of a visit once. `time` is never before the start of the visit.
        orders: o, v, p, kind, code, time; each order once.
        reasons: o, dx; each reason of an order once.
        concepts: concept, kind, system, code, display: what dx and code number.
        left_out: dict from what was left out, in words, to how often.
    """

    patients: Any
    visits: Any
    diagnoses: Any
    orders: Any
    reasons: Any
    concepts: Any
    left_out: dict


def number(engine, export, source):
    """Numbers an export.

    Args:
        engine: `mime_tf.ehr.engine.Engine`.
        export: `mime_tf.ehr.schema.Export`.
        source: what to call it in messages.

    Returns:
        Events.

    Raises:
        InputError: two patients or two visits have one identifier, or there is no visit.
    """
    export = _with_systems(export)
    _check_unique(engine, export.patients, "patient", source)
    _check_unique(engine, export.visits, "visit", source)
    _check_unique(engine, export.orders, "order", source)
    visits = engine.keep(_visits(export), "visits")
    if not engine.value(visits.count()):
        raise InputError(f"{source}: no visit with a start, of a known patient; a cohort is made of visits")
    concepts = engine.keep(_concepts(export), "concepts")
    orders = engine.keep(_orders(export, visits, concepts), "orders")
    diagnoses = engine.keep(_diagnoses(export, visits, concepts), "diagnoses")
    reasons = engine.keep(_reasons(export, orders, concepts), "reasons")
    patients = engine.keep(_patients(export, visits, diagnoses, orders), "patients")
    return Events(
        patients,
        visits.select("v", "p", "start"),
        diagnoses,
        orders.drop("order"),
        reasons,
        concepts,
        left_out=export.left_out | _left_out(engine, export, visits),
    )


def _with_systems(export):
    """The export with "" for a code system that is not known: a null would be equal to nothing, not even itself."""
    tables = {name: getattr(export, name) for name in ("diagnoses", "orders", "reasons", "names")}
    known = {name: table.mutate(system=table.system.fill_null("")) for name, table in tables.items()}
    return dataclasses.replace(export, **known)


def _check_unique(engine, table, name, source):
    counts = table.group_by(id=table[name]).agg(times=ibis._.count())
    twice = counts.filter(counts.times > 1, counts.id.notnull())
    found = engine.arrow(twice.order_by("id").limit(1)).to_pylist()
    if found:
        raise InputError(
            f"{source}: {name} {show(found[0]['id'])} is there {found[0]['times']} times; must be there once"
        )


def _visits(export):
    patients = export.patients.select("patient").distinct()
    visits = export.visits.filter(ibis._.visit.notnull(), ibis._.start.notnull())
    visits = visits.join(patients, "patient").select("visit", "patient", "start", "stop")
    order = [visits.patient, visits.start, visits.visit]
    return visits.mutate(
        v=ibis.row_number().over(order_by=order).cast("int64"),
        p=ibis.dense_rank().over(order_by=visits.patient).cast("int64"),
    )


def _concepts(export):
    """Every code that is used, numbered, with one of its names."""
    used = ibis.union(
        export.diagnoses.select("system", "code").mutate(kind=ibis.literal("dx")).select("kind", "system", "code"),
        export.reasons.select("system", "code").mutate(kind=ibis.literal("dx")).select("kind", "system", "code"),
        export.orders.select("kind", "system", "code"),
        distinct=True,
    ).filter(ibis._.code.notnull())
    names = export.names.filter(ibis._.display.notnull())
    names = names.group_by("kind", "system", "code").agg(display=names.display.min())
    by = ["kind", "system", "code"]
    named = used.left_join(names, by).select(*by, display=ibis._.display.fill_null(""))
    return named.mutate(concept=ibis.row_number().over(order_by=by).cast("int64"))


def _of_kind(concepts, kind):
    return concepts.filter(concepts.kind == kind).select("system", "code", "concept")


def _effective(time, start):
    """When something counts as known: not before the visit in which it was recorded has started."""
    return ibis.greatest(time.fill_null(start), start)


def _diagnoses(export, visits, concepts):
    joined = export.diagnoses.join(visits.select("visit", "v", "p", "start"), "visit")
    joined = joined.join(_of_kind(concepts, "dx"), ["system", "code"])
    timed = joined.select("v", "p", dx="concept", time=_effective(joined.time, joined.start))
    return timed.group_by("v", "p", "dx").agg(time=timed.time.min())


def _orders(export, visits, concepts):
    joined = export.orders.join(visits.select("visit", "v", "p", "start"), "visit")
    joined = joined.join(concepts.select("kind", "system", "code", "concept"), ["kind", "system", "code"])
    timed = joined.select("order", "v", "p", "kind", code_concept="concept", time=_effective(joined.time, joined.start))
    return timed.mutate(o=ibis.row_number().over(order_by=timed.order).cast("int64")).rename(code="code_concept")


def _reasons(export, orders, concepts):
    joined = export.reasons.join(orders.select("order", "o"), "order")
    return joined.join(_of_kind(concepts, "dx"), ["system", "code"]).select("o", dx="concept").distinct()


def _patients(export, visits, diagnoses, orders):
    """The patients who have a visit; a record ends with the last thing in it, where the source says nothing else."""
    ends = ibis.union(
        visits.select("p", time=ibis.greatest(visits.start, visits.stop.fill_null(visits.start))),
        diagnoses.select("p", "time"),
        orders.select("p", "time"),
    )
    last = ends.group_by("p").agg(last=ends.time.max())
    numbers = visits.select("p", "patient").distinct().join(last, "p")
    joined = numbers.join(export.patients, "patient")
    known = joined.end.fill_null(joined["last"])
    return joined.select(
        "p", "patient", "birth", "sex", "death", end=ibis.greatest(known, joined.death.fill_null(known))
    )


def _left_out(engine, export, numbered):
    """Counts what found no place among the visits, and codes that are missing."""
    visits, orders = export.visits.filter(export.visits.visit.notnull()), export.orders
    patients = export.patients.select("patient")
    counts = {
        "visits without an identifier": export.visits.filter(export.visits.visit.isnull()),
        "visits without a start": visits.filter(visits.start.isnull()),
        "visits without a patient": visits.filter(visits.patient.isnull()),
        f"{NOWHERE}patient of a visit": visits.filter(visits.patient.notnull()).anti_join(patients, "patient"),
        "orders without a code": orders.filter(orders.code.isnull()),
        "reasons without a code": export.reasons.filter(export.reasons.code.isnull()),
        "diagnoses without a code": export.diagnoses.filter(export.diagnoses.code.isnull()),
        f"{NOWHERE}order of a reason": export.reasons.anti_join(orders.select("order"), "order"),
    }
    for name, table in (("a diagnosis", export.diagnoses), ("an order", orders)):
        counts[f"{name} without a visit"] = table.filter(table.visit.isnull())
        there = table.filter(table.visit.notnull())
        counts[f"{NOWHERE}visit of {name}"] = there.anti_join(visits.select("visit"), "visit")
        of_known = there.semi_join(visits.select("visit"), "visit")
        counts[f"{name} of a visit that was left out"] = of_known.anti_join(numbered.select("visit"), "visit")
    found = {what: engine.value(table.count()) for what, table in counts.items()}
    return {what: times for what, times in found.items() if times}
