"""Measures, intervals, operating points and curves, and the command `evaluate`."""

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
from support.whole_runs import COHORT, SMALL, environment, read_table, write_cohort
from support.whole_runs import run as train_run

from mime_tf.__main__ import main
from mime_tf.assess.curves import curves
from mime_tf.assess.decision_curve import decision_curve
from mime_tf.assess.measures import MEASURES, Tally, assess, measure
from mime_tf.assess.thresholds import COUNTS, SHARES, alert_threshold, operating_points
from mime_tf.data import parquet, pickled
from mime_tf.errors import InputError

LABELS, PROBABILITIES = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]


def random_set(seed, rows=200, digits=2):
    """Labels and probabilities with ties, not well calibrated."""
    stream = np.random.default_rng(seed)
    risk = stream.random(rows)
    return (stream.random(rows) < risk**2).astype(int), np.round(0.05 + 0.9 * risk, digits)


def values(labels, probabilities):
    return assess(labels, probabilities, bootstrap=0).values


# Numbers that can be worked out by hand.


def test_discrimination_and_scores_by_hand():
    found = values(LABELS, PROBABILITIES)
    assert found["auc"] == 0.75  # three of the four pairs are ranked right
    assert found["average_precision"] == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert found["brier"] == pytest.approx((0.01 + 0.16 + 0.65**2 + 0.04) / 4)
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.35, 0.8]).sum() / 4, abs=1e-9)
    assert found["expected_calibration_error"] == pytest.approx((0.1 + 0.4 + 0.65 + 0.2) / 4)  # a bin each


def test_a_tie_is_half_right():
    assert values([0, 1], [0.5, 0.5])["auc"] == 0.5
    assert values([0, 1, 1], [0.3, 0.3, 0.7])["auc"] == 0.75


def test_calibrated_probabilities():
    """One of five where 0.2 is said, four of five where 0.8 is."""
    found = values([1, 0, 0, 0, 0, 0, 1, 1, 1, 1], [0.2] * 5 + [0.8] * 5)
    for name in ("calibration_in_the_large", "calibration_intercept", "expected_calibration_error"):
        assert found[name] == pytest.approx(0, abs=1e-9)
    assert found["calibration_slope"] == pytest.approx(1)


def test_observed_to_expected_by_hand():
    assert values([1, 1, 1, 0], [0.5] * 4)["observed_to_expected"] == pytest.approx(3 / 2)
    assert np.isnan(values([1, 0], [0.0, 0.0])["observed_to_expected"])


def test_few_of_a_label_are_told():
    labels = np.arange(100) < 19
    (note,) = assess(labels, np.tile([0.2, 0.4], 50), bootstrap=0).notes
    assert note.startswith("only 19 rows of label 1")
    (note,) = assess(~labels, np.tile([0.2, 0.4], 50), bootstrap=0).notes
    assert note.startswith("only 19 rows of label 0")
    assert assess(np.arange(100) < 20, np.tile([0.2, 0.4], 50), bootstrap=0).notes == []


def test_calibration_in_the_large_by_hand():
    assert values([1, 1, 1, 0], [0.5] * 4)["calibration_in_the_large"] == pytest.approx(math.log(3))


def test_calibration_line_by_hand():
    """Two points make a line: from logits -log 4 and log 4 to those of one in two and of three in four."""
    found = values([1, 0, 1, 1, 1, 0], [0.2] * 2 + [0.8] * 4)
    assert found["calibration_slope"] == pytest.approx(math.log(3) / (2 * math.log(4)))
    assert found["calibration_intercept"] == pytest.approx(math.log(3) / 2)


def test_bins_hold_equally_many_and_keep_ties_together():
    probabilities = np.repeat(np.linspace(0.05, 0.95, 10), 3)
    labels = np.tile([0, 0, 1], 10)
    expected = np.abs(1 / 3 - np.linspace(0.05, 0.95, 10)).mean()
    assert values(labels, probabilities)["expected_calibration_error"] == pytest.approx(expected)
    assert values([0, 1, 1], [0.5, 0.5, 0.5])["expected_calibration_error"] == pytest.approx(1 / 6)


