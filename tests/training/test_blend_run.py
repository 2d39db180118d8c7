"""Runs of a blend: what they leave, that they resume bit for bit, and that every command takes them."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from support.killing import Killer, every_state_is_saved  # noqa: F401
from support.whole_runs import SIZES, check_same, command, read_table, run

from mime_tf import MiME
from mime_tf.__main__ import main
from mime_tf.batches.tables import Batch
from mime_tf.blend import Blend
from mime_tf.config import KINDS, PARTS, RECIPE, TrainConfig
from mime_tf.data import parquet, pickled, visit_days
from mime_tf.data.cohort import Cohort
from mime_tf.data.hierarchy import Hierarchy
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError
from mime_tf.explain.patients import explain_patients
from mime_tf.export.saved_model import export
from mime_tf.regression.attributes import Attributes
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.runs.model_file import load
from mime_tf.scoring import prediction
from mime_tf.simulate.simulation import simulate
from mime_tf.splits.inner import inner_folds, without_fold
from mime_tf.training import blend_training
from mime_tf.training.beside_codes import NOTHING
from mime_tf.training.blend_regression import fit_regression
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
        prediction.score(fitted, part).probabilities, saved.scores.probabilities[np.argsort(np.argsort(part.rows))]
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
    regression = fit_regression(opened, split, inner_folds(split.train, 2, 0), fitted.config, NOTHING, 0).fitted
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
        ["export", "--model", model, "--output", str(tmp_path / "served"), "--bootstrap", "20"],
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


def test_one_kind_may_be_given_up_and_the_other_not(cohort, tmp_path, monkeypatch):
    """As with related pairs, of which a recurrence learns nothing; kinds are asked in their order."""
    answers = iter([False, True])
    monkeypatch.setattr(blend_training, "is_useful", lambda *_: next(answers))
    run(dataclasses.replace(CONFIG, members=3), tmp_path, cohort)
    networks = sorted(path.name for path in (tmp_path / "r0s0" / "networks").iterdir())
    assert networks == ["k0m0", "k0m1", "k1m0", "k1m1", "k1m2"]
    metrics = FittedSplit.open(tmp_path / "r0s0").metrics
    recurrent, bilinear, _ = metrics["parts"]
    assert recurrent["weight"] == 0 and len(recurrent["iterations"]) == 2 and len(bilinear["iterations"]) == 3
    assert metrics["iteration"] in (2, 3, 4)


def test_logits_are_useful_if_chance_would_not_do_as_well():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=2000)
    labels = (rng.random(2000) < 1 / (1 + np.exp(1 - 0.3 * logits))).astype(int)
    assert is_useful(logits, labels)
    assert not is_useful(-logits, labels)  # weights are at least 0
    assert not is_useful(np.zeros(2000), labels) and not is_useful(logits, np.zeros(2000))
    by_lot = [is_useful(rng.normal(size=300), rng.random(300) < 0.2) for _ in range(400)]
    assert 0.005 < np.mean(by_lot) < 0.05  # one in 20, and half of these have a negative weight


@pytest.fixture(scope="module")
def with_ages(tmp_path_factory):
    """A cohort of 240 patients whose risk is in their age and sex, and a fitted blend that reads them."""
    rng, folder = np.random.default_rng(7), tmp_path_factory.mktemp("ages")
    simulated = simulate(patients=240, num_dx=60, num_rx=24, num_pr=30, mean_visits=5, prevalence=0.4)
    ages, is_male = rng.integers(20, 90, 240), rng.random(240) < 0.5
    labels = (rng.random(240) < 1 / (1 + np.exp(-(ages - 55) / 8 - is_male))).astype(int)
    pickled.write(folder / "c", simulated.store, labels)
    # Of every tenth patient neither is known.
    known = np.arange(240) % 10 > 0
    rows = [
        f"{age if is_known else ''},{('F', 'M')[int(male)] if is_known else ''}"
        for age, male, is_known in zip(ages, is_male, known, strict=True)
    ]
    (folder / "patients.csv").write_text("\n".join(["age,sex", *rows, ""]))
    config = dataclasses.replace(CONFIG, blend=("regression", "bilinear"), age_sex="auto")
    run(config, folder / "out", folder / "c")
    return SimpleNamespace(folder=folder, ages=ages, is_male=is_male, known=known, labels=labels)


def test_age_and_sex_are_read_and_predict(with_ages):
    fitted, cohort = FittedSplit.open(with_ages.folder / "out" / "r0s0"), Cohort.open(str(with_ages.folder / "c"))
    assert list(fitted.model.attributes["sexes"]) == ["", "F", "M"]
    predicted = prediction.predict(fitted, cohort).probabilities
    weights = np.array(fitted.model.regression.attribute_weights)
    assert weights[0] > 0.5 and weights[4] > weights[3]  # age; male above female
    assert np.corrcoef(predicted[with_ages.known], with_ages.ages[with_ages.known])[0, 1] > 0.6
    # The probabilities that training left are those that scoring gives.
    part = prediction.part_of(fitted, cohort, "test")
    saved = fitted.predictions("test")
    np.testing.assert_allclose(
        prediction.score(fitted, part).probabilities[np.argsort(part.rows)], saved.scores.probabilities, rtol=1e-6
    )


def test_age_and_sex_by_hand(with_ages):
    """Years above the mean of training add their part of the weight to the logit, and nothing else changes."""
    fitted, cohort = FittedSplit.open(with_ages.folder / "out" / "r0s0"), Cohort.open(str(with_ages.folder / "c"))
    model, store = fitted.model, cohort.store.select([0])
    inputs = {name: np.asarray(table) for name, table in Batch(store).tables().items()}
    mean, deviation = model.attributes["age"]
    # The regression has a weight for each, and so has the prediction of each network.
    scale = sum(
        weight * np.array(part.split_kernel()[1][:, 0] if isinstance(part, MiME) else part.attribute_weights[:])
        for part, weight in model.weighted_parts
    )

    def logit(*attributes):
        probability = float(model(inputs | {"attributes": np.array([attributes], np.float32)})[0, 0])
        return np.log(probability / (1 - probability))

    nobody, woman, man = logit(0, 1, 1, 0, 0), logit(0, 0, 0, 1, 0), logit(1.5, 0, 0, 0, 1)
    assert woman - nobody == pytest.approx(scale[3] - scale[1] - scale[2], abs=1e-4)
    assert man - woman == pytest.approx(1.5 * scale[0] + scale[4] - scale[3], abs=1e-4)
    values = Attributes.from_config(model.attributes).values(np.array([mean + 1.5 * deviation]), np.array(["M"]))
    assert values.tolist() == [pytest.approx([1.5, 0, 0, 0, 1])]


def test_a_cohort_without_the_table_is_refused(with_ages, tmp_path, capsys):
    opened = Cohort.open(str(with_ages.folder / "c"))
    pickled.write(tmp_path / "new", opened.store, opened.labels)
    model = str(with_ages.folder / "out" / "r0s0")
    argv = ["predict", "--model", model, "--data", str(tmp_path / "new"), "--output", str(tmp_path / "p.csv")]
    assert main(argv) == 2
    assert "new.seqs: no patients.csv beside it; the model of" in capsys.readouterr().err
    (tmp_path / "patients.csv").write_text("\n".join(["age"] + ["50"] * 240) + "\n")
    assert main(argv) == 2
    assert "patients.csv: no column sex; found age" in capsys.readouterr().err


def test_parts_of_a_cohort_have_their_rows_of_the_table(with_ages, tmp_path):
    opened = Cohort.open(str(with_ages.folder / "c"))
    parquet.write(tmp_path / "c.parquet", opened.store, opened.labels)
    (tmp_path / "patients.csv").write_text((with_ages.folder / "patients.csv").read_text())
    fitted = FittedSplit.open(with_ages.folder / "out" / "r0s0")
    whole = prediction.predict(fitted, opened).probabilities
    count, parts = Cohort.open_parts(str(tmp_path / "c.parquet"), 50)
    scored = [part.probabilities for part in prediction.predict_parts(fitted, count, parts)]
    np.testing.assert_allclose(np.concatenate(scored), whole, rtol=1e-5)


def test_an_explanation_has_age_and_sex_in_its_first_step(with_ages):
    fitted, cohort = FittedSplit.open(with_ages.folder / "out" / "r0s0"), Cohort.open(str(with_ages.folder / "c"))
    scores = prediction.predict(fitted, cohort).probabilities
    young, old = (int(np.argmin(np.where(with_ages.known, sign * with_ages.ages, 999))) for sign in (1, -1))
    explained = {each.row: each for each in explain_patients(fitted, cohort, [young, old])}
    for row, each in explained.items():
        total = sum(visit.contribution for visit in each.visits)
        assert each.empty_logit + total == pytest.approx(each.logit, abs=each.gap + 1e-3)
        assert each.probability == pytest.approx(float(scores[row]), abs=1e-4)
        assert any("Age and sex are in the first step" in remark for remark in each.remarks)
    assert explained[old].empty_logit > explained[young].empty_logit + 1


@pytest.mark.slow
def test_an_export_takes_age_and_sex(with_ages, tmp_path):
    fitted, cohort = FittedSplit.open(with_ages.folder / "out" / "r0s0"), Cohort.open(str(with_ages.folder / "c"))
    card = export(fitted, str(tmp_path / "served"), bootstrap=5)
    assert "reads the order of visits, age and sex, and does not read measurements" in card
    assert "`age` [B], float32" in card
    served = tf.saved_model.load(str(tmp_path / "served")).signatures["json"]
    rows = [3, 10, 14]
    records = pickled.to_lists(cohort.store.select(rows))
    texts = [json.dumps({"visits": [[{"dx": str(dx), "rx": [str(code) for code in rx], "pr": [str(code) for code in pr]}
             for dx, rx, pr in visit] for visit in record]}) for record in records]  # fmt: skip
    ages = [float(with_ages.ages[row]) if with_ages.known[row] else -1.0 for row in rows]
    sexes = [("F", "M")[int(with_ages.is_male[row])] if with_ages.known[row] else "" for row in rows]
    answer = served(patients=tf.constant(texts), age=tf.constant(ages), sex=tf.constant(sexes))
    expected = prediction.predict(fitted, cohort).probabilities[rows]
    np.testing.assert_allclose(answer["probability"], expected, rtol=1e-4)


@pytest.fixture(scope="module")
def with_days(tmp_path_factory):
    """A cohort of 240 patients, in Parquet, whose risk is in whether diagnosis 0 is of the last 30 days."""
    folder, rng = tmp_path_factory.mktemp("days"), np.random.default_rng(3)
    labels = rng.integers(0, 2, 240)
    patients = [[[[0, [0], []], [int(noise), [], []]], [[1, [], [0]]]] for noise in rng.integers(2, 9, 240)]
    days = np.concatenate([[rng.integers(0, 31) if label else rng.integers(31, 365), 0] for label in labels])
    parquet.write(folder / "c.parquet", pickled.from_lists(patients), labels)
    visit_days.write(folder / "visits.csv", pickled.from_lists(patients), days)
    config = dataclasses.replace(CONFIG, blend=("regression",), visit_days="auto", test_fraction=0.2)
    run(config, folder / "out", folder / "c.parquet")
    fitted = FittedSplit.open(folder / "out" / "r0s0")
    return SimpleNamespace(path=str(folder / "c.parquet"), labels=labels, days=days, patients=patients, fitted=fitted)


def test_days_are_read_and_predict(with_days, tmp_path, capsys):
    """By training, by scoring whole and in parts, and by explanations; a cohort without them is refused."""
    fitted, cohort = with_days.fitted, Cohort.open(with_days.path)
    assert fitted.model.windows == [0, 3, 1, -30, -365] and fitted.metrics["test_auc"] == 1
    scores = prediction.predict(fitted, cohort).probabilities
    assert scores[with_days.labels == 1].min() > scores[with_days.labels == 0].max() + 0.1
    part, saved = prediction.part_of(fitted, cohort, "test"), fitted.predictions("test").scores
    rescored = prediction.score(fitted, part).probabilities
    np.testing.assert_array_equal(rescored, saved.probabilities[np.argsort(np.argsort(part.rows))])
    count, parts = Cohort.open_parts(with_days.path, 50)
    in_parts = [each.probabilities for each in prediction.predict_parts(fitted, count, parts)]
    np.testing.assert_allclose(np.concatenate(in_parts), scores, rtol=1e-6)
    for explained in explain_patients(fitted, cohort, [2, 3]):
        assert [visit.days_before for visit in explained.visits] == cohort.visit_days[
            2 * explained.row : 2 * explained.row + 2
        ].tolist()
        total = sum(visit.contribution for visit in explained.visits)
        assert explained.empty_logit + total == pytest.approx(explained.logit, abs=1e-4)
        assert explained.probability == pytest.approx(float(scores[explained.row]), abs=1e-6)
    pickled.write(tmp_path / "new", cohort.store, cohort.labels)
    argv = ["predict", "--model", fitted.folder, "--data", str(tmp_path / "new"), "--output", str(tmp_path / "p.csv")]
    assert main(argv) == 2
    assert "new.seqs: no visits.csv beside it; the model of" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"no visits\.csv beside it"):
        explain_patients(fitted, Cohort.open(str(tmp_path / "new")), [2])


def test_days_are_not_read_unless_asked_for(with_days, tmp_path):
    config = dataclasses.replace(CONFIG, blend=("regression",), test_fraction=0.2)
    run(config, tmp_path, with_days.path)
    fitted = FittedSplit.open(tmp_path / "r0s0")
    assert not fitted.model.reads_days and fitted.metrics["test_auc"] < 0.8


@pytest.mark.slow
def test_an_export_takes_days(with_days, tmp_path):
    cohort = Cohort.open(with_days.path)
    card = export(with_days.fitted, str(tmp_path / "served"), bootstrap=5)
    assert (
        "`days_before` [B, T], int32" in card
        and "order of visits and the days from each to the prediction time, and does not read age, sex" in card
    )
    served = tf.saved_model.load(str(tmp_path / "served")).signatures["json"]
    texts = [json.dumps({"visits": [[{"dx": str(dx), "rx": [str(code) for code in rx], "pr": [str(code) for code in pr]}
             for dx, rx, pr in visit] for visit in record]}) for record in with_days.patients[:4]]  # fmt: skip
    days = tf.constant(np.hstack([with_days.days[:8].reshape(4, 2), np.full((4, 1), -1)]), tf.int32)
    answer = served(patients=tf.constant(texts), days_before=days)
    expected = prediction.predict(with_days.fitted, cohort).probabilities[:4]
    np.testing.assert_allclose(answer["probability"], expected, rtol=1e-4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="days_before: must be 0 or more for each visit"):
        served(patients=tf.constant(texts), days_before=-days)
    with pytest.raises(tf.errors.InvalidArgumentError, match="days_before: must not rise from a visit to the next"):
        served(patients=tf.constant(texts), days_before=days + tf.constant([0, 5000, 0]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="days_before: must be one number per patient and visit"):
        served(patients=tf.constant(texts), days_before=days[:, :1])


def test_kinds_are_configurations_of_networks():
    kinds = CONFIG.kinds
    assert list(kinds) == list(KINDS)
    assert kinds["recurrent"].pooling == ("last",)
    assert kinds["bilinear"].pooling == ("sum",)
    assert not any(kind.blend for kind in kinds.values())


def test_the_regression_knows_families_that_lie_beside_the_cohort(tmp_path):
    """Families decide the effects of linked pairs: chosen on valid, kept in the model, and told by its explanations."""
    simulated = ["simulate", "--mode", "related", "--patients", "1500", "--pair_effect", "1", "--num_dx", "40"]
    assert main([*simulated, "--num_rx", "20", "--mean_visits", "5", "--output", str(tmp_path / "c.parquet")]) == 0
    config = dataclasses.replace(CONFIG, blend=("regression",), hierarchy="auto", test_fraction=0.2, valid_fraction=0.2)
    done = run(config, tmp_path, tmp_path / "c.parquet")
    fitted, cohort = FittedSplit.open(tmp_path / "r0s0"), Cohort.open(str(tmp_path / "c.parquet"))
    assert fitted.metrics["parts"][0]["name"].endswith("with ancestors)")
    assert fitted.hierarchy == cohort.hierarchy
    assert fitted.model.regression.ancestors == [40, 40, 20, 20, 0, 0]
    part = prediction.part_of(fitted, cohort, "test")
    saved = fitted.predictions("test").scores
    np.testing.assert_array_equal(
        prediction.score(fitted, part).probabilities, saved.probabilities[np.argsort(np.argsort(part.rows))]
    )
    (explained,) = explain_patients(fitted, cohort, [3])
    total = sum(visit.contribution for visit in explained.visits)
    assert explained.empty_logit + total == pytest.approx(explained.logit, abs=1e-4)
    _check_renamed(fitted, cohort)
    without = run(dataclasses.replace(config, hierarchy="none"), tmp_path / "without", tmp_path / "c.parquet")
    assert "ancestors" not in FittedSplit.open(tmp_path / "without" / "r0s0").metrics["parts"][0]["name"]
    assert done.mean["test_auc"] > without.mean["test_auc"] + 0.02


def _check_renamed(fitted, cohort):
    """A diagnosis with a new name is scored as if the regression had no term of the diagnosis itself."""
    store, code, new = cohort.store, int(np.bincount(cohort.store.dx).argmax()), 40
    other = Cohort(dataclasses.replace(store, dx=np.where(store.dx == code, np.int32(new), store.dx)))
    name = {"kind": "dx", "index": str(new), "system": "s", "code": "new", "display": ""}
    other.vocabulary = Vocabulary([*cohort.vocabulary.rows, name], cohort.vocabulary.by_index | {("dx", new): name})
    rows = [
        row._replace(system="s", code="new") for row in cohort.hierarchy.rows if row[0::2][:2] == ("dx", f"DX{code}")
    ]
    other.hierarchy = Hierarchy([*cohort.hierarchy.rows, *rows])
    before = prediction.predict(fitted, cohort).probabilities
    predictions = prediction.predict(fitted, other, unknown_codes="ancestor")
    assert predictions.by_ancestor.sum() == (store.dx == code).sum() and not predictions.dropped.any()
    regression = fitted.model.regression
    keys, pairs = regression.keys.numpy(), regression.pairs.numpy()
    of_code = np.where(keys < 0, -1 - keys, keys // 2**32) == code  # alone, or in a pair with an order
    for weights in (regression.presence, regression.log_count):
        weights.assign(np.where(of_code, 0, weights.numpy()))
    for weights in (regression.both, regression.order):
        weights.assign(np.where((pairs == code).any(axis=1), 0, weights.numpy()))
    expected = prediction.predict(fitted, cohort).probabilities
    np.testing.assert_allclose(predictions.probabilities, expected, rtol=1e-5)
    assert np.abs(expected - before).max() > 1e-3
