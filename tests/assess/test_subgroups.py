"""Measures by subgroup, and `evaluate --subgroup`."""

import contextlib
import csv
import io
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from support.whole_runs import COHORT, SMALL
from support.whole_runs import run as train_run

from mime_tf.__main__ import main
from mime_tf.assess import subgroups
from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.measures import assess
from mime_tf.assess.scores import Scores
from mime_tf.assess.subgroups import Division, assess_groups
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError

# Dividing.


@pytest.mark.parametrize(
    ("text", "division"),
    [
        ("sex", Division("sex")),
        ("age:40", Division("age", (40.0,))),
        ("age:18,40.5,65", Division("age", (18.0, 40.5, 65.0))),
        ("a:b:1", Division("a:b", (1.0,))),
    ],
)
def test_divisions(text, division):
    assert Division.parse(text) == division


@pytest.mark.parametrize("text", ["", "age:", ":40", "age:x", "age:40,40", "age:65,40", "age:nan", "age:1,inf"])
def test_wrong_divisions(text):
    with pytest.raises(InputError, match="ascending cut points"):
        Division.parse(text)


def as_lists(groups):
    return {name: np.flatnonzero(rows).tolist() for name, rows in groups.items()}


def test_groups_by_value():
    groups = Division("sex").groups(["M", "F", " F ", "", "not known"])
    assert as_lists(groups) == {"F": [1, 2], "M": [0], "not known": [3, 4]}


def test_groups_by_number_begin_at_their_cut():
    groups = Division("age", (18.0, 40.0)).groups(["17.99", "18", "39.99", "40", "", "-1"])
    assert as_lists(groups) == {"under 18": [0, 5], "18 to under 40": [1, 2], "40 and over": [3], "not known": [4]}


def test_groups_without_rows_are_left_out():
    assert list(Division("age", (18.0, 40.0)).groups(["50", "60"])) == ["40 and over"]


@pytest.mark.parametrize("value", ["old", "nan", "inf"])
def test_a_value_that_is_no_number(value):
    with pytest.raises(InputError, match=f"p.csv: row 1, column age: found '{value}'"):
        Division("age", (18.0,)).groups(["3", value], "p.csv")


def test_too_many_values():
    assert len(Division("age").groups([str(age) for age in range(20)])) == 20
    with pytest.raises(InputError, match="column age: found 21 different values; at most 20"):
        Division("age").groups([str(age) for age in range(21)], "p.csv")


# Measuring.


def test_a_subgroup_is_measured_as_if_alone():
    stream = np.random.default_rng(0)
    probabilities = stream.random(120)
    labels = (stream.random(120) < probabilities).astype(int)
    patients = np.arange(120) // 2
    first = np.arange(120) < 70
    scores, bootstrap = Scores(labels, probabilities, patients), Bootstrap(20, seed=4)
    subgroup, other = assess_groups(scores, {"c": {"a": first, "b": ~first}}, bootstrap)
    assert (subgroup.column, subgroup.name, subgroup.rows) == ("c", "a", 70)
    assert (other.column, other.name, other.rows, other.ones) == ("c", "b", 50, labels[70:].sum())
    assert subgroup.assessment == assess(Scores(labels[:70], probabilities[:70], patients[:70]), bootstrap)


@pytest.mark.parametrize(
    ("zeros", "ones", "reason"),
    [
        (10, 10, ""),
        (10, 9, "too few: 9 of label 1, where 10 are needed"),
        (9, 30, "too few: 9 of label 0, where 10 are needed"),
        (30, 0, "the labels are all 0"),
        (0, 30, "the labels are all 1"),
        (0, 0, "nobody in this set"),
    ],
)
def test_small_groups_say_why_they_are_not_measured(zeros, ones, reason):
    labels = np.array([0] * zeros + [1] * ones + [0, 1] * 3)
    rows = np.arange(len(labels)) < zeros + ones
    (group,) = assess_groups(Scores(labels, np.full(len(labels), 0.3)), {"c": {"a": rows}}, Bootstrap(0))
    assert (group.reason, group.rows, group.ones) == (reason, zeros + ones, ones)
    assert (group.assessment is None) == bool(reason)


# The command.


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two splits, and a patients.csv for its cohort: the label as sex, the row's number as age."""
    folder = tmp_path_factory.mktemp("trained")
    for kind in ("seqs", "labels"):
        shutil.copy(f"{COHORT}.{kind}", folder / f"cohort.{kind}")
    train_run(SMALL, folder, folder / "cohort")
    labels = Cohort.open(folder / "cohort").labels
    with open(folder / "patients.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["patient_id", "sex", "age"])
        writer.writerows([f"p{row // 2}", "FM"[label], row] for row, label in enumerate(labels))
    return folder


def command(*argv):
    """Runs `python -m mime_tf evaluate ARGV` in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main(["evaluate", *map(str, argv)])
    return SimpleNamespace(code=code, out=stdout.getvalue().splitlines(), err=stderr.getvalue().splitlines())


def test_command(trained, tmp_path):
    argv = ["--model", trained / "r0s0", "--data", trained / "cohort", "--split", "all", "--bootstrap", 10]
    done = command(*argv, "--output", tmp_path, "--subgroup", "sex", "--subgroup", "age:60")
    assert done.code == 0, done.err
    report = json.loads((tmp_path / "metrics.json").read_text())
    women, men, young, old = report["subgroups"]
    assert (women["column"], women["name"], women["metrics"]) == ("sex", "F", None)
    assert women["reason"] == "the labels are all 0" and men["reason"] == "the labels are all 1"
    assert (young["name"], young["rows"], old["name"], old["rows"]) == ("under 60", 60, "60 and over", 60)
    assert young["ones"] == Cohort.open(trained / "cohort").labels[:60].sum()
    assert young["ones"] >= subgroups.LEAST
    assert (young["reason"], young["patients"]) == (None, 30)
    auc = young["metrics"]["auc"]
    assert auc["low"] <= auc["value"] <= auc["high"]
    text = "\n".join(done.out)
    assert f"    under 60 {auc['value']:24.4f}   {auc['low']:.4f} to {auc['high']:.4f}" in text
    assert "not measured: the labels are all 1" in text
    assert report["patients"] == 60  # two rows a patient, says patients.csv


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["race"], "no column race; found patient_id, sex, age"),
        (["age"], "found 120 different values"),
        (["sex:40"], "row 0, column sex"),
        (["age:40", "age:50"], "age twice"),
        (["age:50,40"], "ascending"),
    ],
)
def test_wrong_subgroups(asked, says, trained, tmp_path):
    argv = ["--model", trained / "r0s0", "--data", trained / "cohort", "--output", tmp_path / "out"]
    done = command(*argv, *(f"--subgroup={column}" for column in asked))
    assert done.code == 2 and done.out == []
    assert says in done.err[-1]
    assert not (tmp_path / "out").exists()


def test_without_a_table(trained):
    done = command("--model", trained / "r0s0", "--data", COHORT, "--subgroup", "sex")
    assert done.code == 2 and "patients.csv: is not there" in done.err[-1]


def test_patients_are_those_of_the_table(trained):
    cohort = Cohort.open(trained / "cohort")
    assert cohort.patient_ids[:3].tolist() == ["p0", "p0", "p1"]
    assert Cohort.open(COHORT).patient_ids is None
    assert cohort.attribute("age")[2] == "2"