def test_probabilities_of_exactly_0_and_1():
    found = values([0, 1, 0, 1], [0.0, 0.0, 1.0, 1.0])
    assert all(np.isfinite(value) for value in found.values())
    assert found["calibration_slope"] == pytest.approx(0, abs=1e-6)


# Agreement with scikit-learn.


@pytest.mark.parametrize("seed", range(5))
def test_measures_agree_with_scikit_learn_under_weights(seed):
    labels, probabilities = random_set(seed)
    weights = np.random.default_rng(seed).integers(0, 4, len(labels))
    levels, which = np.unique(probabilities, return_inverse=True)
    ones, zeros = (np.bincount(which, weights * (labels == label), len(levels)) for label in (1, 0))
    found = dict(zip(MEASURES, measure(Tally(levels, ones, zeros)), strict=True))
    weighted = {"sample_weight": weights}
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(labels, probabilities, **weighted))
    expected = metrics.average_precision_score(labels, probabilities, **weighted)
    assert found["average_precision"] == pytest.approx(expected)
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(labels, probabilities, **weighted))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(labels, probabilities, **weighted), abs=1e-8)
    logits = np.log(probabilities / (1 - probabilities))[:, np.newaxis]
    line = linear_model.LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(logits, labels, weights)
    assert found["calibration_slope"] == pytest.approx(line.coef_[0, 0], abs=1e-6)
    assert found["calibration_intercept"] == pytest.approx(line.intercept_[0], abs=1e-6)
    shifted = 1 / (1 + np.exp(-logits[:, 0] - found["calibration_in_the_large"]))
    assert weights @ shifted == pytest.approx(weights @ labels)


def test_values_are_those_of_scikit_learn():
    labels, probabilities = random_set(7)
    found = assess(labels, probabilities, bootstrap=0)
    assert found.values["auc"] == metrics.roc_auc_score(labels, probabilities)
    assert found.values["average_precision"] == metrics.average_precision_score(labels, probabilities)
    assert found.values["brier"] == metrics.brier_score_loss(labels, probabilities)


# Intervals.


def test_intervals_are_percentiles_over_resampled_patients():
    labels, probabilities = random_set(1, rows=60)
    found = assess(labels, probabilities, bootstrap=40, seed=3)
    stream, aucs, briers = np.random.default_rng(3), [], []
    for _ in range(40):
        drawn = stream.integers(0, 60, 60)
        aucs.append(metrics.roc_auc_score(labels[drawn], probabilities[drawn]))
        briers.append(metrics.brier_score_loss(labels[drawn], probabilities[drawn]))
    assert found.intervals["auc"] == pytest.approx(np.percentile(aucs, [2.5, 97.5]))
    assert found.intervals["brier"] == pytest.approx(np.percentile(briers, [2.5, 97.5]))


def test_intervals_are_seeded():
    labels, probabilities = random_set(1)
    first, again, other = (assess(labels, probabilities, bootstrap=20, seed=seed).intervals for seed in (0, 0, 1))
    assert first == again
    assert first["auc"] != other["auc"]


def test_a_patient_is_drawn_with_all_rows():
    """Each patient twice is no more evidence than once."""
    labels, probabilities = random_set(2, rows=50)
    once = assess(labels, probabilities, bootstrap=30)
    patients = np.array([f"p{number:02}" for number in range(50)], object)
    twice = assess(np.tile(labels, 2), np.tile(probabilities, 2), np.tile(patients, 2), bootstrap=30)
    assert (twice.rows, twice.patients, twice.ones) == (100, 50, 2 * once.ones)
    for name in MEASURES:
        assert twice.intervals[name] == pytest.approx(once.intervals[name])
    as_rows = assess(np.tile(labels, 2), np.tile(probabilities, 2), bootstrap=30)
    assert np.ptp(as_rows.intervals["auc"]) < np.ptp(twice.intervals["auc"])


