"""Codes of a cohort: indices, dropping of codes and rows, and nesting."""

import dataclasses

import numpy as np
import pytest
from support.ehr_exports import (
    DAY,
    ExportRows,
    codes_by_kind,
    converted,
    features,
    only_visits,
    table,
    visits_by_patient,
)

from mime_tf.data import pickled
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.encode import features as gathering
from mime_tf.ehr.encode import nesting
from mime_tf.ehr.encode.codes import Codes
from mime_tf.errors import InputError

# dx: B 3 times, A and C twice, D once; rx: Y twice (in two Dx-objects, of one order), X once.
ROWS = ExportRows(
    [("v1", "p", 1), ("v2", "p", 2), ("v3", "q", 1)],
    [("v1", "C"), ("v1", "B"), ("v2", "B"), ("v2", "D"), ("v3", "B")],
    [("v1", "rx", "Y", "A C"), ("v3", "rx", "X", "A"), ("v3", "pr", "P", "C"), ("v3", "pr", "P", "C")],
)


def test_indices_go_by_falling_count_and_ties_by_code():
    cohort = converted(ROWS)
    assert codes_by_kind(cohort) == {"dx": ["B", "A", "C", "D"], "rx": ["Y", "X"], "pr": ["P"]}
    counts = {row["code"]: (row["patients"], row["count"]) for row in cohort.vocabulary.rows}
    assert counts == {
        **{"B": ("2", "3"), "A": ("2", "2"), "C": ("2", "2"), "D": ("1", "1")},
        **{"Y": ("1", "2"), "X": ("1", "1"), "P": ("1", "2")},
    }
    assert list(cohort.vocabulary.rows[0]) == ["kind", "index", "system", "code", "display", "patients", "count"]


def test_ties_go_by_system_before_code():
    export = ExportRows([("v", "p", 1)], [("v", "A")]).export()
    more = table("diagnoses", [("v", "ICD-10-CM", "Z", None)])
    cohort = converted(dataclasses.replace(export, diagnoses=export.diagnoses.union(more)))
    assert codes_by_kind(cohort) == {"dx": ["Z", "A"]}
    assert only_visits(cohort) == [[("Z", [], []), ("A", [], [])]]


def test_only_features_of_the_cohort_count():
    """B is commonest in the export, and A before the prediction time."""
    rows = ExportRows([("v1", "p", 1), ("v2", "p", 2), ("v3", "p", 3)], [("v1", "A"), ("v2", "B"), ("v3", "B")])
    cohort = converted(rows, Rules(target="none", prediction_at="visit:2"))
    assert codes_by_kind(cohort) == {"dx": ["A"]}


def test_a_patient_in_several_rows_counts_once_as_a_patient():
    rows = ExportRows([("v1", "p", 1), ("v2", "p", 2), ("v3", "p", 3)], [("v1", "A"), ("v2", "B")])
    cohort = converted(rows, Rules(target="none", prediction_at="every"))
    assert cohort.patients["patient_id"] == ["p", "p"]
    assert {row["code"]: (row["patients"], row["count"]) for row in cohort.vocabulary.rows} == {
        "A": ("1", "2"),
        "B": ("1", "1"),
    }


def test_min_count_drops_rare_codes_and_a_diagnosis_with_its_orders():
    cohort = converted(ROWS, min_count=2)
    assert visits_by_patient(cohort) == {
        "p": [[("A", ["Y"], []), ("B", [], []), ("C", ["Y"], [])], [("B", [], [])]],
        "q": [[("A", [], []), ("B", [], []), ("C", [], ["P", "P"])]],
    }
    assert cohort.linkage["dropped_codes"] == {"dx_objects": 1, "orders": 1, "codes": 2}
    assert cohort.notes == [
        "dropped, because they occur less than 2 times: 2 codes, with 1 Dx-objects and 1 other orders"
    ]


def test_an_empty_row_is_dropped_and_counted():
    rows = ExportRows([("v1", "p", 1), ("v2", "q", 1), ("v3", "r", 1)], [("v1", "A"), ("v2", "B"), ("v3", "A")])
    cohort = converted(rows, min_count=2)
    assert visits_by_patient(cohort) == {"p": [[("A", [], [])]], "r": [[("A", [], [])]]}
    step = cohort.flow["with visits enough once codes were dropped"]
    assert step == {"patients": 2, "rows": 2, "patients_out": 1, "rows_out": 1}


