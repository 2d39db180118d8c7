"""Errors of `convert`: one line for a bad export, option or folder, and nothing left behind."""

import gzip
import hashlib
import json
import os

import ibis
import pytest
from support.convert_runs import OUTCOME, convert, export_rows

from mime_tf.data import pickled
from mime_tf.ehr.encode import output
from mime_tf.ehr.linkage import link


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    return export_rows().write_synthea(tmp_path_factory.mktemp("export"))


def refused(result, folder):
    """Checks that a command was refused properly, and returns its one line."""
    status, out, err = result
    assert status == 2
    assert out == ""
    program, _, message = err.partition(": ")
    assert program in ("mime-tf", "mime-tf convert") and err.endswith("\n") and err.count("\n") == 1, err
    assert "Traceback" not in err
    assert not folder.exists() or os.listdir(folder) == []
    assert [name for name in os.listdir(folder.parent) if name.startswith(f".{folder.name}")] == []
    return message.rstrip("\n")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--outcome", ""], "outcome: found ''; must be codes"),
        (["--outcome", "ZZ"], "outcome: found 'ZZ'; no diagnosis or reason has it"),
        (["--outcome", "P"], "outcome: found 'P'; it is a code of orders only"),
        (["--outcome", "regex:("], "outcome: found 'regex:('; not a regular expression"),
        (["--outcome", "@no/file"], "outcome: no/file: not readable"),
        (["--outcome", "death"], "outcome: found death; no patient"),
        (["--outcome", "HF", "--min_visits", "99"], 'no patient is left: none is "with 99 visits or more to look at"'),
        (["--labels", ""], ": must be named .csv"),
        (["--labels", "no.csv"], "no.csv: can't be read"),
        (["--outcome", "HF", "--labels", "no.csv"], "no.csv: can't be read"),
        (["--design", "case_control"], "design: found case_control; needs an outcome"),
        (["--outcome", "HF", "--prediction_at", "noon"], "prediction_at: found noon"),
        (["--age", "40:85"], "age: found 40:85; goes only with a prediction time"),
        (["--infer_share", "1.5"], "infer_share: found 1.5; must be from 0 to 1"),
        (["--min_count", "0"], "min_count: found 0; must be at least 1"),
        (["--min_count", "999"], "min_count: found 999; no row has enough visits"),
        (["--vocabulary", "no.csv"], "no.csv: not readable"),
        (["--groups", "no.csv"], "no.csv: not readable"),
        (["--mapping", "m.yaml"], "mapping: goes with source tables only; found source synthea"),
        (["--links", "l.csv"], "links: goes with source omop only; found source synthea"),
        (["--master", "local"], "master: goes with engine spark only"),
        (["--processes", "0"], "processes: found 0; must be 1 or more"),
        (["--memory", "much"], "memory: found much; must be a size such as 2GB"),
        (["--scratch", "/no/such/folder"], "scratch: found /no/such/folder; must be an existing folder"),
    ],
)
def test_a_bad_option(flags, message, export, tmp_path, capsys):
    assert message in refused(convert(capsys, export, tmp_path / "c", *flags), tmp_path / "c")


def test_death_excludes_labels(export, tmp_path, capsys):
    file = tmp_path / "labels.csv"
    file.write_text("subject_id,prediction_time,boolean_value\np03,1970-04-11,true\n")
    result = convert(capsys, export, tmp_path / "c", "--outcome", "death", "--labels", str(file))
    assert refused(result, tmp_path / "c").startswith("outcome: found death; with labels it tells the audit")


def damage(export, folder, name, change):
    """A copy of the export in which the text of a table was changed."""
    folder.mkdir()
    for path in export.iterdir():
        text = path.read_text()
        (folder / path.name).write_text(change(text) if path.stem == name else text)
    return folder


def twice(text):
    """The first row once more, with the times of another day: equal rows would count once."""
    return f"{text}{text.splitlines()[1].replace('19', '18')}\n"


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("patients", twice, "patients.csv: lines 2 and {end}: patient 'p11' occurs 2 times; must occur once"),
        ("encounters", twice, "encounters.csv: lines 2 and {end}: visit 'p11-1' occurs 2 times; must occur once"),
        (
            "encounters",
            lambda text: text.replace("START", "BEGIN"),
            "encounters.csv: line 1: no column START or DATE; found Id, B",
        ),
        (
            "encounters",
            lambda text: text.replace("1970-01-01", "1.1.70", 1),
            "encounters.csv: line 2: START: found '1.1.70",
        ),
        ("encounters", lambda text: text.splitlines()[0] + "\n", "no visit with a start"),
        ("conditions", lambda text: "", "conditions.csv: empty"),
        ("conditions", lambda text: text + '"', "conditions.csv: "),
    ],
)
def test_a_bad_table(name, change, message, export, tmp_path, capsys):
    bad = damage(export, tmp_path / "bad", name, change)
    line = refused(convert(capsys, bad, tmp_path / "c", *OUTCOME), tmp_path / "c")
    end = len((bad / f"{name}.csv").read_text().splitlines())
    assert message.format(end=end) in line
    assert str(bad) in line


def test_equal_rows_count_once(export, tmp_path, capsys):
    again = damage(export, tmp_path / "again", "encounters", lambda text: f"{text}{text.splitlines()[1]}\n")
    assert convert(capsys, export, tmp_path / "once", *OUTCOME)[0] == 0
    assert convert(capsys, again, tmp_path / "c", *OUTCOME)[0] == 0
    assert (tmp_path / "c" / "cohort.seqs").read_bytes() == (tmp_path / "once" / "cohort.seqs").read_bytes()
    left_out = json.loads((tmp_path / "c" / "linkage.json").read_text())["left_out"]
    assert left_out["repeated rows of visits, equal to another"] == 1


