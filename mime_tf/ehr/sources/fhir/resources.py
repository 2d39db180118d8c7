"""Resources as rows: the elements read of each type, and the resources left out. docs/fhir.md says it in words."""

import hashlib
from typing import Any

from mime_tf.ehr.left_out import NOWHERE
from mime_tf.ehr.sources.fhir import versions
from mime_tf.ehr.sources.fhir.document import DELETED
from mime_tf.ehr.sources.fhir.elements import (
    absence,
    address,
    child,
    children,
    coding,
    key,
    text,
    time,
)
from mime_tf.errors import InputError, show

# Columns and their types. References, and the `key` to which they refer, are `Type/id`. A `subject` is the patient whom
# a resource names, or null if it names none or a group.
_CODE = {"system": "string", "code": "string", "display": "string"}
TABLES = {
    "patients": {"key": "string", "birth": "int64", "sex": "string", "death": "int64", "deceased": "bool"},
    "encounters": {"key": "string", "patient": "string", "start": "int64", "stop": "int64"},
    "conditions": {"key": "string", "encounter": "string", "subject": "string", **_CODE, "time": "int64"},
    "medications": {"key": "string", **_CODE},
    "orders": {"key": "string", "encounter": "string", "subject": "string", "kind": "string", "medication": "string"}
    | {**_CODE, "time": "int64"},
    # Reasons of the encounter or order `key`: a reference to a condition, or a code, read from `element`.
    "reasons": {"key": "string", "element": "string", "condition": "string", "subject": "string", **_CODE},
    # Another name, `key`, by which references name the resource `target`.
    "aliases": {"key": "string", "target": "string"},
    # The resource `key`, which an entry of a bundle deletes.
    "deleted": {"key": "string"},
    # The resource `key`, if it is left out as a `whole`, or a part of it; `why` is the reason.
    "left_out": {"key": "string", "why": "string", "whole": "bool"},
}
# Beside the columns of each table: the file of the row, and a number that differs where resources differ.
ORIGIN = {"file": "int64", "digest": "int64"}

SEXES = {"male": "M", "female": "F", "other": "other", "unknown": None}
# Statuses of resources that were entered by mistake, called off, have not happened, or are no order.
STATUSES = {
    "Encounter": {"cancelled", "entered-in-error", "planned"},
    "Medication": {"entered-in-error"},
    "MedicationRequest": {"cancelled", "entered-in-error", "draft"},
    "Procedure": {"entered-in-error", "not-done", "preparation"},
}
VERIFICATION = {"entered-in-error", "refuted"}
INTENTS = {"option", "plan", "proposal"}
# Types that the reason of an order may have, besides Condition.
OTHER_REASONS = {"DiagnosticReport", "DocumentReference", "ImmunizationRecommendation", "Observation", "Procedure"}


Row = tuple[str, tuple]


def rows(full_url: str | None, resource: dict[str, Any], default_id: str) -> list[Row]:
    """Returns the rows of a resource.

    Args:
        full_url: the entry's `fullUrl`, or None.
        resource: the resource.
        default_id: its id, if neither it nor the entry has one; nothing can refer to it then.

    Returns:
        (table, values of that table's columns, without those of `ORIGIN`) of each row.

    Raises:
        InputError: the resource is not R4, or an element does not have its form in R4.
    """
    kind = resource["resourceType"]
    if kind == DELETED:
        return [("deleted", (key(resource["id"], kind),))]
    versions.check(resource)
    if kind not in _ROWS and kind not in OTHER_REASONS:
        return []
    expected = "Condition" if kind in OTHER_REASONS else kind
    alias = key(full_url, expected) if isinstance(full_url, str) else None
    identifier = text(resource, "id") or (alias.rpartition("/")[2] if alias else default_id)
    name = f"{kind}/{identifier}"
    try:
        resource_rows = _ROWS[kind](resource, name) if kind in _ROWS else []
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    return resource_rows if alias in (None, name) else [*resource_rows, ("aliases", (alias, name))]


def digest(resource_rows: list[Row]) -> int:
    """Returns an int64 that is equal for equal rows.

    Raises:
        InputError: a text in them holds half of a character, which no file can hold.
    """
    try:
        content = "\0".join(str(value) for _, row in resource_rows for value in row).encode()
    except UnicodeEncodeError as error:
        name, half = resource_rows[0][1][0], show(error.object[error.start])
        raise InputError(f"{name}: found {half}, half of a character; text must be whole") from error
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little", signed=True)


