"""What is read of a resource: rows of the tables below. docs/fhir.md says it in words."""

import hashlib

from mime_tf.ehr.sources.fhir import versions
from mime_tf.ehr.sources.fhir.elements import address, child, children, coding, key, text, time
from mime_tf.errors import InputError, show

# Columns and their types. A reference and `key`, which is what is referred to, are `Type/id`.
_CODE = {"system": "string", "code": "string", "display": "string"}
TABLES = {
    "patients": {"key": "string", "birth": "int64", "sex": "string", "death": "int64", "deceased": "bool"},
    "encounters": {"key": "string", "patient": "string", "start": "int64", "stop": "int64"},
    "conditions": {"key": "string", "encounter": "string", **_CODE, "time": "int64"},
    "medications": {"key": "string", **_CODE},
    "orders": {"key": "string", "encounter": "string", "kind": "string", "medication": "string", **_CODE}
    | {"time": "int64"},
    # Of the encounter or order `key`: a reference to a condition, or a code. `element` is where it stood.
    "reasons": {"key": "string", "element": "string", "condition": "string", **_CODE},
    # Another name by which the resource `target` is referred to.
    "aliases": {"key": "string", "target": "string"},
    # What is not read and why: the `whole` of the resource `key`, or a part of it.
    "left_out": {"key": "string", "why": "string", "whole": "bool"},
}
# Beside the columns of each table: where the row is from, and a number that differs where resources differ.
ORIGIN = {"file": "int64", "digest": "int64"}

SEXES = {"male": "M", "female": "F", "other": "other", "unknown": None}
# What has been entered by mistake, was called off, has not happened, or is no order.
STATUSES = {
    "Encounter": {"cancelled", "entered-in-error", "planned"},
    "Medication": {"entered-in-error"},
    "MedicationRequest": {"cancelled", "entered-in-error", "draft"},
    "Procedure": {"entered-in-error", "not-done", "preparation"},
}
VERIFICATION = {"entered-in-error", "refuted"}
INTENTS = {"option", "plan", "proposal"}
# What an order may be because of, besides a Condition.
OTHER_REASONS = {"DiagnosticReport", "DocumentReference", "ImmunizationRecommendation", "Observation", "Procedure"}


def rows(full_url, resource, unnamed):
    """Returns the rows of a resource.

    Args:
        full_url: the entry's `fullUrl`, or None.
        resource: dict.
        unnamed: its id, if neither it nor the entry has one; nothing can refer to it then.

    Returns:
        List of (table, tuple of the values of that table's columns, without those of `ORIGIN`).

    Raises:
        InputError: the resource is not R4, or something in it is not as R4 has it.
    """
    kind = resource["resourceType"]
    versions.check(resource)
    if kind not in _ROWS and kind not in OTHER_REASONS:
        return []
    expected = "Condition" if kind in OTHER_REASONS else kind
    alias = key(full_url, expected) if isinstance(full_url, str) else None
    identifier = text(resource, "id") or (alias.rpartition("/")[2] if alias else unnamed)
    name = f"{kind}/{identifier}"
    try:
        made = _ROWS[kind](resource, name) if kind in _ROWS else []
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    return made if alias in (None, name) else [*made, ("aliases", (alias, name))]


def digest(made):
    """Returns a number by which equal rows are known, an int64.

    Raises:
        InputError: there is half a character in them, which no file can hold.
    """
    try:
        whole = hashlib.blake2b("\0".join(str(values) for _, row in made for values in row).encode(), digest_size=8)
    except UnicodeEncodeError as error:
        raise InputError(f"{made[0][1][0]}: found {show(error.object[error.start])}, half of a character") from error
    return int.from_bytes(whole.digest(), "little", signed=True)


def _patient(resource, name):
    gender = text(resource, "gender")
    if gender is not None and gender not in SEXES:
        raise InputError(f"gender: found {show(gender)}; must be {', '.join(SEXES)}")
    death = time(resource, "deceasedDateTime")
    deceased = death is not None or resource.get("deceasedBoolean") is True
    return [("patients", (name, time(resource, "birthDate"), SEXES.get(gender), death, deceased))]


def _encounter(resource, name):
    period = child(resource, "period")
    start, subject = time(period, "start"), address(child(resource, "subject"), "Patient")
    why = _status(resource)
    if not why and start is None:
        why = "Encounter without a period.start"
    if not why and subject is None:
        why = "Encounter without a subject"
    if why:
        return _left_out(name, why)
    made = [("encounters", (name, subject, start, time(period, "end")))]
    conditions = [child(item, "condition") for item in children(resource, "diagnosis")]
    made += _references(resource, name, "Encounter.diagnosis.condition", conditions)
    return made + _reasons(resource, name)