def test_a_missing_table_and_a_missing_export(export, tmp_path, capsys):
    bad = damage(export, tmp_path / "bad", "", str)
    (bad / "conditions.csv").unlink()
    line = refused(convert(capsys, bad, tmp_path / "c"), tmp_path / "c")
    assert line.startswith(f"{bad}: no table conditions (conditions.csv, ")
    line = refused(convert(capsys, tmp_path / "nowhere", tmp_path / "c"), tmp_path / "c")
    assert line == f"{tmp_path / 'nowhere'}: is not there; must be an export of source synthea"


def cut_off(export, folder):
    """A copy of the export with a medications.csv.gz that ends too early."""
    folder = damage(export, folder, "", str)
    packed = gzip.compress((folder / "medications.csv").read_bytes())
    (folder / "medications.csv").unlink()
    (folder / "medications.csv.gz").write_bytes(packed[: len(packed) // 2])
    return folder


def test_a_cut_off_gz_is_an_error_or_skipped(export, tmp_path, capsys):
    bad = cut_off(export, tmp_path / "bad")
    line = refused(convert(capsys, bad, tmp_path / "c"), tmp_path / "c")
    assert "medications.csv.gz: " in line
    status, _, err = convert(capsys, bad, tmp_path / "c", "--on_error", "skip")
    assert status == 0
    assert err.startswith("note: passed over a bad file: ") and "medications.csv.gz" in err
    linkage = json.loads((tmp_path / "c" / "linkage.json").read_text())
    assert [file["file"] for file in linkage["skipped_files"]] == [str(bad / "medications.csv.gz")]
    assert linkage["orders"]["rx"]["total"] == 0


def test_strict(export, tmp_path, capsys):
    bad = damage(export, tmp_path / "bad", "conditions", lambda text: text + "1970-01-01,,p01,nowhere,A,Asthma\n")
    line = refused(convert(capsys, bad, tmp_path / "c", "--strict"), tmp_path / "c")
    assert line == f"{bad}: found 1 with a reference to nowhere: visit of a diagnosis; must be none with --strict"
    status, out, _ = convert(capsys, bad, tmp_path / "c")
    assert status == 0
    assert "left out: 1 reference to nowhere: visit of a diagnosis" in out


def test_a_failure_of_the_engine_is_one_line(export, tmp_path, capsys, monkeypatch):
    """Such as a full disk; here a text that is no number."""

    def fail(engine, *arguments):
        engine.value(ibis.literal("x").cast("int64"))

    monkeypatch.setattr(link, "link", fail)
    line = refused(convert(capsys, export, tmp_path / "c"), tmp_path / "c")
    assert line.startswith("engine: duckdb failed on these tables (ConversionException)")


# The folder that is written.


def digest(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_a_cohort_is_replaced_only_with_overwrite_and_whole(export, tmp_path, capsys):
    folder = tmp_path / "c"
    assert convert(capsys, export, folder, *OUTCOME)[0] == 0
    before = digest(folder)
    status, out, err = convert(capsys, export, folder)
    assert (status, out) == (2, "")
    assert (
        err
        == f"mime-tf: {folder}: has cohort.labels in it; must be new or empty, or --overwrite replaces what is in it\n"
    )
    assert digest(folder) == before
    assert convert(capsys, export, folder, "--overwrite")[0] == 0
    assert "cohort.labels" not in os.listdir(folder)  # those of the cohort before would not be this one's
    assert len(pickled.read_seqs(folder / "cohort.seqs")) == 12


def test_foreign_files_are_left_alone(export, tmp_path, capsys):
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "thesis.tex").write_text("mine")
    for flags in ([], ["--overwrite"]):
        status, _, err = convert(capsys, export, folder, *flags)
        assert status == 2
        assert f"{folder}: has thesis.tex in it" in err
        assert os.listdir(folder) == ["thesis.tex"]
    status, _, err = convert(capsys, export, folder / "thesis.tex")
    assert (status, err) == (2, f"mime-tf: {folder / 'thesis.tex'}: is not a folder; a folder is written\n")


def test_a_folder_below_a_file_is_refused_before_anything_is_read(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    status, _, err = convert(capsys, tmp_path, tmp_path / "file" / "c")
    assert status == 2
    assert "can't be written" in err


@pytest.mark.parametrize("fails", ["parquet.write", "files.write_json"])
def test_a_failure_while_writing_leaves_the_old_cohort(fails, export, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "c"
    assert convert(capsys, export, folder, *OUTCOME)[0] == 0
    before = digest(folder)
    module, name = fails.split(".")

    def fail(*arguments):
        raise OSError(28, "No space left on device", "disk")

    monkeypatch.setattr(getattr(output, module), name, fail)
    status, out, err = convert(capsys, export, folder, "--overwrite")
    assert (status, out) == (2, "")
    assert err == "mime-tf: disk: No space left on device\n"
    assert digest(folder) == before
    assert os.listdir(tmp_path) == ["c"]


def test_a_bad_export_leaves_the_old_cohort(export, tmp_path, capsys):
    folder = tmp_path / "c"
    assert convert(capsys, export, folder, *OUTCOME)[0] == 0
    before = digest(folder)
    assert convert(capsys, cut_off(export, tmp_path / "bad"), folder, "--overwrite")[0] == 2
    assert digest(folder) == before