def _patient(resource, name):
    gender = text(resource, "gender")
    if gender is not None and gender not in SEXES:
        raise InputError(f"gender: found {show(gender)}; must be {', '.join(SEXES)}")
    death = time(resource, "deceasedDateTime")
    deceased = death is not None or resource.get("deceasedBoolean") is True
    if any(text(link, "type") == "replaced-by" for link in children(resource, "link")):
        return _left_out(name, "Patient.link: replaced by another patient")
    if resource.get("active") is False and not deceased:
        return _left_out(name, "Patient.active: false")
    sex = SEXES[gender] if gender is not None else None
    return [("patients", (name, time(resource, "birthDate"), sex, death, deceased))]


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
    visit = ("encounters", (name, subject, start, time(period, "end")))
    conditions = [child(item, "condition") for item in children(resource, "diagnosis")]
    diagnoses = _references(resource, name, "Encounter.diagnosis.condition", conditions)
    return [visit, *diagnoses, *_reasons(resource, name)]


def _condition(resource, name):
    statuses = {text(item, "code") for item in children(child(resource, "verificationStatus"), "coding")}
    rejected = sorted(status for status in VERIFICATION if status in statuses)
    code = coding(child(resource, "code"))
    if rejected:
        return _left_out(name, f"Condition: verificationStatus {rejected[0]}")
    if code is None:
        return _left_out(name, _no_code("Condition", child(resource, "code")))
    onset = time(resource, "onsetDateTime")
    recorded = time(resource, "recordedDate")
    when = [recorded, onset, time(child(resource, "onsetPeriod"), "start")]
    known = next((seconds for seconds in when if seconds is not None), None)
    encounter = address(child(resource, "encounter"), "Encounter")
    return [("conditions", (name, encounter, _subject(resource), *code, known))]


def _medication(resource, name):
    concept = child(resource, "code")
    code, why = coding(concept), _status(resource)
    if why or code is None:
        return _left_out(name, why or _no_code("Medication", concept))
    return [("medications", (name, *code))]


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
            why = f"{NOWHERE}MedicationRequest.medicationReference"
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
        why = _no_code(resource["resourceType"], concept)
    if why:
        return _left_out(name, why)
    encounter = address(child(resource, "encounter"), "Encounter")
    order = ("orders", (name, encounter, _subject(resource), kind, medication, *(code or (None, None, None)), when))
    return [order, *_reasons(resource, name)]


def _reasons(resource, name):
    """The rows of reasonCode and reasonReference."""
    kind = resource["resourceType"]
    reasons: list[Row] = []
    for concept in children(resource, "reasonCode"):
        code = coding(concept)
        element = f"{kind}.reasonCode"
        coded = [("reasons", (name, element, None, None, *code))] if code else []
        reasons += coded or _part(name, _no_code(element, concept))
    return reasons + _references(resource, name, f"{kind}.reasonReference", children(resource, "reasonReference"))


def _outcome(resource, name):
    """A server's report on what it could not export."""
    failed = any(text(issue, "severity") in ("error", "fatal") for issue in children(resource, "issue"))
    return _part(name, "OperationOutcome: an error of the server that made the export") if failed else []


def _references(resource, name, element, references):
    """The rows of references to conditions."""
    reasons: list[Row] = []
    for reference in references:
        condition = address(reference, "Condition")
        if condition is None:
            reasons += _part(name, f"{element} without a reference")
        elif condition.startswith("#"):
            reasons += _contained_reason(resource, name, element, condition)
        else:
            reasons.append(("reasons", (name, element, condition, None, None, None, None)))
    return reasons


def _contained_reason(resource, name, element, fragment):
    contained = _contained(resource, fragment)
    if contained is None:
        return _part(name, f"{NOWHERE}{element}")
    if contained.get("resourceType") != "Condition":
        return _part(name, f"{element} to what is no Condition")
    (table, row), *_ = _condition(contained, name)
    if table == "left_out":
        return _part(name, f"{element} to what is left out")
    _, _, subject, *code = row[:6]
    return [("reasons", (name, element, None, subject, *code))]


def _contained(resource, fragment):
    """The contained resource that `#id` refers to, or None."""
    return next((item for item in children(resource, "contained") if text(item, "id") == fragment[1:]), None)


def _subject(resource):
    subject = address(child(resource, "subject"), "Patient")
    return subject if subject is not None and subject.startswith("Patient/") else None


def _no_code(element, concept):
    """The reason why a concept without a code of a diagnosis or an order is left out."""
    return f"{element} {absence(concept) or 'without a code'}"


def _status(resource):
    """The reason why a resource of this status is left out, or `""`."""
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
    "OperationOutcome": _outcome,
    "Patient": _patient,
    "Procedure": _procedure,
}
# Types that are parsed; the others are passed over.
READ = {*_ROWS, "Bundle", "CapabilityStatement", *versions.TYPES}
