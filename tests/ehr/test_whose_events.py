"""Events of another patient than their visit or order, in every source: left out and counted, refused with strict."""

import dataclasses

import pytest
import yaml
from support.ehr_exports import ExportRows, converted, table, visits_by_patient
from support.export_tables import read_tables, write
from support.fhir_examples import condition, encounter, patient, procedure, read_resources, reference, request

from mime_tf.ehr.sources import synthea, tables
from mime_tf.ehr.sources.omop.read import read as read_omop
from mime_tf.errors import InputError

WHOLE = {"p": [[("A", ["X"], [])]], "q": [[("B", [], [])]]}


def with_events(diagnoses=(), orders=(), reasons=()):
    """An export of the visits v1 of p, with diagnosis A and its order X, and v2 of q, with B; and more events."""
    return dataclasses.replace(
        ExportRows([("v1", "p", 1), ("v2", "q", 2)]).export(),
        diagnoses=table("diagnoses", [("v1", "s", "A", None, "p"), ("v2", "s", "B", None, None), *diagnoses]),
        orders=table("orders", [("o1", "v1", "rx", "s", "X", None, "p"), *orders]),
        reasons=table("reasons", [("o1", "s", "A", "p"), *reasons]),
    )


def test_events_of_the_patients_of_their_visits_stay():
    assert visits_by_patient(converted(with_events())) == WHOLE


@pytest.mark.parametrize(
    ("events", "name", "count"),
    [
        ({"diagnoses": [("v1", "s", "B", None, "q")]}, "diagnoses of another patient than their visit", 1),
        ({"diagnoses": [("v1", "s", "A", 5, "q"), ("v1", "s", "C", 5, "nobody")]},
         "diagnoses of another patient than their visit", 2),
        ({"orders": [("o2", "v2", "rx", "s", "X", None, "p")], "reasons": [("o2", "s", "B", None)]},
         "orders of another patient than their visit", 1),
        ({"reasons": [("o1", "s", "B", "q")]}, "reasons of another patient than their order", 1),
    ],
)  # fmt: skip
def test_an_event_of_another_patient_is_left_out_and_counted_or_refused(events, name, count):
    cohort = converted(with_events(**events))
    assert visits_by_patient(cohort) == WHOLE
    assert cohort.linkage["left_out"] == {name: count}
    with pytest.raises(InputError) as caught:
        converted(with_events(**events), strict=True)
    assert str(caught.value) == f"test: found {count} {name}; must be none with --strict"


def test_a_diagnosis_that_the_right_patient_has_too_stays_with_its_own_time():
    """Else the other patient's earlier row would say when it was known."""
    rows = with_events([("v1", "s", "C", 3 * 86_400, "p"), ("v1", "s", "C", 86_400, "q")])
    cohort = converted(rows)
    assert visits_by_patient(cohort)["p"] == [[("A", ["X"], []), ("C", [], [])]]
    assert cohort.linkage["left_out"] == {"diagnoses of another patient than their visit": 1}


def owners(tables):
    """The patient of each diagnosis, order and reason, by its code or the order's identifier."""
    rows = tables["owners"]
    return (
        {code: owner for _, _, code, _, owner in rows["diagnoses"]},
        {order: owner for order, *_, owner in rows["orders"]},
        {(order, code): owner for order, _, code, owner in rows["reasons"]},
    )


def test_synthea(tmp_path):
    folder = ExportRows([("v1", "p", 1)], [("v1", "A")], [("v1", "rx", "X", "A")]).write_synthea(tmp_path)
    diagnoses, orders, reasons = owners(read_tables(synthea.read, folder))
    assert diagnoses == {"A": "p"} and orders == {"medications 0": "p"} and reasons == {("medications 0", "A"): None}
    path = folder / "conditions.csv"
    path.write_text(path.read_text().replace("PATIENT", "SOMEBODY"))  # a layout without it is read as before
    assert owners(read_tables(synthea.read, folder))[0] == {"A": None}


