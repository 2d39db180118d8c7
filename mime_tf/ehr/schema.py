"""The few tables that every source becomes. All that comes after them is shared by the sources.

Times are whole seconds since 1970-01-01T00:00:00 UTC (int64), negative before; a local time without a zone counts as
UTC, a date as its midnight. Identifiers and codes are text. A missing value is null.
"""

import dataclasses
from typing import Any

SCHEMAS = {
    # A patient; `end` is where the record is known to end, where the source says so (OMOP's observation period).
    "patients": {"patient": "string", "birth": "int64", "sex": "string", "death": "int64", "end": "int64"},
    "visits": {"visit": "string", "patient": "string", "start": "int64", "stop": "int64"},
    # A diagnosis recorded in a visit; `time` is when, or null for when the visit started.
    "diagnoses": {"visit": "string", "system": "string", "code": "string", "time": "int64"},
    # What was ordered in a visit; `kind` is rx or pr.
    "orders": {
        "order": "string",
        "visit": "string",
        "kind": "string",
        "system": "string",
        "code": "string",
        "time": "int64",
    },
    # The diagnoses because of which an order was made: none, one or several an order.
    "reasons": {"order": "string", "system": "string", "code": "string"},
    # What a code is called; `kind` is dx, rx or pr. A code may be there under several names, or not at all.
    "names": {"kind": "string", "system": "string", "code": "string", "display": "string"},
}

# Code systems have one name, whichever of its addresses a source uses.
SYSTEMS = {
    "http://snomed.info/sct": "SNOMED-CT",
    "urn:oid:2.16.840.1.113883.6.96": "SNOMED-CT",
    "snomed": "SNOMED-CT",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "urn:oid:2.16.840.1.113883.6.88": "RxNorm",
    "rxnorm": "RxNorm",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "urn:oid:2.16.840.1.113883.6.90": "ICD-10-CM",
    "http://hl7.org/fhir/sid/icd-10": "ICD-10",
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD-9-CM",
    "urn:oid:2.16.840.1.113883.6.103": "ICD-9-CM",
    "http://www.cms.gov/medicare/coding/icd10": "ICD-10-PCS",
    "http://www.ama-assn.org/go/cpt": "CPT",
    "urn:oid:2.16.840.1.113883.6.12": "CPT",
    "http://hl7.org/fhir/sid/ndc": "NDC",
    "http://hl7.org/fhir/sid/cvx": "CVX",
    "http://loinc.org": "LOINC",
    "http://www.ada.org/cdt": "CDT",
    "http://www.ada.org/snodent": "SNODENT",
}


def system_name(system):
    """Returns the one name of a code system: of the ones above, or `system` itself.

    >>> system_name("http://snomed.info/sct"), system_name("SNOMED-CT"), system_name("http://hospital.example/codes")
    ('SNOMED-CT', 'SNOMED-CT', 'http://hospital.example/codes')
    """
    return SYSTEMS.get(system.strip().rstrip("/").lower(), system.strip())


@dataclasses.dataclass(frozen=True)
class Export:
    """What a source holds, as Ibis tables with the columns of `SCHEMAS`.

    Attributes:
        patients, visits, diagnoses, orders, reasons, names: Ibis tables.
        left_out: dict from what the source left out, in words, to how often; for linkage.json.
        skipped: list of (file, why): files that were gone on without (`--on_error skip`).
    """

    patients: Any
    visits: Any
    diagnoses: Any
    orders: Any
    reasons: Any
    names: Any
    left_out: dict = dataclasses.field(default_factory=dict)
    skipped: list = dataclasses.field(default_factory=list)
