"""The command `convert`, from the files of an export to those of a cohort."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.convert_runs import FILES, OUTCOME, convert, export_rows, table

from mime_tf import __main__
from mime_tf.commands import convert as command
from mime_tf.data import parquet, pickled
from mime_tf.data.cohort import Cohort
from mime_tf.data.conversion import Conversion
from mime_tf.data.origin import origin_of
from mime_tf.data.question import details, question
from mime_tf.terminal.console import Console

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    return export_rows().write_synthea(tmp_path_factory.mktemp("export"))


def test_the_command_as_a_process(export, tmp_path):
    """As a user starts it; the cohort is then read as the project reads cohorts."""
    folder = tmp_path / "new" / "cohort"
    command_line = [sys.executable, "-m", "mime_tf", "convert", "--source", "synthea", "--input", str(export)]
    command_line += ["--output", str(folder), "--outcome", "HF", "--prediction_at", "visit:2"]
    run = subprocess.run(command_line, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert sorted(os.listdir(folder)) == FILES
    assert f"synthea export {export}\n" in run.stdout
    assert "12 rows, 6 of label 1 (50.00%); 12 visits, 12 Dx-objects; codes: 1 dx, 0 rx, 1 pr\n" in run.stdout
    assert "the outcome's own codes are not among the features" in run.stdout
    assert run.stdout.endswith(
        f"{folder}: cohort.seqs, cohort.labels, cohort.parquet, vocabulary.csv, patients.csv, visits.csv, "
        "linkage.json, convert.json written\n"
    )
    store, labels = pickled.read(folder / "cohort")
    assert labels.tolist() == [1, 0] * 6
    pr = [[], [0]] * 6
    assert pickled.to_lists(store) == [[[[0, [], orders]]] for orders in pr]


def test_the_account_names_the_outcome_and_the_last_day(export, tmp_path, capsys):
    """The names are kept, for the outcome's codes are seldom among the features; the last visits are at day 900."""
    status, _, _ = convert(capsys, export, tmp_path / "c", *OUTCOME)
    account = json.loads((tmp_path / "c" / "convert.json").read_text())
    assert status == 0
    (code,) = account["outcome"]
    assert (code["code"], code["display"]) == ("HF", "Heart failure")
    last = max(row["prediction_time"] for row in table(tmp_path / "c" / "patients.csv"))
    assert account["export"]["last_event"] > last[:10]
    origin = origin_of(Conversion.read(tmp_path / "c"))
    assert question(origin) == "Heart failure (HF) within 30 days of the third visit"
    assert list(details(origin))[1] == "uses nothing of the last day"
    status, _, _ = convert(capsys, export, tmp_path / "unlabelled")
    account = json.loads((tmp_path / "unlabelled" / "convert.json").read_text())
    assert status == 0 and account["outcome"] == []
    assert question(origin_of(Conversion.read(tmp_path / "unlabelled"))) == ""


