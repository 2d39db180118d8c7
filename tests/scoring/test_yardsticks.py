"""Simpler models beside a fitted split: fitted to its training patients, tested on its test patients."""

import json
import shutil

import numpy as np
import pytest
from sklearn import metrics
from support.whole_runs import COHORT, SMALL
from support.whole_runs import run as train_run

from mime_tf.__main__ import main
from mime_tf.data.cohort import Cohort
from mime_tf.regression import yardsticks
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.runs.results import read_predictions
from mime_tf.splits.split import eligible, make_split


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    for kind in ("seqs", "labels"):
        shutil.copy(f"{COHORT}.{kind}", folder / f"cohort.{kind}")
    train_run(SMALL, folder, folder / "cohort")
    return folder


@pytest.fixture
def aged(trained):
    """Ages that tell the label nearly, for as long as a test takes."""
    labels = Cohort.open(trained / "cohort").labels
    lines = ["age,sex", *(f"{40 + 20 * label + row % 21},{'FM'[row % 2]}" for row, label in enumerate(labels))]
    (trained / "patients.csv").write_text("\n".join(lines) + "\n")
    yield trained
    (trained / "patients.csv").unlink()


def evaluate(folder, tmp_path, *options):
    output = tmp_path / "e"
    paths = ["--model", str(folder / "r0s1"), "--data", str(folder / "cohort"), "--output", str(output)]
    assert main(["evaluate", *paths, "--overwrite", "--bootstrap", "20", *options]) == 0
    return json.loads((output / "metrics.json").read_text())["yardsticks"]


def test_they_are_fitted_and_tested_on_the_sets_of_the_run(aged, tmp_path, capsys):
    cohort, config = Cohort.open(aged / "cohort"), FittedSplit.open(aged / "r0s1").config
    split = make_split(cohort.store, cohort.labels, eligible(cohort.store), 1, **config.division)
    model = read_predictions(aged / "r0s1" / "predictions_test.csv").scores
    mime = metrics.roc_auc_score(model.labels, model.probabilities)
    shown = evaluate(aged, tmp_path)
    out = capsys.readouterr().out
    assert [yardstick["name"] for yardstick in shown] == ["pairs", "age_sex", "pairs_age_sex"]
    table = yardsticks.table_of(cohort)
    for yardstick in shown:
        fitted = yardsticks.fit(yardstick["name"], split, table)
        auc = metrics.roc_auc_score(split.test.labels, yardsticks.probabilities(fitted, split.test, table))
        assert yardstick["auc"]["value"] == pytest.approx(auc)
        assert yardstick["lead"]["value"] == pytest.approx(mime - auc, abs=1e-6)
        assert yardstick["lead"]["low"] <= yardstick["lead"]["value"] <= yardstick["lead"]["high"]
        assert f"{yardsticks.NAMES[yardstick['name']]}, as chosen on valid: {yardstick['choice']}" in out
        assert f"{auc:.4f}" in out
    assert shown[1]["auc"]["value"] > 0.8


def test_without_ages_the_regression_on_pairs_alone(trained, tmp_path):
    assert [yardstick["name"] for yardstick in evaluate(trained, tmp_path)] == ["pairs"]


def test_without_resamples_there_are_values_without_intervals(trained, tmp_path):
    (yardstick,) = evaluate(trained, tmp_path, "--bootstrap", "0")
    assert 0 <= yardstick["auc"]["value"] <= 1
    assert yardstick["lead"]["low"] is None or np.isnan(yardstick["lead"]["low"])


@pytest.mark.parametrize("options", [["--no_yardsticks"], ["--split", "valid"], ["--split", "all"]])
def test_none_where_not_asked_for_and_off_test(trained, tmp_path, options):
    assert evaluate(trained, tmp_path, *options) == []


def test_an_age_that_is_no_number_is_one_line(aged, tmp_path, capsys):
    path = aged / "patients.csv"
    path.write_text(path.read_text().replace("\n", "\nold", 1))
    paths = ["--model", str(aged / "r0s1"), "--data", str(aged / "cohort")]
    assert main(["evaluate", *paths, "--output", str(tmp_path / "e"), "--bootstrap", "0"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines()[-1].startswith(f"mime-tf: {path}: row 0, column age: found 'old")
    assert not (tmp_path / "e").exists()