def test_most_intervals_hold_the_truth():
    """Of 60 sets drawn from probabilities that are right, about 95% have a slope of 1 within the interval."""
    stream, hits = np.random.default_rng(0), 0
    for _ in range(60):
        probabilities = stream.uniform(0.05, 0.95, 150)
        low, high = assess(stream.random(150) < probabilities, probabilities, bootstrap=100).intervals[
            "calibration_slope"
        ]
        hits += low <= 1 <= high
    assert hits >= 50


def test_without_bootstrap_there_is_no_interval():
    found = assess(LABELS, PROBABILITIES, bootstrap=0)
    assert all(np.isnan(found.intervals[name]).all() for name in MEASURES)


# Sets on which not everything is defined.


@pytest.mark.parametrize("label", [0, 1])
def test_one_class(label):
    found = assess([label] * 5, [0.1, 0.2, 0.3, 0.4, 0.5], bootstrap=10)
    undefined = {name for name, value in found.values.items() if np.isnan(value)}
    assert undefined == set(MEASURES) - {"brier", "log_loss", "observed_to_expected", "expected_calibration_error"}
    (note,) = (note for note in found.notes if "only 5 rows" not in note)
    assert f"all {label}" in note
    assert list(curves([label] * 5, [0.1, 0.2, 0.3, 0.4, 0.5])) == ["calibration"]


@pytest.mark.parametrize(
    "probabilities", [[0.2, 0.2, 0.2, 0.2], [0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.2, 0.4]]
)
def test_no_line_fits(probabilities):
    """All alike; separated, either way round; separated but for a tie."""
    found = assess([0, 0, 1, 1], probabilities, bootstrap=0)
    assert np.isnan(found.values["calibration_slope"]) and np.isnan(found.values["calibration_intercept"])
    assert np.isfinite(found.values["calibration_in_the_large"])
    (note,) = (note for note in found.notes if "only 2 rows" not in note)
    assert "slope" in note


def test_resamples_of_one_class_are_left_out_and_counted():
    labels = [1] + [0] * 9
    found = assess(labels, np.linspace(0.9, 0.1, 10), bootstrap=100)
    assert np.isfinite(found.intervals["auc"]).all()
    stream = np.random.default_rng(0)
    without = sum(0 not in stream.integers(0, 10, 10) for _ in range(100))
    assert any(note.startswith(f"ROC AUC: not defined in {without} of 100") for note in found.notes)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([], []), "one patient or more"),
        (([0, 1], [0.5]), "shape"),
        (([0, 2], [0.5, 0.5]), "labels"),
        (([0, 1], [0.5, np.nan]), "probabilities"),
        (([0, 1], [0.5, 1.5]), "probabilities"),
        (([0, 1], [0.5, 0.5], [0]), "groups"),
        (([0, 1], [0.5, 0.5], None, -1), "bootstrap"),
        (([0, 1], [0.5, 0.5], None, 1, -1), "seed"),
    ],
)
def test_wrong_arguments_of_assess(arguments, says):
    with pytest.raises(InputError, match=says):
        assess(*arguments)


# Operating points and curves.


def test_operating_point_by_hand():
    (point,) = operating_points([0, 0, 0, 1, 1], [0.1, 0.4, 0.6, 0.4, 0.8], [0.4], bootstrap=0)
    intervals = point.pop("intervals")
    assert point == {
        **{"threshold": 0.4, "alerts": 4, "alert_rate": 0.8, "tp": 2, "fp": 2, "tn": 1, "fn": 0},
        **{"sensitivity": 1.0, "specificity": pytest.approx(1 / 3), "ppv": 0.5, "npv": 1.0},
    }
    assert set(intervals) == {*COUNTS, *SHARES} and np.isnan(list(intervals.values())).all()


