"""Hand-made resources of FHIR, written to files and read as an export."""

import gzip
import json

from support.export_tables import read_tables

from mime_tf.ehr.sources.fhir.read import read

SNOMED, RXNORM = "http://snomed.info/sct", "http://www.nlm.nih.gov/research/umls/rxnorm"


def concept(code, system=SNOMED, **more):
    return {"coding": [{"system": system, "code": code, **more}]}


def resource(kind, name, **elements):
    return {"resourceType": kind, "id": name, **elements}


def reference(target):
    return {"reference": target}


def patient(**elements):
    return resource("Patient", "p", **({"gender": "female", "birthDate": "1950-07-01"} | elements))


def encounter(name="e", start="2010-05-03T09:00:00Z", **elements):
    default = {
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": reference("Patient/p"),
        "period": {"start": start},
    }
    return resource("Encounter", name, **(default | elements))


def condition(name="c", snomed="59621000", **elements):
    return resource("Condition", name, **({"code": concept(snomed), "encounter": reference("Encounter/e")} | elements))


def request(name="r", **elements):
    default = {"status": "active", "intent": "order", "medicationCodeableConcept": concept("314076", RXNORM)}
    return resource("MedicationRequest", name, **(default | {"encounter": reference("Encounter/e")} | elements))


def procedure(name="q", **elements):
    default = {"status": "completed", "code": concept("40701008"), "encounter": reference("Encounter/e")}
    return resource("Procedure", name, **(default | elements))


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


def read_fhir(path, **options):
    """Reads an export as `export_tables.read_tables` does."""
    return read_tables(read, path, **options)


def read_resources(folder, *resources, **options):
    """As `read_fhir`, of resources in one bundle."""
    write(folder / "bundle.json", bundle(*resources))
    return read_fhir(folder, **options)
