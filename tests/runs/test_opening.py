"""Runs on disk: the run or fitted split that a path names, and its parts."""

import json
import os
import shutil

import pytest
from support.whole_runs import COHORT, SMALL
from support.whole_runs import run as train_run

from mime_tf.config import TrainConfig
from mime_tf.errors import InputError
from mime_tf.runs.opening import fitted_split
from mime_tf.runs.run import Run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run of two splits."""
    folder = tmp_path_factory.mktemp("trained")
    train_run(SMALL, folder)
    return folder


@pytest.fixture
def copy(trained, tmp_path):
    """A copy of the run, to be spoiled."""
    return shutil.copytree(trained, tmp_path / "copy", ignore=shutil.ignore_patterns("tensorboard"))


def record(**flags):
    """The text of a run.json."""
    content = {"flags": flags, "log": "log.log", "data": {}, "input": "hf", "log_lines": [], "mean": None}
    return json.dumps(content | {"versions": {}})


def folders(path):
    return list(Run.open(path).folders)


# Which run a path names.


def test_a_run_is_found_by_each_of_its_names(trained, monkeypatch):
    both = [f"{trained}/r0s0", f"{trained}/r0s1"]
    assert folders(trained / "r0s1") == [both[1]]
    assert folders(f"{trained}/") == folders(f"{trained}/run.json") == both
    assert [os.path.abspath(folder) for folder in folders(trained)] == both
    monkeypatch.chdir(trained)
    assert folders("") == ["r0s0", "r0s1"]


def test_folds_are_found(tmp_path):
    (tmp_path / "cv_run.json").write_text(record(random_seed=3, folds=2))
    folds = [f"{tmp_path}/cv_r3s0", f"{tmp_path}/cv_r3s1"]
    assert folders(f"{tmp_path}/cv_") == folders(tmp_path) == folds
    (tmp_path / "b_run.json").write_text("{}")
    with pytest.raises(InputError, match=r"holds 2 runs; give one of the prefixes, such as .*/b_, .*/cv_"):
        Run.open(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        "null",
        "no",
        "[" * 100_000,
        record(split_seeds=3),
        record(random_seed=-1),
        record().replace("[]", "[-1]"),
        record().replace("[]", "0"),
    ],
)
def test_a_damaged_record_is_refused(text, tmp_path):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json: ") as raised:
        Run.open(tmp_path)
    assert "\n" not in str(raised.value)


def test_a_path_that_names_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="neither the folder of a fitted split"):
        Run.open(tmp_path / "no")


# Splits of a run.


def test_splits_of_a_run(trained):
    run = Run.open(trained)
    assert repr(run) == f"Run('{trained}', 2 splits, 2 finished)"
    assert [split.name for split in run.splits] == [results.name for results in run.results] == ["r0s0", "r0s1"]
    assert [split.config for split in run.splits] == [SMALL, SMALL]
    assert run.record.config == SMALL
    assert (run.record.content["input"], run.record.finished) == (COHORT, True)


def test_unfinished_splits_are_left_out(copy):
    (copy / "r0s0" / "metrics.json").unlink()
    run = Run.open(copy)
    assert [split.name for split in run.splits] == ["r0s1"]
    assert len(run.folders) == 2
    (copy / "r0s1" / "metrics.json").unlink()
    for name in ("splits", "results"):
        with pytest.raises(InputError, match=r"copy: no finished split, for metrics\.json is missing in .*r0s0"):
            getattr(Run.open(copy), name)


# The one fitted split that a path names.


def test_a_fitted_split_is_found_by_its_folder(trained):
    assert fitted_split(trained / "r0s1").name == "r0s1"


def test_a_run_of_several_fitted_splits_is_refused(trained):
    with pytest.raises(InputError) as raised:
        fitted_split(trained)
    run = str(trained)
    assert str(raised.value) == (
        f"{run}: a run with 2 fitted splits; one is needed: {run}/r0s0, {run}/r0s1; predict, evaluate, validate "
        "and monitor take their mean"
    )


def test_a_run_of_one_fitted_split_names_it(copy):
    shutil.rmtree(copy / "r0s0")
    for path in (copy, f"{copy}/", f"{copy}/run.json"):
        assert fitted_split(path).name == "r0s1"
    (copy / "r0s1" / "metrics.json").unlink()  # interrupted, with the best model so far
    assert "unfinished" in fitted_split(copy).notes[0]
    (copy / "r0s1" / "model.keras").unlink()
    with pytest.raises(InputError, match=r"a run with no fitted split yet; one is needed: .*r0s0, .*r0s1"):
        fitted_split(copy)


def test_a_run_of_one_split_that_is_not_fitted_yet(tmp_path):
    (tmp_path / "run.json").write_text(record(split_seeds=[7]))
    with pytest.raises(InputError, match="r0s7: not the folder of a fitted split"):
        fitted_split(tmp_path)


def test_a_record_keeps_the_flags(trained):
    assert Run.open(trained).record.config != TrainConfig()
