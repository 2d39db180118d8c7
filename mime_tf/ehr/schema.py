"""The common tables that every source becomes; all later steps are the same for every source.

Times are whole seconds since 1970-01-01T00:00:00 UTC (int64), negative before; a local time without a zone counts as
UTC, a date as its midnight. Identifiers and codes are text. A missing value is null.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # slow to import; processes that read FHIR do without it
    import ibis

SCHEMAS = {
    # `end`: when the record ends, if the source says so (OMOP's observation period).
    "patients": {"patient": "string", "birth": "int64", "sex": "string", "death": "int64", "end": "int64"},
    "visits": {"visit": "string", "patient": "string", "start": "int64", "stop": "int64"},
    # A diagnosis recorded in a visit; `time` is null where it counts from the visit's start. `patient`, here and below,
    # is the one that the source gives the row itself, to be compared with the visit's; null where it gives none.
    "diagnoses": {"visit": "string", "system": "string", "code": "string", "time": "int64", "patient": "string"},
    # An order made in a visit; `kind` is one of ORDER_KINDS.
    "orders": {
        "order": "string",
        "visit": "string",
        "kind": "string",
        "system": "string",
        "code": "string",
        "time": "int64",
        "patient": "string",
    },
    # A diagnosis that led to an order; an order has none, one or several.
    "reasons": {"order": "string", "system": "string", "code": "string", "patient": "string"},
    # Name of a code; `kind` is dx, rx or pr. A code may have several names or none.
    "names": {"kind": "string", "system": "string", "code": "string", "display": "string"},
}
ORDER_KINDS = ("rx", "pr")
# The optional table of the codes above codes. `ancestor_class` says what the ancestor is in its system, such as
# Ingredient, or is null; `steps` is the number of levels between both, null for 1.
PARENTS = {
    "code_system": "string",
    "code": "string",
    "ancestor_system": "string",
    "ancestor": "string",
    "name": "string",
    "ancestor_class": "string",
    "steps": "int64",
}

# Each code system has one name, whichever of its addresses a source uses.
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
    "http://www.whocc.no/atc": "ATC",
    "urn:oid:2.16.840.1.113883.6.73": "ATC",
    "http://fhir.de/codesystem/bfarm/icd-10-gm": "ICD-10-GM",
}


def system_name(system: str) -> str:
    """Returns the name of a code system as in `SYSTEMS`, or `system` itself if it is not listed.

    >>> system_name("http://snomed.info/sct"), system_name("SNOMED-CT"), system_name("http://hospital.example/codes")
    ('SNOMED-CT', 'SNOMED-CT', 'http://hospital.example/codes')
    """
    return SYSTEMS.get(system.strip().rstrip("/").lower(), system.strip())


@dataclasses.dataclass(frozen=True)
class Export:
    """The content of an export, as Ibis tables with the columns of `SCHEMAS`.

    Attributes:
        left_out: number of items that the source left out, by reason; for linkage.json.
        skipped: (file, error) of each bad file that was passed over (`--on_error skip`).
        passed_over: (file, what it is) of each file or folder beside the export's that is not read.
        where: by "patient", "visit" and "order", returns the files and lines of an identifier, for messages.
        parents: table of codes and codes above them, with the columns of `PARENTS`, or None.
    """

    patients: "ibis.Table"
    visits: "ibis.Table"
    diagnoses: "ibis.Table"
    orders: "ibis.Table"
    reasons: "ibis.Table"
    names: "ibis.Table"
    left_out: dict[str, int] = dataclasses.field(default_factory=dict)
    skipped: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    passed_over: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    where: dict[str, Callable[[str], str]] = dataclasses.field(default_factory=dict)
    parents: "ibis.Table | None" = None
