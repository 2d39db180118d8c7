"""The benchmarks run, their tables are right, and the dense model computes the same numbers as the packed one."""

import doctest
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from support import cohorts

from benchmarks import goals, measurements, paper_export, run, tables, timed_commands
from benchmarks.dense_model import DenseMiME, dense_batch
from benchmarks.lab import Lab, TaskError
from benchmarks.laps import Laps
from benchmarks.paper_cohort import paper_cohort, paper_sizes
from benchmarks.timed_layouts import _finish
from benchmarks.timed_training import require_finite, steady_and_start
from mime_tf import MiME
from mime_tf.batches import datasets
from mime_tf.data import pickled, sizes
from mime_tf.losses import LogLoss
from mime_tf.splits.split import Part

ROOT = Path(__file__).resolve().parents[2]
VOCABULARY = {"num_dx": cohorts.NUM_DX, "num_rx": cohorts.NUM_RX, "num_pr": cohorts.NUM_PR}
SLOTS = {"max_dx_per_visit": 4, "max_rx_per_dx": 5, "max_pr_per_dx": 3}
WIDTHS = {"emb_size": 5, "dxobj_emb_size": 6, "rnn_size": 7}

# An empty visit, a last visit that is empty, repeated codes, repeated visits and patients of one visit.
FIRST, SECOND = [[0, [1, 1, 2], [3]], [5, [], []]], [[2, [4], [0, 0, 1]]]
PATIENTS = [[FIRST], [FIRST, [], SECOND], [SECOND, SECOND, FIRST, []], [[[3, [0, 1, 2, 3, 4], []]]], [SECOND]]
LABELS = np.array([0, 1, 1, 0, 1])


def both_models(aux_lambda):
    """The packed and the dense model with the same weights, none of them zero, and their batches of PATIENTS."""
    packed = MiME(**VOCABULARY, **WIDTHS, aux_lambda=aux_lambda, aux_heads=True, max_dx_per_visit=4)
    dense = DenseMiME(**VOCABULARY, **WIDTHS, aux_lambda=aux_lambda)
    random = np.random.default_rng(0)
    weights = [random.normal(0, 0.5, weight.shape).astype(np.float32) for weight in packed.get_weights()]
    packed.set_weights(weights)
    dense.set_weights(weights)
    store = pickled.from_lists(PATIENTS)
    part = Part(np.arange(len(PATIENTS)), store, LABELS)
    inputs, labels = next(iter(datasets.training_batches(part, [0], len(PATIENTS))))
    return packed, dense, inputs, dense_batch(store, SLOTS), labels


@pytest.mark.parametrize("aux_lambda", [0.0, 0.1])
def test_the_dense_model_computes_the_numbers_of_the_packed_one(aux_lambda):
    packed, dense, inputs, dense_inputs, labels = both_models(aux_lambda)
    predictions = packed(inputs)
    np.testing.assert_allclose(dense(dense_inputs), predictions, rtol=0, atol=1e-5)
    packed.compile(loss=LogLoss())
    total = packed.compute_loss(inputs, labels, predictions)
    np.testing.assert_allclose(dense.total_loss(dense_inputs, labels), total, rtol=1e-5)


