"""The mean of a run's fitted splits: in predict and evaluate, and never by a split that trained on the patient."""

import contextlib
import dataclasses
import io
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import metrics
from support.whole_runs import COHORT, SMALL, read_table, write_cohort
from support.whole_runs import run as train_run

from mime_tf.__main__ import main
from mime_tf.config import TrainConfig
from mime_tf.errors import InputError
from mime_tf.runs.mean_model import MeanModel
from mime_tf.scoring import mean
from mime_tf.scoring.prediction import Predictions

FOLDS = dataclasses.replace(SMALL, folds=3, num_iter=3, split_seeds=TrainConfig().split_seeds)
NEW = [[[[1, [0], [2]]], [[2, [], []]]], [[[2, [0], []]]], [[[700, [0], [1]]]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folds")
    for kind in ("seqs", "labels"):
        shutil.copy(f"{COHORT}.{kind}", folder / f"cohort.{kind}")
    train_run(FOLDS, folder, folder / "cohort")
    write_cohort(folder / "new", NEW, [1, 0, 1])
    return folder


def command(*argv):
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main(list(map(str, argv)))
    return SimpleNamespace(code=code, out=stdout.getvalue().splitlines(), err=stderr.getvalue().splitlines())


def predicted(model, data, tmp_path):
    output = tmp_path / "scores.csv"
    done = command("predict", "--model", model, "--data", data, "--output", output, "--overwrite")
    assert done.code == 0, done.err
    return read_table(output), done


def test_new_patients_get_the_mean_of_all_splits(folder, tmp_path):
    of_splits = [predicted(folder / f"r0s{fold}", folder / "new", tmp_path)[0] for fold in range(3)]
    rows, done = predicted(f"{folder}/", folder / "new", tmp_path)
    expected = np.mean([[float(row["probability"]) for row in each] for each in of_splits], axis=0)
    assert [float(row["probability"]) for row in rows] == pytest.approx(expected.tolist(), abs=1e-6)
    assert [row["empty"] for row in rows] == ["0", "0", "1"]
    assert "scored by the mean of 3 fitted splits: r0s0, r0s1, r0s2" in done.out
    assert any("scored by the mean of the splits' shares of cases" in line for line in done.out)


def test_the_runs_own_patients_are_each_scored_by_the_fold_that_tested(folder, tmp_path):
    table = read_table(folder / "out_of_fold.csv")
    labels, scores = ([float(row[name]) for row in table] for name in ("label", "probability"))
    done = command("evaluate", "--model", f"{folder}/", "--data", folder / "cohort", "--bootstrap", 0,
                   "--output", tmp_path / "e", "--alert_rate", 0.1)  # fmt: skip
    report = json.loads((tmp_path / "e" / "metrics.json").read_text())
    assert (
        report["rows"] == 120 and report["model_is"] == "mean of 3 fitted splits" and report["split_seed"] == [0, 1, 2]
    )
    assert report["metrics"]["auc"]["value"] == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-6)
    assert report["metrics"]["brier"]["value"] == pytest.approx(metrics.brier_score_loss(labels, scores), abs=1e-6)
    assert "each row is scored by the splits that had it in test alone: 1 of 3" in done.err
    assert report["yardsticks"] == [] and any("no simpler models" in note for note in report["notes"])


def test_all_says_that_patients_of_training_are_among_them(folder, tmp_path):
    done = command("evaluate", "--model", f"{folder}/", "--data", folder / "cohort", "--bootstrap", 0, "--split", "all")
    assert "the patients that the model was trained on are among them" in done.err
    assert "scored by the mean of 3 fitted splits: r0s0, r0s1, r0s2" in done.err


def test_an_unfinished_split_is_left_out_and_said(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("tensorboard"))
    (copy / "r0s1" / "metrics.json").unlink()
    model = MeanModel.open(f"{copy}/")
    assert [split.name for split in model.splits] == ["r0s0", "r0s2"]
    assert model.notes == [f"{copy}/: 1 of its splits not finished, and left out of the mean"]
    for name in ("r0s0", "r0s2"):
        (copy / name / "metrics.json").unlink()
    with pytest.raises(InputError, match="a run with no finished split yet"):
        MeanModel.open(f"{copy}/")


def test_commands_that_need_one_split_name_them(folder, tmp_path):
    for argv in (
        ("explain", "--data", folder / "new", "--row", 0),
        ("export", "--output", tmp_path / "served"),
        ("recalibrate", "--data", folder / "new"),
    ):
        done = command(argv[0], "--model", f"{folder}/", *argv[1:])
        assert done.code == 2 and f"one is needed: {folder}/r0s0, " in done.err[-1]
        assert "predict, evaluate, validate and monitor take their mean" in done.err[-1]
    done = command("evaluate", "--model", f"{folder}/", "--data", folder / "cohort", "--split", "valid")
    assert done.code == 2 and "split: found valid" in done.err[-1] and f"such as {folder}/r0s0" in done.err[-1]


def test_average_by_hand():
    one = Predictions(np.array([0.2, 0.4], np.float32), np.array([3, 2]), np.array([3, 1]))
    other = Predictions(
        np.array([0.6, 0.0], np.float32), np.array([3, 2]), np.array([1, 2]), before=np.array([0.1, 0.2])
    )
    found = mean.average([one, other])
    assert found.probabilities.tolist() == pytest.approx([0.4, 0.2]) and found.probabilities.dtype == np.float32
    assert found.dropped.tolist() == [1, 1] and not found.empty.any()
    assert found.before.tolist() == pytest.approx([0.15, 0.3])
    assert mean.average([one]) is one
