"""Hand-made resources for the tests of mime_tf.ehr.sources.fhir.read, and what an export holds as plain Python."""

import gzip
import json

from mime_tf.ehr import engine
from mime_tf.ehr.sources.fhir import read

SNOMED, RXNORM = "http://snomed.info/sct", "http://www.nlm.nih.gov/research/umls/rxnorm"
TABLES = ("patients", "visits", "diagnoses", "orders", "reasons", "names")


def concept(code, system=SNOMED, **more):
    return {"coding": [{"system": system, "code": code, **more}]}


def resource(kind, name, **elements):
    return {"resourceType": kind, "id": name, **elements}


def to(reference):
    return {"reference": reference}


def patient(**elements):
    return resource("Patient", "p", **({"gender": "female", "birthDate": "1950-07-01"} | elements))


def encounter(name="e", start="2010-05-03T09:00:00Z", **elements):
    given = {"status": "finished", "class": {"code": "AMB"}, "subject": to("Patient/p"), "period": {"start": start}}
    return resource("Encounter", name, **(given | elements))


def condition(name="c", snomed="59621000", **elements):
    return resource("Condition", name, **({"code": concept(snomed), "encounter": to("Encounter/e")} | elements))


def request(name="r", **elements):
    given = {"status": "active", "intent": "order", "medicationCodeableConcept": concept("314076", RXNORM)}
    return resource("MedicationRequest", name, **(given | {"encounter": to("Encounter/e")} | elements))


def procedure(name="q", **elements):
    given = {"status": "completed", "code": concept("40701008"), "encounter": to("Encounter/e")}
    return resource("Procedure", name, **(given | elements))


def bundle(*resources, kind="collection"):
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": item} for item in resources]}


def write(path, content):
    """Writes bytes, text, one resource or a list of them (.ndjson), zipped where the name says so."""
    if isinstance(content, list):
        content = "".join(json.dumps(item) + "\n" for item in content)
    if isinstance(content, dict):
        content = json.dumps(content)
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path


def held(path, **options):
    """Reads an export; returns its tables as sorted lists of tuples, and left_out and skipped, as a dict."""
    with engine.opened() as place:
        export = read.read(place, path, **options)
        tables = {name: place.arrow(getattr(export, name)) for name in TABLES}
    rows = {
        name: sorted((tuple(row.values()) for row in table.to_pylist()), key=repr) for name, table in tables.items()
    }
    return rows | {"left_out": export.left_out, "skipped": export.skipped}


def held_of(folder, *resources, **options):
    """As `held`, of resources in one bundle."""
    write(folder / "bundle.json", bundle(*resources))
    return held(folder, **options)