def test_rows_and_codes_are_dropped_until_neither_falls_short():
    # B is rare; without it q has one visit of two and goes; without q's A there is too little of A, and r goes too.
    visits = [("v1", "p", 1), ("v2", "p", 2), ("v3", "q", 1), ("v4", "q", 2), ("v5", "r", 1), ("v6", "r", 2)]
    diagnoses = [("v1", "C"), ("v2", "C"), ("v3", "A"), ("v4", "B"), ("v5", "A"), ("v6", "C")]
    cohort = converted(ExportRows(visits, diagnoses), rules=Rules(target="none", min_visits=2), min_count=2)
    assert visits_by_patient(cohort) == {"p": [[("C", [], [])], [("C", [], [])]]}
    assert [(row["code"], row["patients"], row["count"]) for row in cohort.vocabulary.rows] == [("C", "1", "2")]
    assert cohort.linkage["dropped_codes"] == {"dx_objects": 2, "orders": 0, "codes": 2}


def test_a_vocabulary_counts_without_the_orders_of_dropped_diagnoses():
    visits = [("v1", "p", 1), ("v2", "p", 2), ("v3", "p", 3)]
    orders = [("v1", "rx", "X", "A"), ("v2", "rx", "X", "A"), ("v3", "rx", "X", "B")]
    cohort = converted(ExportRows(visits, [], orders), min_count=2)
    assert [(row["code"], row["count"]) for row in cohort.vocabulary.rows] == [("A", "2"), ("X", "2")]


def test_a_min_count_above_all_counts():
    with pytest.raises(InputError, match=r"^min_count: found 9; no row has enough visits"):
        converted(ROWS, min_count=9)


# Another cohort's vocabulary.


def vocabulary_of(*rows):
    """A vocabulary of (kind, index, code)."""
    systems = {"dx": "SNOMED-CT", "rx": "RxNorm", "pr": "SNOMED-CT"}
    rows = [
        dict(kind=kind, index=str(index), system=systems[kind], code=code, display=f"my {code}", note="mine")
        for kind, index, code in rows
    ]
    return Vocabulary(rows, {(row["kind"], int(row["index"])): row for row in rows})


def test_an_existing_vocabulary_keeps_its_indices_and_drops_other_codes():
    cohort = converted(
        ROWS, vocabulary=vocabulary_of(("dx", 0, "Z"), ("dx", 1, "A"), ("dx", 7, "B"), ("rx", 3, "Y"), ("rx", 4, "A"))
    )
    assert pickled.to_lists(cohort.store) == [
        [[[1, [3], []], [7, [], []]], [[7, [], []]]],
        [[[1, [], []], [7, [], []]]],
    ]
    # C (two, with Y, P and P) and D go; of A's orders X goes.
    assert cohort.linkage["dropped_codes"] == {"dx_objects": 3, "orders": 1, "codes": 4}
    assert cohort.notes[0].startswith("dropped, because the vocabulary lacks them: 4 codes")
    assert [(row["code"], row["index"], row["patients"], row["count"]) for row in cohort.vocabulary.rows] == [
        ("Z", "0", "0", "0"),
        ("A", "1", "2", "2"),
        ("B", "7", "2", "3"),
        ("Y", "3", "1", "1"),  # the one of C went with C
        ("A", "4", "0", "0"),  # no medication has this code
    ]
    assert {(row["display"], row["note"]) for row in cohort.vocabulary.rows if row["code"] == "A"} == {("my A", "mine")}


def test_a_cohort_with_its_own_vocabulary_is_the_same_again():
    cohort = converted(ROWS)
    again = converted(ROWS, vocabulary=cohort.vocabulary)
    assert pickled.to_lists(again.store) == pickled.to_lists(cohort.store)
    assert again.vocabulary == cohort.vocabulary
    assert again.notes == []


def test_a_vocabulary_of_other_codes():
    with pytest.raises(InputError, match=r"^vocabulary: none of its diagnoses is in enough visits"):
        converted(ROWS, vocabulary=vocabulary_of(("dx", 0, "Z"), ("rx", 0, "Y")))


def test_a_vocabulary_and_a_min_count_do_not_go_together():
    with pytest.raises(InputError, match=r"^vocabulary, min_count: found both"):
        converted(ROWS, vocabulary=vocabulary_of(("dx", 0, "A")), min_count=2)


def test_the_reserved_diagnosis_keeps_its_index():
    rows = ExportRows([("v", "p", 1)], [("v", "A")], [("v", "rx", "X", "")])
    vocabulary = converted(rows, unlinked="null").vocabulary
    assert only_visits(converted(rows, unlinked="null", vocabulary=vocabulary)) == [
        [("A", [], []), ("no-reason", ["X"], [])]
    ]


