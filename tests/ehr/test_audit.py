"""The leakage audit finds planted leaks, and prints them."""

import dataclasses

import numpy as np
import pytest
from support.ehr_exports import DAY, ExportRows, converted, features

from mime_tf.ehr.design.label_file import Labels
from mime_tf.ehr.design.outcome import Outcome
from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.design.selection import Selection
from mime_tf.ehr.encode import audit

CONCEPTS = {
    "kind": ["dx", "dx", "rx"],
    "system": ["S", "S", "R"],
    "code": ["A", "B", "X"],
    "display": ["Asthma", "", "Salbutamol"],
}
# Four rows, with labels 1, 1, 0, 0. A is in rows 0, 1 and 2, B in row 3, the order X twice in row 0 and once in row 1.
FEATURES = features(
    dx=[(0, 0, 5, 0, 6), (1, 1, 5, 0, 6), (1, 2, 7, 0, 8), (2, 3, 5, 0, 6), (3, 4, 5, 1, 6)],
    orders=[(0, 0, 0, 2, 6), (0, 0, 0, 2, 7), (1, 1, 0, 2, 9)],
)


def select(labels=(1, 1, 0, 0), since=5, until=10):
    four = np.arange(4)
    label = None if labels is None else np.array(labels)
    return Selection(four, four * 0 + until, four * 0 + since, four * 0 + until, label, {})


def test_a_clean_cohort():
    findings = audit.audit(FEATURES, select(), CONCEPTS, np.array([], np.int64))
    assert (findings["events_at_or_after_prediction"], findings["visits_outside_window"]) == (0, 0)
    assert findings["outcome_codes"] == []


@pytest.mark.parametrize(
    ("since", "until", "late", "outside"),
    [
        (5, 9, 1, 0),  # the order of time 9
        (5, 8, 2, 0),
        (5, 7, 3, 1),  # and the second order of row 0, of time 7; a visit starts at 7
        (6, 10, 0, 4),
        (5, 5, 8, 5),
    ],
)
def test_events_and_visits_outside_the_window_are_counted(since, until, late, outside):
    findings = audit.audit(FEATURES, select(since=since, until=until), CONCEPTS, None)
    assert (findings["events_at_or_after_prediction"], findings["visits_outside_window"]) == (late, outside)


def test_the_auc_of_having_a_code():
    """A: both cases and half of the others, (1 + 1 - 1/2) / 2. B: no case and half. X: both cases and nobody else."""
    findings = audit.audit(FEATURES, select(), CONCEPTS, None)
    strongest = [(code["code"], code["auc"], code["rows"], code["cases"]) for code in findings["strongest_codes"]]
    assert strongest == [("X", 1.0, 2, 2), ("A", 0.75, 3, 2), ("B", 0.25, 1, 0)]
    assert [code["code"] for code in findings["suspect_codes"]] == ["X"]


def test_a_code_of_controls_alone_is_suspect_too():
    findings = audit.audit(FEATURES, select((0, 0, 1, 1)), CONCEPTS, None)
    assert [(code["code"], code["auc"]) for code in findings["suspect_codes"]] == [("X", 0.0)]


@pytest.mark.parametrize("labels", [None, (1, 1, 1, 1)])
def test_labels_of_one_class_have_no_strongest_codes(labels):
    findings = audit.audit(FEATURES, select(labels), CONCEPTS, np.array([1]))
    assert [(code["code"], code["rows"]) for code in findings["outcome_codes"]] == [("B", 1)]
    assert "strongest_codes" not in findings and "suspect_codes" not in findings


def test_printed_lines():
    lines = list(audit.lines(audit.audit(FEATURES, select(until=9), CONCEPTS, np.array([0]))))
    assert lines == [
        "leakage audit: 1 events at or after the prediction time, 0 visits outside the window",
        "  WARNING: the outcome itself is among the features: Asthma (A), in 3 rows",
        "  WARNING: this code alone separates the classes, AUC 1.000: Salbutamol (X)",
        "  single codes that predict the label best (AUC of having it; rows that have it):",
        "     1.000         2  Salbutamol (X)",
        "     0.750         3  Asthma (A)",
        "     0.250         1  B",
    ]
    clean = list(audit.lines(audit.audit(FEATURES, select(None), CONCEPTS, np.array([], np.int64))))
    assert clean[1:] == ["  the outcome's own codes are not among the features"]


# Leaks planted in whole conversions.

PATIENTS = [f"p{number}" for number in range(6)]
SICK = PATIENTS[:3]
# All have A at day 1; those who fall ill have the outcome HF at day 10, and its medication then.
ILLNESS = ExportRows(
    [(f"{patient}-{day}", patient, day) for patient in PATIENTS for day in (1, 10, 20)],
    [(f"{patient}-1", "A") for patient in PATIENTS] + [(f"{patient}-10", "HF") for patient in SICK],
    [(f"{patient}-10", "rx", "X", "HF") for patient in SICK],
)


def labels(day):
    subject = np.array(PATIENTS, object)
    return Labels(subject, np.full(6, day * DAY), np.isin(subject, SICK).astype(np.int64))


def test_prediction_times_after_the_outcome_are_detected():
    late = converted(ILLNESS, Rules(target="labels"), labels=labels(15)).audit
    assert [(code["code"], code["auc"]) for code in late["suspect_codes"]] == [("HF", 1.0), ("X", 1.0)]
    good = converted(ILLNESS, Rules(target="labels"), labels=labels(10)).audit
    assert good["suspect_codes"] == []
    assert [code["code"] for code in good["strongest_codes"]] == ["A"]


def test_an_outcome_beside_labels_is_audited_and_selects_nobody():
    asked = {"labels": labels(15), "outcome": Outcome.parse("HF")}
    cohort = converted(ILLNESS, Rules(target="labels"), **asked)
    assert [(code["code"], code["rows"]) for code in cohort.audit["outcome_codes"]] == [("HF", 3)]
    assert cohort.labels.tolist() == converted(ILLNESS, Rules(target="labels"), labels=labels(15)).labels.tolist()


@pytest.mark.parametrize("rules", [Rules(prediction_at="visit:2"), Rules(design="case_control", controls=1)])
def test_the_designs_never_leak_the_outcome(rules):
    rows = dataclasses.replace(ILLNESS, visits=[*ILLNESS.visits, *((f"{p}-900", p, 900) for p in PATIENTS)])
    illness = [(visit.replace("-10", "-20"), code) for visit, code in rows.diagnoses]
    rows = dataclasses.replace(rows, diagnoses=illness, orders=())
    cohort = converted(rows, rules, outcome=Outcome.parse("HF"))
    assert cohort.labels.sum() == 3
    assert cohort.audit["outcome_codes"] == []
    assert cohort.audit["events_at_or_after_prediction"] == cohort.audit["visits_outside_window"] == 0
