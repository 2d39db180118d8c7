"""`--refit`: one model fitted to all patients as the splits have chosen, resumed bit for bit, measured by none."""

import contextlib
import dataclasses
import io
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import special
from sklearn.linear_model import LogisticRegression
from support.killing import Killer, every_state_is_saved  # noqa: F401
from support.whole_runs import COHORT, SIZES, SMALL, check_same, run, weights

from mime_tf.__main__ import main
from mime_tf.config import TrainConfig
from mime_tf.data import pickled
from mime_tf.data.cohort import Cohort
from mime_tf.regression import linear
from mime_tf.regression.choice import Choice
from mime_tf.regression.columns import Columns
from mime_tf.regression.sequences import Sequences
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.scoring.prediction import predict
from mime_tf.simulate.simulation import simulate
from mime_tf.splits.everyone import everyone
from mime_tf.training.fitter import Fitter
from mime_tf.training.refit import _median

REFIT = dataclasses.replace(SMALL, tensorboard=False, refit=True)
REGRESSION = TrainConfig(blend=("regression",), members=2, split_seeds=(0, 1, 2), tensorboard=False, refit=True)
BLEND = TrainConfig(
    **SIZES,
    blend=("regression", "bilinear"),
    members=2,
    batch_size=20,
    num_iter=6,
    eval_period=2,
    split_seeds=(0, 1),
    choose_by="calibrated_loss",
    tensorboard=False,
    refit=True,
)


def metrics_of(folder):
    return json.loads((folder / "metrics.json").read_text())


def command(*argv):
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main(list(map(str, argv)))
    return SimpleNamespace(code=code, out=stdout.getvalue().splitlines(), err=stderr.getvalue().splitlines())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refit")
    run(REFIT, folder)
    return folder


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    cohort = simulate(patients=200, num_dx=60, num_rx=24, num_pr=30, mean_visits=5, pair_effect=0.5, prevalence=0.4)
    prefix = tmp_path_factory.mktemp("cohort") / "c"
    pickled.write(prefix, cohort.store, cohort.labels)
    return prefix


def test_the_files_of_a_refit(folder):
    names = {"model.keras", "codes.json", "config.json", "flags.txt", "history.csv", "metrics.json"}
    assert {path.name for path in (folder / "refit").iterdir()} == names | {"population.json", "code_counts.json"}
    population = json.loads((folder / "refit" / "population.json").read_text())
    assert population["counts"]["train"] == population["counts"]["all"] and population["counts"]["train"]["rows"] == 120
    best = [metrics_of(folder / name)["iteration"] for name in ("r0s0", "r0s1")]
    assert metrics_of(folder / "refit") == {
        "iteration": 3 * round(np.mean(best) / 3),
        "refit": {"splits": ["r0s0", "r0s1"]},
    }
    store = Cohort.open(COHORT).store
    assert FittedSplit.open(folder / "refit").usable["dx"].sum() == len(np.unique(store.dx))


def test_a_network_is_fitted_to_all_patients_for_so_many_updates(folder):
    fitted, cohort = FittedSplit.open(folder / "refit"), Cohort.open(COHORT)
    iteration = metrics_of(folder / "refit")["iteration"]
    part = everyone(cohort.store, cohort.labels, np.arange(120)).train
    starts = np.random.RandomState(0).randint(0, 120 - 5 + 1, iteration + 1)
    fitter = Fitter(REFIT, fitted.sizes, cohort.store)
    fitter.start(0)
    for start in starts:
        fitter.model.fit(fitter.batches(part, [start]), verbose=0, shuffle=False)
    for got, expected in zip(fitted.model.get_weights(), fitter.model.get_weights(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


def test_the_splits_are_those_of_a_run_without_it(folder, tmp_path):
    run(dataclasses.replace(REFIT, refit=False), tmp_path)
    for name in ("r0s0", "r0s1"):
        assert (tmp_path / name / "history.csv").read_bytes() == (folder / name / "history.csv").read_bytes()
        ours, theirs = weights(folder / name / "model.keras"), weights(tmp_path / name / "model.keras")
        assert all(np.array_equal(ours[key], theirs[key]) for key in theirs)
    assert not (tmp_path / "refit").exists()


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("after write state.npz", 7),  # the splits have six
        ("before write model.keras", 3),
        ("after write model.keras", 3),
        ("before write metrics.json", 3),
        ("after write metrics.json", 3),
    ],
)
def test_killed_and_resumed(moment, number, folder, tmp_path, monkeypatch):
    killer = Killer(monkeypatch)
    assert killer.run(lambda *come: come == (moment, number), tmp_path, REFIT)
    run(REFIT, tmp_path)
    check_same(tmp_path, folder)


def test_done_again_with_overwrite(folder, tmp_path):
    again = shutil.copytree(folder, tmp_path / "again")
    run(dataclasses.replace(REFIT, refit=False), again, overwrite=True)
    assert not (again / "refit").exists() and (again / "r0s0" / "metrics.json").exists()


def test_nothing_measures_it_on_its_own_patients(folder, tmp_path):
    refit = folder / "refit"
    told = "its performance is taken to be that of the splits (r0s0, r0s1)"
    for argv in (
        ["evaluate", "--data", COHORT],
        ["recalibrate", "--data", COHORT],
        ["report", "--output", tmp_path / "r.html"],
        ["validate", "--data", COHORT, "--output", tmp_path / "v"],
        ["tripod", "--output", tmp_path / "t"],
    ):
        done = command(*argv, "--model", refit)
        assert done.code == 2 and told in done.err[-1], (argv, done.err)
    done = command("predict", "--model", refit, "--data", COHORT, "--output", tmp_path / "s.csv")
    assert done.code == 0 and f"{refit}: fitted to all patients of its run; {told}" in done.err
    done = command("evaluate", "--model", refit, "--data", COHORT, "--split", "all", "--bootstrap", 0)
    assert done.code == 0 and "the patients that the model was trained on are among them" in done.err