def test_operating_points_at_the_ends():
    low, between, high = operating_points([0, 1], [0.1, 0.2], [0.0, 0.15, 0.5], bootstrap=0)
    assert (low["tp"], low["fp"], low["tn"], low["fn"]) == (1, 1, 0, 0) and np.isnan(low["npv"])
    assert (between["tp"], between["fp"], between["tn"], between["fn"]) == (1, 0, 1, 0)
    assert (high["tp"], high["fp"], high["tn"], high["fn"]) == (0, 0, 1, 1) and np.isnan(high["ppv"])


def test_no_operating_points():
    assert operating_points([0, 1], [0.1, 0.2], [], bootstrap=3) == []


def test_intervals_of_operating_points_are_of_the_same_resamples():
    labels, probabilities = random_set(1, rows=60)
    first, second = operating_points(labels, probabilities, [0.5, 0.7], bootstrap=40, seed=3)
    stream, found = np.random.default_rng(3), {"sensitivity": [], "specificity": [], "ppv": [], "npv": [], "alerts": []}
    for _ in range(40):
        drawn = stream.integers(0, 60, 60)
        (tn, fp), (fn, tp) = metrics.confusion_matrix(labels[drawn], probabilities[drawn] >= 0.7)
        shares = (tp / (tp + fn), tn / (tn + fp), tp / (tp + fp), tn / (tn + fn), tp + fp)
        for values_of, value in zip(found.values(), shares, strict=True):
            values_of.append(value)
    for name, values_of in found.items():
        assert second["intervals"][name] == pytest.approx(np.percentile(values_of, [2.5, 97.5]))
    assert first["intervals"]["alerts"] != second["intervals"]["alerts"]


def test_operating_points_draw_a_patient_with_all_rows():
    labels, probabilities = random_set(2, rows=50)
    (once,) = operating_points(labels, probabilities, [0.5], bootstrap=30)
    patients = np.tile([f"p{number:02}" for number in range(50)], 2)
    (twice,) = operating_points(np.tile(labels, 2), np.tile(probabilities, 2), [0.5], patients, bootstrap=30)
    for name in SHARES:
        assert twice["intervals"][name] == pytest.approx(once["intervals"][name])


def test_a_threshold_that_is_no_number():
    with pytest.raises(InputError, match="threshold"):
        operating_points([0, 1], [0.1, 0.2], [np.nan])


@pytest.mark.parametrize(("rate", "alerts"), [(0.25, 1), (0.49, 1), (0.5, 1), (0.74, 1), (0.75, 3), (1.0, 4), (0.1, 0)])
def test_alert_rate_is_not_exceeded(rate, alerts):
    probabilities = [0.2, 0.5, 0.5, 0.9]
    threshold = alert_threshold(probabilities, rate)
    assert sum(value >= threshold for value in probabilities) == alerts


def test_alert_rate_that_is_no_binary_fraction():
    assert alert_threshold(np.arange(30) / 30, 0.1) == 27 / 30


@pytest.mark.parametrize("rate", [0, -0.1, 1.1, np.nan])
def test_wrong_alert_rate(rate):
    with pytest.raises(InputError, match="alert_rate"):
        alert_threshold([0.5], rate)


def test_curves_by_hand():
    found = curves(LABELS, PROBABILITIES)
    roc, pr, calibration = (found[name] for name in ("roc", "precision_recall", "calibration"))
    assert roc["x"].tolist() == [0, 0, 0.5, 0.5, 1]
    assert roc["y"].tolist() == [0, 0.5, 0.5, 1, 1]
    np.testing.assert_array_equal(roc["threshold"], [np.nan, 0.8, 0.4, 0.35, 0.1])
    assert roc["count"].tolist() == [0, 1, 2, 3, 4]
    last = {name: values[-2:].tolist() for name, values in pr.items()}
    assert last["x"] == [0.5, 0] and last["y"] == [1, 1] and last["count"] == [1, 0]
    assert calibration["x"].tolist() == [0.1, 0.35, 0.4, 0.8]
    assert calibration["y"].tolist() == [0, 1, 0, 1]
    assert calibration["threshold"].tolist() == [0.1, 0.35, 0.4, 0.8]
    assert calibration["count"].tolist() == [1, 1, 1, 1]


