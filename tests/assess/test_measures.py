"""Measures and their intervals, and the command `evaluate`."""

import contextlib
import csv
import io
import json
import math
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import linear_model, metrics
from support.scores import random_set
from support.whole_runs import COHORT, SMALL, environment, read_table, write_cohort
from support.whole_runs import run as train_run

from mime_tf.__main__ import main
from mime_tf.assess.bootstrap import Bootstrap, Tally
from mime_tf.assess.curves import curves
from mime_tf.assess.measures import MEASURES, assess, measure
from mime_tf.assess.scores import Scores
from mime_tf.data import parquet, pickled

LABELS, PROBABILITIES = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
NONE = Bootstrap(0)


def values(labels, probabilities):
    return assess(Scores(labels, probabilities), NONE).values


# Numbers that can be worked out by hand.


def test_discrimination_and_scores_by_hand():
    measured = values(LABELS, PROBABILITIES)
    assert measured["auc"] == 0.75  # three of the four pairs are ranked right
    assert measured["average_precision"] == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert measured["brier"] == pytest.approx((0.01 + 0.16 + 0.65**2 + 0.04) / 4)
    assert measured["log_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.35, 0.8]).sum() / 4, abs=1e-9)
    assert measured["expected_calibration_error"] == pytest.approx((0.1 + 0.4 + 0.65 + 0.2) / 4)  # a bin each


def test_a_tie_is_half_right():
    assert values([0, 1], [0.5, 0.5])["auc"] == 0.5
    assert values([0, 1, 1], [0.3, 0.3, 0.7])["auc"] == 0.75


def test_calibrated_probabilities():
    """One of five where 0.2 is said, four of five where 0.8 is."""
    measured = values([1, 0, 0, 0, 0, 0, 1, 1, 1, 1], [0.2] * 5 + [0.8] * 5)
    for name in ("calibration_in_the_large", "calibration_intercept", "expected_calibration_error"):
        assert measured[name] == pytest.approx(0, abs=1e-9)
    assert measured["calibration_slope"] == pytest.approx(1)


def test_observed_to_expected_by_hand():
    assert values([1, 1, 1, 0], [0.5] * 4)["observed_to_expected"] == pytest.approx(3 / 2)
    assert np.isnan(values([1, 0], [0.0, 0.0])["observed_to_expected"])


def test_a_rare_label_is_noted():
    labels = np.arange(100) < 19
    (note,) = assess(Scores(labels, np.tile([0.2, 0.4], 50)), NONE).notes
    assert note.startswith("only 19 rows of label 1")
    (note,) = assess(Scores(~labels, np.tile([0.2, 0.4], 50)), NONE).notes
    assert note.startswith("only 19 rows of label 0")
    assert assess(Scores(np.arange(100) < 20, np.tile([0.2, 0.4], 50)), NONE).notes == []


def test_calibration_in_the_large_by_hand():
    assert values([1, 1, 1, 0], [0.5] * 4)["calibration_in_the_large"] == pytest.approx(math.log(3))


def test_calibration_line_by_hand():
    """Two points make a line: from logits -log 4 and log 4 to those of one in two and of three in four."""
    measured = values([1, 0, 1, 1, 1, 0], [0.2] * 2 + [0.8] * 4)
    assert measured["calibration_slope"] == pytest.approx(math.log(3) / (2 * math.log(4)))
    assert measured["calibration_intercept"] == pytest.approx(math.log(3) / 2)


def test_bins_hold_equally_many_and_keep_ties_together():
    probabilities = np.repeat(np.linspace(0.05, 0.95, 10), 3)
    labels = np.tile([0, 0, 1], 10)
    expected = np.abs(1 / 3 - np.linspace(0.05, 0.95, 10)).mean()
    assert values(labels, probabilities)["expected_calibration_error"] == pytest.approx(expected)
    assert values([0, 1, 1], [0.5, 0.5, 0.5])["expected_calibration_error"] == pytest.approx(1 / 6)


def test_probabilities_of_exactly_0_and_1():
    measured = values([0, 1, 0, 1], [0.0, 0.0, 1.0, 1.0])
    assert all(np.isfinite(value) for value in measured.values())
    assert measured["calibration_slope"] == pytest.approx(0, abs=1e-6)


# Agreement with scikit-learn.


@pytest.mark.parametrize("seed", range(5))
def test_measures_agree_with_scikit_learn_under_weights(seed):
    labels, probabilities = random_set(seed)
    weights = np.random.default_rng(seed).integers(0, 4, len(labels))
    levels, level_index = np.unique(probabilities, return_inverse=True)
    ones, zeros = (np.bincount(level_index, weights * (labels == label), len(levels)) for label in (1, 0))
    measured = dict(zip(MEASURES, measure(Tally(levels, ones, zeros)), strict=True))
    weighted = {"sample_weight": weights}
    assert measured["auc"] == pytest.approx(metrics.roc_auc_score(labels, probabilities, **weighted))
    expected = metrics.average_precision_score(labels, probabilities, **weighted)
    assert measured["average_precision"] == pytest.approx(expected)
    assert measured["brier"] == pytest.approx(metrics.brier_score_loss(labels, probabilities, **weighted))
    assert measured["log_loss"] == pytest.approx(metrics.log_loss(labels, probabilities, **weighted), abs=1e-8)
    logits = np.log(probabilities / (1 - probabilities))[:, np.newaxis]
    line = linear_model.LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(logits, labels, weights)
    assert measured["calibration_slope"] == pytest.approx(line.coef_[0, 0], abs=1e-6)
    assert measured["calibration_intercept"] == pytest.approx(line.intercept_[0], abs=1e-6)
    shifted = 1 / (1 + np.exp(-logits[:, 0] - measured["calibration_in_the_large"]))
    assert weights @ shifted == pytest.approx(weights @ labels)


def test_values_are_those_of_scikit_learn():
    labels, probabilities = random_set(7)
    assessment = assess(Scores(labels, probabilities), NONE)
    assert assessment.values["auc"] == metrics.roc_auc_score(labels, probabilities)
    assert assessment.values["average_precision"] == metrics.average_precision_score(labels, probabilities)
    assert assessment.values["brier"] == metrics.brier_score_loss(labels, probabilities)


# Intervals.


def test_intervals_are_percentiles_over_resampled_patients():
    labels, probabilities = random_set(1, rows=60)
    assessment = assess(Scores(labels, probabilities), Bootstrap(40, seed=3))
    stream, aucs, briers = np.random.default_rng(3), [], []
    for _ in range(40):
        drawn = stream.integers(0, 60, 60)
        aucs.append(metrics.roc_auc_score(labels[drawn], probabilities[drawn]))
        briers.append(metrics.brier_score_loss(labels[drawn], probabilities[drawn]))
    assert assessment.intervals["auc"] == pytest.approx(np.percentile(aucs, [2.5, 97.5]))
    assert assessment.intervals["brier"] == pytest.approx(np.percentile(briers, [2.5, 97.5]))


def test_intervals_are_seeded():
    labels, probabilities = random_set(1)
    scores = Scores(labels, probabilities)
    first, again, other = (assess(scores, Bootstrap(20, seed)).intervals for seed in (0, 0, 1))
    assert first == again
    assert first["auc"] != other["auc"]


def test_a_patient_is_drawn_with_all_rows():
    """Each patient twice is no more evidence than once."""
    labels, probabilities = random_set(2, rows=50)
    once = assess(Scores(labels, probabilities), Bootstrap(30))
    patients = np.array([f"p{number:02}" for number in range(50)], object)
    twice = assess(Scores(np.tile(labels, 2), np.tile(probabilities, 2), np.tile(patients, 2)), Bootstrap(30))
    assert (twice.rows, twice.patients, twice.ones) == (100, 50, 2 * once.ones)
    for name in MEASURES:
        assert twice.intervals[name] == pytest.approx(once.intervals[name])
    as_rows = assess(Scores(np.tile(labels, 2), np.tile(probabilities, 2)), Bootstrap(30))
    assert np.ptp(as_rows.intervals["auc"]) < np.ptp(twice.intervals["auc"])


def test_most_intervals_hold_the_truth():
    """Of 60 sets drawn from probabilities that are right, about 95% have a slope of 1 within the interval."""
    stream, hits = np.random.default_rng(0), 0
    for _ in range(60):
        probabilities = stream.uniform(0.05, 0.95, 150)
        scores = Scores(stream.random(150) < probabilities, probabilities)
        low, high = assess(scores, Bootstrap(100)).intervals["calibration_slope"]
        hits += low <= 1 <= high
    assert hits >= 50


def test_without_bootstrap_there_is_no_interval():
    assessment = assess(Scores(LABELS, PROBABILITIES), NONE)
    assert all(np.isnan(assessment.intervals[name]).all() for name in MEASURES)


# Sets on which not everything is defined.


@pytest.mark.parametrize("label", [0, 1])
def test_one_class(label):
    scores = Scores([label] * 5, [0.1, 0.2, 0.3, 0.4, 0.5])
    assessment = assess(scores, Bootstrap(10))
    undefined = {name for name, value in assessment.values.items() if np.isnan(value)}
    assert undefined == set(MEASURES) - {"brier", "log_loss", "observed_to_expected", "expected_calibration_error"}
    (note,) = (note for note in assessment.notes if "only 5 rows" not in note)
    assert f"all {label}" in note
    assert list(curves(scores)) == ["calibration"]
    squared = 1.959963984540054**2  # Wilson's interval of n of n begins at n / (n + z squared), of a mean of 0.3 here
    ends = (5 / (5 + squared) / 0.3, 1 / 0.3) if label else (0, squared / (5 + squared) / 0.3)
    assert assessment.intervals["observed_to_expected"] == pytest.approx(ends)


@pytest.mark.parametrize(
    "probabilities",
    [
        [0.2, 0.2, 0.2, 0.2],
        [0.2, 0.2 + 1e-8, 0.2, 0.2 + 1e-8],
        [0.1, 0.2, 0.3, 0.4],
        [0.4, 0.3, 0.2, 0.1],
        [0.1, 0.2, 0.2, 0.4],
    ],
)
def test_no_line_fits(probabilities):
    """All alike; alike but for rounding; separated, either way round; separated but for a tie."""
    assessment = assess(Scores([0, 0, 1, 1], probabilities), NONE)
    assert np.isnan(assessment.values["calibration_slope"]) and np.isnan(assessment.values["calibration_intercept"])
    assert np.isfinite(assessment.values["calibration_in_the_large"])
    (note,) = (note for note in assessment.notes if "only 2 rows" not in note)
    assert "slope" in note


def test_resamples_of_one_class_are_left_out_and_counted():
    labels = [1] + [0] * 9
    assessment = assess(Scores(labels, np.linspace(0.9, 0.1, 10)), Bootstrap(100))
    assert np.isfinite(assessment.intervals["auc"]).all()
    stream = np.random.default_rng(0)
    without = sum(0 not in stream.integers(0, 10, 10) for _ in range(100))
    (note,) = (note for note in assessment.notes if note.startswith("ROC AUC, average precision, "))
    assert f": not defined in {without} of 100 resamples; their intervals are of the others" in note


# The command.


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run of two splits."""
    folder = tmp_path_factory.mktemp("trained")
    train_run(SMALL, folder)
    return folder


# Lines of progress are shown every few seconds, so a fast machine shows none.
PROGRESS = ("reading ", "scored ", "resampled ")


def command(*argv):
    """Runs `mime-tf evaluate ARGV` in this process; `err` is without lines of progress."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            code = main(["evaluate", *map(str, argv)])
        except SystemExit as exit:
            code = exit.code
    notes = [line for line in stderr.getvalue().splitlines() if not line.startswith(PROGRESS)]
    return SimpleNamespace(code=code, out=stdout.getvalue().splitlines(), err=notes)


def metric(report, name):
    return report["metrics"][name]["value"]


def test_command_as_a_process(trained, tmp_path):
    argv = [
        "evaluate",
        "--model",
        trained / "r0s0",
        "--data",
        COHORT,
        "--threshold",
        "0.3",
        "--alert_rate",
        "0.1,0.2",
    ]
    argv += ["--bootstrap", "200", "--output", tmp_path / "made" / "e"]
    done = subprocess.run(
        [sys.executable, "-m", "mime_tf", *map(str, argv)], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "made" / "e" / "metrics.json").read_text())
    expected = json.loads((trained / "r0s0" / "metrics.json").read_text())
    for name, of_run in (("auc", "test_auc"), ("average_precision", "test_aucpr"), ("log_loss", "test_loss")):
        assert metric(report, name) == pytest.approx(expected[of_run], abs=1e-6)
    assert (report["rows"], report["patients"], report["split"], report["bootstrap"]) == (48, 48, "test", 200)
    assert "48 patients" in done.stdout.splitlines()[0]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("ROC AUC  ")]
    assert f"{expected['test_auc']:.4f}" in line
    table = read_table(trained / "r0s0" / "predictions_test.csv")
    labels, probabilities = (np.array([float(row[name]) for row in table]) for name in ("label", "probability"))
    at_threshold, *at_rates = report["operating_points"]
    assert at_threshold["asked"] == {"threshold": 0.3}
    assert at_threshold["tp"] == ((probabilities >= 0.3) & (labels == 1)).sum()
    assert [point["asked"] for point in at_rates] == [{"alert_rate": 0.1}, {"alert_rate": 0.2}]
    assert all(point["alert_rate"] <= point["asked"]["alert_rate"] for point in at_rates)
    interval = at_threshold["intervals"]["specificity"]
    assert interval["low"] < at_threshold["specificity"] < interval["high"]
    assert f"  specificity{at_threshold['specificity']:24.4f}" in done.stdout
    assert report["subgroups"] == []
    with open(tmp_path / "made" / "e" / "curves.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["curve", "x", "y", "threshold", "count"]
    names = {"roc", "precision_recall", "calibration", "calibration_smooth", "scores_0", "scores_1"}
    assert {row["curve"] for row in rows} == names | {f"net_benefit_{name}" for name in ("model", "all", "none")}
    assert {path.name for path in (tmp_path / "made" / "e").iterdir()} == {"metrics.json", "curves.csv"}


def evaluated(folder, tmp_path, *argv, data=COHORT):
    """The report of an evaluation without intervals, and the notes it gave."""
    output = tmp_path / "evaluated"
    done = command("--model", folder, "--data", data, "--bootstrap", 0, "--output", output, "--overwrite", *argv)
    assert done.code == 0, done.err
    return json.loads((output / "metrics.json").read_text()), done


def test_other_sets_of_a_split(trained, tmp_path):
    expected = json.loads((trained / "r0s1" / "metrics.json").read_text())
    report, done = evaluated(trained / "r0s1", tmp_path, "--split", "valid")
    assert metric(report, "auc") == pytest.approx(expected["valid_auc"])
    assert report["split_seed"] == 1 and done.err == []
    report, done = evaluated(trained / "r0s1", tmp_path, "--split", "train")
    assert report["rows"] == 24
    assert done.err == ["the model was trained on these patients"]
    report, done = evaluated(trained / "r0s1", tmp_path, "--split", "all")
    assert report["rows"] == 120
    assert done.err == ["the patients that the model was trained on are among them"]


def test_partial_batch_is_left_out_as_in_the_run(trained, tmp_path):
    folder = shutil.copytree(trained / "r0s0", tmp_path / "r0s0")
    config = json.loads((folder / "config.json").read_text())
    config["flags"]["eval_drop_remainder"] = True
    (folder / "config.json").write_text(json.dumps(config))
    assert evaluated(folder, tmp_path)[0]["rows"] == 45


def test_moved_data_are_known_again_and_others_are_not(trained, tmp_path):
    for kind in ("seqs", "labels"):
        shutil.copy(f"{COHORT}.{kind}", tmp_path / f"moved.{kind}")
    assert evaluated(trained / "r0s0", tmp_path, data=tmp_path / "moved")[0]["rows"] == 48
    patients = pickled.to_lists(pickled.read(COHORT)[0])
    write_cohort(tmp_path / "other", patients[:30], [0, 1] * 15)
    done = command("--model", trained / "r0s0", "--data", tmp_path / "other")
    assert done.code == 2 and done.out == []
    (line,) = done.err
    assert "SHA-256" in line and "--split all" in line
    report, done = evaluated(trained / "r0s0", tmp_path, "--split", "all", data=tmp_path / "other")
    assert report["rows"] == 30 and done.err == []


def test_codes_that_training_did_not_hold_are_noted(trained, tmp_path):
    patients = [[[[0, [0], []]]], [[[77, [0], [1]]]], [[[0, [88], []]]], [[]]]
    write_cohort(tmp_path / "other", patients, [0, 1, 1, 0])
    report, done = evaluated(trained / "r0s0", tmp_path, "--split", "all", data=tmp_path / "other")
    dropped, unknown = done.err
    assert "4 codes of 2 patients; the model knew 42.9% of all codes" in dropped
    assert unknown.startswith("nothing is known of 2 rows (50.0%): scored by the share of cases in training, ")
    assert {dropped, unknown} <= set(report["notes"]) and report["nothing_known"] == 2


def test_rows_of_one_patient_are_resampled_together(trained, tmp_path):
    store, labels = pickled.read(COHORT)
    parquet.write(tmp_path / "ids.parquet", store, labels, np.repeat(np.arange(40), 3))
    report, done = evaluated(trained / "r0s0", tmp_path, "--split", "all", data=tmp_path / "ids.parquet")
    assert (report["rows"], report["patients"]) == (120, 40)
    assert "40 patients in 120 rows" in done.out[0]


def test_one_class_is_reported_and_not_a_failure(trained, tmp_path):
    write_cohort(tmp_path / "ones", pickled.to_lists(pickled.read(COHORT)[0])[:5], [1] * 5)
    report, done = evaluated(trained / "r0s0", tmp_path, "--split", "all", data=tmp_path / "ones")
    assert metric(report, "auc") is None and metric(report, "brier") is not None
    assert any("labels are all 1" in line for line in done.out)
    assert any("labels are all 1" in note for note in report["notes"])


def check_refused(tmp_path, *argv, says):
    before = sorted(tmp_path.rglob("*"))
    done = command(*argv)
    assert done.code == 2, done
    assert done.out == []
    assert says in done.err[-1]
    assert sorted(tmp_path.rglob("*")) == before
    return done


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--bootstrap", -1], "bootstrap"),
        (["--seed", -1], "seed"),
        (["--threshold", 1.5], "threshold"),
        (["--threshold", "nan"], "threshold"),
        (["--alert_rate", 0], "alert_rate"),
        (["--split", "tset"], "tset"),
    ],
)
def test_wrong_arguments_of_the_command(argv, says, trained, tmp_path):
    check_refused(tmp_path, "--model", trained / "r0s0", "--data", COHORT, *argv, says=says)


def test_output_that_is_in_use(trained, tmp_path):
    asked = ["--model", trained / "r0s0", "--data", COHORT, "--bootstrap", 0, "--output"]
    (tmp_path / "file").write_text("mine")
    check_refused(tmp_path, *asked, tmp_path / "file", says="not a folder")
    check_refused(tmp_path, *asked, trained / "r0s0", "--overwrite", says="is a run folder")
    (tmp_path / "curves.csv").write_text("mine")
    check_refused(tmp_path, *asked, tmp_path, says="--overwrite")
    assert command(*asked, tmp_path, "--overwrite").code == 0
    assert (tmp_path / "file").read_text() == "mine"


def test_data_that_are_missing(trained, tmp_path):
    done = check_refused(tmp_path, "--model", trained / "r0s0", "--data", tmp_path / "no", says="no.seqs")
    assert len(done.err) == 1