def test_the_prefix_of_the_run_stays_the_mean_of_its_splits(folder, tmp_path):
    done = command("predict", "--model", f"{folder}/", "--data", COHORT, "--output", tmp_path / "s.csv")
    assert "scored by the mean of 2 fitted splits: r0s0, r0s1" in done.out
    done = command("export", "--model", f"{folder}/", "--output", tmp_path / "served")
    assert done.code == 2 and f"one is needed: {folder}/r0s0, {folder}/r0s1, {folder}/refit; predict" in done.err[-1]


def test_the_card_says_where_its_performance_is(folder, tmp_path):
    done = command("export", "--model", folder / "refit", "--output", tmp_path / "served", "--bootstrap", 0)
    assert done.code == 0, done.err
    (card,) = (tmp_path / "served").glob("*.md")
    text = " ".join(card.read_text().split())
    assert "fitted to all patients of its run, as the splits r0s0, r0s1 have chosen" in text
    assert "performance is taken to be that of these splits" in text


def test_a_regression_by_scikit_learn(simulated, tmp_path):
    run(REGRESSION, tmp_path, simulated)
    cohort, rows = Cohort.open(str(simulated)), np.arange(200)
    splits = [metrics_of(tmp_path / f"r0s{seed}") for seed in range(3)]
    choices = [split["parts"][0]["choice"] for split in splits]
    chosen = Choice.of_most([Choice.from_record(choice) for choice in choices])
    plain = len(chosen.windows) - chosen.fading
    windows, halvings = chosen.windows[:plain], chosen.windows[plain:]
    columns = Columns.learn(cohort.store, rows, windows=windows, halvings=halvings)
    sequences = Sequences.learn(cohort.store, rows) if chosen.sequences else None
    values = linear.design(columns, sequences, None, cohort.store, rows)
    settings = {"l1_ratio": 1, "solver": "liblinear", "intercept_scaling": 10.0} if chosen.penalty == "L1" else {}
    model = LogisticRegression(C=chosen.strength * chosen.patients / 200, max_iter=1000, random_state=0, **settings)
    logits = model.fit(values, cohort.labels).decision_function(values)
    weight = np.mean([split["parts"][0]["weight"] for split in splits])
    bias = np.mean([split["bias"] for split in splits])
    assert weight > 0
    got = predict(FittedSplit.open(tmp_path / "refit"), cohort).probabilities
    np.testing.assert_allclose(got, special.expit(weight * logits + bias), atol=2e-3)
    assert metrics_of(tmp_path / "refit")["parts"][0]["weight"] == pytest.approx(weight)


def test_a_blend_with_networks(simulated, tmp_path, monkeypatch):
    """And killed in its refit it goes on to the same bits."""
    run(BLEND, tmp_path / "peace", simulated)
    splits = [metrics_of(tmp_path / "peace" / name) for name in ("r0s0", "r0s1")]
    refit = metrics_of(tmp_path / "peace" / "refit")
    means = np.mean([[part["weight"] for part in split["parts"]] for split in splits], axis=0)
    assert [part["weight"] for part in refit["parts"]] == pytest.approx(means.tolist())
    model = FittedSplit.open(tmp_path / "peace" / "refit").model
    assert float(model.bias) == pytest.approx(np.mean([split["bias"] for split in splits]), abs=1e-6)
    networks = sorted(path.name for path in (tmp_path / "peace" / "refit").glob("networks/*"))
    assert networks == (["k0m0", "k0m1"] if means[0] > 0 else []) and len(model.networks) == len(networks)
    for name in networks:
        history = (tmp_path / "peace" / "refit" / "networks" / name / "history.csv").read_text().splitlines()
        assert len(history) == 1 + refit["parts"][0]["iteration"] / 2 and "valid_loss" not in history[0]
    killer = Killer(monkeypatch)
    killed = tmp_path / "killed"
    assert killer.run(lambda come, count: come == "before write metrics.json" and (killed / "refit").exists(), killed,
                      BLEND, cohort=simulated)  # fmt: skip
    run(BLEND, killed, simulated)
    check_same(killed, tmp_path / "peace")


def test_the_choice_of_most_by_hand():
    one = Choice("L2", 0.1, (0,), 0, False, False, 100)
    choices = [Choice("L1", 9.0, (0, 3), 1, False, True, 100), one, dataclasses.replace(one, strength=0.4, patients=50)]
    best = Choice.of_most(choices)
    assert (best.penalty, best.windows, best.patients) == ("L2", (0,), 100)
    assert best.strength == pytest.approx(np.sqrt(10 * 20) / 100)
    assert Choice.of_most(choices[:2]).penalty == "L1"  # the first of equally many
    assert Choice.from_record(json.loads(json.dumps(one.record()))) == one
    constant = Choice("none", 0.0, (0,), 0, False, False, 100)
    assert Choice.of_most([constant, constant]) == constant


def test_the_median_is_a_number_of_whole_periods():
    assert [_median(*each) for each in (([50, 100], 50), ([50, 150], 50), ([5], 10), ([30, 40, 500], 10))] == [
        100,
        100,
        10,
        40,
    ]
