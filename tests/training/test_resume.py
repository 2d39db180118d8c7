"""A run that is killed or stopped: the same command ends with the same bits, and nothing else is touched."""

import contextlib
import dataclasses
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from support.curves import check_curves
from support.killing import CONFIG, Killer, every_state_is_saved  # noqa: F401
from support.whole_runs import (
    COHORT,
    MEAN,
    ROOT,
    SMALL,
    arguments,
    check_same,
    check_split_files,
    command,
    contents,
    environment,
    read_table,
    run,
    weights,
    write_cohort,
)

from mime_tf.data import pickled
from mime_tf.errors import InputError
from mime_tf.scoring.scorer import Scorer
from mime_tf.training import callbacks
from mime_tf.training import run as training_run
from mime_tf.training.state import State


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The folder of a run of CONFIG that was left in peace, and its output."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    return folder, run(CONFIG, folder)


@pytest.fixture
def killer(monkeypatch):
    return Killer(monkeypatch)


# A moment, and at which occurrence of it in the run: a split has 3 evaluations, SMALL 2 splits.
MOMENTS = {
    "before the run's record": ("before write run.json", 1),
    "before the first state": ("before write state.npz", 1),
    "after the first state": ("after write state.npz", 1),
    "in the second evaluation": ("after write state.npz", 2),
    "between model and history": ("after write model.keras", 1),
    "before the metrics": ("before write metrics.json", 1),
    "after the metrics": ("after write metrics.json", 1),
    "between the note of the log's first line and the line": ("after write run.json", 2),
    "inside the log's first line": ("inside log line", 1),
    "after the log's first line": ("after log line", 1),
    "after the second split's first state": ("after write state.npz", 4),
    "inside the mean line": ("inside log line", 3),
    "before the run's record of the end": ("before write run.json", 5),
}


@pytest.mark.parametrize(("moment", "number"), MOMENTS.values(), ids=MOMENTS)
def test_killed_once(moment, number, uninterrupted, killer, tmp_path):
    assert killer.run(lambda come, count: (come, count) == (moment, number), tmp_path)
    resumed = run(CONFIG, tmp_path)
    folder, done = uninterrupted
    check_same_but_for_litter(tmp_path, folder)
    assert resumed.mean == done.mean
    assert resumed.out[-1] == done.out[-1]
    assert set(resumed.out) <= set(done.out)


def check_same_but_for_litter(folder, other):
    """The tests below are about litter."""
    check_same(folder, other, but=[name for name in contents(folder) if is_litter(name)])


def is_litter(name):
    return name.endswith((".tmp", "state.npz")) or ".keras." in name


def test_a_kill_while_a_file_is_written_leaves_no_litter(killer, tmp_path):
    """A file that a killed process had begun is gone when the same command has finished."""
    for moment in ("state.npz", "model.keras", "metrics.json"):
        assert killer.run(lambda come, count, moment=moment: come == f"before write {moment}", tmp_path)
    run(CONFIG, tmp_path)
    for seed in CONFIG.split_seeds:
        check_split_files(tmp_path / f"r0s{seed}", CONFIG)


def test_a_kill_after_the_metrics_leaves_no_state(killer, tmp_path):
    assert killer.run(lambda come, count: come == "after write metrics.json", tmp_path)
    run(CONFIG, tmp_path)
    for seed in CONFIG.split_seeds:
        check_split_files(tmp_path / f"r0s{seed}", CONFIG)


@pytest.mark.parametrize("seed", [0, 1])
def test_killed_again_and_again(seed, uninterrupted, killer, tmp_path):
    """At random moments, most of them before it came far; it ends all the same."""
    chance = random.Random(seed)

    def at_random():
        moments = chance.randint(1, 30)
        return lambda come, count: len(killer.moments) == moments

    kills = 0
    while killer.run(at_random(), tmp_path):
        kills += 1
    assert kills >= 3
    check_same_but_for_litter(tmp_path, uninterrupted[0])