def test_progress_names_the_steps(export, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "Console", lambda period: Console(period=0.0))
    arguments = ["--source", "synthea", "--input", str(export), "--output", str(tmp_path / "c")]
    assert __main__.main(["convert", *arguments]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"reading {export / 'patients.csv'}"
    assert lines[-6:] == [
        "numbering patients, visits and codes",
        "linking orders to diagnoses",
        "choosing patients and prediction times",
        "gathering the diagnoses and orders of each row",
        "finding the ancestors of codes",
        f"writing {tmp_path / 'c'}",
    ]


def test_help_has_an_example_and_loads_no_framework():
    code = """
import sys
from mime_tf import __main__
try:
    __main__.main(["convert", "--help"])
finally:
    print(*(name for name in ("tensorflow", "keras", "ibis", "duckdb") if name in sys.modules))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "mime-tf convert --source synthea --input csv/ --output cohort/ --outcome 88805009" in run.stdout
    assert run.stdout.splitlines()[-1] == ""


@pytest.fixture(scope="module")
def cohort(export, tmp_path_factory):
    """A cohort with labels and several rows per patient."""
    folder = tmp_path_factory.mktemp("cohort")
    arguments = ["--source", "synthea", "--input", str(export), "--output", str(folder)]
    assert __main__.main(["convert", *arguments, "--outcome", "HF", "--prediction_at", "every"]) == 0
    return folder


def test_all_files_have_the_same_rows_in_the_same_order(cohort):
    store, labels = pickled.read(cohort / "cohort")
    parquet_store, parquet_labels, ids = parquet.read(cohort / "cohort.parquet")
    assert pickled.to_lists(parquet_store) == pickled.to_lists(store)
    assert parquet_labels.tolist() == labels.tolist()
    rows = table(cohort / "patients.csv")
    assert [row["patient_id"] for row in rows] == ids.tolist()
    assert [int(row["label"]) for row in rows] == labels.tolist()
    assert [int(row["visits"]) for row in rows] == store.visit_counts.tolist()
    keys = [(row["patient_id"], row["prediction_time"]) for row in rows]
    assert keys == sorted(keys)
    assert len({patient for patient, _ in keys}) < len(keys)  # several rows per patient


def test_patients_csv(cohort):
    rows = table(cohort / "patients.csv")
    assert rows[0] == {
        **{"patient_id": "p00", "prediction_time": "1970-04-11T00:00:00Z", "label": "1", "visits": "1"},
        **{"age": "30.25", "sex": "F"},  # 30 * 365 + 100 days
    }


def test_visits_csv(cohort):
    """Visits at days 0, 100 and 200, of patients predicted at day 100, and without the outcome at day 200 as well."""
    rows = table(cohort / "visits.csv")
    patients = [(row["patient_id"], row["prediction_time"][:10]) for row in table(cohort / "patients.csv")]
    assert patients[:3] == [("p00", "1970-04-11"), ("p01", "1970-04-11"), ("p01", "1970-07-20")]
    assert [tuple(row.values()) for row in rows[:4]] == [
        *(("0", "0", "100"), ("1", "0", "100"), ("2", "0", "200"), ("2", "1", "100")),
    ]
    days = Cohort.open(cohort / "cohort").visit_days
    assert days.tolist() == [int(row["days_before"]) for row in rows]


def test_vocabulary_csv(cohort):
    rows = table(cohort / "vocabulary.csv")
    assert [(row["kind"], row["index"], row["code"], row["display"]) for row in rows] == [
        ("dx", "0", "A", "Asthma"),
        ("dx", "1", "B", ""),
        ("rx", "0", "X", "Salbutamol"),
        ("pr", "0", "P", ""),
    ]


def test_linkage_json(cohort):
    content = json.loads((cohort / "linkage.json").read_text())
    assert set(content) == {
        *("orders", "links", "dx_objects", "visits", "patients", "commonest_links", "left_out", "kept"),
        *("skipped_files", "passed_over", "dropped_codes", "hierarchy"),
    }
    assert content["orders"]["rx"]["total"] == 24
    assert content["orders"]["rx"]["carried from an earlier diagnosis"] == 12
    assert content["orders"]["rx"]["unlinked"] == 12
    assert content["orders"]["pr"]["linked in the same visit"] == 6
    assert content["visits"] == {"total": 48, "with a Dx-object": 30}


def test_convert_json_has_invocation_and_result(cohort, export):
    content = json.loads((cohort / "convert.json").read_text())
    assert content["arguments"]["outcome"] == "HF"
    assert content["arguments"]["input"] == str(export)
    assert (content["rules"]["prediction_at"], content["rules"]["horizon_days"]) == ("every", 365)
    assert {"mime-tf", "duckdb", "ibis-framework", "pyarrow", "numpy"} == set(content["versions"])
    assert content["audit"]["outcome_codes"] == []
    (*_, last) = content["flow"].values()
    assert last["rows"] == len(table(cohort / "patients.csv"))
    assert [note[:30] for note in content["notes"]] == ["only 6 rows have the rarer lab"]


def test_the_order_of_the_rows_does_not_matter(cohort, export, tmp_path, capsys):
    other = tmp_path / "export"
    other.mkdir()
    for path in export.iterdir():
        header, *lines = path.read_text().splitlines()
        (other / path.name).write_text("\n".join([header, *reversed(lines), ""]))
    assert convert(capsys, other, tmp_path / "out", "--outcome", "HF", "--prediction_at", "every")[0] == 0
    for name in set(FILES) - {"convert.json"}:
        assert (tmp_path / "out" / name).read_bytes() == (cohort / name).read_bytes(), name


def test_without_an_outcome_all_files_but_the_labels_are_written(export, tmp_path, capsys):
    status, _, err = convert(capsys, export, tmp_path / "c")
    assert (status, err) == (0, "")
    assert sorted(os.listdir(tmp_path / "c")) == [name for name in FILES if name != "cohort.labels"]
    assert len(pickled.read_seqs(tmp_path / "c" / "cohort.seqs")) == 12
    assert parquet.read(tmp_path / "c" / "cohort.parquet", labelled=False)[1] is None
    assert {(row["prediction_time"], row["label"]) for row in table(tmp_path / "c" / "patients.csv")} == {("", "")}
    # Days are counted back from the last event of the export, at day 900.
    days = [row["days_before"] for row in table(tmp_path / "c" / "visits.csv") if row["row"] == "0"]
    assert days == ["900", "800", "700"]


def test_labels_of_a_file(export, tmp_path, capsys):
    file = tmp_path / "labels.csv"
    file.write_text("subject_id,prediction_time,boolean_value\np03,1970-04-11,true\np01,1970-04-11,0\nx,1970-04-11,1\n")
    status, _, err = convert(capsys, export, tmp_path / "c", "--labels", str(file))
    assert status == 0 and err.startswith("note: only 1 rows have the rarer label")
    content = [(row["patient_id"], row["label"], row["visits"]) for row in table(tmp_path / "c" / "patients.csv")]
    assert content == [("p01", "0", "1"), ("p03", "1", "1")]


def test_case_control_names_the_case_of_each_row(export, tmp_path, capsys):
    flags = "--outcome", "HF", "--design", "case_control", "--controls", "1", "--match_age_years", "90"
    assert convert(capsys, export, tmp_path / "c", *flags)[0] == 0
    rows = table(tmp_path / "c" / "patients.csv")
    cases = {row["patient_id"] for row in rows if row["label"] == "1"}
    assert cases and {row["case"] for row in rows} == cases
    assert all(row["case"] == row["patient_id"] for row in rows if row["label"] == "1")


def test_groups_vocabulary_and_unlinked_reach_the_conversion(export, tmp_path, capsys):
    groups = tmp_path / "groups.csv"
    groups.write_text("code,group\nA,lung\nB,lung\n")
    assert convert(capsys, export, tmp_path / "a", "--groups", str(groups), "--unlinked", "single")[0] == 0
    assert [row["code"] for row in table(tmp_path / "a" / "vocabulary.csv")] == ["lung", "HF", "X", "Y", "P"]
    vocabulary = tmp_path / "a" / "vocabulary.csv"
    lines = [line for line in vocabulary.read_text().splitlines() if ",lung," not in line]
    vocabulary.write_text("\n".join([*lines, ""]))
    flags = "--vocabulary", str(vocabulary), "--groups", str(groups)
    status, _, err = convert(capsys, export, tmp_path / "b", *flags)
    assert status == 0
    assert err.startswith("note: dropped, because the vocabulary lacks them: 1 codes, with ")
    content = pickled.to_lists(pickled.read_seqs(tmp_path / "b" / "cohort.seqs"))
    assert content == [[[[1, [], []]]]] * 6


@pytest.mark.slow
def test_train_runs_on_the_cohort(tmp_path, capsys):
    from support import whole_runs  # which imports TensorFlow

    export = export_rows(40).write_synthea(tmp_path / "export")
    flags = "--outcome", "HF", "--prediction_at", "visit:2"
    assert convert(capsys, export, tmp_path / "c", *flags)[0] == 0
    done = whole_runs.run(whole_runs.SMALL, tmp_path / "run", tmp_path / "c" / "cohort")
    assert "mean_test_auc" in done.out[-1]
