"""The option `--outcome`, and the time at which a patient first has the outcome."""

import numpy as np
import pytest
from support.ehr_exports import DAY, ExportRows, converted

from mime_tf.ehr import events
from mime_tf.ehr.design.outcome import Outcome, first_times
from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.engine import opened
from mime_tf.ehr.seconds import MISSING
from mime_tf.errors import InputError

NOW = 20_000 * DAY
TABLE = {
    "kind": ["dx", "dx", "dx", "pr", "rx"],
    "system": ["ICD-10-CM", "SNOMED-CT", "SNOMED-CT", "SNOMED-CT", "RxNorm"],
    "code": ["I50.9", "42", "I50.9", "77", "42"],
    "concept": [0, 1, 2, 3, 4],
    "display": ["", "", "", "", ""],
}


@pytest.mark.parametrize(
    ("text", "concepts"),
    [
        ("42", [1]),  # not the medication 42
        ("I50.9", [0, 2]),  # in any system
        ("SNOMED-CT|I50.9", [2]),
        (" 42 , ICD-10-CM|I50.9 ,", [0, 1]),
        ("regex:^I50", [0, 2]),
        ("regex:2$", [1]),  # of diagnoses only
    ],
)
def test_which_diagnoses_are_the_outcome(text, concepts):
    assert Outcome.parse(text).concepts(TABLE).tolist() == concepts


def test_codes_of_a_file(tmp_path):
    path = tmp_path / "codes.txt"
    path.write_text("﻿# heart failure\n42  # the first\n\n  ICD-10-CM|I50.9\n", encoding="utf-8")
    assert Outcome.parse(f"@{path}").concepts(TABLE).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "outcome: found ''; must be codes, @file with a code a line, regex:... or death"),
        (" , ", "outcome: found ' , '; must be codes, @file with a code a line, regex:... or death"),
        ("regex:(", "outcome: found 'regex:('; not a regular expression: "),
        ("@/no/such/file", "outcome: /no/such/file: not readable: "),
    ],
)
def test_bad_outcomes(text, message):
    with pytest.raises(InputError) as caught:
        Outcome.parse(text)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_file_without_codes_or_that_is_not_text(tmp_path):
    path = tmp_path / "codes.txt"
    for content, message in {b"# none\n": "must be codes", b"\xff\xfe\x00": "not readable"}.items():
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            Outcome.parse(f"@{path}")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("42,43", "found '43'; no diagnosis or reason has it"),
        ("77", "found '77'; it is a code of orders only"),
        ("ICD-10-CM|42", "found 'ICD-10-CM|42'; no diagnosis"),
        ("regex:^X", "found 'regex:^X'; no diagnosis"),
    ],
)
def test_a_code_that_nobody_has_is_an_error(text, why):
    with pytest.raises(InputError) as caught:
        Outcome.parse(text).concepts(TABLE)
    assert str(caught.value).startswith(f"outcome: {why}")
    assert str(caught.value).endswith("must be a diagnosis code of this export")


def test_the_error_of_a_name_suggests_its_codes():
    named = dict(TABLE, display=["Heart failure", *TABLE["display"][1:]])
    code = named["code"][named["kind"].index("dx")]
    for text in ("heart failure", "regex:HEART"):
        with pytest.raises(InputError) as caught:
            Outcome.parse(text).concepts(named)
        assert str(caught.value).endswith(f"; diagnoses of that name: {code} (Heart failure)")


def test_first_times_are_of_a_diagnosis_or_of_a_reason():
    rows = ExportRows(
        [("p1", "p", 1), ("p2", "p", 5), ("q1", "q", 3), ("r1", "r", 1), ("s1", "s", 1)],
        [("p2", "A"), ("p2", "B", 9), ("q1", "A"), ("r1", "C"), ("s1", "B", 6)],
        [("q1", "rx", "X", "A C", 4), ("p1", "rx", "X", "B", 2), ("s1", "pr", "P", "A", 4)],
    )
    expected = {"A": [5, 3, None, 4], "B": [2, None, None, 6], "A,B": [2, 3, None, 4], "C": [None, 4, 1, None]}
    with opened() as engine:
        numbered = events.number(engine, rows.export(), "test", NOW)
        concepts = engine.arrow(numbered.concepts.order_by("concept")).to_pydict()
        for text, days in expected.items():
            times = first_times(engine, numbered, Outcome.parse(text).concepts(concepts), 4)
            assert times.tolist() == [MISSING if day is None else day * DAY for day in days], text
            assert times.dtype == np.int64


# In a whole conversion.

YEARLY = ExportRows(
    [(f"{patient}{day}", patient, day) for patient in "pqr" for day in (0, 10, 500)],
    [("p0", "A"), ("q0", "A"), ("r0", "A"), ("q500", "B")],
    patients={"p": {"death": 100}, "q": {"death": 600}, "r": {}},
)


@pytest.mark.parametrize(
    ("outcome", "horizon", "labels"),
    [
        ("death", 365, {"p": 1, "q": 0, "r": 0}),
        ("death", 89, {"p": 0, "q": 0, "r": 0}),
        ("death", 90, {"p": 1, "q": 0, "r": 0}),  # until the last moment of the horizon
        ("B", 490, {"q": 1, "r": 0}),  # p dies first
        ("B", 489, {"q": 0, "r": 0}),
    ],
)
def test_labels_of_an_outcome_at_the_second_visit(outcome, horizon, labels):
    rules = Rules(prediction_at="visit:2", horizon_days=horizon)
    cohort = converted(YEARLY, rules, outcome=Outcome.parse(outcome))
    assert dict(zip(cohort.patients["patient_id"], cohort.labels.tolist(), strict=True)) == labels
    assert cohort.patients["label"] == cohort.labels.tolist()
    assert set(cohort.patients["prediction_time"]) == {"1970-01-11T00:00:00Z"}


def test_death_needs_somebody_who_died():
    with pytest.raises(InputError, match=r"^outcome: found death; no patient with a visit has a time of death"):
        converted(ExportRows([("v", "p", 1)], [("v", "A")]), Rules(), outcome=Outcome.parse("death"))


def test_death_has_no_code_in_the_audit():
    cohort = converted(YEARLY, Rules(prediction_at="visit:2"), outcome=Outcome.parse("death"))
    assert "outcome_codes" not in cohort.audit