def test_resuming_repeats_no_evaluation(uninterrupted, killer, tmp_path):
    assert killer.run(lambda come, count: (come, count) == ("after write state.npz", 2), tmp_path)
    resumed = run(CONFIG, tmp_path)
    assert resumed.out == uninterrupted[1].out[2:]
    assert any("going on from iteration 6" in line for line in resumed.err)


def test_a_finished_split_is_not_trained_again(uninterrupted, killer, tmp_path):
    assert killer.run(lambda come, count: (come, count) == ("after write state.npz", 4), tmp_path)
    before = (tmp_path / "r0s0" / "model.keras").stat().st_mtime_ns
    resumed = run(CONFIG, tmp_path)
    assert resumed.out == uninterrupted[1].out[3:4] + uninterrupted[1].out[5:]
    assert (tmp_path / "r0s0" / "model.keras").stat().st_mtime_ns == before


def test_lines_of_others_in_the_log_stay(uninterrupted, killer, tmp_path):
    log = tmp_path / "log.log"
    log.write_text("before\n")
    assert killer.run(lambda come, count: (come, count) == ("after write state.npz", 4), tmp_path)
    with open(log, "a") as file:
        file.write("between\n")
    run(CONFIG, tmp_path)
    first, *others = (uninterrupted[0] / "log.log").read_text().splitlines()
    assert log.read_text().splitlines() == ["before", first, "between", *others]


def test_two_runs_with_one_log(uninterrupted, killer, tmp_path):
    """One that finishes while the other is stopped writes lines like the other's; both have theirs in the end."""
    assert killer.run(lambda come, count: (come, count) == ("after write state.npz", 4), tmp_path)
    training_run.train(CONFIG, COHORT, f"{tmp_path}/other_", f"{tmp_path}/log")
    run(CONFIG, tmp_path)
    lines = (uninterrupted[0] / "log.log").read_text().splitlines()
    assert sorted((tmp_path / "log.log").read_text().splitlines()) == sorted(lines * 2)


def test_other_cells_resume(killer, tmp_path):
    config = dataclasses.replace(CONFIG, rnn_cell="lstm", split_seeds=(0,), aux_lambda=0.0)
    run(config, tmp_path / "left in peace")
    assert killer.run(lambda come, count: (come, count) == ("after write state.npz", 2), tmp_path / "killed", config)
    run(config, tmp_path / "killed")
    check_same(tmp_path / "killed", tmp_path / "left in peace")


@pytest.mark.slow
@pytest.mark.filterwarnings("error:Model doesn't support `jit_compile=True`")
def test_compiled_runs_are_the_same_and_resume(killer, tmp_path):
    """On the sample, whose patients are alike: one shape, one compilation."""
    config = dataclasses.replace(CONFIG, jit_compile="on", split_seeds=(0,))
    options = {"cohort": ROOT / "sample"}
    at = ("after write state.npz", 2)
    run(config, tmp_path / "left in peace", **options)
    assert killer.run(lambda come, count: (come, count) == at, tmp_path / "killed", config, **options)
    for folder in ("killed", "again"):
        run(config, tmp_path / folder, **options)
        check_same(tmp_path / folder, tmp_path / "left in peace")


def test_one_class_resumes(killer, tmp_path):
    """NaN, which JSON does not know, goes through the state and the metrics."""
    patients = pickled.to_lists(pickled.read_seqs(f"{COHORT}.seqs"))
    write_cohort(tmp_path / "ones", patients, [1] * len(patients))
    options = {"cohort": tmp_path / "ones"}
    left_in_peace = run(CONFIG, tmp_path / "left in peace", **options)
    at = [("after write state.npz", 2), ("before write metrics.json", 1), ("before log line", 2)]
    for moment in at:
        assert killer.run(lambda come, count, moment=moment: (come, count) == moment, tmp_path / "killed", **options)
    resumed = run(CONFIG, tmp_path / "killed", **options)
    check_same_but_for_litter(tmp_path / "killed", tmp_path / "left in peace")
    assert resumed.out[-1] == left_in_peace.out[-1]
    assert "nan" in resumed.out[-1]
    assert len([line for line in resumed.err if "nan" in line]) == 1


# Ctrl-C inside this process.


