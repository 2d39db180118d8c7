"""Hierarchies in a conversion: tables as files, codes replaced by their ancestors, the account, and the command."""

import csv
import json
import pathlib
import shutil

import pyarrow as pa
import pyarrow.parquet
import pytest
from support.convert_runs import convert, export_rows
from support.ehr_exports import ExportRows, codes_by_kind, converted, only_visits
from support.export_tables import write

from mime_tf.data.hierarchy import Hierarchy
from mime_tf.ehr import conversion
from mime_tf.ehr.design.outcome import Outcome
from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.engine import opened
from mime_tf.ehr.hierarchies import account, roll_up
from mime_tf.ehr.hierarchies.build import Choice
from mime_tf.ehr.request import Request
from mime_tf.ehr.sources.omop import read as omop
from mime_tf.errors import InputError

FIXTURE = pathlib.Path(__file__).resolve().parents[2] / "testdata" / "omop"
HEADER = ("code_system", "code", "ancestor_system", "ancestor", "name")


def write_parents(path, *rows):
    """Writes a table of parents as CSV; the name of a row may be missing."""
    return write(path, HEADER, *((*row, "")[: len(HEADER)] for row in rows))


ROWS = ExportRows(
    [("v1", "p", 1), ("v2", "p", 2)],
    [("v1", "A"), ("v1", "B"), ("v1", "C"), ("v2", "A")],
    [("v1", "rx", "X", "A B"), ("v1", "rx", "Y", "B"), ("v1", "rx", "X", "C"), ("v2", "pr", "P", "A")],
)


@pytest.fixture
def lungs(tmp_path):
    """A and B are of the lung, which is of the chest; X is a statin; C, Y and P have no ancestor."""
    return write_parents(
        tmp_path / "lungs.csv",
        ("SNOMED-CT", "A", "organ", "lung", "Lung"),
        ("http://snomed.info/sct", "B", "organ", "lung", ""),
        ("organ", "lung", "region", "chest", "Chest"),
        ("RxNorm", "X", "drug class", "statin", ""),
        ("ICD-10", "A", "organ", "skin", ""),
    )


def relations(cohort):
    return [(row.kind, row.code, row.ancestor_system, row.ancestor, row.level) for row in cohort.hierarchy.rows]


EXPECTED = [
    ("dx", "A", "organ", "lung", 1),
    ("dx", "A", "region", "chest", 2),
    ("dx", "B", "organ", "lung", 1),
    ("dx", "B", "region", "chest", 2),
    ("rx", "X", "drug class", "statin", 1),
]


def test_a_table_and_its_account(lungs):
    cohort = converted(ROWS, hierarchies=(str(lungs),))
    assert relations(cohort) == EXPECTED
    counts = cohort.linkage["hierarchy"]["codes"]
    assert counts["dx"] == {
        "codes": 3,
        "occurrences": 4,
        "with an ancestor": {"codes": 2, "occurrences": 3},
        "levels": {
            "organ": {"codes": 2, "occurrences": 3, "ancestors": 1},
            "region": {"codes": 2, "occurrences": 3, "ancestors": 1},
        },
    }
    assert counts["pr"]["with an ancestor"] == {"codes": 0, "occurrences": 0}
    assert cohort.linkage["hierarchy"]["notes"] == []
    lines = [line.split() for line in account.lines(cohort.linkage["hierarchy"])]
    assert lines[0] == ["ancestors", "of", "codes", "codes", "occurrences", "ancestors"]
    assert lines[1] == ["diagnoses", "with", "an", "ancestor", "2", "(66.7%)", "3", "(75.0%)"]
    assert lines[2] == ["organ", "2", "(66.7%)", "3", "(75.0%)", "1"]
    assert [line[0] for line in lines] == ["ancestors", "diagnoses", "organ", "region", "medications", "drug"]


def test_parquet_without_names_is_a_table_as_well(tmp_path):
    path = tmp_path / "t.parquet"
    columns = {"code": ["A"], "ancestor": ["lung"], "code_system": ["SNOMED-CT"], "ancestor_system": ["organ"]}
    pyarrow.parquet.write_table(pa.table(columns), path)
    assert relations(converted(ROWS, hierarchies=(str(path),))) == EXPECTED[:1]


def test_without_tables_and_rules_there_is_no_hierarchy():
    cohort = converted(ROWS)
    assert relations(cohort) == [] and list(account.lines(cohort.linkage["hierarchy"])) == []


