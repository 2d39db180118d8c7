"""Signs of FHIR that is not R4: resource types and elements that R4 lacks, or has in another form.

Sources: the "R3 Diff" and "R4 Diff" tables of each resource on https://hl7.org/fhir/R4 and https://hl7.org/fhir/R5.
R4B has the elements that are read here as R4 has them.
"""

from collections.abc import Callable
from typing import Any

from mime_tf.errors import InputError, show

DSTU2, STU3, OLDER, R5 = "DSTU2", "STU3", "STU3 or DSTU2", "R5"

TYPES = {
    **dict.fromkeys(("Conformance", "DiagnosticOrder", "MedicationOrder"), DSTU2),
    **dict.fromkeys(("ProcedureRequest", "ReferralRequest"), OLDER),
}
ELEMENTS = {
    "Condition": {"patient": DSTU2, "dateRecorded": DSTU2, "context": STU3, "assertedDate": STU3},
    "Encounter": {"patient": DSTU2, "indication": DSTU2, "actualPeriod": R5, "plannedStartDate": R5},
    "Medication": {"product": DSTU2, "isBrand": OLDER, "isOverTheCounter": STU3},
    "MedicationRequest": {"context": STU3, "definition": STU3, "medication": R5, "reason": R5},
    "Procedure": {
        **dict.fromkeys(("notPerformed", "reasonCodeableConcept", "reasonNotPerformed"), DSTU2),
        **dict.fromkeys(("context", "definition", "notDone", "notDoneReason"), STU3),
        **dict.fromkeys(("occurrenceDateTime", "occurrencePeriod", "reason", "recorded"), R5),
    },
    "Patient": {"animal": OLDER},
}


def check(resource: dict[str, Any]) -> None:
    """Raises InputError if a resource has an element that only another version has."""
    kind = resource["resourceType"]
    if kind in TYPES:
        raise InputError(_wrong(kind, TYPES[kind]))
    elements = ELEMENTS.get(kind, {})
    for name in elements:
        if name in resource:
            raise InputError(_wrong(f"{kind}.{name}", elements[name]))
    if kind in _FORMS:
        _FORMS[kind](resource)


def _check_encounter(resource):
    kind = resource.get("class")
    if isinstance(kind, (str, list)):
        raise InputError(_wrong(f"Encounter.class as {show(kind)}", DSTU2 if isinstance(kind, str) else R5))
    reasons = resource.get("reason")
    if reasons is not None:
        newer = isinstance(reasons, list) and any(isinstance(item, dict) and "value" in item for item in reasons)
        raise InputError(_wrong("Encounter.reason", R5 if newer else OLDER))
    for item in resource.get("diagnosis") or ():
        if isinstance(item, dict) and "role" in item:
            raise InputError(_wrong("Encounter.diagnosis.role", STU3))


def _check_condition(resource):
    for name in ("clinicalStatus", "verificationStatus"):
        if isinstance(resource.get(name), str):
            raise InputError(_wrong(f"Condition.{name} as {show(resource[name])}", OLDER))


def _check_statement(resource):
    version = resource.get("fhirVersion")
    if isinstance(version, str) and not version.startswith("4"):
        raise InputError(_wrong(f"CapabilityStatement.fhirVersion {show(version)}", version))


def _wrong(element, version):
    return f"found {element}, which looks like FHIR {version}; must be FHIR R4"


_FORMS: dict[str, Callable[[dict[str, Any]], None]] = {
    "Encounter": _check_encounter,
    "Condition": _check_condition,
    "CapabilityStatement": _check_statement,
}