def interrupt(monkeypatch, folder, number, config=CONFIG):
    """Runs until the set that is scored as `number`-th, counted from 1, and presses Ctrl-C there."""
    score, count = Scorer.__call__, itertools.count(1)

    def scored(scorer, batches):
        if next(count) == number:
            raise KeyboardInterrupt
        return score(scorer, batches)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Scorer, "__call__", scored)
        run(config, folder)


PARTIAL_FILES = {
    *("state.npz", "model.keras", "codes.json", "config.json", "flags.txt", "population.json", "history.csv"),
    *("code_counts.json", "predictions_valid.csv", "predictions_test.csv"),
}


@pytest.mark.parametrize("number", [1, 3, 5, 6])
def test_interrupted(number, uninterrupted, monkeypatch, tmp_path):
    interrupt(monkeypatch, tmp_path, number)
    folder = tmp_path / "r0s0"
    names = {path.name for path in folder.iterdir()}
    if number == 1:  # before there was anything to keep
        assert names == {"code_counts.json", "codes.json", "config.json", "flags.txt", "population.json"}
    elif "metrics.json" not in names:
        assert names == PARTIAL_FILES
        keras.models.load_model(folder / "model.keras")
        history = read_table(folder / "history.csv")
        assert history == read_table(uninterrupted[0] / "r0s0" / "history.csv")[: len(history)]
        assert 1 <= len(history) < 3
        kept = min(history, key=lambda row: float(row["valid_loss"]))
        whole = json.loads((uninterrupted[0] / "r0s0" / "metrics.json").read_text())
        if whole["iteration"] == int(kept["iteration"]):
            got, expected = (weights(each / "r0s0" / "model.keras") for each in (tmp_path, uninterrupted[0]))
            assert not [name for name in got if "optimizer" not in name and (got[name] != expected[name]).any()]
    assert (tmp_path / "log.log").read_text() in ("", (uninterrupted[0] / "log.log").read_text().splitlines(True)[0])
    run(CONFIG, tmp_path)
    check_same(tmp_path, uninterrupted[0])


def test_interrupted_and_killed_in_turn(uninterrupted, killer, monkeypatch, tmp_path):
    interrupt(monkeypatch, tmp_path, 3)
    assert killer.run(lambda come, count: come == "after write state.npz", tmp_path)
    interrupt(monkeypatch, tmp_path, 2)
    run(CONFIG, tmp_path)
    check_same_but_for_litter(tmp_path, uninterrupted[0])


def test_tensorboard_after_an_interruption(killer, monkeypatch, tmp_path):
    """The curves have every evaluation once, the projector and the results are those of a run left in peace."""
    interrupt(monkeypatch, tmp_path, 4, SMALL)
    run(SMALL, tmp_path)
    for seed in SMALL.split_seeds:
        check_curves(tmp_path / f"r0s{seed}", SMALL)


# A run that is finished, or another's.


def copied(folder, target):
    """A copy of a run, which ran with the log in `target`."""
    shutil.copytree(folder, target)
    path = target / "run.json"
    path.write_text(path.read_text().replace(str(folder), str(target)))
    return target


