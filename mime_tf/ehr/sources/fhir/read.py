"""FHIR R4: bundles and bulk exports. docs/fhir.md says what is read of which resource and what is left out.

Resources become rows where the files lie (`fhir_files`); here references are followed, by joins, so that the resources
of a bulk export may lie in any file and in any order.
"""

import os

import ibis

from mime_tf.ehr.events import NOWHERE
from mime_tf.ehr.schema import SCHEMAS, Export
from mime_tf.ehr.sources.fhir.files import extract, find
from mime_tf.ehr.sources.fhir.resources import TABLES
from mime_tf.errors import InputError, show

# What became of a reference.
FOUND, LEFT_OUT, NONE, LOST = "found", "left out", "none", "nowhere"


def read(engine, path, on_error="stop", processes=None, progress=None):
    """Reads an export.

    Args:
        engine: `mime_tf.ehr.engine.Engine`.
        path: a file (.json, .ndjson, each also .gz), or a folder of such files at any depth.
        on_error: with `"skip"`, files that are bad are gone on without, each as a whole.
        processes: how many read the files, None for the number of processors.
        progress: function that is given a text now and then, or None.

    Returns:
        `mime_tf.ehr.schema.Export`. An order's identifier is `Type/id`, a visit's and a patient's is the id.

    Raises:
        InputError: there is no file, one is bad, or two resources that differ have the same type and id.
    """
    paths = find(path)
    folder = os.path.join(engine.folder, "fhir")
    bad = extract(paths, folder, on_error == "skip", processes, progress)
    raw = {name: _good(engine.read_parquet([os.path.join(folder, name)]), bad) for name in TABLES}
    _check_unique(engine, raw, paths)
    raw = {name: table.drop("file", "digest").distinct() for name, table in raw.items()}
    export, counts = _follow(engine, raw)
    return Export(**export, left_out=_count(engine, counts), skipped=[(paths[index], why) for index, why in bad])


def _good(table, bad):
    return table.filter(~table.file.isin([index for index, _ in bad])) if bad else table


def _check_unique(engine, raw, paths):
    """Checks that all resources of one name are equal in what is read of them."""
    tables = [table.select("key", "digest", "file") for name, table in raw.items() if name != "reasons"]
    every = ibis.union(*tables)
    counts = every.group_by("key").agg(several=every.digest.nunique(), first=every.file.min(), last=every.file.max())
    found = engine.arrow(counts.filter(counts.several > 1).order_by("key").limit(1)).to_pylist()
    if found:
        files = " and ".join(dict.fromkeys(paths[found[0][which]] for which in ("first", "last")))
        raise InputError(f"{files}: {show(found[0]['key'])} is there twice, and the two differ; must be there once")


def _follow(engine, raw):
    """Follows the references; returns the tables of an Export, and tables with a column `why` of what is left out."""
    aliases = raw["aliases"].select(alias="key", target="target")
    gone = raw["left_out"].filter(raw["left_out"].whole).select("key", taken=ibis.literal(False))
    patients, conditions, medications = (_taken(raw[name]) for name in ("patients", "conditions", "medications"))

    encounters = _referring(raw["encounters"], "patient", aliases, ibis.union(patients, gone))
    encounters = engine.keep(encounters, "fhir_encounters")
    places = ibis.union(encounters.select("key", taken=encounters.state == FOUND), gone)
    diagnoses = engine.keep(_referring(raw["conditions"], "encounter", aliases, places), "fhir_conditions")
    orders = _referring(raw["orders"], "encounter", aliases, places).rename(place="state")
    orders = _referring(orders, "medication", aliases, ibis.union(medications, gone))
    orders = engine.keep(_with_medication(orders, raw["medications"]), "fhir_orders")

    visits = encounters.filter(encounters.state == FOUND)
    ordered = orders.filter(orders.place == FOUND, orders.state.isin([FOUND, NONE]))
    owners = ibis.union(visits.select("key"), ordered.select("key"))
    reasons = _referring(raw["reasons"].semi_join(owners, "key"), "condition", aliases, ibis.union(conditions, gone))
    reasons = engine.keep(_with_condition(reasons, raw["conditions"]), "fhir_reasons")
    export = _export(raw["patients"], visits, diagnoses.filter(diagnoses.state == FOUND), ordered, reasons)
    return export, [*_uncounted(raw), *_lost(encounters, diagnoses, orders, reasons)]


def _taken(table):
    return table.select("key", taken=ibis.literal(True))


