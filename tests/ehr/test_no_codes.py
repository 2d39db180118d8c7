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

ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"


@pytest.mark.parametrize("code", ["NULL", "null", "\\N", "NaN", "None", ".", "<NA>"])
def test_a_word_for_a_missing_value_is_no_code(code):
    orders = [("v", "rx", "X", "A"), ("v", "pr", code, "A"), ("v", "rx", "Y", code)]
    rows = ExportRows([("v", "p", 1)], [("v", "A"), ("v", code)], orders)
    cohort = converted(rows)
    assert visits_by_patient(cohort) == {"p": [[("A", ["X"], [])]]}
    name = f"of the code {code}, a word for a missing value"
    assert cohort.linkage["left_out"] == {f"diagnoses {name}": 1, f"orders {name}": 1, f"reasons {name}": 1}


@pytest.mark.parametrize("code", ["NA", "n/a"])
def test_a_code_that_may_be_real_is_kept_and_counted(code):
    cohort = converted(ExportRows([("v", "p", 1)], [("v", "A"), ("v", code)], [("v", "pr", code, "A")]))
    assert visits_by_patient(cohort) == {"p": [[("A", [], [code]), (code, [], [])]]}
    name = f"of the code {code}, which may be a word for a missing value"
    assert (cohort.linkage["left_out"], cohort.linkage["kept"]) == ({}, {f"diagnoses {name}": 1, f"orders {name}": 1})


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


@pytest.mark.parametrize("word", [word for word in missing.WORDS] + ["NULL", "NaN"])
def test_words_are_missing_in_times_identifiers_and_names(word, tmp_path):
    names = {("dx", "A"): word}
    rows = ExportRows([("v", "p", 1)], [("v", "A")], [("v", "rx", "X", "A")], {"p": {"sex": word}}, names)
    folder = rows.write_synthea(tmp_path)
    for name, line in {
        "patients": "q,1950-01-01,{},F",
        "encounters": "{},2010-05-03T09:00:00Z,p\nw,{},p\nx,2010-05-03T09:00:00Z,{}",
        "conditions": "{},,p,{},B,",
    }.items():
        with open(folder / f"{name}.csv", "a") as file:
            file.write(line.replace("{}", word) + "\n")
    tables = read_tables(synthea.read, folder)
    assert [row[2:4] for row in tables["patients"]] == [(None, None), ("F", None)]
    assert tables["visits"][1:] == [
        ("w", "p", None, None),
        ("x", None, 1272877200, None),
        (None, "p", 1272877200, None),
    ]
    assert (None, "SNOMED-CT", "B", None) in tables["diagnoses"]
    assert not [name for name in tables["names"] if name[3] == word]


def test_a_code_column_keeps_its_words_for_the_next_step(tmp_path):
    folder = ExportRows([("v", "p", 1)], [("v", "NA"), ("v", "NULL")]).write_synthea(tmp_path)
    assert {code for _, _, code, _ in read_tables(synthea.read, folder)["diagnoses"]} == {"NA", "NULL"}
