"""Whole runs of a single network that reads age, sex and the days of visits beside the codes."""

import dataclasses
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from support.killing import Killer, every_state_is_saved  # noqa: F401
from support.whole_runs import SIZES, change, check_same, run

from mime_tf.commands.train import Parser
from mime_tf.config import TrainConfig
from mime_tf.data import parquet, pickled, visit_days
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.explain.patients import explain_patients
from mime_tf.export.saved_model import export
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.scoring import prediction
from mime_tf.training.beside_codes import BesideCodes

CONFIG = TrainConfig(
    **SIZES,
    batch_size=20,
    num_iter=400,
    eval_period=50,
    learning_rate=0.03,
    split_seeds=(0,),
    valid_fraction=0.2,
    test_fraction=0.3,
    emb_activation="linear",
    order_activation="tanh",
    age_sex="auto",
    visit_days="auto",
    tensorboard=False,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on 300 patients whose records are all the same: the risk is in the age, and in when the visit was."""
    folder, rng = tmp_path_factory.mktemp("beside"), np.random.default_rng(3)
    days, ages = rng.integers(0, 400, 300), rng.integers(30, 90, 300)
    labels = ((days < 150) & (ages > 45)).astype(int)
    store = pickled.from_lists([[[[0, [0], []]], [[1, [], [0]]]]] * 300)
    parquet.write(folder / "c.parquet", store, labels)
    pairs = np.stack([days + 30, days], axis=1)
    visit_days.write(folder / "visits.csv", store, pairs.reshape(-1))
    (folder / "patients.csv").write_text("\n".join(["age,sex", *(f"{age},F" for age in ages), ""]))
    path = str(folder / "c.parquet")
    done = run(CONFIG, folder / "out", path)
    fitted = FittedSplit.open(folder / "out" / "r0s0")
    return SimpleNamespace(folder=folder, path=path, done=done, days=pairs, ages=ages, fitted=fitted)


def test_they_are_read_and_predict(trained):
    fitted, cohort = trained.fitted, Cohort.open(trained.path)
    assert fitted.model.reads_days and len(fitted.model.attributes["age"]) == 2
    assert fitted.metrics["test_auc"] > 0.9  # the codes alone tell nothing
    scores = prediction.predict(fitted, cohort).probabilities
    part, saved = prediction.part_of(fitted, cohort, "test"), fitted.predictions("test").scores
    rescored = prediction.score(fitted, part).probabilities
    np.testing.assert_array_equal(rescored, saved.probabilities[np.argsort(np.argsort(part.rows))])
    for explained in explain_patients(fitted, cohort, [2, 3]):
        total = sum(visit.contribution for visit in explained.visits)
        assert explained.empty_logit + total == pytest.approx(explained.logit, abs=1e-3)
        assert explained.probability == pytest.approx(float(scores[explained.row]), abs=1e-5)
        assert any("at the times of the patient's own" in remark for remark in explained.remarks)


def test_a_killed_run_goes_on_to_the_same_bits(trained, tmp_path, monkeypatch, every_state_is_saved):  # noqa: F811
    killer = Killer(monkeypatch)
    assert killer.run(
        lambda come, count: (come, count) == ("after write state.npz", 2), tmp_path, CONFIG, cohort=trained.path
    )
    resumed = run(CONFIG, tmp_path, trained.path)
    assert any("going on from iteration" in line for line in resumed.err)
    check_same(tmp_path, trained.folder / "out")


def test_a_run_does_not_go_on_with_other_days_or_ages(trained, tmp_path):
    others = {
        "visits.csv": lambda row: [*row[:-1], "0"] if row[1] == "1" else row,
        "patients.csv": lambda row: ["50", "F"],
    }
    for name, other in others.items():
        data = tmp_path / name
        shutil.copytree(trained.folder, data)
        header, *rows = (data / name).read_text().split()
        lines = [header, *(",".join(other(row.split(","))) for row in rows), ""]
        (data / name).write_text("\n".join(lines))
        with pytest.raises(InputError, match="or what is read beside codes, are others"):
            run(CONFIG, data / "out", str(data / "c.parquet"))


@pytest.mark.parametrize("flag", ["age_sex", "visit_days"])
def test_a_model_that_reads_what_its_flags_leave_out_is_refused(flag, trained, tmp_path):
    folder = shutil.copytree(trained.folder / "out" / "r0s0", tmp_path / "r0s0")
    change(folder / "config.json", "flags", flag, to="none")
    with pytest.raises(InputError, match=rf"r0s0: {flag} is none in config\.json, and model\.keras reads it; damaged"):
        prediction.predict(FittedSplit.open(folder), Cohort.open(trained.path))


def test_a_cohort_without_them_is_refused(trained, tmp_path):
    opened = Cohort.open(trained.path)
    pickled.write(tmp_path / "new", opened.store, opened.labels)
    with pytest.raises(InputError, match=r"no visits\.csv beside it"):
        prediction.predict(trained.fitted, Cohort.open(str(tmp_path / "new")))


def test_an_export_takes_them(trained, tmp_path):
    cohort = Cohort.open(trained.path)
    card = export(trained.fitted, str(tmp_path / "served"), bootstrap=5)
    assert "reads the order of visits and the days from each to the prediction time, age and sex, and does not" in card
    served = tf.saved_model.load(str(tmp_path / "served")).signatures["json"]
    record = [[{"dx": "0", "rx": ["0"], "pr": []}], [{"dx": "1", "rx": [], "pr": ["0"]}]]
    answer = served(
        patients=tf.constant([json.dumps({"visits": record})] * 4),
        age=tf.constant(trained.ages[:4].astype(np.float32)),
        sex=tf.constant(["F"] * 4),
        days_before=tf.constant(trained.days[:4].astype(np.int32)),
    )
    expected = prediction.predict(trained.fitted, cohort).probabilities[:4]
    np.testing.assert_allclose(answer["probability"], expected, rtol=1e-4)


def test_nothing_is_read_unless_asked_for(trained):
    cohort = Cohort.open(trained.path)
    assert BesideCodes.of(dataclasses.replace(CONFIG, age_sex="none", visit_days="none"), cohort).arguments == {
        "visit_days": False,
        "attributes": None,
    }
    # Ages by hand: mean and standard deviation of all patients; one sex tells nobody apart.
    found = BesideCodes.of(CONFIG, cohort)
    np.testing.assert_allclose(found.values[:, 0], (trained.ages - trained.ages.mean()) / trained.ages.std())
    assert found.values.shape == (300, 2) and found.days.tolist() == trained.days.reshape(-1).tolist()


def test_the_recipe_takes_them_without_a_regression_too():
    parsed = Parser("train").parse_args(["cohort", "out/", "log", "--recipe", "--blend=bilinear"])
    assert (parsed.config.age_sex, parsed.config.visit_days) == ("auto", "auto")
