"""An export with numbers in place of identifiers and codes, checked: the input of linkage and design.

Visits are numbered by patient, then start, then identifier. A concept is a code of one system and one kind: dx, rx, pr.
"""

import dataclasses

import ibis

from mime_tf.ehr import contradictions, left_out, no_codes, real_times, repeats
from mime_tf.ehr.engine import Engine
from mime_tf.ehr.left_out import NOWHERE, OF_ANOTHER
from mime_tf.ehr.schema import Export
from mime_tf.ehr.seconds import DAY, to_iso
from mime_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Events:
    """The tables of an export, numbered; all columns but identifiers and names are int64.

    Attributes:
        patients: p, patient (the identifier), birth, sex, death, end: when the record ends, by the source or by the
            last recorded time, death included; never after the day of the last event of the whole export.
        visits: v, p, start.
        diagnoses: v, p, dx, time; each dx of a visit once. `time` is never before the visit's start.
        orders: o, v, p, kind, code, time; each order once.
        reasons: o, dx; each reason of an order once.
        concepts: concept (the number that dx and code hold), kind, system, code, display.
        left_out: number of items left out, by reason.
        kept: number of items that are kept although they are odd, by what is odd.
    """

    patients: ibis.Table
    visits: ibis.Table
    diagnoses: ibis.Table
    orders: ibis.Table
    reasons: ibis.Table
    concepts: ibis.Table
    left_out: dict[str, int]
    kept: dict[str, int]


def number(engine: Engine, export: Export, source: str, now: int, skip: bool = False) -> Events:
    """Numbers an export.

    Args:
        engine: the export's engine.
        export: the common tables of a source.
        source: how messages name the export.
        now: time of the conversion, in seconds.
        skip: as for `mime_tf.ehr.repeats.resolve`.

    Raises:
        InputError: two different patients, visits or orders have one identifier, or there is no visit.
    """
    export, repeated = repeats.resolve(engine, _with_systems(export), source, skip)
    timed, not_times = real_times.take_out(engine, export, now)
    visits = engine.keep(_visits(timed), "visits")
    if not engine.value(visits.count()):
        raise InputError(f"{source}: no visit with a start, of a known patient; a cohort is made of visits")
    used = engine.keep(_used_codes(export), "codes")
    none = no_codes.find(engine, export, used)
    concepts = engine.keep(_concepts(export, none.real), "concepts")
    orders = engine.keep(_orders(timed, visits, concepts), "orders")
    diagnoses = engine.keep(_diagnoses(timed, visits, concepts), "diagnoses")
    reasons = engine.keep(_reasons(export, visits, orders, concepts), "reasons")
    of_another = _of_another(engine, diagnoses, orders, reasons)
    diagnoses, orders = diagnoses.filter(diagnoses.time.notnull()), orders.filter(~orders.of_another)
    patients = engine.keep(_patients(timed, visits, diagnoses, orders), "patients")
    patients, cut = _with_ends(engine, patients)
    return Events(
        patients,
        visits.select("v", "p", "start"),
        diagnoses.drop("of_another"),
        orders.drop("order", "of_another"),
        reasons.filter(~reasons.of_another).drop("of_another"),
        concepts,
        left_out=export.left_out
        | repeated
        | left_out.count(engine, _left_out(export, visits))
        | of_another
        | none.left_out
        | not_times
        | cut,
        kept=none.kept | contradictions.count(engine, visits, patients),
    )


def _with_systems(export):
    """The export with "" for an unknown code system, because a null equals nothing in a join, not even a null."""
    tables = {name: getattr(export, name) for name in ("diagnoses", "orders", "reasons", "names")}
    filled = {name: table.mutate(system=table.system.fill_null("")) for name, table in tables.items()}
    return dataclasses.replace(export, **filled)


def _visits(export):
    patients = export.patients.select("patient").distinct()
    visits = export.visits.filter(ibis._.visit.notnull(), ibis._.start.notnull())
    visits = visits.join(patients, "patient").select("visit", "patient", "start", "stop")
    order = [visits.patient, visits.start, visits.visit]
    return visits.mutate(
        v=ibis.row_number().over(order_by=order).cast("int64"),
        p=ibis.dense_rank().over(order_by=visits.patient).cast("int64"),
    )


def _used_codes(export):
    return ibis.union(
        export.diagnoses.select("system", "code").mutate(kind=ibis.literal("dx")).select("kind", "system", "code"),
        export.reasons.select("system", "code").mutate(kind=ibis.literal("dx")).select("kind", "system", "code"),
        export.orders.select("kind", "system", "code"),
        distinct=True,
    ).filter(ibis._.code.notnull())


def _concepts(export, used):
    """The codes in use, numbered, each with one of its names."""
    names = export.names.filter(ibis._.display.notnull())
    names = names.group_by("kind", "system", "code").agg(display=names.display.min())
    key = ["kind", "system", "code"]
    named = used.left_join(names, key).select(*key, display=ibis._.display.fill_null(""))
    return named.mutate(concept=ibis.row_number().over(order_by=key).cast("int64"))


def _concepts_of_kind(concepts, kind):
    return concepts.filter(concepts.kind == kind).select("system", "code", "concept")