def omop(folder):
    write(folder / "person.csv", ("person_id", "gender_concept_id", "year_of_birth"), (1, 8532, 1950), (2, 8507, 1960))
    visit = ("visit_occurrence_id", "person_id", "visit_start_date", "visit_end_date")
    write(folder / "visit_occurrence.csv", visit, (10, 1, "2010-05-03", ""), (20, 2, "2010-05-03", ""))
    event = ("person_id", "visit_occurrence_id")
    write(
        folder / "condition_occurrence.csv",
        ("condition_occurrence_id", "condition_concept_id", "condition_start_date", *event),
        (5, 320128, "2010-05-03", 1, 10),
        (6, 201826, "2010-05-03", "2.0", 20),
    )
    write(
        folder / "drug_exposure.csv",
        ("drug_exposure_id", "drug_concept_id", "drug_exposure_start_date", *event),
        (7, 1308216, "2010-05-03", 2, 20),
    )
    return folder


def test_omop(tmp_path):
    links = write(tmp_path / "l.csv", ("kind", "order_id", "condition_occurrence_id"), ("rx", 7, 5), ("rx", 7, 6))
    read = read_tables(read_omop, omop(tmp_path / "cdm"), links=links)
    assert owners(read) == (
        {"320128": "1", "201826": "2"}, {"rx 7": "2"}, {("rx 7", "320128"): "1", ("rx 7", "201826"): "2"}
    )  # fmt: skip


MAPPING = {
    "visits": {"file": "stays", "visit": "stay", "patient": "who", "start": "begin"},
    "diagnoses": {"file": "dx", "visit": "stay", "code": "icd", "diagnosis": "row", "system": "ICD-10"},
    "orders": [{"kind": "rx", "file": "drugs", "order": "id", "visit": "stay", "code": "atc", "system": "ATC"}],
    "links": [{"kind": "rx", "file": "why", "order": "id", "diagnosis": "row"}],
}


@pytest.mark.parametrize("named", [True, False])
def test_tables(named, tmp_path):
    """Without the key, linked diagnoses are of the patient of their visit."""
    write(tmp_path / "stays.csv", ("stay", "who", "begin"), ("s1", "p", "2010-05-03"), ("s2", "q", "2010-05-03"))
    write(tmp_path / "dx.csv", ("row", "stay", "icd", "patient"), (1, "s1", "I10", "p"), (2, "s2", "I50", "q"))
    write(tmp_path / "drugs.csv", ("id", "stay", "atc", "patient"), (1, "s1", "C09", "p"))
    write(tmp_path / "why.csv", ("id", "row"), (1, 1), (1, 2))
    mapping = MAPPING
    if named:
        key = {"patient": "patient"}
        mapping = MAPPING | {"diagnoses": MAPPING["diagnoses"] | key, "orders": [MAPPING["orders"][0] | key]}
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(mapping))
    diagnoses, orders, reasons = owners(read_tables(tables.read, tmp_path, tmp_path / "m.yaml"))
    assert diagnoses == {"I10": "p" if named else None, "I50": "q" if named else None}
    assert orders == {"rx 1": "p" if named else None}
    assert reasons == {("rx 1", "I10"): "p", ("rx 1", "I50"): "q"}


def test_fhir(tmp_path):
    """The subject, by any form of reference; of a group, or without a reference, it is not known."""
    of_p, of_q = {"subject": reference("https://s.example/fhir/Patient/p")}, {"subject": reference("urn:uuid:q-1")}
    named = {"resourceType": "Bundle", "type": "collection", "entry": [
        {"fullUrl": "urn:uuid:q-1", "resource": {"resourceType": "Patient", "id": "q"}}]}  # fmt: skip
    contained = condition("k", "38341003", **of_q)
    read = read_resources(
        tmp_path,
        named,
        patient(),
        encounter(reasonReference=[reference("Condition/c2")]),
        condition("c1", "59621000", **of_p),
        condition("c2", "88805009", **of_q),
        condition("c3", "44054006", subject=reference("Group/g")),
        procedure("q1", **of_p, reasonReference=[reference("Condition/c2"), reference("#k")], contained=[contained]),
        request("r1", subject={"display": "Ann"}),
    )
    assert owners(read) == (
        {"59621000": "p", "88805009": "q", "44054006": None},
        {"Procedure/q1": "p", "MedicationRequest/r1": None},
        {("Procedure/q1", "88805009"): "q", ("Procedure/q1", "38341003"): "q"},
    )
