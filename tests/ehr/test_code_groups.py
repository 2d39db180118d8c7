"""Coarser groups in place of codes: the file, and its effect."""

import pytest
from support.ehr_exports import ExportRows, codes_by_kind, converted, only_visits, visits_by_patient

from mime_tf.ehr import code_groups
from mime_tf.ehr.design.outcome import Outcome
from mime_tf.ehr.design.rules import Rules
from mime_tf.errors import InputError


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_are_found_by_name_and_most_may_be_missing(tmp_path):
    path = write(tmp_path / "g.csv", "﻿note,group,code\nx,Lung,A\ny,Lung,B\n")
    assert code_groups.read(path) == {("dx", "", "A"): ("Lung", ""), ("dx", "", "B"): ("Lung", "")}


def test_all_columns(tmp_path):
    path = write(tmp_path / "g.csv", "kind,system,code,group,display\nrx,RxNorm,1,R,Statins\npr,,1,R,\n")
    assert code_groups.read(path) == {("rx", "RxNorm", "1"): ("R", "Statins"), ("pr", "", "1"): ("R", "")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("code,to\nA,B\n", "no column group; found code, to; needed code, group"),
        ("", "no column code; found ; needed code, group"),
        ("code,group\nA,B\n,B\n", "line 3: found ['', 'B']; must be a code and its group"),
        ("code,group\nA\n", "line 2: found ['A']; must be a code and its group"),
        ("code,group\nA,B,C\n", "line 2: found ['A', 'B', 'C']; must be a code and its group"),
        ("kind,code,group\nmedicine,A,B\n", "line 2: found ['medicine', 'A', 'B']; must be a code and its group"),
        ("code,group\nA,B\nA,B\nA,C\n", "line 4: A a second time, in another group; a code has one group"),
    ],
)
def test_bad_files(text, message, tmp_path):
    path = write(tmp_path / "g.csv", text)
    with pytest.raises(InputError) as caught:
        code_groups.read(path)
    assert str(caught.value) == f"{path}: {message}"


def test_a_missing_file_and_a_file_that_is_not_text(tmp_path):
    path = tmp_path / "g.csv"
    for content in (None, b"code,group\n\xff,B\n"):
        if content:
            path.write_bytes(content)
        with pytest.raises(InputError, match="not readable as CSV in UTF-8"):
            code_groups.read(path)


# The effect on a conversion.

ROWS = ExportRows(
    [("v1", "p", 1), ("v2", "p", 2)],
    [("v1", "A", 1.5), ("v1", "B"), ("v1", "C")],
    [("v1", "rx", "X", "A B"), ("v1", "rx", "Y", "B"), ("v2", "pr", "A", "A")],
)
LUNG = {("dx", "", "A"): ("lung", ""), ("dx", "SNOMED-CT", "B"): ("lung", "Lung disease")}


def test_codes_of_one_group_become_one_dx_object_with_the_orders_of_both_once():
    cohort = converted(ROWS, groups=LUNG)
    assert only_visits(cohort) == [
        [("C", [], []), ("lung", ["X", "Y"], [])],
        [("lung", [], ["A"])],
    ]  # the procedure A stays
    assert cohort.linkage["links"] == 3
    row = cohort.vocabulary.rows[0]
    assert (row["system"], row["code"], row["display"], row["count"]) == ("group", "lung", "Lung disease", "2")
    assert cohort.linkage["orders"]["pr"]["carried from an earlier diagnosis"] == 1  # by the group


def test_the_name_of_a_system_goes_before_any_system():
    groups = {
        ("dx", "", "A"): ("any", ""),
        ("dx", "SNOMED-CT", "A"): ("mine", ""),
        ("dx", "ICD-10-CM", "B"): ("no", ""),
    }
    assert codes_by_kind(converted(ROWS, groups=groups))["dx"] == ["mine", "B", "C"]


def test_orders_are_grouped_by_their_kind():
    groups = {("rx", "", "X"): ("r", ""), ("rx", "", "Y"): ("r", ""), ("pr", "", "A"): ("r", "")}
    assert only_visits(converted(ROWS, groups=groups)) == [
        [("A", ["r"], []), ("B", ["r", "r"], []), ("C", [], [])],
        [("A", [], ["r"])],
    ]


def test_groups_are_ordered_by_their_code_whatever_their_members_are():
    groups = {("dx", "", "A"): ("z", ""), ("dx", "", "B"): ("y", ""), ("dx", "", "C"): ("x", "")}
    assert [dx for dx, _, _ in only_visits(converted(ROWS, groups=groups))[0]] == ["x", "y", "z"]


def test_a_group_is_known_from_its_first_member_on():
    """A is recorded at day 1.5, and B of the same group at day 1: it is there for a prediction at day 1.2."""
    rows = ExportRows([("v1", "p", 1), ("v2", "p", 1.2)], [("v1", "A", 1.5), ("v1", "B")])
    cohort = converted(rows, Rules(target="none", prediction_at="visit:2"), groups=LUNG)
    assert only_visits(cohort) == [[("lung", [], [])]]


def test_the_outcome_is_a_code_as_it_was_before_grouping():
    """Only who has A is a case, though B is in the same group; the audit then says that this group is shown."""
    rows = ExportRows(
        [(f"{patient}{day}", patient, day) for patient in "pq" for day in (1, 10, 500)],
        [("p1", "B"), ("q1", "B"), ("p500", "A"), ("q500", "B")],
    )
    cohort = converted(rows, Rules(prediction_at="visit:2", horizon_days=490), outcome=Outcome.parse("A"), groups=LUNG)
    assert visits_by_patient(cohort) == {"p": [[("lung", [], [])]], "q": [[("lung", [], [])]]}
    assert cohort.labels.tolist() == [1, 0]
    assert [(code["code"], code["rows"]) for code in cohort.audit["outcome_codes"]] == [("lung", 2)]
    with pytest.raises(InputError, match="no diagnosis or reason has it"):
        converted(rows, Rules(prediction_at="visit:2"), outcome=Outcome.parse("lung"), groups=LUNG)


def test_groups_of_absent_codes_change_nothing():
    assert visits_by_patient(converted(ROWS, groups={("dx", "", "Q"): ("q", "")})) == visits_by_patient(converted(ROWS))