def _condition(resource, name):
    codes = {text(item, "code") for item in children(child(resource, "verificationStatus"), "coding")} & VERIFICATION
    code = coding(child(resource, "code"))
    if codes:
        return _left_out(name, f"Condition: verificationStatus {min(codes)}")
    if code is None:
        return _left_out(name, "Condition without a code")
    onset = time(resource, "onsetDateTime")
    recorded = time(resource, "recordedDate")
    when = [recorded, onset, time(child(resource, "onsetPeriod"), "start")]
    known = next((found for found in when if found is not None), None)
    return [("conditions", (name, address(child(resource, "encounter"), "Encounter"), *code, known))]


def _medication(resource, name):
    code = coding(child(resource, "code"))
    why = _status(resource) or ("" if code else "Medication without a code")
    return _left_out(name, why) if why else [("medications", (name, *code))]


def _medication_request(resource, name):
    why = _status(resource)
    intent = text(resource, "intent")
    if not why and intent in INTENTS:
        why = f"MedicationRequest: intent {intent}"
    if not why and resource.get("doNotPerform") is True:
        why = "MedicationRequest: doNotPerform"
    medication = address(child(resource, "medicationReference"), "Medication")
    concept = child(resource, "medicationCodeableConcept")
    if medication is not None and medication.startswith("#"):
        contained = _contained(resource, medication)
        if contained is None and not why:
            why = "reference to nowhere: MedicationRequest.medicationReference"
        medication, concept = None, child(contained or {}, "code")
    return _order(resource, name, why, "rx", medication, concept, time(resource, "authoredOn"))


def _procedure(resource, name):
    began = time(resource, "performedDateTime")
    period = time(child(resource, "performedPeriod"), "start")
    code = child(resource, "code")
    return _order(resource, name, _status(resource), "pr", None, code, period if began is None else began)


def _order(resource, name, why, kind, medication, concept, when):
    code = coding(concept)
    if not why and code is None and medication is None:
        why = f"{resource['resourceType']} without a code"
    if why:
        return _left_out(name, why)
    encounter = address(child(resource, "encounter"), "Encounter")
    made = [("orders", (name, encounter, kind, medication, *(code or (None, None, None)), when))]
    return made + _reasons(resource, name)


def _reasons(resource, name):
    """The rows of reasonCode and reasonReference."""
    kind, made = resource["resourceType"], []
    for concept in children(resource, "reasonCode"):
        code = coding(concept)
        element = f"{kind}.reasonCode"
        made += [("reasons", (name, element, None, *code))] if code else _part(name, f"{element} without a code")
    return made + _references(resource, name, f"{kind}.reasonReference", children(resource, "reasonReference"))


def _references(resource, name, element, references):
    """The rows of references to conditions."""
    made = []
    for reference in references:
        condition = address(reference, "Condition")
        if condition is None:
            made += _part(name, f"{element} without a reference")
        elif condition.startswith("#"):
            made += _contained_reason(resource, name, element, condition)
        else:
            made.append(("reasons", (name, element, condition, None, None, None)))
    return made


def _contained_reason(resource, name, element, fragment):
    contained = _contained(resource, fragment)
    if contained is None:
        return _part(name, f"reference to nowhere: {element}")
    if contained.get("resourceType") != "Condition":
        return _part(name, f"{element} to what is no Condition")
    (table, row), *_ = _condition(contained, name)
    if table == "left_out":
        return _part(name, f"{element} to what is left out")
    return [("reasons", (name, element, None, *row[2:5]))]


def _contained(resource, fragment):
    """The contained resource that `#id` refers to, or None."""
    return next((item for item in children(resource, "contained") if text(item, "id") == fragment[1:]), None)


def _status(resource):
    """Why a resource of this status is left out, `""` where it is not."""
    kind, status = resource["resourceType"], text(resource, "status")
    return f"{kind}: status {status}" if status in STATUSES[kind] else ""


def _left_out(name, why):
    return [("left_out", (name, why, True))]


def _part(name, why):
    return [("left_out", (name, why, False))]


_ROWS = {
    "Condition": _condition,
    "Encounter": _encounter,
    "Medication": _medication,
    "MedicationRequest": _medication_request,
    "Patient": _patient,
    "Procedure": _procedure,
}
# Types that are looked at; the others are passed over.
READ = {*_ROWS, "Bundle", "CapabilityStatement", *versions.TYPES}