@pytest.fixture
def finished(uninterrupted, tmp_path):
    return copied(uninterrupted[0], tmp_path / "run")


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The folder of a run of CONFIG that was killed in its second split."""
    folder = tmp_path_factory.mktemp("killed")
    with pytest.MonkeyPatch.context() as patch:
        killer = Killer(patch)
        assert killer.run(lambda come, count: (come, count) == ("after write state.npz", 5), folder)
    return folder


@pytest.fixture
def unfinished(killed, tmp_path):
    return copied(killed, tmp_path / "run")


def positional(folder):
    return (COHORT, f"{folder}/", f"{folder}/log")


def test_finished_run_is_left_alone(finished):
    before = contents(finished)
    times = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    done = command(*positional(finished), *arguments(CONFIG))
    assert done.code == 0
    assert done.out == []
    (line,) = done.err
    assert "finished" in line
    assert "--overwrite" in line
    assert contents(finished) == before
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == times


def test_train_returns_the_results_of_a_finished_run(finished, uninterrupted):
    assert run(CONFIG, finished).mean == uninterrupted[1].mean


def test_overwrite_redoes_a_finished_run(finished, uninterrupted):
    (finished / "r0s0" / "notes.txt").write_text("mine")
    (finished / "notes.txt").write_text("mine")
    done = command(*positional(finished), *arguments(CONFIG), "--overwrite")
    assert done.code == 0
    assert done.out == uninterrupted[1].out
    lines = (uninterrupted[0] / "log.log").read_text()
    assert (finished / "log.log").read_text() == 2 * lines
    for name in ("notes.txt", "r0s0/notes.txt"):
        assert (finished / name).read_text() == "mine"
    got, expected = contents(finished), contents(uninterrupted[0])
    assert got.keys() - expected.keys() == {"notes.txt", "r0s0/notes.txt"}
    assert [name for name in expected if got[name] != expected[name]] == ["log.log", "run.json"]


def test_overwrite_with_other_flags_leaves_nothing_of_the_first_run(unfinished):
    config = dataclasses.replace(CONFIG, split_seeds=(1,), num_iter=1, eval_period=1)
    (unfinished / "r0s0" / "tensorboard").mkdir()
    done = command(*positional(unfinished), *arguments(config), "--overwrite")
    assert done.code == 0
    assert {path.name for path in unfinished.iterdir()} == {"log.log", "run.json", "r0s1"}
    check_split_files(unfinished / "r0s1", config)


def test_overwrite_that_was_killed(finished, uninterrupted, killer, tmp_path):
    """It can be done again, and until then the run is not taken for finished."""
    assert killer.run(lambda come, count: come == "before remove model.keras", finished, overwrite=True)
    assert killer.run(lambda come, count: (come, count) == ("after write state.npz", 2), finished, overwrite=True)
    assert json.loads((finished / "run.json").read_text())["mean"] is None
    run(CONFIG, finished)
    got, expected = contents(finished), contents(uninterrupted[0])
    assert [name for name in expected if got[name] != expected[name]] == ["log.log", "run.json"]


def test_results_of_an_overwritten_run_are_not_taken_for_the_new_one_s(finished, killer, tmp_path):
    config = dataclasses.replace(CONFIG, learning_rate=0.05)
    assert killer.run(lambda come, count: come == "before remove model.keras", finished, config, overwrite=True)
    with pytest.raises(InputError, match="--overwrite"):
        run(config, finished)
    run(config, finished, overwrite=True)
    run(config, tmp_path / "left in peace")
    for seed in CONFIG.split_seeds:
        check_same(finished / f"r0s{seed}", tmp_path / "left in peace" / f"r0s{seed}")


def test_a_run_half_discarded_is_not_taken_for_finished(finished, killer):
    assert killer.run(lambda come, count: come == "before remove model.keras", finished, overwrite=True)
    done = command(*positional(finished), *arguments(CONFIG))
    assert done.code == 2 or MEAN.fullmatch(done.out[-1]), done


@pytest.mark.parametrize("state", ["finished", "unfinished"])
def test_other_flags(state, request):
    folder = request.getfixturevalue(state)
    before = contents(folder)
    changed = dataclasses.replace(CONFIG, learning_rate=0.25, split_seeds=(0, 1, 2), num_dx=40)
    done = command(*positional(folder), *arguments(changed))
    assert done.code == 2
    assert done.out == []
    (line,) = done.err
    assert line.startswith("train.py: ")
    assert state in line
    for part in ("learning_rate", "0.1", "0.25", "split_seeds", "[0, 1]", "[0, 1, 2]", "num_dx", "None", "40"):
        assert part in line
    for name in set(vars(CONFIG)) - {"learning_rate", "split_seeds", "num_dx"}:
        assert f" {name} is" not in line
    assert contents(folder) == before


@pytest.mark.parametrize("state", ["finished", "unfinished"])
def test_other_data(state, request, tmp_path):
    folder = request.getfixturevalue(state)
    before = contents(folder)
    store, labels = pickled.read(COHORT)
    pickled.write(tmp_path / "other", store, 1 - labels)
    done = command(tmp_path / "other", *positional(folder)[1:], *arguments(CONFIG))
    assert done.code == 2
    (line,) = done.err
    assert "data" in line
    assert contents(folder) == before


def test_the_same_data_elsewhere_will_do(unfinished, uninterrupted, tmp_path):
    for kind in ("seqs", "labels"):
        shutil.copy(f"{COHORT}.{kind}", tmp_path / f"moved.{kind}")
    assert run(CONFIG, unfinished, tmp_path / "moved").mean == uninterrupted[1].mean


@pytest.mark.parametrize("state", ["finished", "unfinished"])
def test_another_log(state, request, tmp_path):
    """It is an error, and makes nothing."""
    folder = request.getfixturevalue(state)
    before = contents(tmp_path)
    done = command(*positional(folder)[:2], tmp_path / "elsewhere" / "log", *arguments(CONFIG))
    assert done.code == 2
    (line,) = done.err
    assert str(tmp_path / "elsewhere") in line
    assert contents(tmp_path) == before
    assert not (tmp_path / "elsewhere").exists()


def test_noresume(unfinished, uninterrupted):
    before = contents(unfinished)
    done = command(*positional(unfinished), *arguments(CONFIG), "--noresume")
    assert done.code == 2
    (line,) = done.err
    assert "unfinished" in line
    assert contents(unfinished) == before
    with pytest.raises(InputError):
        run(CONFIG, unfinished, resume=False)
    assert command(*positional(unfinished), *arguments(CONFIG)).out[-1] == uninterrupted[1].out[-1]


def test_noresume_leaves_a_finished_run_alone_too(finished):
    before = contents(finished)
    assert command(*positional(finished), *arguments(CONFIG), "--noresume").code == 0
    assert contents(finished) == before


def test_folder_of_another(tmp_path):
    """A split's folder that no run made is nobody's to write into."""
    (tmp_path / "r0s1").mkdir()
    (tmp_path / "r0s1" / "thesis.txt").write_text("mine")
    done = command(*positional(tmp_path), *arguments(CONFIG))
    assert done.code == 2
    (line,) = done.err
    assert "r0s1" in line
    assert {path.name for path in tmp_path.rglob("*")} == {"r0s1", "thesis.txt"}


# Damaged files of an unfinished run.


def check_damage(folder, name, damage, *flags):
    path = folder / name
    path.write_bytes(damage(path.read_bytes()))
    before = contents(folder)
    done = command(*positional(folder), *arguments(CONFIG), *flags)
    assert done.code == 2, done
    (line,) = [line for line in done.err if line.startswith("train.py: ")]
    assert os.path.basename(name) in line
    assert contents(folder) == before


HALF = {"half": lambda data: data[: len(data) // 2], "empty": lambda data: b"", "garbage": lambda data: b"\x00hello"}
RECORDS = {
    "a list": lambda data: b"[1]",
    "an empty list": lambda data: b"[]",
    "a string": lambda data: b'"run"',
    "no flags": lambda data: b'{"mean": null}',
    "a list of flags": lambda data: b'{"flags": [1], "log": "", "data": {}, "mean": null}',
    "no log_lines": lambda data: data.replace(b'"log_lines"', b'"lines"'),
}
METRICS = {
    "a list": lambda data: b"[]",
    "other names": lambda data: b'{"loss": 1}',
    "strings": lambda data: data.replace(b": 0.", b': "0.').replace(b",\n", b'",\n').replace(b"\n}", b'"\n}'),
}


@pytest.mark.parametrize("damage", (HALF | RECORDS).values(), ids=HALF | RECORDS)
def test_damaged_record(damage, unfinished):
    check_damage(unfinished, "run.json", damage)


@pytest.mark.parametrize("damage", HALF.values(), ids=HALF)
def test_damaged_state(damage, unfinished):
    check_damage(unfinished, "r0s1/state.npz", damage)


def test_state_that_is_another_archive(unfinished):
    np.savez(unfinished / "r0s1" / "state.npz", plain=np.array("{}"))
    check_damage(unfinished, "r0s1/state.npz", lambda data: data)


@pytest.mark.parametrize("damage", (HALF | METRICS).values(), ids=HALF | METRICS)
def test_damaged_metrics(damage, unfinished):
    check_damage(unfinished, "r0s0/metrics.json", damage)


@pytest.mark.parametrize("damage", (HALF | RECORDS).values(), ids=HALF | RECORDS)
def test_overwrite_leaves_a_damaged_record_alone(damage, unfinished):
    """No record says which files may be discarded."""
    check_damage(unfinished, "run.json", damage, "--overwrite")


@pytest.mark.parametrize("name", ["r0s1/state.npz", "r0s0/metrics.json"])
def test_overwrite_is_a_way_out_of_other_damage(name, unfinished):
    (unfinished / name).write_bytes(b"")
    config = dataclasses.replace(CONFIG, split_seeds=(0, 1), num_iter=1, eval_period=1)
    assert command(*positional(unfinished), *arguments(config), "--overwrite").code == 0
    for seed in config.split_seeds:
        check_split_files(unfinished / f"r0s{seed}", config)


def test_within_the_period_one_state_a_split_is_saved(uninterrupted, tmp_path, monkeypatch):
    saved, save = [], State.save
    monkeypatch.setattr(callbacks, "SAVE_PERIOD", 1e9)
    monkeypatch.setattr(State, "save", lambda state, path: saved.append(state.evaluations) or save(state, path))
    run(CONFIG, tmp_path)
    assert saved == [1, 1]
    check_same(tmp_path, uninterrupted[0])


# Processes.

LONG = dataclasses.replace(CONFIG, num_iter=60, eval_period=5, learning_rate=0.01)


@pytest.fixture(scope="module")
def long_uninterrupted(tmp_path_factory):
    """As `uninterrupted`, of LONG, which gives time to stop a process."""
    folder = tmp_path_factory.mktemp("long")
    return folder, run(LONG, folder)


# train.py, saving every state.
SAVING_TRAIN = """
import runpy
from mime_tf.training import callbacks
callbacks.SAVE_PERIOD = 0.0
runpy.run_path({!r}, run_name="__main__")
"""


@contextlib.contextmanager
def started(folder):
    """The command of LONG as a process, whose results can be read from its stdout."""
    folder.mkdir(exist_ok=True)
    with open(folder.parent / "stderr.txt", "w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", SAVING_TRAIN.format(str(ROOT / "train.py")), *positional(folder), *arguments(LONG)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment() | {"TMPDIR": str(folder.parent)},  # a killed process leaves files of TensorFlow there
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.mark.slow
def test_a_process_killed_again_and_again(long_uninterrupted, tmp_path):
    """With kill -9, after a random number of evaluations and at a random moment then; at last it is left in peace."""
    chance, folder = random.Random(0), tmp_path / "run"
    for _ in range(2):
        with started(folder) as process:
            for _ in range(chance.randint(7, 10)):
                process.stdout.readline()
            time.sleep(chance.random() * 0.1)
            process.send_signal(signal.SIGKILL)
            process.stdout.read()
            assert process.wait() == -signal.SIGKILL
    done = run(LONG, folder)
    assert done.out[-1] == long_uninterrupted[1].out[-1] and MEAN.fullmatch(done.out[-1])
    check_same_but_for_litter(folder, long_uninterrupted[0])


@pytest.mark.slow
def test_a_process_stopped_by_ctrl_c(long_uninterrupted, tmp_path):
    folder = tmp_path / "run"
    with started(folder) as process:
        for _ in range(2):  # the state of the first evaluation is on disk when the second one is told
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=60) == 130
    lines = (tmp_path / "stderr.txt").read_text().splitlines()
    assert "Traceback" not in "".join(lines)
    (line,) = [line for line in lines if line.startswith("train.py: ")]
    assert "goes on" in line
    assert line == lines[-1]
    assert {path.name for path in (folder / "r0s0").iterdir()} == PARTIAL_FILES
    keras.models.load_model(folder / "r0s0" / "model.keras")
    run(LONG, folder)
    check_same(folder, long_uninterrupted[0])
