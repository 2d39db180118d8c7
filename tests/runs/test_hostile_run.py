"""Values in the small files of a run that are out of all proportion, or no numbers: one line for each."""

import json
import os

import numpy as np
import pytest

from mime_tf.config import TrainConfig
from mime_tf.errors import InputError
from mime_tf.runs import results
from mime_tf.runs.record import Record
from mime_tf.training import run as training_run
from mime_tf.training.beside_codes import NOTHING


def refused(action, *arguments):
    with pytest.raises(InputError) as error:
        action(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


RECORD = {"flags": {}, "log": "log", "data": {}, "input": None, "log_lines": [], "mean": None, "versions": {}}
MEAN = {f"{part}_{name}": 0.5 for part in ("valid", "test") for name in ("loss", "auc", "aucpr")}


def record(folder, **content):
    (folder / "run.json").write_text(json.dumps(RECORD | content))
    return str(folder / "run.json")


def test_more_folds_than_memory_has_numbers_for(tmp_path):
    path = record(tmp_path, flags={"folds": 10**9})
    assert refused(Record.read, path) == f"{path}: flags: folds: found 1000000000; must be 0, or from 2 to 10000"
    assert len(Record.read(record(tmp_path, flags={"folds": 10_000})).folders) == 10_000


@pytest.mark.parametrize("mean", [{}, MEAN | {"test_auc": "0.5"}, MEAN | {"test_auc": [1]}, MEAN | {"test_auc": True}])
def test_means_that_are_none(mean, tmp_path):
    assert "run.json: mean: found" in refused(Record.read, record(tmp_path, mean=mean))
    assert Record.read(record(tmp_path, mean=MEAN | {"test_auc": None})).finished


@pytest.mark.parametrize("value", ['"0.5"', "[]", "true", "1e300", "1e999", "Infinity", "NaN", "{}"])
@pytest.mark.parametrize("name", ["valid_loss", "test_aucpr", "iteration"])
def test_results_that_are_no_numbers(name, value, tmp_path):
    (tmp_path / "metrics.json").write_text(f'{{"iteration": 3, "valid_loss": 0.5, "{name}": {value}}}')
    assert f"{tmp_path}/metrics.json: " in refused(results.read_metrics, tmp_path)


def test_results(tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps(MEAN | {"iteration": 3, "test_auc": None}))
    assert results.read_metrics(tmp_path) == MEAN | {"iteration": 3, "test_auc": None}


@pytest.mark.parametrize("value", ["text", "nan", "inf", "1e400", ""])
def test_iterations_that_are_no_numbers(value, tmp_path):
    (tmp_path / "history.csv").write_text(f"iteration,valid_loss\n1,0.5\n{value},0.5\n")
    assert "history.csv: column iteration: " in refused(results.read_history, tmp_path)


def test_losses_that_are_infinite(tmp_path):
    """A split that diverged leaves such; nothing of them can be drawn."""
    (tmp_path / "history.csv").write_text("iteration,loss,valid_loss\n1,inf,0.5\n2,-inf,\n3,1e300,nan\n")
    history = results.read_history(tmp_path)
    assert history["iteration"].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(history["loss"], [np.nan] * 3)
    np.testing.assert_array_equal(history["valid_loss"], [0.5, np.nan, np.nan])
    (tmp_path / "history.csv").write_text("iteration,valid_loss\n1,x\n")
    assert "column valid_loss" in refused(results.read_history, tmp_path)


def test_rows_out_of_range(tmp_path):
    (tmp_path / "p.csv").write_text("row,label,probability,empty\n1e30,0,0.5,0\n")
    assert "column row" in refused(results.read_predictions, str(tmp_path / "p.csv"))
    (tmp_path / "p.csv").write_text("row,label,probability,empty\n0,0,0.5,0\n1,1\n")
    assert "row 3: 2 fields; the header has 4" in refused(results.read_predictions, str(tmp_path / "p.csv"))


def test_pipes_in_a_run(tmp_path):
    for name in ("run.json", "metrics.json", "history.csv", "p.csv"):
        os.mkfifo(tmp_path / name)
    says = "is a named pipe; a regular file is needed"
    assert says in refused(Record.read, str(tmp_path / "run.json"))
    assert says in refused(results.read_metrics, tmp_path)
    assert says in refused(results.read_history, tmp_path)
    assert says in refused(results.read_predictions, str(tmp_path / "p.csv"))


def test_sizes_that_no_machine_has_memory_for(monkeypatch):
    sizes = {"num_dx": 2_000_000_000, "num_rx": 5, "num_pr": 5}
    message = refused(training_run._check_memory, TrainConfig(), sizes, None, NOTHING)
    assert "weights of shape (2000000000, 200)" in message and "takes 6,400.0 GB or more" in message
    small = TrainConfig(dx_emb_size=1, rx_emb_size=1, pr_emb_size=1, dxobj_emb_size=1, visit_emb_size=1, rnn_size=1)
    monkeypatch.setattr(training_run.environment, "memory", lambda: 4 * 4 * 33)
    # 15 of the embeddings, 6 of three dense layers, 9 of the recurrence, 2 of the prediction: 32
    training_run._check_memory(small, {"num_dx": 5, "num_rx": 5, "num_pr": 5}, None, NOTHING)
    more = {"num_dx": 7, "num_rx": 5, "num_pr": 5}
    assert "there are 0.0 GB" in refused(training_run._check_memory, small, more, None, NOTHING)
