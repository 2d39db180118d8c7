"""Runs of a blend: what they leave, that they resume bit for bit, and that every command takes them."""

import dataclasses
import json

import numpy as np
import pytest
from support.killing import Killer, every_state_is_saved, fitters, fitters_are_kept  # noqa: F401
from support.whole_runs import SIZES, check_same, command, read_table, run

from mime_tf.__main__ import main
from mime_tf.blend import Blend
from mime_tf.config import KINDS, PARTS, RECIPE, TrainConfig
from mime_tf.data import pickled
from mime_tf.data.cohort import Cohort
from mime_tf.explain.patients import explain_patients
from mime_tf.regression import linear
from mime_tf.regression.sequences import Sequences
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.runs.model_file import load
from mime_tf.scoring import prediction
from mime_tf.simulate.simulation import simulate
from mime_tf.splits.inner import inner_folds, without_fold
from mime_tf.training.blend_training import is_useful

CONFIG = TrainConfig(
    **SIZES,
    blend=PARTS,
    members=2,
    batch_size=20,
    num_iter=4,
    eval_period=2,
    split_seeds=(0,),
    choose_by="calibrated_loss",
    tensorboard=False,
)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """The prefix of a cohort of 200 patients whose risk lies in single codes and in links."""
    simulated = simulate(patients=200, num_dx=60, num_rx=24, num_pr=30, mean_visits=5, pair_effect=0.5, prevalence=0.4)
    prefix = tmp_path_factory.mktemp("cohort") / "c"
    pickled.write(prefix, simulated.store, simulated.labels)
    return prefix