def test_a_step_of_the_dense_model_is_one_of_the_packed_model():
    packed, dense, inputs, dense_inputs, labels = both_models(0.1)
    for model, batch in ((packed, inputs), (dense, dense_inputs)):
        model.compile(keras.optimizers.SGD(0.1), loss=LogLoss())
        model.train_step((tf.nest.map_structure(tf.constant, batch), labels))
    for got, expected in zip(dense.get_weights(), packed.get_weights(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


def test_a_paper_cohort_fits_the_sizes_of_the_authors_main():
    store, labels = paper_cohort(50, seed=3, visits=6, codes_factor=2)
    assert len(store) == len(labels) == 50
    assert sizes.resolve(store, paper_sizes(2), "cohort") == paper_sizes(2)


def test_steady_rate_and_start():
    # Ten updates a lap; the machine is as fast throughout but during the last lap. The first lap holds 12 s of start.
    seconds, readings = [12.0 + 2.2, 2.0, 2.0, 4.0], [100.0, 100.0, 100.0, 100.0, 0.0]
    moments = iter(itertools.accumulate([0.0, *(part for lap in seconds for part in (lap, 60.0))]))
    laps = Laps(iter(readings).__next__, moments.__next__)
    for _ in seconds:
        laps.lap()
    assert laps.seconds == pytest.approx(seconds)
    assert laps.gflops() == [100, 100, 100, 50]
    times = steady_and_start(laps, 10)
    assert times["cost"] == pytest.approx(20)
    assert times["ms_per_step"] == pytest.approx(300)
    assert times["gflops"] == [0, 100]
    assert times["start_s"] == pytest.approx(12)


def test_a_run_that_holds_a_nan_is_not_timed(tmp_path):
    history = tmp_path / "history.csv"
    for losses, sound in (("0.5,0.25", True), ("nan,0.25", False), ("0.5,", False), ("inf,0.25", False)):
        history.write_text(f"iteration,loss,valid_loss,valid_auc\n100,0.7,0.7,nan\n200,{losses},0.5\n")
        if sound:
            require_finite(history)
        else:
            with pytest.raises(ValueError, match=r"loss was .* at iteration 200: nothing to time"):
                require_finite(history)


def test_a_bare_step_that_holds_a_nan_is_not_timed():
    _finish({"loss": tf.constant(0.5)})
    with pytest.raises(ValueError, match="loss was nan after a step: nothing to time"):
        _finish({"loss": tf.constant(np.nan)})


def test_every_measurement_can_be_asked_for_and_has_a_table():
    assert set(run.parse([]).only) == set(measurements.ALL) == set(tables.TABLES)
    assert run.parse(["--only", "step,dense"]).only == ["step", "dense"]


def test_an_unknown_measurement_is_reported_in_one_line(capsys):
    with pytest.raises(SystemExit) as stop:
        run.parse(["--only", "step,growht"])
    assert stop.value.code == 2
    assert "--only: found 'growht'; must be of step, sample," in capsys.readouterr().err.splitlines()[-1]


def test_a_table_has_targets_and_figures_measured_elsewhere():
    rows = [goals.target_row({"per_trained": 4, "cost": 4.5}), *goals.elsewhere_rows(goals.ELSEWHERE["step"][0.0])]
    assert ">= 4" in tables.table("scoring", rows)
    text = tables.table("step", rows)
    assert "<= 4.5" in text
    assert "| 1,430-1,800 " in text and "| 257-324 " in text


@pytest.mark.parametrize("module", [goals, tables])
def test_examples(module):
    assert doctest.testmod(module).failed == 0


def test_missing_packages_are_reported_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(run, "NEEDED", ("json", "no_such_module"))
    assert run.main(["--quick"]) == 2
    assert capsys.readouterr().err == "run.py: needs no_such_module: pip install no_such_module\n"


def test_an_output_that_cannot_be_made_is_reported_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(run, "NEEDED", ())
    (tmp_path / "file").write_text("")
    assert run.main(["--output", str(tmp_path / "file" / "out")]) == 2
    assert capsys.readouterr().err == f"run.py: {tmp_path / 'file' / 'out'}: Not a directory\n"


def test_a_task_that_fails_is_an_error(tmp_path):
    with pytest.raises(TaskError, match="exit status 1"):
        Lab(tmp_path, products=1).measure("nothing", "benchmarks.goals:nothing")


TURNS = """
from benchmarks.child import gflops
def task(name, path):
    for _ in range(3):
        gflops()
        with open(path, "a") as file:
            file.write(name)
    return {"name": name}
"""


def test_tasks_in_turn(tmp_path, monkeypatch):
    (tmp_path / "turns.py").write_text(TURNS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = tmp_path / "order"
    tasks = [("turns:task", {"name": name, "path": str(path)}) for name in "abc"]
    results = Lab(tmp_path, products=1).measure_in_turn("turns", *tasks)
    assert [result["name"] for result in results] == ["a", "b", "c"]
    assert path.read_text() == "abcabcabc"


def test_a_command_is_timed_to_a_line_and_to_its_end():
    done = timed_commands.run(["--help"], until="usage: mime-tf")
    assert 0 < done["seconds"] < 60 and 0 < done["cpu_s"] < 60
    assert done["peak_gb"] > 0.005  # without an upper bound: a process starts with its parent's peak as its own


@pytest.mark.parametrize(("argv", "status", "until"), [(["evalute"], 0, None), (["--help"], 0, "round:")])
def test_a_command_that_does_something_else_is_not_timed(argv, status, until):
    with pytest.raises(ValueError, match=rf"^{argv[0]}: exit status [02]: "):
        timed_commands.run(argv, status, until)


def test_a_paper_export_is_the_paper_cohort(tmp_path):
    """Each table has the rows of its level, and an order's reason is the diagnosis of its Dx-object."""
    parquet = pytest.importorskip("pyarrow.parquet")
    paper_export.write(tmp_path / "export", patients=5, seed=3)
    store, labels = paper_cohort(patients=5, seed=3)
    read = {path.stem: parquet.read_table(path).to_pydict() for path in (tmp_path / "export").iterdir()}
    assert read["visits"]["patient"] == np.repeat(np.arange(5), store.visit_counts).tolist()
    assert read["diagnoses"]["code"] == [f"dx{code}" for code in store.dx]
    of_rx = np.repeat(np.arange(len(store.dx)), np.diff(store.rx_offsets))
    assert read["rx"]["code"] == [f"rx{code}" for code in store.rx]
    assert read["rx"]["reason"] == [f"dx{store.dx[dxobject]}" for dxobject in of_rx]
    assert read["rx"]["visit"] == [read["diagnoses"]["visit"][dxobject] for dxobject in of_rx]
    stays = parquet.read_table(tmp_path / "export_labels.parquet").to_pydict()
    assert stays["boolean_value"] == labels.astype(bool).tolist()
    last = {patient: start for patient, start in zip(read["visits"]["patient"], read["visits"]["start"], strict=True)}
    assert [(time - last[patient]).days for patient, time in enumerate(stays["prediction_time"])] == [1] * 5


@pytest.mark.slow
@pytest.mark.parametrize("aux_lambda", [0.0, 0.1])
def test_the_model_in_pytorch_computes_the_loss_of_mime(aux_lambda, tmp_path):
    pytest.importorskip("torch")
    from benchmarks.scales import NARROW
    from benchmarks.timed_torch import compare

    pickled.write(tmp_path / "cohort", *paper_cohort(100, visits=4))
    settings = {"split_seeds": [0], "num_iter": 10, "eval_period": 10, "aux_lambda": aux_lambda, **paper_sizes()}
    losses = compare(str(tmp_path / "cohort"), settings | NARROW)["losses"]
    np.testing.assert_allclose(*np.transpose(losses), rtol=1e-5)


@pytest.mark.slow
def test_a_quick_run(tmp_path):
    pytest.importorskip("matplotlib")
    command = [sys.executable, ROOT / "benchmarks" / "run.py", "--quick", "--only", "step,dense", "--output", "out"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"benchmark.json", "steps.png"}
    report = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    assert report["quick"] and report["versions"]["tensorflow"] == tf.__version__
    assert set(report["measurements"]) == {"step", "dense"}
    for name, rows in report["measurements"].items():
        assert tables.table(name, rows) in done.stdout
        for row in rows:
            if row["kind"] == "measured":
                lowest, highest = (row["ms_per_step"] * gflops / 1000 for gflops in row["gflops"])
                assert 0.2 * lowest < row["cost"] < 5 * highest and 0.1 < row["peak_gb"] < 20
    dense, packed = report["measurements"]["dense"]
    assert packed["gain"] > 3 and dense["longest"] == packed["longest"]
