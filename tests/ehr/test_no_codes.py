"""Codes and words that say that there is none: missing values, reasons why data are absent, "no known problems"."""

import pytest
from support.ehr_exports import ExportRows, converted, visits_by_patient
from support.export_tables import read_tables
from support.fhir_examples import (
    SNOMED,
    condition,
    encounter,
    patient,
    procedure,
    read_resources,
    reference,
    request,
    resource,
)

from mime_tf.ehr import missing, no_codes
from mime_tf.ehr.sources import synthea
from mime_tf.errors import InputError

MAY_2010 = 1272844800
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"


def test_words_for_a_missing_value_are_no_codes():
    words = ["NULL", "null", "\\N", "NaN", "None", ".", "<NA>"]
    diagnoses = [("v", "A"), *(("v", word) for word in words)]
    orders = [("v", "rx", "X", "A"), *(("v", "pr", word, "A") for word in words), ("v", "rx", "Y", "NULL")]
    cohort = converted(ExportRows([("v", "p", 1)], diagnoses, orders))
    assert visits_by_patient(cohort) == {"p": [[("A", ["X"], [])]]}
    names = {
        f"{kind} of the code {word}, a word for a missing value" for kind in ("diagnoses", "orders") for word in words
    }
    names |= {"reasons of the code NULL, a word for a missing value"}
    assert cohort.linkage["left_out"] == dict.fromkeys(names, 1)


def test_a_code_that_may_be_real_is_kept_and_counted():
    cohort = converted(ExportRows([("v", "p", 1)], [("v", "A"), ("v", "NA")], [("v", "pr", "n/a", "A")]))
    assert visits_by_patient(cohort) == {"p": [[("A", [], ["n/a"]), ("NA", [], [])]]}
    doubt = "which may be a word for a missing value"
    assert cohort.linkage["left_out"] == {}
    assert cohort.linkage["kept"] == {f"diagnoses of the code NA, {doubt}": 1, f"orders of the code n/a, {doubt}": 1}


def test_no_known_problems_is_a_statement_and_no_diagnosis():
    rows = ExportRows([("v", "p", 1), ("w", "q", 1)], [("v", "A"), ("w", "160245001")], [("v", "rx", "X", "160245001")])
    cohort = converted(rows)
    assert visits_by_patient(cohort) == {"p": [[("A", [], [])]]}
    name = "of SNOMED-CT 160245001, a statement that is no diagnosis (No current problems or disability)"
    assert cohort.linkage["left_out"] == {f"diagnoses {name}": 1, f"reasons {name}": 1}
    assert no_codes.statement("hospital", "160245001") is None  # the number means that in SNOMED CT alone


@pytest.mark.parametrize(
    ("system", "absent"),
    [
        (ABSENT, True),
        (ABSENT + "|4.0.1", True),
        ("http://hl7.org/fhir/v3/NullFlavor", True),
        (NULL_FLAVOR + "/", True),
        ("urn:oid:2.16.840.1.113883.5.1008", True),
        ("http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips", True),
        (SNOMED, False),
        ("http://hospital.example/not-data-absent-reason-codes", False),
        ("", False),
    ],
)
def test_systems_of_reasons_why_data_are_absent(system, absent):
    assert (no_codes.absence(system, "unknown") is not None) == absent


def test_fhir_takes_the_next_coding_or_leaves_the_resource_out(tmp_path):
    none = {"system": ABSENT, "code": "unknown", "userSelected": True}
    flavor = {"coding": [{"system": NULL_FLAVOR, "code": "UNK"}]}
    real = {"system": SNOMED, "code": "59621000"}
    medication = resource("Medication", "m", code=flavor)
    tables = read_resources(
        tmp_path,
        patient(),
        encounter(reasonCode=[flavor]),
        condition("c1", code={"coding": [none, real]}),
        condition("c2", code={"coding": [none]}),
        condition("c3", code={"coding": [{"system": SNOMED, "code": "NULL"}, {"system": "s", "code": "I10"}]}),
        request("r1", medicationCodeableConcept={"coding": [none]}),
        request("r2", medicationCodeableConcept=None, medicationReference=reference("#m"), contained=[medication]),
        request("r3", reasonCode=[{"coding": [none]}]),
        procedure("q1", code=flavor),
    )
    assert sorted(code for _, _, code, _ in tables["diagnoses"]) == ["59621000", "I10"]
    assert [order[0] for order in tables["orders"]] == ["MedicationRequest/r3"] and tables["reasons"] == []
    absent, unk = "of data-absent-reason unknown", "of v3-nullflavor UNK"
    expected = [f"Condition {absent}", f"Encounter.reasonCode {unk}", f"MedicationRequest {absent}"]
    expected += [f"MedicationRequest {unk}", f"MedicationRequest.reasonCode {absent}", f"Procedure {unk}"]
    assert tables["left_out"] == {f"{name}, which says that there is none": 1 for name in expected}


def test_the_outcome_is_no_such_code():
    from mime_tf.ehr.design.outcome import Outcome
    from mime_tf.ehr.design.rules import Rules

    rows = ExportRows([("v", "p", 1)], [("v", "A"), ("v", "NULL")])
    with pytest.raises(InputError, match="outcome: found 'NULL'; no diagnosis or reason has it"):
        converted(rows, Rules(), outcome=Outcome.parse("NULL"))


def test_words_are_missing_in_times_identifiers_and_names(tmp_path):
    folder = ExportRows([("v", "p", 1)], [("v", "A")]).write_synthea(tmp_path)
    words = [*missing.WORDS, "NULL", "NaN", " Na "]
    lines = {
        "patients": "{0},{1},{1},{1}",
        "encounters": "w{0},{1},p\r\n{1},2010-05-03,p\r\nx{0},2010-05-03,{1}",
        "conditions": "{1},,{1},{1},B,{1}",
    }
    for name, line in lines.items():
        with open(folder / f"{name}.csv", "a", newline="") as file:
            file.writelines(line.format(number, word) + "\r\n" for number, word in enumerate(words))
    tables, count = read_tables(synthea.read, folder), len(words)
    assert sorted(row[1:] for row in tables["patients"]) == [(None,) * 4] * (count + 1)
    visits = [(visit and visit[0], patient, start) for visit, patient, start, _ in tables["visits"]]
    assert visits.count(("w", "p", None)) == visits.count(("x", None, MAY_2010)) == visits.count((None, "p", MAY_2010))
    assert visits.count(("w", "p", None)) == count and len(visits) == 3 * count + 1
    assert tables["owners"]["diagnoses"].count((None, "SNOMED-CT", "B", None, None)) == count
    assert {display for *_, display in tables["names"]} == {None}


def test_a_code_column_keeps_its_words_for_the_next_step(tmp_path):
    folder = ExportRows([("v", "p", 1)], [("v", "NA"), ("v", "NULL")]).write_synthea(tmp_path)
    assert {code for _, _, code, _ in read_tables(synthea.read, folder)["diagnoses"]} == {"NA", "NULL"}