def test_a_table_of_other_systems_and_odd_rows_are_told(tmp_path):
    path = write_parents(tmp_path / "t.csv", ("ICD-10", "A", "organ", "skin"), ("ICD-10", "", "organ", "skin"))
    cohort = converted(ROWS, hierarchies=(str(path),))
    assert cohort.linkage["hierarchy"]["notes"] == [
        f"left out: 1 rows of {path} without a code or an ancestor",
        f"{path}: no code of the cohort is of its systems (ICD-10); the cohort's are RxNorm, SNOMED-CT",
    ]
    assert cohort.notes[: len(cohort.linkage["hierarchy"]["notes"])] == cohort.linkage["hierarchy"]["notes"]


def test_a_level_that_no_ancestor_has_is_an_error(lungs):
    kept = {"hierarchies": (str(lungs),), "ancestors": Choice(kept=("organ",))}
    assert relations(converted(ROWS, **kept)) == [EXPECTED[0], EXPECTED[2]]
    with pytest.raises(InputError, match="ancestor_levels: found organs; must be of: drug class, organ, region"):
        converted(ROWS, hierarchies=(str(lungs),), ancestors=Choice(kept=("organs",)))


# Codes replaced by their ancestors.


def test_codes_are_replaced_and_links_stay(lungs):
    """A and B of one visit become one Dx-object with the orders of both; the ancestor's own ancestors are written."""
    cohort = converted(ROWS, hierarchies=(str(lungs),), roll_up={"dx": "organ", "rx": "drug class"})
    assert only_visits(cohort) == [
        [("C", ["statin"], []), ("lung", ["Y", "statin"], [])],
        [("lung", [], ["P"])],
    ]
    assert cohort.linkage["roll_up"] == {
        "dx": {
            "level": "organ",
            "codes": 3,
            "replaced": 2,
            "by ancestors": 1,
            "without an ancestor": 1,
            "with several ancestors": 0,
        },
        "rx": {
            "level": "drug class",
            "codes": 2,
            "replaced": 1,
            "by ancestors": 1,
            "without an ancestor": 1,
            "with several ancestors": 0,
        },
    }
    systems = {row["code"]: (row["system"], row["display"]) for row in cohort.vocabulary.rows}
    assert systems["lung"] == ("organ", "Lung") and systems["statin"] == ("drug class", "")
    assert systems["Y"][0] == "RxNorm"
    assert relations(cohort) == [("dx", "lung", "region", "chest", 1)]


def test_codes_without_an_ancestor_go_if_that_is_wanted(lungs):
    """C goes with its order; Y, which has no ancestor either, goes from the Dx-object of the lung."""
    levels = {"dx": "organ", "rx": "drug class"}
    cohort = converted(ROWS, hierarchies=(str(lungs),), roll_up=levels, roll_up_missing="drop")
    assert only_visits(cohort) == [[("lung", ["statin"], [])], [("lung", [], ["P"])]]
    assert codes_by_kind(cohort) == {"dx": ["lung"], "rx": ["statin"], "pr": ["P"]}


def test_of_several_ancestors_of_a_level_the_nearest_is_taken(tmp_path):
    path = write_parents(
        tmp_path / "t.csv",
        ("SNOMED-CT", "A", "step", "s"),
        ("step", "s", "organ", "bone"),
        ("SNOMED-CT", "A", "organ", "skin"),
        ("SNOMED-CT", "A", "organ", "lung"),
    )
    cohort = converted(ROWS, hierarchies=(str(path),), roll_up={"dx": "organ"})
    assert set(codes_by_kind(cohort)["dx"]) == {"lung", "B", "C"}
    assert cohort.linkage["roll_up"]["dx"]["with several ancestors"] == 1


def test_the_outcome_is_a_code_as_it_was_before(lungs):
    rows = ExportRows(
        [(f"{patient}{day}", patient, day) for patient in "pq" for day in (1, 10, 500)],
        [("p1", "B"), ("q1", "B"), ("p500", "A"), ("q500", "B")],
    )
    options = {"hierarchies": (str(lungs),), "roll_up": {"dx": "organ"}, "outcome": Outcome.parse("A")}
    cohort = converted(rows, Rules(prediction_at="visit:2", horizon_days=490), **options)
    assert cohort.labels.tolist() == [1, 0]
    assert [code["code"] for code in cohort.audit["outcome_codes"]] == ["lung"]


