"""The command `explain`, as a user runs it."""

import contextlib
import csv
import io
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from support.whole_runs import COHORT, SMALL, environment, read_table
from support.whole_runs import run as train_run

from mime_tf.__main__ import main
from mime_tf.data import parquet, pickled
from mime_tf.data.cohort import Cohort
from mime_tf.data.hierarchy import Hierarchy, Relation
from mime_tf.explain.patients import explain_patients
from mime_tf.runs.fitted_split import FittedSplit

VOCABULARY = "kind,index,system,code,display\n" + "".join(
    f"{kind},{index},S,{kind.upper()}{index},<b>{kind} $name$ {index}</b>\n"
    for kind in ("dx", "rx")
    for index in range(9)
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run of two splits, with names for some codes, and its cohort."""
    folder = tmp_path_factory.mktemp("trained")
    for kind in ("seqs", "labels"):
        shutil.copy(f"{COHORT}.{kind}", folder / f"cohort.{kind}")
    (folder / "vocabulary.csv").write_text(VOCABULARY)
    train_run(SMALL, folder, folder / "cohort")
    return folder


@pytest.fixture(scope="module")
def with_ids(trained):
    """The cohort as Parquet: ids a0, a1, ..., but rows 3 and 4 are both of patient a3."""
    store, labels = pickled.read(trained / "cohort")
    path = trained / "ids" / "cohort.parquet"
    path.parent.mkdir()
    names = np.array([f"a{row}" for row in range(len(store))], object)
    names[4] = "a3"
    parquet.write(str(path), store, labels, names)
    return path


def command(*argv):
    """Runs `python -m mime_tf explain ARGV` in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            code = main(["explain", *map(str, argv)])
        except SystemExit as exit:
            code = exit.code
    return SimpleNamespace(code=code, out=stdout.getvalue().splitlines(), err=stderr.getvalue().splitlines())


def explain(trained, *argv, data=None):
    return command("--model", trained / "r0s0", "--data", data or trained / "cohort", *argv)


def test_families_follow_a_patients_explanation(trained, tmp_path):
    for kind in ("seqs", "labels"):
        shutil.copy(trained / f"cohort.{kind}", tmp_path / f"c.{kind}")
    rows = [
        Relation("dx", "S", f"DX{index}", "parity", "odd" if index % 2 else "even", "", 1, "") for index in range(9)
    ]
    Hierarchy(rows).write(tmp_path / "hierarchy.csv")
    done = explain(trained, "--row", 5, "--families", "parity", data=tmp_path / "c")
    assert (done.code, done.err) == (0, [])
    start = done.out.index("contributions of families, and of the codes in them:")
    plain = explain(trained, "--row", 5, data=tmp_path / "c")
    assert done.out[:start] == plain.out
    sums = [float(line.split()[0]) for line in done.out[start + 1 :] if line[12:15] in ("dx ", "rx ", "pr ")]
    (visits,) = explain_patients(FittedSplit.open(trained / "r0s0"), Cohort.open(str(trained / "cohort")), rows=[5])
    assert sum(sums) == pytest.approx(sum(visit.contribution for visit in visits.visits), abs=0.001)
    for argv, says in (
        (["--row", 5, "--families", "organ"], "families: found organ; must be of: parity"),
        (["--cohort", "--families", "parity"], "families: goes with a patient; found --cohort"),
    ):
        done = explain(trained, *argv, data=tmp_path / "c")
        assert done.code == 2 and done.out == [] and says in done.err[-1]
    done = explain(trained, "--row", 5, "--families", "parity")
    assert done.code == 2 and "needs a hierarchy.csv and a vocabulary.csv" in done.err[-1]


def test_command_as_a_process(trained, tmp_path):
    output = tmp_path / "made" / "patient.html"
    argv = ["explain", "--model", trained / "r0s0", "--data", trained / "cohort", "--patient", "2", "--output", output]
    done = subprocess.run(
        [sys.executable, "-m", "mime_tf", *map(str, argv)], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{output}: patient row 2: probability 0.")
    page = output.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and "data:image/png;base64," in page
    assert "&lt;b&gt;dx $name$" in page and "<b>" not in page
    assert [path.name for path in output.parent.iterdir()] == ["patient.html"]


def test_the_table_is_what_the_library_says(trained):
    done = explain(trained, "--patient", 2)
    assert done.code == 0
    run, cohort = FittedSplit.open(trained / "r0s0"), Cohort.open(trained / "cohort")
    (expected,) = explain_patients(run, cohort, [2])
    assert done.out[0] == expected.subject
    assert done.out[1].startswith(f"patient row 2: probability {expected.probability:.3f}")
    visits = [float(line.split()[0]) for line in done.out if line.split()[1:2] == ["visit"] and "of" in line.split()]
    assert visits == pytest.approx([visit.contribution for visit in expected.visits], abs=2e-4)
    assert any("<b>dx $name$" in line for line in done.out)
    assert done.out == explain(trained, "--row", 2).out


def test_a_picture(trained, tmp_path):
    output = tmp_path / "p.png"
    assert explain(trained, "--patient", 0, "--output", output).code == 0
    first = output.read_bytes()
    assert first.startswith(b"\x89PNG")
    done = explain(trained, "--patient", 0, "--output", output)
    assert done.code == 2 and "--overwrite" in done.err[-1]
    assert explain(trained, "--patient", 1, "--output", output, "--overwrite").code == 0
    assert output.read_bytes() != first


def test_ids(trained, with_ids, tmp_path):
    done = explain(trained, "--patient", "a2", data=with_ids)
    assert done.out[1].startswith("patient a2: ")
    assert done.out[2:] == explain(trained, "--patient", 2).out[2:]
    assert explain(trained, "--row", 2, data=with_ids).out == done.out
    done = explain(trained, "--patient", "2", data=with_ids)
    assert done.code == 2 and "no patient_id '2'" in done.err[-1]
    done = explain(trained, "--patient", "a3", data=with_ids)
    assert done.code == 2 and "has 2 rows, [3, 4]; --row takes one of them" in done.err[-1]


def test_ids_of_patients_csv(trained, tmp_path):
    for kind in ("seqs", "labels"):
        shutil.copy(trained / f"cohort.{kind}", tmp_path)
    count = len(Cohort.open(tmp_path / "cohort").store)
    (tmp_path / "patients.csv").write_text("patient_id\n" + "".join(f"b{row}\n" for row in range(count)))
    done = explain(trained, "--patient", "b2", data=tmp_path / "cohort")
    assert done.out[1].startswith("patient b2: ")
    assert done.out[2:] == explain(trained, "--patient", 2).out[2:]


def test_the_pairs_of_a_cohort(trained, tmp_path):
    output = tmp_path / "pairs.csv"
    done = explain(trained, "--cohort", "--limit", 30, "--seed", 5, "--top", 3, "--output", output)
    assert done.code == 0, done.err
    rows = read_table(output)
    assert f"{len(rows)} pairs" in done.out[-1] and "in 30 patients" in done.out[0]
    assert len(done.out) == 2 + 3 + 1
    importance = [float(row["importance"]) for row in rows]
    assert importance == sorted(importance, reverse=True) and importance[0] > 0
    top = done.out[2].split()
    assert top[:5] == [
        *(f"{float(rows[0][name]):.4f}" for name in ("importance", "mean_absolute")),
        *(f"{float(rows[0]['mean']):+.4f}", rows[0]["patients"], rows[0]["occurrences"]),
    ]
    assert f"{rows[0]['diagnosis']} -> {rows[0]['order']}" in done.out[2]
    assert {row["kind"] for row in rows} == {"rx", "pr"}
    for row in rows:
        for name, kind in (("dx", "dx"), ("order", row["kind"])):
            index = row[f"{name}_index"]
            named = kind != "pr" and int(index) < 9  # in the vocabulary
            assert row[f"{name}_system"] == ("S" if named else "")
            assert row[f"{name}_code"] == (f"{kind.upper()}{index}" if named else "")
        assert int(row["occurrences"]) >= int(row["patients"]) >= 1
        assert abs(float(row["mean"])) <= float(row["mean_absolute"]) + 1e-12
        assert float(row["importance"]) == pytest.approx(float(row["mean_absolute"]) * int(row["patients"]) / 30)
    with open(output, newline="") as file:
        assert next(csv.reader(file))[:5] == ["kind", "dx_index", "dx_system", "dx_code", "diagnosis"]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (
            ["--patient", "1", "--output", "x.pdf"],
            "output: found 'x.pdf'; a patient's explanation needs a name in .png or",
        ),
        (["--cohort", "--output", "x.html"], "a table of pairs needs a name in .csv"),
        (["--patient", "1", "--output", "nothing/../f.png/"], "a name in"),
        (["--cohort", "--limit", "-1"], "limit: found -1; must be 0 or more"),
        (["--cohort", "--top", "0"], "top: found 0; must be 1 or more"),
        (["--cohort", "--seed", "-2"], "seed: found -2"),
    ],
)
def test_wrong_flags_are_told_before_anything_is_read(argv, says):
    done = command("--model", "not there", "--data", "not there", *argv)
    assert (done.code, done.out, len(done.err)) == (2, [], 1)
    assert says in done.err[0]


@pytest.mark.parametrize("asked", ["-1", "100000", "1.5", "x", "\u0663", ""])
def test_an_index_that_is_none(trained, asked):
    done = explain(trained, f"--patient={asked}")
    assert done.code == 2 and "has no patient ids, so an index is needed, from 0 to" in done.err[-1]


def test_a_row_that_is_not_there(trained):
    done = explain(trained, "--row", 100_000)
    assert done.code == 2 and "found 100000" in done.err[-1] and "has the rows 0 to" in done.err[-1]


def test_one_of_three_is_asked_for(trained):
    assert explain(trained).code == 2
    assert explain(trained, "--cohort", "--row", 1).code == 2


def test_no_matplotlib(trained, tmp_path, monkeypatch):
    """It is told at once, and the table does without."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = command("--model", "not there", "--data", "not there", "--row", 0, "--output", tmp_path / "p.png")
    assert done.code == 2 and "needs the package matplotlib" in done.err[-1]
    assert explain(trained, "--row", 0).code == 0


def test_help_has_an_example():
    done = command("--help")
    assert done.code == 0
    assert any("mime-tf explain --model r0s0" in line for line in done.out)