# Features: events recorded before `until`, in visits that start from `since` on.


def test_events_at_the_prediction_time_are_no_features():
    """The visit of day 4 is the prediction time. In that of day 1, B and Y came at day 4 and C just before."""
    rows = ExportRows(
        [("v1", "p", 1), ("v2", "p", 4)],
        [("v1", "A"), ("v1", "B", 4), ("v1", "C", 4 - 1 / DAY), ("v2", "D")],
        [("v1", "rx", "X", "A", 2), ("v1", "rx", "Y", "A", 4), ("v1", "pr", "P", "E", 4)],
    )
    cohort = converted(rows, Rules(target="none", prediction_at="visit:2"))
    assert only_visits(cohort) == [[("A", ["X"], []), ("C", [], [])]]


def test_the_window_has_its_first_moment_and_not_its_last():
    rows = ExportRows([(f"v{day}", "p", day) for day in range(1, 8)], [(f"v{day}", str(day)) for day in range(1, 8)])
    rules = Rules(target="none", prediction_at="date:1970-01-07", observation_days=4, gap_days=1)  # day 6
    assert only_visits(converted(rows, rules)) == [[("2", [], [])], [("3", [], [])], [("4", [], [])]]


def test_a_dx_object_is_known_from_its_first_mention_on():
    """A is recorded at day 4, but an order of day 2 has it as its reason."""
    rows = ExportRows([("v1", "p", 1), ("v2", "p", 3)], [("v1", "A", 4)], [("v1", "rx", "X", "A", 2)])
    assert only_visits(converted(rows, Rules(target="none", prediction_at="visit:2"))) == [[("A", ["X"], [])]]


# Nesting, on arrays.


def test_nest_finds_the_dx_object_of_each_order():
    codes = Codes(np.array([5, 2, 7, 1, 0]), np.array(["dx", "dx", "dx", "rx", "pr"], object), None)
    gathered = features(
        dx=[(1, 9, 0, 1, 0), (0, 4, 0, 2, 0), (0, 3, 0, 1, 0), (0, 4, 0, 0, 0)],
        orders=[(1, 9, 1, 4, 0), (0, 4, 2, 3, 0), (0, 4, 2, 3, 0), (0, 4, 2, 4, 0), (0, 3, 1, 3, 0)],
    )
    store = nesting.nest(gathered, codes, 2)
    assert pickled.to_lists(store) == [[[[2, [1], []]], [[5, [], []], [7, [1, 1], [0]]]], [[[2, [], [0]]]]]


def test_one_visit_can_be_in_several_rows():
    codes = Codes(np.array([0, 0]), np.array(["dx", "rx"], object), None)
    gathered = features(dx=[(row, 0, 0, 0, 0) for row in (2, 0, 1)], orders=[(1, 0, 0, 1, 0)])
    assert pickled.to_lists(nesting.nest(gathered, codes, 3)) == [[[[0, [], []]]], [[[0, [0], []]]], [[[0, [], []]]]]


def test_visits_are_counted_once_however_many_dx_objects_they_have():
    gathered = features(dx=[(0, 1, 0, 0, 0), (0, 1, 0, 1, 0), (2, 1, 0, 0, 0), (0, 2, 0, 0, 0)])
    assert gathering.visit_counts(gathered, 4).tolist() == [2, 0, 1, 0]


def test_distinct_pairs_are_told_apart():
    first, second = gathering.distinct_pairs(np.array([1, 0, 1, 0]), np.array([0, 1, 0, 0]))
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 0)]


def test_codes_that_a_vocabulary_lacks_are_numbered_after_its_own_if_they_are_kept():
    """B has 2 uses and C 1 among the diagnoses that it lacks; numbers go on after the largest of a kind."""
    existing = vocabulary_of(("dx", 7, "A"), ("rx", 4, "X"))
    cohort = converted(ROWS, vocabulary=existing, keep_unknown=True)
    plain = converted(ROWS)
    assert visits_by_patient(cohort) == visits_by_patient(plain)
    new = [(row["kind"], row["code"], int(row["index"])) for row in cohort.vocabulary.rows[2:]]
    for kind, first in (("dx", 8), ("rx", 5), ("pr", 0)):
        lacking = [
            row["code"] for row in plain.vocabulary.rows if row["kind"] == kind and row["code"] not in ("A", "X")
        ]
        assert [(code, index) for of, code, index in new if of == kind] == [
            (code, first + number) for number, code in enumerate(lacking)
        ]
    with pytest.raises(InputError, match="unknown_codes: found keep; goes with a vocabulary"):
        converted(ROWS, keep_unknown=True)