def test_a_level_that_no_code_has_is_an_error(lungs):
    with pytest.raises(InputError, match="roll_up: dx: found 'organs'; must be one of: organ, region"):
        converted(ROWS, hierarchies=(str(lungs),), roll_up={"dx": "organs"})


@pytest.mark.parametrize("text", ["organ", "dx=", "=organ", "drug=organ", "dx=a,dx=b", "dx=a,", ""])
def test_what_is_rolled_up_is_said_by_kind(text):
    with pytest.raises(InputError, match="roll_up: found"):
        roll_up.parse(text)


# The command.


def test_the_command_writes_the_hierarchy_beside_the_cohort(tmp_path, capsys):
    export = export_rows().write_synthea(tmp_path / "csv")
    named = write_parents(tmp_path / "h.csv", ("SNOMED-CT", "A", "organ", "lung", "Lung"))
    status, out, err = convert(capsys, export, tmp_path / "out", "--hierarchy", str(named))
    assert status == 0 and "note" not in err.replace("no order", "")
    assert "organ" in out and "hierarchy.csv" in out.splitlines()[-1]
    assert [row.ancestor for row in Hierarchy.read(tmp_path / "out" / "hierarchy.csv").rows] == ["lung"]
    account_of = json.loads((tmp_path / "out" / "convert.json").read_text())
    assert account_of["arguments"]["hierarchy"] == [str(named)]
    status, _, _ = convert(capsys, export, tmp_path / "out", "--overwrite")
    assert status == 0 and not (tmp_path / "out" / "hierarchy.csv").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--hierarchy", "nowhere.csv"], "hierarchy: found 'nowhere.csv'; must be a file .csv"),
        (["--hierarchy_rules", "icd10,none"], "hierarchy_rules: found icd10,none; none stands alone"),
        (["--hierarchy_rules", "icd11"], "hierarchy_rules: found icd11; must be one of icd10, icd9, atc, none"),
        (["--roll_up", "dx"], "roll_up: found 'dx'; must be such as dx=icd10-category"),
        (["--roll_up", "dx=icd10-category"], "roll_up: dx: found 'icd10-category'; must be one of: none here"),
        (["--ancestor_steps", "0"], "ancestor_steps: found 0; must be 1 or more"),
    ],
)
def test_bad_options(flags, message, tmp_path, capsys):
    export = export_rows(1).write_synthea(tmp_path / "csv")
    status, _, err = convert(capsys, export, tmp_path / "out", *flags)
    assert status == 2 and message in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_a_table_without_a_column(tmp_path, capsys):
    export = export_rows(1).write_synthea(tmp_path / "csv")
    path = write(tmp_path / "t.csv", ("code", "ancestor"), ("A", "lung"))
    status, _, err = convert(capsys, export, tmp_path / "out", "--hierarchy", str(path))
    assert status == 2 and err == f"mime-tf: {path}: line 1: no column code_system; found code, ancestor\n"


# OMOP.


def test_concept_ancestor_is_closed(tmp_path):
    """Hypertension is below a class by one row, and that class below another by a second: the third is missing."""
    export = shutil.copytree(FIXTURE, tmp_path / "omop")
    with open(export / "concept.csv", newline="") as file:
        concepts = list(csv.reader(file))
    above = [
        ("90", "Vascular disease", "Condition", "SNOMED", "Disorder", "S", "27550009"),
        ("91", "Disease", "Condition", "SNOMED", "Clinical Finding", "S", "64572001"),
    ]
    write(export / "concept.csv", *concepts, *above)
    pairs = [("320128", "90", "2"), ("90", "91", "1"), ("91", "91", "0"), ("555", "91", "1"), ("320128", "320128", "0")]
    columns = ("descendant_concept_id", "ancestor_concept_id", "min_levels_of_separation")
    write(export / "concept_ancestor.csv", columns, *pairs)
    with opened() as engine:
        cohort = conversion.convert(engine, omop.read(engine, export), "test", Request(Rules(target="none")))
    assert [row[2:] for row in cohort.hierarchy.rows] == [
        ("59621000", "SNOMED-CT", "27550009", "Disorder", 2, "Vascular disease"),
        ("59621000", "SNOMED-CT", "64572001", "Clinical Finding", 3, "Disease"),
    ]