def test_calibration_points_average_to_the_whole():
    labels, probabilities = random_set(4)
    points = curves(labels, probabilities)["calibration"]
    assert points["count"].sum() == len(labels)
    assert points["count"] @ points["y"] == pytest.approx(labels.sum())
    assert points["count"] @ points["x"] == pytest.approx(probabilities.sum())
    error = points["count"] @ np.abs(points["x"] - points["y"]) / len(labels)
    assert values(labels, probabilities)["expected_calibration_error"] == pytest.approx(error)


def test_net_benefit_by_hand():
    found = decision_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], [0.25, 0.5])
    benefit, treated = found["model"]
    assert benefit == pytest.approx([(2 - 1 / 3) / 4, (1 - 0) / 4])
    assert treated.tolist() == [3, 1]
    assert found["all"][0] == pytest.approx([(2 - 2 / 3) / 4, (2 - 2) / 4])
    assert found["all"][1].tolist() == [4, 4]
    assert found["none"][0].tolist() == [0, 0] and found["none"][1].tolist() == [0, 0]


def test_decision_curve_treats_from_the_threshold_on():
    """At the lowest score the model treats everybody, and above the highest nobody."""
    labels, probabilities = random_set(3)
    found = decision_curve(labels, probabilities, [probabilities.min(), 0.99])
    assert found["model"][0][0] == pytest.approx(found["all"][0][0]) and found["model"][1][0] == len(labels)
    assert found["model"][0][1] == 0


def test_curves_hold_the_decision_curve_and_the_scores():
    labels, probabilities = random_set(3)
    found = curves(labels, probabilities)
    half = found["net_benefit_model"]["x"].tolist().index(0.5)
    tp, fp = ((probabilities >= 0.5) & (labels == label) for label in (1, 0))
    assert found["net_benefit_model"]["y"][half] == pytest.approx((tp.sum() - fp.sum()) / len(labels))
    for label in (0, 1):
        scores = found[f"scores_{label}"]
        assert scores["count"].sum() == (labels == label).sum() and scores["y"].sum() == pytest.approx(1)
        above = scores["count"][scores["threshold"] >= scores["threshold"][10]].sum()
        assert above == (probabilities[labels == label] >= probabilities.max() / 2).sum()


# The command.


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run of two splits."""
    folder = tmp_path_factory.mktemp("trained")
    train_run(SMALL, folder)
    return folder


def command(*argv):
    """Runs `python -m mime_tf evaluate ARGV` in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            code = main(["evaluate", *map(str, argv)])
        except SystemExit as exit:
            code = exit.code
    return SimpleNamespace(code=code, out=stdout.getvalue().splitlines(), err=stderr.getvalue().splitlines())


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
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("ROC AUC")]
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
    names = {"roc", "precision_recall", "calibration", "scores_0", "scores_1"}
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


def test_codes_that_training_did_not_hold_are_told(trained, tmp_path):
    patients = [[[[0, [0], []]]], [[[77, [0], [1]]]], [[[0, [88], []]]], [[]]]
    write_cohort(tmp_path / "other", patients, [0, 1, 1, 0])
    report, done = evaluated(trained / "r0s0", tmp_path, "--split", "all", data=tmp_path / "other")
    (line,) = done.err
    assert "4 codes of 2 patients; nothing is left of 2 (50.0%)" in line
    assert line in report["notes"]


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
