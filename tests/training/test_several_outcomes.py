"""Runs with several outcomes per patient: the next visit, and lists of outcomes; resumed, evaluated, predicted."""

import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest
from support.killing import CONFIG, Killer, every_state_is_saved  # noqa: F401
from support.whole_runs import COHORT, check_same, run

from mime_tf.__main__ import main
from mime_tf.assess import summary
from mime_tf.config import NEXT_VISIT
from mime_tf.data import pickled, tasks
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.runs.opening import fitted_split
from mime_tf.runs.run import Run
from mime_tf.scoring import prediction

NEXT = dataclasses.replace(CONFIG, task=NEXT_VISIT, split_seeds=(1,), aux_lambda=0.0)
LISTS = dataclasses.replace(NEXT, task="label", folds=2, split_seeds=(0, 1, 2, 3, 4))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a run of NEXT."""
    folder = tmp_path_factory.mktemp("next")
    run(NEXT, folder)
    return folder


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def evaluate(capsys, folder, *options, data=COHORT):
    argv = ["evaluate", "--model", f"{folder}/", "--data", str(data), "--bootstrap", "10", *map(str, options)]
    code = main(argv)
    return code, capsys.readouterr()


def test_the_model_has_an_outcome_per_diagnosis(finished):
    fitted = fitted_split(finished / "r0s1", outcomes=True)
    cohort = pickled.read_seqs(f"{COHORT}.seqs")
    assert fitted.outcomes == fitted.sizes["num_dx"] == int(cohort.dx.max()) + 1
    assert fitted.model.outcomes == fitted.outcomes
    assert FittedSplit.open(finished / "r0s1").outcome_name(3) == "dx 3"


def test_results_are_those_of_the_saved_model(finished):
    """On the test patients, shown their history alone, against the diagnoses of their last visits."""
    fitted = FittedSplit.open(finished / "r0s1")
    posed = tasks.pose(Cohort.open(COHORT, labelled=False), NEXT_VISIT, fitted.outcomes)
    part = prediction.part_of(fitted, posed, "test")
    scored = prediction.score(fitted, part).probabilities
    assert scored.shape == part.labels.shape == (len(part), fitted.outcomes)
    figures, expected = (
        json.loads((finished / "r0s1" / "metrics.json").read_text()),
        summary.summarize(part.labels, scored),
    )
    of_one, of_zero = -np.log(scored + 1e-10), -np.log(1 - scored + 1e-10)
    assert figures["test_loss"] == pytest.approx(np.where(part.labels, of_one, of_zero).sum(axis=1).mean(), rel=1e-5)
    assert figures["test_auc"] == pytest.approx(expected["auc"])
    visits = Cohort.open(COHORT, labelled=False).store.visit_counts
    assert part.store.visit_counts[part.rows].tolist() == (visits[part.rows] - 1).tolist()
    assert part.store.visit_counts[part.rows].min() >= 1


def test_the_table_of_predictions_lists_the_highest_and_the_true(finished):
    fitted = FittedSplit.open(finished / "r0s1")
    listed = rows_of(finished / "r0s1" / "predictions_test.csv")
    patients = pickled.to_lists(pickled.read_seqs(f"{COHORT}.seqs"))
    for row in {int(line["row"]) for line in listed}:
        lines = [line for line in listed if int(line["row"]) == row]
        ranked = [int(line["rank"]) for line in lines]
        assert ranked[: min(20, fitted.outcomes)] == list(range(1, min(20, fitted.outcomes) + 1))
        true = {int(line["outcome"]) for line in lines if line["label"] == "1"}
        assert true == {dx for dx, _, _ in patients[row][-1]}
        values = [float(line["probability"]) for line in lines]
        assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(
    "moment", [("after write state.npz", 2), ("before write model.keras", 1), ("before score", 3)], ids=str
)
def test_a_killed_run_ends_with_the_same_bits(moment, finished, monkeypatch, tmp_path):
    killer = Killer(monkeypatch)
    assert killer.run(lambda come, count: (come, count) == moment, tmp_path, NEXT)
    run(NEXT, tmp_path)
    check_same(tmp_path, finished)


def test_labels_are_not_needed(finished, tmp_path):
    cohort = tmp_path / "c"
    shutil.copy(f"{COHORT}.seqs", tmp_path / "c.seqs")
    run(NEXT, tmp_path / "out", cohort)
    assert (tmp_path / "out/r0s1/predictions_test.csv").read_bytes() == (
        finished / "r0s1" / "predictions_test.csv"
    ).read_bytes()


def test_training_tells_who_is_left_out(tmp_path):
    patients = pickled.to_lists(pickled.read_seqs(f"{COHORT}.seqs"))
    pickled.write(tmp_path / "c", [*patients, patients[0][:1], patients[1][:1]])
    made = run(NEXT, tmp_path / "out", tmp_path / "c")
    single = sum(len(patient) == 1 for patient in patients) + 2
    assert any(f"left out are {single} of one visit, which nothing precedes" in line for line in made.err)


def test_evaluate(finished, tmp_path, capsys):
    code, printed = evaluate(capsys, finished, "--recall_at", "1,4", "--output", tmp_path / "e")
    assert code == 0
    for text in ("recall at 4", "macro ROC AUC", "at 4, group 5 of 5", "beside it: share of the patient's own visits"):
        assert text in printed.out
    report = json.loads((tmp_path / "e" / "metrics.json").read_text())
    figures = json.loads((finished / "r0s1" / "metrics.json").read_text())
    assert report["values"]["model"]["micro_auc"]["value"] == pytest.approx(figures["test_auc"])
    # Recall at 4 again, from the table of predictions, which holds all true outcomes.
    listed = rows_of(finished / "r0s1" / "predictions_test.csv")
    recalls = []
    for row in {line["row"] for line in listed}:
        true = [int(line["rank"]) for line in listed if line["row"] == row and line["label"] == "1"]
        recalls += [np.mean(np.array(true) <= 4)] if true else []
    assert report["values"]["model"]["recall_at_4"]["value"] == pytest.approx(np.mean(recalls))
    assert set(report["leads"]) == {"frequency", "repeated", "own_share"}
    outcomes = rows_of(tmp_path / "e" / "outcomes.csv")
    assert len(outcomes) == report["outcomes"] and outcomes[3]["name"] == "dx 3"
    cases = sum(int(line["label"]) for line in listed)
    assert sum(int(outcome["cases"]) for outcome in outcomes) == cases


def test_evaluate_on_all_patients(finished, capsys):
    code, printed = evaluate(capsys, finished, "--split", "all")
    assert code == 0 and "the patients that the model was trained on are among them" in printed.err
    assert "beside it" not in printed.out


def test_predict_ranks_the_outcomes_of_the_whole_history(finished, tmp_path, capsys):
    argv = ["--model", f"{finished}/", "--data", COHORT, "--top", "3", "--output", str(tmp_path / "p.csv")]
    assert main(["predict", *argv]) == 0
    assert "the 3 most probable of" in capsys.readouterr().out
    fitted, cohort = FittedSplit.open(finished / "r0s1"), Cohort.open(COHORT, labelled=False)
    scored = prediction.predict(fitted, cohort).probabilities
    listed = rows_of(tmp_path / "p.csv")
    assert len(listed) == 3 * len(cohort)
    for row in (0, len(cohort) - 1):
        expected = np.argsort(-scored[row], kind="stable")[:3]
        assert [int(line["outcome"]) for line in listed[3 * row : 3 * row + 3]] == expected.tolist()
        assert [int(line["rank"]) for line in listed[3 * row : 3 * row + 3]] == [1, 2, 3]


def test_frames_have_a_column_per_outcome(finished):
    pytest.importorskip("pandas")
    fitted = FittedSplit.open(finished / "r0s1")
    frame = prediction.predict(fitted, Cohort.open(COHORT, labelled=False)).to_frame()
    outcomes = [f"outcome_{k}" for k in range(fitted.outcomes)]
    assert list(frame.columns) == [*outcomes, "dropped_codes", "known_share", "empty"]


# What takes one outcome only says so.


def test_other_uses_refuse_such_a_run(finished, tmp_path, capsys):
    with pytest.raises(InputError, match=r"a model of \d+ outcomes per patient; needed here is one of one outcome"):
        fitted_split(finished / "r0s1")
    with pytest.raises(InputError, match=r"predictions_valid.csv: has several outcomes per patient"):
        _ = Run.open(f"{finished}/").results
    for argv in (
        ["explain", "--data", COHORT, "--row", "0"],
        ["export", "--output", str(tmp_path / "x")],
        ["report", "--output", str(tmp_path / "x.html")],
    ):
        assert main([*argv, "--model", f"{finished}/"]) == 2
        assert "several outcomes" in (err := capsys.readouterr().err) or "outcomes per patient" in err
    assert not any(tmp_path.iterdir())


def test_options_of_one_outcome_are_refused(finished, capsys):
    code, printed = evaluate(capsys, finished, "--alert_rate", "0.1")
    assert code == 2 and "alert_rate: " in printed.err and "--recall_at measures them" in printed.err


# Lists of outcomes.


def list_cohort(folder, outcomes=3):
    """A cohort whose outcome k is whether the patient ever had diagnosis k."""
    store = pickled.read_seqs(f"{COHORT}.seqs")
    had = [{dx for visit in patient for dx, _, _ in visit} for patient in pickled.to_lists(store)]
    labels = np.array([[int(k in codes) for k in range(outcomes)] for codes in had])
    pickled.write(folder / "lists", store, labels)
    return folder / "lists", labels


def test_lists_of_outcomes_with_folds(tmp_path, capsys):
    cohort, labels = list_cohort(tmp_path)
    run(LISTS, tmp_path / "out", cohort)
    listed = rows_of(tmp_path / "out" / "out_of_fold.csv")
    assert [int(line["row"]) for line in listed] == sorted(3 * list(range(len(labels))))
    for line in listed:
        assert int(line["label"]) == labels[int(line["row"]), int(line["outcome"])]
    argv = ["evaluate", "--model", str(tmp_path / "out/r0s1"), "--data", str(cohort), "--bootstrap", "5"]
    assert main([*argv, "--recall_at", "1"]) == 0
    assert "recall at 1" in capsys.readouterr().out
    assert main(["evaluate", "--model", str(tmp_path / "out/r0s1"), "--data", COHORT, "--split", "all"]) == 2
    assert "found 1 outcomes per patient; the model of" in capsys.readouterr().err


@pytest.mark.parametrize("changes", [{"class_weight": "2"}, {"choose_by": "calibrated_loss"}], ids=str)
def test_lists_refuse_options_of_one_outcome(changes, tmp_path):
    cohort, _ = list_cohort(tmp_path)
    config = dataclasses.replace(NEXT, task="label", **changes)
    with pytest.raises(InputError, match="must be left out where a patient has several outcomes"):
        run(config, tmp_path / "out", cohort)
    assert not (tmp_path / "out").exists()


def test_one_outcome_has_nothing_to_rank(tmp_path, capsys):
    run(dataclasses.replace(NEXT, task="label"), tmp_path)
    code, printed = evaluate(capsys, tmp_path, "--recall_at", "3")
    assert code == 2 and "recall_at: " in printed.err
    argv = ["--model", f"{tmp_path}/", "--data", COHORT, "--top", "3", "--output", str(tmp_path / "p.csv")]
    assert main(["predict", *argv]) == 2
    assert "top: " in capsys.readouterr().err


def test_labels_that_memory_cannot_hold_are_refused_before_they_are_made(monkeypatch, tmp_path):
    from mime_tf.terminal import environment

    monkeypatch.setattr(environment, "memory", lambda: 5000)
    with pytest.raises(InputError, match=r"31 diagnoses of \d+ patients take 0.0 GB as labels.*groups of codes"):
        run(dataclasses.replace(NEXT, num_dx=31), tmp_path / "out")
    assert not (tmp_path / "out").exists()