def _referring(table, column, aliases, targets):
    """Gives a column of references the keys of what they refer to, and adds `state`, what became of them."""
    aliased = table.left_join(aliases, [(column, "alias")])
    named = aliased.mutate(**{column: ibis.coalesce(aliased.target, aliased[column])}).drop("alias", "target")
    targets = targets.select("taken", there="key")
    joined = named.left_join(targets, [(column, "there")])
    state = ibis.cases(
        (joined[column].isnull(), NONE), (joined.taken.isnull(), LOST), (joined.taken, FOUND), else_=LEFT_OUT
    )
    return joined.mutate(state=state).drop("there", "taken")


def _with_medication(orders, medications):
    """Gives orders of a medication by reference its code."""
    return _with_code(orders, "medication", medications.select("key", "system", "code", "display"))


def _with_condition(reasons, conditions):
    """Gives reasons by reference their code and time, and those without a reference no time."""
    return _with_code(reasons.mutate(time=ibis.null("int64")), "condition", conditions.drop("encounter"))


def _with_code(table, column, targets):
    fields = [name for name in targets.columns if name != "key"]
    targets = targets.rename({f"of_{name}": name for name in targets.columns})
    joined = table.left_join(targets, [(column, "of_key")])
    filled = {name: ibis.coalesce(joined[name], joined[f"of_{name}"]) for name in fields}
    return joined.mutate(**filled).select(*table.columns)


def _export(patients, visits, diagnoses, orders, reasons):
    known = reasons.filter(reasons.state.isin([FOUND, NONE]))
    of_visits = known.filter(known.key.startswith("Encounter/"))
    recorded = ibis.union(
        diagnoses.select("encounter", "system", "code", "display", "time"),
        of_visits.select("key", "system", "code", "display", "time").rename(encounter="key"),
    )
    because = known.filter(~known.key.startswith("Encounter/"))
    names = [_named(recorded, "dx"), _named(because, "dx"), orders.select("kind", "system", "code", "display")]
    names = ibis.union(*names, distinct=True)
    tables = {
        "patients": patients.mutate(patient=_id(patients.key), end=ibis.null("int64")),
        "visits": visits.mutate(visit=_id(visits.key), patient=_id(visits.patient)),
        "diagnoses": recorded.mutate(visit=_id(recorded.encounter)),
        "orders": orders.mutate(order=orders.key, visit=_id(orders.encounter)),
        "reasons": because.mutate(order=because.key).select("order", "system", "code").distinct(),
        "names": names.filter(names.display.notnull()),
    }
    return {name: table.select(*SCHEMAS[name]) for name, table in tables.items()}


def _id(key):
    """The id of `Type/id`."""
    return key.re_replace("^[^/]*/", "")


def _named(table, kind):
    return table.mutate(kind=ibis.literal(kind)).select("kind", "system", "code", "display")


def _uncounted(raw):
    """What was left out of resources when they were read."""
    undated = raw["patients"].filter(raw["patients"].deceased, raw["patients"].death.isnull())
    return [
        raw["left_out"].select("key", "why").distinct().select("why"),
        undated.select(why=ibis.literal("Patient.deceasedBoolean: a death without a time")),
    ]


def _lost(encounters, diagnoses, orders, reasons):
    """What was left out because of a reference."""
    element = ibis.ifelse(orders.kind == "rx", "MedicationRequest.encounter", "Procedure.encounter")
    of_visit = orders.filter(orders.place == FOUND)
    typed = reasons.condition.re_search("^[A-Z][A-Za-z]+/") & ~reasons.condition.startswith("Condition/")
    reasons = reasons.mutate(state=ibis.ifelse((reasons.state == LOST) & typed, "other", reasons.state))
    return [
        _why(encounters, ibis.literal("Encounter.subject"), encounters.state),
        _why(diagnoses, ibis.literal("Condition.encounter"), diagnoses.state),
        _why(orders, element, orders.place),
        _why(of_visit, ibis.literal("MedicationRequest.medicationReference"), of_visit.state, missing=False),
        _why(reasons, reasons.element, reasons.state, missing=False),
    ]


def _why(table, element, state, missing=True):
    why = ibis.cases(
        (state == LOST, ibis.literal(NOWHERE) + element),
        (state == LEFT_OUT, element + ": to what is left out"),
        (state == "other", element + " to what is no Condition"),
        *([(state == NONE, element + ": missing")] if missing else []),
        else_=ibis.null("string"),
    )
    return table.select(why=why).filter(ibis._.why.notnull())


def _count(engine, tables):
    every = ibis.union(*tables)
    counts = engine.arrow(every.group_by("why").agg(times=every.count()).order_by("why"))
    return dict(zip(counts["why"].to_pylist(), counts["times"].to_pylist(), strict=True))