@pytest.fixture(scope="module")
def uninterrupted(cohort, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    return folder, run(CONFIG, folder, cohort)


def test_the_files_of_a_blend(uninterrupted, cohort):
    folder, done = uninterrupted
    split = folder / "r0s0"
    assert sorted(path.name for path in (split / "networks").iterdir()) == ["k0m0", "k0m1", "k1m0", "k1m1"]
    metrics = json.loads((split / "metrics.json").read_text())
    names = [part["name"].partition(" ")[0] for part in metrics["parts"]]
    assert names == ["recurrent", "bilinear", "regression"]
    assert all(part["weight"] >= 0 for part in metrics["parts"])
    assert done.mean["test_auc"] == metrics["test_auc"]
    assert {row["network"] for row in read_table(split / "history.csv")} == {"0", "1", "2", "3"}
    fitted = FittedSplit.open(split)
    assert isinstance(fitted.model, Blend)
    # Networks of weight 0 are not in the model; the regression always is.
    weights = [part["weight"] for part in metrics["parts"]]
    used = [weight for weight in weights[:-1] if weight > 0]
    np.testing.assert_allclose(fitted.model.part_weights, [*used, weights[-1]], rtol=1e-6)
    assert len(fitted.model.networks) == 2 * len(used)
    opened = Cohort.open(str(cohort))
    part = prediction.part_of(fitted, opened, "test")
    saved = fitted.predictions("test")
    np.testing.assert_array_equal(
        prediction.score(fitted, part), saved.scores.probabilities[np.argsort(np.argsort(part.rows))]
    )


def test_each_network_was_trained_without_the_fold_that_it_predicts(uninterrupted, cohort):
    split = prediction.split_of(FittedSplit.open(uninterrupted[0] / "r0s0"), Cohort.open(str(cohort)))
    folds = inner_folds(split.train, 2, 0)
    tested = []
    for number in (0, 1):
        inner = without_fold(split, folds, number)
        assert not set(inner.train.rows) & set(inner.test.rows)
        rows = [
            int(row["row"]) for row in read_table(uninterrupted[0] / f"r0s0/networks/k0m{number}/predictions_test.csv")
        ]
        assert rows == sorted(inner.test.rows)
        tested += rows
    assert sorted(tested) == sorted(split.train.rows)


def test_the_blend_is_the_sum_of_its_parts(uninterrupted, cohort):
    fitted, opened = FittedSplit.open(uninterrupted[0] / "r0s0"), Cohort.open(str(cohort))
    part = prediction.part_of(fitted, opened, "test")
    model, store = fitted.model, part.patients()
    networks = [
        load(str(uninterrupted[0] / f"r0s0/networks/k{kind}m{m}/model.keras"), fitted.sizes)
        for kind, weight in enumerate(part["weight"] for part in fitted.metrics["parts"][:-1])
        for m in (0, 1)
        if weight > 0
    ]
    for network, weights in zip(model.networks, networks, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(network.get_weights(), weights.get_weights(), strict=True))
    split = prediction.split_of(fitted, opened)
    columns = linear.Columns.learn(opened.store, split.train.rows)
    sequences = Sequences.learn(opened.store, split.train.rows)
    regression = linear.fit(
        *(opened.store, opened.labels, split.train.rows, split.valid.rows),
        columns=columns,
        sequences=sequences,
        seed=0,
    )
    from mime_tf.batches.tables import Batch

    logits = np.array(model.regression({name: np.asarray(table) for name, table in Batch(store).tables().items()}))[
        :, 0
    ]
    np.testing.assert_allclose(logits, regression.logits(opened.store, part.rows), rtol=1e-4, atol=1e-4)


SMALLER = dataclasses.replace(CONFIG, blend=("regression", "bilinear"))


@pytest.mark.slow
def test_a_blend_that_is_killed_resumes_bit_for_bit(cohort, monkeypatch, tmp_path):
    """Killed between a network's results and the removal of its state, and then before the blend's own results."""
    run(SMALLER, tmp_path / "whole", cohort)
    killer, killed = Killer(monkeypatch), tmp_path / "killed"
    for moment, number in (("after write metrics.json", 1), ("before write metrics.json", 2)):
        assert killer.run(lambda *come, at=(moment, number): come == at, killed, SMALLER, cohort=cohort)
    run(SMALLER, killed, cohort)
    check_same(killed, tmp_path / "whole")


@pytest.mark.slow
def test_overwriting_removes_the_networks(cohort, tmp_path):
    run(SMALLER, tmp_path, cohort)
    assert (tmp_path / "r0s0" / "networks" / "k0m1").is_dir()
    run(dataclasses.replace(CONFIG, blend=("regression",)), tmp_path, cohort, overwrite=True)
    assert not (tmp_path / "r0s0" / "networks").exists()
    metrics = json.loads((tmp_path / "r0s0" / "metrics.json").read_text())
    assert [part["name"].partition(" ")[0] for part in metrics["parts"]] == ["regression"]
    assert FittedSplit.open(tmp_path / "r0s0").model.networks == []


def test_an_explanation_of_a_blend_adds_up(uninterrupted, cohort):
    fitted, opened = FittedSplit.open(uninterrupted[0] / "r0s0"), Cohort.open(str(cohort))
    scores = prediction.predict(fitted, opened)
    for explained in explain_patients(fitted, opened, [0, 7]):
        assert explained.probability == pytest.approx(float(scores.probabilities[explained.row]), abs=1e-4)
        total = sum(visit.contribution for visit in explained.visits)
        assert explained.empty_logit + total == pytest.approx(explained.logit, abs=explained.gap + 1e-3)


@pytest.mark.slow
def test_every_command_takes_a_blend(uninterrupted, cohort, tmp_path, capsys):
    model = str(uninterrupted[0] / "r0s0")
    commands = (
        ["predict", "--model", model, "--data", str(cohort), "--output", str(tmp_path / "p.csv")],
        ["evaluate", "--model", model, "--data", str(cohort), "--bootstrap", "20"],
        ["explain", "--model", model, "--data", str(cohort), "--row", "3", "--output", str(tmp_path / "e.html")],
        [
            "explain",
            "--model",
            model,
            "--data",
            str(cohort),
            "--cohort",
            "--limit",
            "20",
            "--output",
            str(tmp_path / "pairs.csv"),
        ],
        ["report", "--model", model, "--data", str(cohort), "--output", str(tmp_path / "r.html"), "--bootstrap", "20"],
        ["export", "--model", model, "--output", str(tmp_path / "served")],
    )
    for argv in commands:
        assert main(argv) == 0, (argv[0], capsys.readouterr().err)
    assert "regression" in (tmp_path / "served" / "MODEL_CARD.md").read_text()


@pytest.mark.slow
def test_the_recipe_sets_its_flags_and_leaves_those_that_are_given(cohort, tmp_path):
    given = [
        "--recipe",
        "--num_iter=2",
        "--eval_period=2",
        "--width=4",
        "--split_seeds=0",
        "--members=2",
        "--blend=regression",
    ]
    done = command(cohort, f"{tmp_path}/", f"{tmp_path}/log", *given, "--patience_from_gain=0", "--notensorboard")
    assert done.code in (0, None), done.err
    flags = json.loads((tmp_path / "run.json").read_text())["flags"]
    expected = {name: list(value) if isinstance(value, tuple) else value for name, value in RECIPE.items()}
    own = {"blend": ["regression"], "num_iter": 2, "eval_period": 2, "width": "4", "patience_from_gain": 0}
    assert {name: flags[name] for name in RECIPE} == expected | own


def test_a_kind_that_tells_nothing_is_given_up(cohort, tmp_path):
    """Labels are drawn by lot, so no network can tell them; the last three of five are not trained."""
    opened = Cohort.open(str(cohort))
    labels = np.random.default_rng(5).permutation(opened.labels)
    pickled.write(tmp_path / "c", opened.store, labels)
    config = dataclasses.replace(CONFIG, blend=("regression", "bilinear"), members=5)
    done = run(config, tmp_path, tmp_path / "c")
    split = tmp_path / "r0s0"
    assert sorted(path.name for path in (split / "networks").iterdir()) == ["k0m0", "k0m1"]
    assert any("2 of 5 bilinear networks trained; they tell nothing" in line for line in done.err)
    fitted = FittedSplit.open(split)
    assert fitted.metrics["parts"][0]["weight"] == 0 and fitted.model.networks == []
    assert {row["network"] for row in read_table(split / "history.csv")} == {"0", "1"}
    assert len(prediction.predict(fitted, opened).probabilities) == len(opened.store)


def test_logits_are_useful_if_chance_would_not_do_as_well():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=2000)
    labels = (rng.random(2000) < 1 / (1 + np.exp(1 - 0.3 * logits))).astype(int)
    assert is_useful(logits, labels)
    assert not is_useful(-logits, labels)  # weights are at least 0
    assert not is_useful(np.zeros(2000), labels) and not is_useful(logits, np.zeros(2000))
    by_lot = [is_useful(rng.normal(size=300), rng.random(300) < 0.2) for _ in range(400)]
    assert 0.005 < np.mean(by_lot) < 0.05  # one in 20, and half of these have a negative weight


def test_kinds_are_configurations_of_networks():
    kinds = CONFIG.kinds
    assert list(kinds) == list(KINDS)
    assert kinds["recurrent"].pooling == ("last",)
    assert kinds["bilinear"].pooling == ("sum",)
    assert not any(kind.blend for kind in kinds.values())
