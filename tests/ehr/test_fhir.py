"""From resources to the common tables: the rules of docs/fhir.md."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.fhir_examples import (
    bundle,
    concept,
    condition,
    encounter,
    patient,
    procedure,
    read_fhir,
    read_resources,
    reference,
    request,
    resource,
    write,
)

from mime_tf.ehr.engine import opened
from mime_tf.ehr.sources.fhir import elements, extract, files
from mime_tf.ehr.sources.fhir import read as fhir
from mime_tf.errors import InputError

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURE = ROOT / "testdata" / "fhir"
NINE = 1272877200  # 2010-05-03T09:00:00Z
HF, HT = ("SNOMED-CT", "88805009"), ("SNOMED-CT", "59621000")


def test_the_fixture():
    tables = read_fhir(FIXTURE)
    ann = "00000000-0000-4000-8000-00000000000"
    assert tables["patients"] == [(f"{ann}1", -615513600, "F", 1325376000, None), ("p2", -312768000, "M", None, None)]
    assert tables["visits"] == [
        (f"{ann}2", f"{ann}1", 1272870000, 1272873600), ("e1", "p2", 1420113600, None), ("e2", "p2", 1451649600, None)
    ]  # fmt: skip
    assert {(visit[-2:], code) for visit, _, code, _ in tables["diagnoses"]} == {
        ("02", "59621000"), ("02", "88805009"), ("e1", "44054006"), ("e2", "44054006")
    }  # fmt: skip
    assert {(order[-2:], kind, code) for order, _, kind, _, code, _ in tables["orders"]} == {
        ("05", "rx", "314076"), ("06", "rx", "1719286"), ("07", "pr", "40701008"), ("r1", "rx", "860975"),
        ("r1", "pr", "252779009"),
    }  # fmt: skip
    assert [(order[0], order[-2:], code) for order, _, code in tables["reasons"]] == [
        ("M", "05", "59621000"), ("M", "06", "88805009"), ("M", "r1", "44054006"), ("M", "r1", "59621000"),
        ("P", "07", "88805009"), ("P", "r1", "44054006"),
    ]  # fmt: skip
    assert tables["left_out"] == {
        "Condition.encounter: missing": 1,
        "Condition.encounter: to what is left out": 1,
        "Condition: verificationStatus refuted": 1,
        "Encounter: status cancelled": 1,
        "MedicationRequest.reasonReference to what is no Condition": 2,
        "MedicationRequest: status entered-in-error": 1,
        "Procedure.reasonCode without a code": 1,
        "Procedure: status not-done": 1,
        "reference to nowhere: Encounter.subject": 1,
        "reference to nowhere: MedicationRequest.medicationReference": 1,
        "reference to nowhere: MedicationRequest.reasonReference": 1,
    }


@pytest.mark.parametrize(
    "target",
    [
        "Condition/c",
        "Condition/c/_history/2",
        "https://a.example/r4/Condition/c",
        "urn:uuid:c",
        "#in",
        "urn:uuid:other",
        "http://a.example/thing?c",
    ],
)
def test_every_form_of_a_reference(target, tmp_path):
    contained = [resource("Condition", "in", code=concept("59621000"))]
    order = request(reasonReference=[reference(target)], contained=contained)
    whole = bundle(order, condition(), encounter(), patient())
    named = "http://a.example/thing?c" if "?" in target else "urn:uuid:other"
    whole["entry"][1]["fullUrl"] = named
    write(tmp_path / "a.json", whole)
    tables = read_fhir(tmp_path)
    assert tables["reasons"] == [("MedicationRequest/r", *HT)]
    assert tables["left_out"] == {}


def test_an_id_may_be_in_the_full_url_alone(tmp_path):
    whole = bundle(patient(), encounter(), condition(encounter=reference("urn:uuid:77")))
    del whole["entry"][1]["resource"]["id"]
    whole["entry"][1]["fullUrl"] = "urn:uuid:77"
    write(tmp_path / "a.json", whole)
    assert read_fhir(tmp_path)["diagnoses"] == [("77", *HT, None)]


def test_several_references_to_one_code_count_once(tmp_path):
    reasons = [reference("Condition/c"), reference("Condition/d"), reference("Condition/c")]
    order = procedure(reasonReference=reasons, reasonCode=[concept("59621000")])
    tables = read_resources(tmp_path, patient(), encounter(), condition(), condition("d"), order)
    assert tables["reasons"] == [("Procedure/q", *HT)]


def test_an_encounters_own_reasons_are_diagnoses_known_from_the_condition_on(tmp_path):
    elsewhere = condition(encounter=None, recordedDate="2010-05-04")
    visit = encounter(reasonCode=[concept("88805009")], reasonReference=[reference("Condition/c")])
    tables = read_resources(tmp_path, patient(), visit, elsewhere)
    assert tables["diagnoses"] == [("e", *HT, 1272931200), ("e", *HF, None)]
    assert tables["left_out"] == {"Condition.encounter: missing": 1}


LEFT_OUT = [
    (encounter(status="cancelled"), "Encounter: status cancelled"),
    (encounter(status="planned"), "Encounter: status planned"),
    (encounter(status="entered-in-error"), "Encounter: status entered-in-error"),
    (encounter(period={}), "Encounter without a period.start"),
    (encounter(subject=None), "Encounter without a subject"),
    (encounter(subject=reference("Patient/x")), "reference to nowhere: Encounter.subject"),
    (condition(verificationStatus=concept("refuted")), "Condition: verificationStatus refuted"),
    (condition(verificationStatus=concept("entered-in-error")), "Condition: verificationStatus entered-in-error"),
    (condition(code={"text": "high pressure"}), "Condition without a code"),
    (condition(encounter=reference("Encounter/x")), "reference to nowhere: Condition.encounter"),
    (request(status="cancelled"), "MedicationRequest: status cancelled"),
    (request(status="draft"), "MedicationRequest: status draft"),
    (request(status="entered-in-error"), "MedicationRequest: status entered-in-error"),
    (request(intent="plan"), "MedicationRequest: intent plan"),
    (request(doNotPerform=True), "MedicationRequest: doNotPerform"),
    (request(medicationCodeableConcept=None), "MedicationRequest without a code"),
    (request(encounter={"display": "last visit"}), "MedicationRequest.encounter: missing"),
    (
        request(medicationCodeableConcept=None, medicationReference=reference("#m")),
        "reference to nowhere: MedicationRequest.medicationReference",
    ),
    (procedure(status="not-done"), "Procedure: status not-done"),
    (procedure(status="entered-in-error"), "Procedure: status entered-in-error"),
    (procedure(status="preparation"), "Procedure: status preparation"),
    (procedure(encounter=reference("Encounter/x")), "reference to nowhere: Procedure.encounter"),
]


@pytest.mark.parametrize(("bad", "why"), LEFT_OUT, ids=[why for _, why in LEFT_OUT])
def test_resources_that_are_left_out_are_counted(bad, why, tmp_path):
    others = [item for item in (encounter(), condition(), request(), procedure())]
    others = [item for item in others if item["resourceType"] != bad["resourceType"]]
    tables = read_resources(tmp_path, patient(), bad, *others)
    table = {"Encounter": "visits", "Condition": "diagnoses"}.get(bad["resourceType"], "orders")
    assert tables["left_out"][why] == 1
    assert not [row for row in tables[table] if row[0].endswith(bad["id"])]
    if bad["resourceType"] == "Encounter":
        assert tables["left_out"]["Condition.encounter: to what is left out"] == 1
        assert tables["orders"] == []


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        (reference("Condition/x"), "reference to nowhere: Procedure.reasonReference"),
        (reference("#x"), "reference to nowhere: Procedure.reasonReference"),
        (reference("http://a.example/thing"), "reference to nowhere: Procedure.reasonReference"),
        (reference("Observation/x"), "Procedure.reasonReference to what is no Condition"),
        (reference("Condition/c"), "Procedure.reasonReference: to what is left out"),
        ({"display": "pain"}, "Procedure.reasonReference without a reference"),
    ],
)
def test_an_order_stays_without_a_reason_that_leads_nowhere(reason, why, tmp_path):
    refuted = condition(verificationStatus=concept("refuted"))
    tables = read_resources(tmp_path, patient(), encounter(), refuted, procedure(reasonReference=[reason]))
    assert tables["left_out"].pop("Condition: verificationStatus refuted") == 1
    assert tables["left_out"] == {why: 1}
    assert (len(tables["orders"]), tables["reasons"]) == (1, [])


def test_times_of_conditions_and_orders(tmp_path):
    tables = read_resources(
        tmp_path,
        patient(),
        encounter(),
        condition("c1", "1", recordedDate="2010-05-03T09:00:01Z", onsetDateTime="2001"),
        condition("c2", "2", onsetDateTime="2010-05-03T11:00:02+02:00"),
        condition("c3", "3", onsetPeriod={"start": "2010-05-03T09:00:03Z"}),
        condition("c4", "4"),
        request(authoredOn="2010-05-03T09:00:04.999Z"),
        procedure("q1", performedDateTime="2010-05-03T09:00:05"),
        procedure("q2", performedPeriod={"start": "2010-05-03T09:00:06Z"}),
        procedure("q3", performedString="in May"),
    )
    assert [row[-1] and row[-1] - NINE for row in tables["diagnoses"]] == [1, 2, 3, None]
    assert [row[-1] and row[-1] - NINE for row in tables["orders"]] == [4, 5, 6, None]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970", 0),
        ("1970-02", 31 * 86400),
        ("1969-12-31T23:59:59Z", -1),
        ("1970-01-01T00:00:00-05:30", 19800),
        ("1972-06-30T23:59:60Z", 78796800),
        ("1970-01-01T24:00:00Z", 86400),
        ("0001-01-01", -62135596800),
        ("9999-12-31", 253402214400),
    ],
)
def test_a_time_in_seconds(text, seconds):
    assert elements.time({"x": text}, "x") == seconds


@pytest.mark.parametrize(
    "text", ["", "70", "1970-13", "1970-02-30", "1970-01-01T24:00:01Z", "1970-01-01 10:00:00", "٢٠١٠"]
)
def test_an_unreadable_time(text, tmp_path):
    with pytest.raises(InputError, match=r"bundle.json: entry 1: Patient/p: birthDate: found '.*; must be a date"):
        read_resources(tmp_path, patient(birthDate=text))


def test_patients(tmp_path):
    tables = read_resources(
        tmp_path,
        patient(gender="other", birthDate=None),
        patient(id="a", gender="male", deceasedDateTime="1970-01-02"),
        patient(id="b", gender="unknown", deceasedBoolean=True),
        encounter(),
    )
    assert [row[:1] + row[2:4] for row in tables["patients"]] == [
        ("a", "M", 86400),
        ("b", None, None),
        ("p", "other", None),
    ]
    assert tables["left_out"] == {"Patient.deceasedBoolean: a death without a time": 1}


def codings(*given):
    return {"coding": [{"system": system, "code": code, **more} for system, code, more in given], "text": "in words"}


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (codings(("x", "1", {}), ("http://snomed.info/sct", "2", {})), ("SNOMED-CT", "2", "in words")),
        (codings(("x", "1", {"userSelected": True}), ("http://snomed.info/sct", "2", {})), ("x", "1", "in words")),
        (codings(("x", "1", {"display": "one"}), ("y", "2", {})), ("x", "1", "one")),
        (codings((None, "1", {})), ("", "1", "in words")),
        (codings(("x", None, {}), ("y", "2", {})), ("y", "2", "in words")),
        ({"text": "in words"}, None),
        ({}, None),
    ],
)
def test_choice_among_the_codings_of_a_concept(given, taken):
    assert elements.coding(given) == taken


def test_repeated_resources_count_once_and_must_be_equal(tmp_path):
    everything = [patient(), encounter(), condition(), request(reasonReference=[reference("Condition/c")])]
    once = read_resources(tmp_path, *everything)
    write(tmp_path / "b.ndjson.gz", everything)
    assert read_fhir(tmp_path) == once
    write(tmp_path / "b.ndjson.gz", [condition(code=concept("1"))])
    for on_error in ("stop", "skip"):
        with pytest.raises(InputError, match=r"b.ndjson.gz and .*bundle.json: 'Condition/c' occurs twice"):
            read_fhir(tmp_path, on_error=on_error)


OTHER_VERSIONS = [
    (condition(context=reference("Encounter/e")), "STU3"),
    (condition(verificationStatus="confirmed"), "STU3 or DSTU2"),
    (encounter(**{"class": "outpatient"}), "DSTU2"),
    (encounter(**{"class": [{"coding": []}]}), "R5"),
    (encounter(reason=[{"coding": []}]), "STU3 or DSTU2"),
    (encounter(reason=[{"value": [{"concept": {}}]}]), "R5"),
    (encounter(diagnosis=[{"role": {}}]), "STU3"),
    (request(context=reference("Encounter/e")), "STU3"),
    (request(medication={"concept": {}}), "R5"),
    (procedure(notPerformed=True), "DSTU2"),
    (procedure(occurrenceDateTime="2010"), "R5"),
    (resource("MedicationOrder", "m"), "DSTU2"),
    (resource("CapabilityStatement", "m", fhirVersion="3.0.1"), "3.0.1"),
]


@pytest.mark.parametrize(("item", "version"), OTHER_VERSIONS)
@pytest.mark.parametrize("name", ["a.json", "a.ndjson"])
def test_fhir_that_is_not_r4(item, version, name, tmp_path):
    path = write(tmp_path / name, [item] if "ndjson" in name else bundle(item))
    with pytest.raises(
        InputError, match=rf"a\.(nd)?json: (entry|line) 1: .* looks like FHIR {version}; must be FHIR R4"
    ):
        read_fhir(path)


@pytest.mark.parametrize(
    ("item", "complaint"),
    [
        (patient(gender="F"), "Patient/p: gender: found 'F'; must be male, female, other, unknown"),
        (condition(code="59621000"), "Condition/c: code: found '59621000'; must be an object"),
        (condition(code={"coding": [7]}), "coding: found 7 in it; must be a list of objects"),
        (condition(code=concept(7)), "code: found 7; must be text"),
        (condition(code=concept("\ud800")), "half of a character"),
    ],
)
def test_elements_of_another_form_than_in_r4(item, complaint, tmp_path):
    with pytest.raises(InputError, match=complaint):
        read_resources(tmp_path, item)


def test_a_bad_file_is_skipped_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(extract, "ROWS", 1)  # rows of the bad file are written before its fault is found
    write(tmp_path / "good.json", bundle(patient(), encounter()))
    bad = write(tmp_path / "sub" / "bad.json", json.dumps(bundle(condition(), condition("d"), condition("f")))[:-40])
    with pytest.raises(InputError, match=r"bad.json: entry 3: the JSON ends in the middle"):
        read_fhir(tmp_path)
    tables = read_fhir(tmp_path, on_error="skip")
    assert (len(tables["visits"]), tables["diagnoses"], tables["left_out"]) == (1, [], {})
    assert [(path, "entry 3" in why) for path, why in tables["skipped"]] == [(str(bad), True)]


def test_what_a_bulk_client_leaves_is_passed_over(tmp_path):
    write(tmp_path / "a.ndjson", [patient(), encounter(), condition()])
    write(tmp_path / "log.ndjson", [{"exportId": "x", "eventId": "kickoff"}])
    write(tmp_path / "any.json", json.dumps({"transactionTime": "2024", "output": []}))
    write(tmp_path / "manifest_1.json", json.dumps({"name": "x"}))
    write(tmp_path / "._a.ndjson", "Mac OS X")
    write(tmp_path / "b.jsonl", "{}")
    with opened() as engine:
        export = fhir.read(engine, tmp_path)
        assert engine.value(export.diagnoses.count()) == 1
    assert {pathlib.Path(path).name: what for path, what in export.passed_over} == {
        "log.ndjson": "log of a bulk export",
        "any.json": "manifest of a bulk export",
        "._a.ndjson": "hidden file",
        "b.jsonl": "not FHIR by its name",
        "manifest_1.json": "manifest",
    }
    write(tmp_path / "notes.json", json.dumps({"name": "x"}))
    with pytest.raises(InputError, match="not FHIR"):
        read_fhir(tmp_path)


def deletion(url, method="DELETE"):
    return {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": method, "url": url}}]}


def test_deleted_resources_are_left_out_and_counted(tmp_path):
    write(tmp_path / "a.ndjson", [patient(), encounter(), condition(), condition("d")])
    identifiers = [item["id"] for item in (condition(), condition("d"))]
    lines = [deletion(f"https://a.example/Condition/{identifiers[0]}"), deletion("Condition/unknown")]
    write(tmp_path / "deleted" / "0.ndjson", lines)
    tables = read_fhir(tmp_path)
    assert len(tables["diagnoses"]) == 1
    assert tables["left_out"] == {"resources that an entry with the method DELETE deletes": 1}


@pytest.mark.parametrize(
    ("url", "method"), [("Condition?code=7", "DELETE"), ("Condition/7", "PATCH"), (None, "DELETE")]
)
def test_what_can_not_be_applied_is_refused(url, method, tmp_path):
    write(tmp_path / "a.ndjson", [patient(), encounter(), deletion(url, method)])
    with pytest.raises(InputError, match=f"line 3.*found {method} of .*, which can't be applied"):
        read_fhir(tmp_path)


@pytest.mark.parametrize(
    ("elements", "why"),
    [
        ({"active": False}, "Patient.active: false"),
        ({"active": False, "deceasedDateTime": "2020"}, None),
        ({"active": True, "link": [{"type": "replaces", "other": {"reference": "Patient/x"}}]}, None),
        ({"link": [{"type": "replaced-by", "other": {"reference": "Patient/x"}}]},
         "Patient.link: replaced by another patient"),
    ],
)  # fmt: skip
def test_patients_that_are_no_more(elements, why, tmp_path):
    tables = read_resources(tmp_path, patient() | elements, encounter())
    assert len(tables["visits"]) == (0 if why else 1)
    assert tables["left_out"] == ({why: 1, "Encounter.subject: to what is left out": 1} if why else {})


def test_a_server_that_reports_errors_is_counted(tmp_path):
    issues = [{"issue": [{"severity": severity}]} for severity in ("error", "warning", "fatal")]
    outcomes = [{"resourceType": "OperationOutcome"} | issue for issue in issues]
    tables = read_resources(tmp_path, patient(), encounter(), *outcomes)
    assert tables["left_out"] == {"OperationOutcome: an error of the server that made the export": 2}


@pytest.mark.slow
def test_several_processes_read_the_same_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr(extract, "TASK", 1)
    write(tmp_path / "a.json", bundle(patient(), encounter()))
    write(tmp_path / "b.ndjson", [condition()])
    write(tmp_path / "c.json", "{")
    lines = []
    several = read_fhir(tmp_path, on_error="skip", processes=2, progress=lines.append)
    assert several == read_fhir(tmp_path, on_error="skip", processes=1)
    assert len(several["diagnoses"]) == len(several["skipped"]) == 1
    assert lines
    with pytest.raises(InputError, match=r"c.json: at the start: the JSON ends"):
        read_fhir(tmp_path, processes=2)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("", "no file of FHIR in it"), ("notes.txt", "not a file of FHIR by its name"), ("none.json", "No such file")],
)
def test_there_must_be_a_file_of_fhir(name, complaint, tmp_path):
    write(tmp_path / "notes.txt", "")
    with pytest.raises(InputError, match=complaint):
        files.find(tmp_path / name)


NAMES = st.sampled_from("abc")
RESOURCES = st.lists(
    st.one_of(
        st.builds(
            encounter, NAMES, reasonReference=st.lists(NAMES.map(lambda n: reference(f"Condition/{n}")), max_size=2)
        ),
        st.builds(
            condition, NAMES, st.sampled_from(["1", "2"]), encounter=NAMES.map(lambda n: reference(f"Encounter/{n}"))
        ),
        st.builds(
            request,
            NAMES,
            encounter=NAMES.map(lambda n: reference(f"Encounter/{n}")),
            reasonReference=st.lists(NAMES.map(lambda n: reference(f"Condition/{n}")), max_size=3),
        ),
    ),
    unique_by=lambda item: (item["resourceType"], item["id"]),
)


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RESOURCES)
def test_a_bundle_by_uuid_and_a_bulk_export_by_name_are_equal(tmp_path_factory, items):
    items = [*items, patient()]
    bulk, single = tmp_path_factory.mktemp("bulk"), tmp_path_factory.mktemp("single")
    for kind in {item["resourceType"] for item in items}:
        write(bulk / f"{kind}.ndjson", [item for item in items if item["resourceType"] == kind])
    text = json.dumps(bundle(*items))
    for kind in ("Patient", "Encounter", "Condition"):
        text = text.replace(f'"{kind}/', f'"urn:uuid:{kind.lower()}-')
    whole = json.loads(text)
    for entry in whole["entry"]:
        entry["fullUrl"] = f"urn:uuid:{entry['resource']['resourceType'].lower()}-{entry['resource']['id']}"
    write(single / "a.json", whole)
    assert read_fhir(single) == read_fhir(bulk)


def test_the_processes_that_read_import_no_ibis():
    """Each starts anew, and Ibis would take longer to import than many exports to read."""
    code = "import mime_tf.ehr.sources.fhir.extract, sys; print('ibis' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert process.stdout == "False\n"


# Both in the parent and, as its main module is imported there, in each process that it starts.
READ = """
import sys
from mime_tf.ehr.sources.fhir import extract
from support.fhir_examples import read_fhir

count = extract._count

def logged(done, stop, size):
    if stop.is_set():
        with open(sys.argv[2], "a") as log:
            log.write("x")
    count(done, stop, size)

extract._count = logged
if __name__ == "__main__":
    read_fhir(sys.argv[1], processes=2, progress=print)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a group of processes is POSIX's")
def test_ctrl_c_ends_all_processes_within_a_chunk(tmp_path):
    many = "".join(json.dumps(condition(f"c{number}")) + "\n" for number in range(150_000))
    for name in "abcd":
        write(tmp_path / "export" / f"{name}.ndjson", many)
    (tmp_path / "script.py").write_text(READ)
    log = tmp_path / "log"
    log.touch()
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "export"), str(log)]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    while process.stdout.readline().startswith(b"0 of"):
        pass
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    # Both pipes are at their end, so no process is left that could write to them.
    assert errors.decode().rstrip().endswith("KeyboardInterrupt")
    # Of each file at most one chunk is read after the processes are asked to end.
    assert len(log.read_text()) <= len("abcd")