def _known_time(time, start):
    """The time from which an event counts as known: not before the start of the visit that recorded it."""
    return ibis.greatest(time.fill_null(start), start)


def _diagnoses(export, visits, concepts):
    """The diagnoses of each visit, and how many of each are of another patient; the time is null if all are."""
    joined = export.diagnoses.join(_visits_for_events(visits), "visit")
    joined = joined.join(_concepts_of_kind(concepts, "dx"), ["system", "code"])
    known = _known_time(joined.time, joined.start)
    timed = joined.select("v", "p", dx="concept", time=known, of_another=_differs(joined.patient, joined.owner))
    return timed.group_by("v", "p", "dx").agg(
        time=timed.time.min(where=~timed.of_another), of_another=timed.of_another.sum().cast("int64")
    )


def _orders(export, visits, concepts):
    joined = export.orders.join(_visits_for_events(visits), "visit")
    joined = joined.join(concepts.select("kind", "system", "code", "concept"), ["kind", "system", "code"])
    of_another = _differs(joined.patient, joined.owner)
    time = _known_time(joined.time, joined.start)
    timed = joined.select("order", "v", "p", "kind", "concept", time=time, of_another=of_another)
    return timed.mutate(o=ibis.row_number().over(order_by=timed.order).cast("int64")).rename(code="concept")


def _reasons(export, visits, orders, concepts):
    kept = orders.filter(~orders.of_another).select("order", "o", "v")
    joined = export.reasons.join(kept, "order").join(_concepts_of_kind(concepts, "dx"), ["system", "code"])
    joined = joined.join(visits.select("v", owner="patient"), "v")
    of_another = _differs(joined.patient, joined.owner)
    return joined.select("o", dx="concept", of_another=of_another).distinct()


def _visits_for_events(visits):
    return visits.select("visit", "v", "p", "start", owner="patient")


def _differs(patient, owner):
    """Whether an event's own patient, if the source gives one, is another than the owner of its visit."""
    return (patient != owner).fill_null(False)


def _of_another(engine, diagnoses, orders, reasons):
    """The number of events of another patient than their visit's or order's, by kind."""
    sums = {
        f"diagnoses {OF_ANOTHER} their visit": diagnoses.of_another.sum(),
        f"orders {OF_ANOTHER} their visit": orders.of_another.sum(),
        f"reasons {OF_ANOTHER} their order": reasons.of_another.sum(),
    }
    return {name: number for name, number in engine.numbers(sums).items() if number}


def _patients(export, visits, diagnoses, orders):
    """The patients with a visit, when the source says that their record ends, and their last event."""
    times = ibis.union(
        visits.select("p", time=ibis.greatest(visits.start, visits.stop.fill_null(visits.start))),
        diagnoses.select("p", "time"),
        orders.select("p", "time"),
    )
    last = times.group_by("p").agg(last=times.time.max())
    numbers = visits.select("p", "patient").distinct().join(last, "p")
    joined = numbers.join(export.patients, "patient")
    last = ibis.greatest(joined["last"], joined.death.fill_null(joined["last"]))
    return joined.select("p", "patient", "birth", "sex", "death", "end", last=last)


def _with_ends(engine, patients):
    """Where the source gives no end, a record ends with its last event; none ends after the day of the export's."""
    last = engine.value(patients["last"].max()) // DAY * DAY + DAY - 1
    ends_later = engine.value((patients.end > last).sum())
    end = ibis.least(patients.end.fill_null(patients["last"]), last)
    end = ibis.greatest(end, patients.death.fill_null(end))
    cut = f"ends of records after the last event of the export, cut to its day, {to_iso(last)[:10]}"
    return patients.mutate(end=end).drop("last"), {cut: int(ends_later)} if ends_later else {}


def _left_out(export, numbered_visits):
    """The rows without a visit or a code, by reason."""
    visits, orders = export.visits.filter(export.visits.visit.notnull()), export.orders
    patients = export.patients.select("patient")
    tables = {
        "visits without an identifier": export.visits.filter(export.visits.visit.isnull()),
        "visits without a start": visits.filter(visits.start.isnull()),
        "visits without a patient": visits.filter(visits.patient.isnull()),
        f"{NOWHERE}patient of a visit": visits.filter(visits.patient.notnull()).anti_join(patients, "patient"),
        "orders without a code": orders.filter(orders.code.isnull()),
        "reasons without a code": export.reasons.filter(export.reasons.code.isnull()),
        "diagnoses without a code": export.diagnoses.filter(export.diagnoses.code.isnull()),
        f"{NOWHERE}order of a reason": export.reasons.anti_join(orders.select("order"), "order"),
    }
    without_number = visits.anti_join(numbered_visits, "visit").select("visit")
    for name, table in (("a diagnosis", export.diagnoses), ("an order", orders)):
        with_visit = table.filter(table.visit.notnull())
        tables[f"{name} without a visit"] = table.filter(table.visit.isnull())
        tables[f"{NOWHERE}visit of {name}"] = with_visit.anti_join(visits.select("visit"), "visit")
        tables[f"{name} of a visit that was left out"] = with_visit.semi_join(without_number, "visit")
    return tables
