"""References between resources, followed by joins, and the items left out because of a reference."""

import ibis

from mime_tf.ehr.engine import Engine
from mime_tf.ehr.left_out import NOWHERE
from mime_tf.ehr.schema import SCHEMAS

# States of a reference: its target is read, is left out, is not named, or does not exist.
FOUND, LEFT_OUT, NONE, LOST = "found", "left out", "none", "nowhere"


def follow(engine: Engine, raw: dict[str, ibis.Table]) -> tuple[dict[str, ibis.Table], list[ibis.Table]]:
    """Joins the rows of resources.

    Args:
        engine: the rows' engine.
        raw: the tables of `mime_tf.ehr.sources.fhir.resources`, each row once.

    Returns:
        The tables of an export, and tables with a column `why`, of a row per item left out.
    """
    aliases = raw["aliases"].select(alias="key", target="target")
    raw = raw | {name: _renamed(raw[name], "subject", aliases) for name in ("conditions", "orders", "reasons")}
    left_out = raw["left_out"].filter(raw["left_out"].whole).select("key", taken=ibis.literal(False))
    patients, conditions, medications = (_taken(raw[name]) for name in ("patients", "conditions", "medications"))

    encounters = _resolved(raw["encounters"], "patient", aliases, ibis.union(patients, left_out))
    encounters = engine.keep(encounters, "fhir_encounters")
    encounter_keys = ibis.union(encounters.select("key", taken=encounters.state == FOUND), left_out)
    diagnoses = engine.keep(_resolved(raw["conditions"], "encounter", aliases, encounter_keys), "fhir_conditions")
    orders = _resolved(raw["orders"], "encounter", aliases, encounter_keys).rename(visit_state="state")
    orders = _resolved(orders, "medication", aliases, ibis.union(medications, left_out))
    orders = engine.keep(_with_medication(orders, raw["medications"]), "fhir_orders")

    visits = encounters.filter(encounters.state == FOUND)
    ordered = orders.filter(orders.visit_state == FOUND, orders.state.isin([FOUND, NONE]))
    owners = ibis.union(visits.select("key"), ordered.select("key"))
    owned = raw["reasons"].semi_join(owners, "key")
    reasons = _resolved(owned, "condition", aliases, ibis.union(conditions, left_out))
    reasons = engine.keep(_with_condition(reasons, raw["conditions"]), "fhir_reasons")
    tables = _common_tables(raw["patients"], visits, diagnoses.filter(diagnoses.state == FOUND), ordered, reasons)
    return tables, [*_left_out_when_read(raw), *_left_out_by_reference(encounters, diagnoses, orders, reasons)]


def _taken(table):
    return table.select("key", taken=ibis.literal(True))


def _resolved(table, column, aliases, targets):
    """Replaces a column of references by the keys of their targets, and adds `state`, the state of each reference."""
    named = _renamed(table, column, aliases)
    joined = named.left_join(targets.select("taken", target_key="key"), [(column, "target_key")])
    state = ibis.cases(
        (joined[column].isnull(), NONE), (joined.taken.isnull(), LOST), (joined.taken, FOUND), else_=LEFT_OUT
    )
    return joined.mutate(state=state).drop("target_key", "taken")


def _renamed(table, column, aliases):
    """Replaces aliases in a column of references by the keys of their targets."""
    aliased = table.left_join(aliases, [(column, "alias")])
    return aliased.mutate(**{column: ibis.coalesce(aliased.target, aliased[column])}).drop("alias", "target")


def _with_medication(orders, medications):
    """Gives orders with a reference to a medication its code."""
    return _with_code(orders, "medication", medications.select("key", "system", "code", "display"))


def _with_condition(reasons, conditions):
    """Gives reasons with a reference to a condition its code, subject and time; the others have no time."""
    return _with_code(reasons.mutate(time=ibis.null("int64")), "condition", conditions.drop("encounter"))


def _with_code(table, column, targets):
    fields = [name for name in targets.columns if name != "key"]
    targets = targets.rename({f"target_{name}": name for name in targets.columns})
    joined = table.left_join(targets, [(column, "target_key")])
    filled = {name: ibis.coalesce(joined[name], joined[f"target_{name}"]) for name in fields}
    return joined.mutate(**filled).select(*table.columns)


def _common_tables(patients, visits, diagnoses, orders, reasons):
    known = reasons.filter(reasons.state.isin([FOUND, NONE]))
    visit_reasons = known.filter(known.key.startswith("Encounter/"))
    order_reasons = known.filter(~known.key.startswith("Encounter/"))
    recorded = ibis.union(
        diagnoses.select("encounter", "subject", "system", "code", "display", "time"),
        visit_reasons.select("key", "subject", "system", "code", "display", "time").rename(encounter="key"),
    )
    named = [_named(recorded, "dx"), _named(order_reasons, "dx"), orders.select("kind", "system", "code", "display")]
    names = ibis.union(*named, distinct=True)
    tables = {
        "patients": patients.mutate(patient=_id(patients.key), end=ibis.null("int64")),
        "visits": visits.mutate(visit=_id(visits.key), patient=_id(visits.patient)),
        "diagnoses": recorded.mutate(visit=_id(recorded.encounter), patient=_id(recorded.subject)),
        "orders": orders.mutate(order=orders.key, visit=_id(orders.encounter), patient=_id(orders.subject)),
        "reasons": order_reasons.mutate(order=order_reasons.key, patient=_id(order_reasons.subject)),
        "names": names.filter(names.display.notnull()),
    }
    tables = {name: table.select(*SCHEMAS[name]) for name, table in tables.items()}
    return tables | {"reasons": tables["reasons"].distinct()}


def _id(key):
    """The id of `Type/id`."""
    return key.re_replace("^[^/]*/", "")


def _named(table, kind):
    return table.mutate(kind=ibis.literal(kind)).select("kind", "system", "code", "display")


def _left_out_when_read(raw):
    """Items left out of single resources."""
    undated = raw["patients"].filter(raw["patients"].deceased, raw["patients"].death.isnull())
    return [
        raw["left_out"].select("key", "why").distinct().select("why"),
        undated.select(why=ibis.literal("Patient.deceasedBoolean: a death without a time")),
    ]


def _left_out_by_reference(encounters, diagnoses, orders, reasons):
    """Items left out because of a reference."""
    element = ibis.ifelse(orders.kind == "rx", "MedicationRequest.encounter", "Procedure.encounter")
    in_visit = orders.filter(orders.visit_state == FOUND)
    typed = reasons.condition.re_search("^[A-Z][A-Za-z]+/") & ~reasons.condition.startswith("Condition/")
    reasons = reasons.mutate(state=ibis.ifelse((reasons.state == LOST) & typed, "other", reasons.state))
    return [
        _why(encounters, ibis.literal("Encounter.subject"), encounters.state),
        _why(diagnoses, ibis.literal("Condition.encounter"), diagnoses.state),
        _why(orders, element, orders.visit_state),
        _why(in_visit, ibis.literal("MedicationRequest.medicationReference"), in_visit.state, missing=False),
        _why(reasons, reasons.element, reasons.state, missing=False),
    ]


def _why(table, element, state, missing=True):
    """The reasons in words, of references that are not followed; `missing` counts those that are not given."""
    why = ibis.cases(
        (state == LOST, ibis.literal(NOWHERE) + element),
        (state == LEFT_OUT, element + ": to what is left out"),
        (state == "other", element + " to what is no Condition"),
        *([(state == NONE, element + ": missing")] if missing else []),
        else_=ibis.null("string"),
    )
    return table.select(why=why).filter(ibis._.why.notnull())
