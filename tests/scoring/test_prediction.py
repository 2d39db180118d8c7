"""Predictions, and the command `predict`."""

import contextlib
import dataclasses
import io
import json
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.archives import rewrite
from support.hostile import lambda_layer, put
from support.whole_runs import COHORT, SMALL, change, environment, read_table, shell_environment, write_cohort
from support.whole_runs import run as train_run

from mime_tf.__main__ import main
from mime_tf.commands import predict
from mime_tf.data import known_codes, parquet, pickled
from mime_tf.data.cohort import Cohort
from mime_tf.data.parquet import reader
from mime_tf.errors import InputError
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.scoring import prediction
from mime_tf.terminal.environment import has_gpu

VOCABULARY = "kind,index,system,code,display\ndx,0,ICD-10-CM,I10,Essential (primary) hypertension\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run of two splits, with names for codes."""
    folder = tmp_path_factory.mktemp("trained")
    for kind in ("seqs", "labels"):
        shutil.copy(f"{COHORT}.{kind}", folder / f"cohort.{kind}")
    (folder / "vocabulary.csv").write_text(VOCABULARY)
    train_run(SMALL, folder, folder / "cohort")
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    """A copy of a split's folder, to be spoiled."""
    copy = tmp_path / "r0s0"
    shutil.copytree(trained / "r0s0", copy, ignore=shutil.ignore_patterns("tensorboard"))
    return copy


@pytest.fixture(scope="module")
def opened(trained):
    return FittedSplit.open(trained / "r0s0")


def cohort_of(patients, labels=None):
    return Cohort(pickled.from_lists(patients), np.array(labels or [0] * len(patients)))


# Predictions.


@pytest.mark.parametrize("split", ["r0s0", "r0s1"])
def test_predictions_are_those_of_training(split, trained):
    run, cohort = FittedSplit.open(trained / split), Cohort.open(COHORT)
    predictions = prediction.predict(run, cohort, batch_size=7)
    for name in ("test", "valid"):
        table = read_table(trained / split / f"predictions_{name}.csv")
        rows = [int(row["row"]) for row in table]
        assert {row["empty"] for row in table} == {"0"}
        expected = [float(row["probability"]) for row in table]
        np.testing.assert_allclose(predictions.probabilities[rows], expected, rtol=0, atol=1e-6)
        part = prediction.part_of(run, cohort, name)
        assert sorted(part.rows) == rows
        scored = prediction.score(run, part).probabilities[np.argsort(part.rows)]
        np.testing.assert_allclose(scored, expected, rtol=0, atol=1e-6)


PATIENTS = [
    [[[1, [0, 0], [2]]], [[2, [], []]]],
    [[[3, [0, 1], [2, 2]], [1, [1, 0, 9], [13]]]],  # unknown: dx 3 with its four orders, rx 1, rx 9, pr 13
    [[[3, [0], []]], [[40, [], []]]],  # nothing is left: 2 + 1 codes
    [[], []],
    [[[1, [1], [400]], [2, [0], []]]],  # rx 1, pr 400
]
CLEANED = [
    [[[1, [0, 0], [2]]], [[2, [], []]]],
    [[[1, [0], []]]],
    [[], []],
    [[], []],
    [[[1, [], []], [2, [0], []]]],
]


@pytest.fixture
def forgetful(opened):
    """A run whose training held neither diagnosis 3 nor medication 1."""
    known = {kind: values.copy() for kind, values in opened.known.items()}
    known["dx"][3] = known["rx"][1] = False
    return dataclasses.replace(opened, known=known)


def test_dropped_codes_by_hand(forgetful, monkeypatch):
    monkeypatch.setattr(known_codes, "_BLOCK", 2)
    predictions = prediction.predict(forgetful, cohort_of(PATIENTS))
    assert predictions.dropped.tolist() == [0, 8, 3, 0, 2]
    assert predictions.codes.tolist() == [5, 10, 3, 0, 5]
    assert predictions.known_share.round(3).tolist()[:3] == [1.0, 0.2, 0.0]
    assert np.isnan(predictions.known_share[3]) and predictions.known_share[4] == 0.6
    assert predictions.empty.tolist() == [False, False, True, True, False]
    assert predictions.probabilities.dtype == np.float32


def test_dropped_codes_do_not_count(forgetful, opened):
    probabilities = prediction.predict(forgetful, cohort_of(PATIENTS)).probabilities
    expected = prediction.predict(opened, cohort_of(CLEANED)).probabilities
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-7)
    assert probabilities[2] == probabilities[3]


def test_order_and_batches_do_not_matter(opened):
    store = Cohort.open(COHORT).store
    order = np.random.default_rng(0).permutation(len(store))
    labels = np.zeros(len(store), np.int64)
    expected = prediction.predict(opened, Cohort(store, labels)).probabilities
    shuffled = prediction.predict(opened, Cohort(store.select(order), labels), batch_size=1).probabilities
    np.testing.assert_allclose(shuffled, expected[order], rtol=0, atol=1e-6)


def test_predictions_become_a_frame(opened):
    cohort = Cohort(pickled.from_lists(PATIENTS), stored_ids=np.array(["p", "q", "r", "s", "t"], object))
    predictions = prediction.predict(opened, cohort)
    frame = predictions.to_frame()
    assert list(frame) == ["patient_id", "probability", "dropped_codes", "known_share", "empty"]
    assert frame["patient_id"].tolist() == ["p", "q", "r", "s", "t"]
    assert frame["probability"].tolist() == predictions.probabilities.tolist()
    assert repr(predictions).startswith("Predictions(5 patients, mean probability 0.")


def test_a_small_parquet_cohort_is_one_part(opened, tmp_path):
    """Its predictions are those of the cohort read at once, to the bit."""
    cohort = Cohort.open(COHORT)
    ids = np.array([f"p{row}" for row in range(120)], object)
    parquet.write(tmp_path / "c.parquet", cohort.store, None, ids, group=16)
    whole = prediction.predict(opened, cohort)
    patients, parts = Cohort.open_parts(str(tmp_path / "c.parquet"), 200)
    predicted = list(prediction.predict_parts(opened, patients, parts))
    assert (patients, [len(part) for part in predicted]) == (120, [120])  # in row groups of 16
    for name in ("probabilities", "dropped", "empty"):
        np.testing.assert_array_equal(np.concatenate([getattr(part, name) for part in predicted]), getattr(whole, name))
    assert np.concatenate([part.patient_ids for part in predicted]).tolist() == ids.tolist()


def test_a_cohort_in_several_parts(opened, tmp_path, monkeypatch):
    """Batches have other patients, so that the last bits differ."""
    monkeypatch.setattr(reader, "_BLOCK", 16)
    cohort = Cohort.open(COHORT)
    parquet.write(tmp_path / "c.parquet", cohort.store, cohort.labels)
    patients, parts = Cohort.open_parts(str(tmp_path / "c.parquet"), 50)
    texts = []
    predicted = list(prediction.predict_parts(opened, patients, parts, progress=texts.append))
    assert [len(part) for part in predicted] == [64, 56]
    whole = prediction.predict(opened, cohort)
    probabilities = np.concatenate([part.probabilities for part in predicted])
    np.testing.assert_allclose(probabilities, whole.probabilities, rtol=0, atol=1e-6)
    assert "scored 64 of 120 patients" in texts and "scored 120 of 120 patients" in texts


def test_the_command_writes_the_parts_in_their_order(trained, tmp_path, monkeypatch):
    cohort = Cohort.open(COHORT)
    parquet.write(tmp_path / "c.parquet", cohort.store)
    asked = ["--model", trained / "r0s0", "--data", tmp_path / "c.parquet", "--output"]
    whole = command(*asked, tmp_path / "whole.csv")
    monkeypatch.setattr(reader, "_BLOCK", 16)
    monkeypatch.setattr(predict, "_PART", 50)
    parts = command(*asked, tmp_path / "parts.csv")
    assert parts.code == whole.code == 0
    assert parts.out[0].partition(": ")[2] == whole.out[0].partition(": ")[2]
    rows, others = (read_table(tmp_path / name) for name in ("parts.csv", "whole.csv"))
    assert [row["row"] for row in rows] == [str(number) for number in range(120)]
    for row, other in zip(rows, others, strict=True):
        assert float(row["probability"]) == pytest.approx(float(other["probability"]), abs=1e-6)


def test_a_bad_record_in_a_later_part_leaves_no_table(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "_BLOCK", 16)
    monkeypatch.setattr(predict, "_PART", 50)
    table = pq.read_table(parquet_of_the_cohort(tmp_path / "c.parquet"))
    visits = table.column("visits").to_pylist()
    visits[100] = []
    pq.write_table(pa.table({"visits": pa.array(visits, table.schema.field("visits").type)}), tmp_path / "c.parquet")
    asked = ["--model", trained / "r0s0", "--data", tmp_path / "c.parquet", "--output", tmp_path / "out" / "s.csv"]
    check_refused(tmp_path, *asked, says="patient 100")
    assert not (tmp_path / "out").exists()


def parquet_of_the_cohort(path):
    parquet.write(path, Cohort.open(COHORT).store)
    return path


def test_the_output_is_none_of_the_inputs(folder, tmp_path):
    path = parquet_of_the_cohort(tmp_path / "c.parquet")
    (tmp_path / "link.csv").symlink_to(path)
    for output in (path, tmp_path / "link.csv", folder / "codes.json", tmp_path / "vocabulary.csv"):
        asked = ["--model", folder, "--data", path, "--output", output, "--overwrite"]
        check_refused(tmp_path, *asked, says="is read as well")


def test_progress_is_reported(opened):
    texts = []
    prediction.predict(opened, Cohort.open(COHORT), batch_size=50, progress=texts.append)
    assert texts[:3] == [f"scored {done} of 120 patients" for done in (50, 100, 120)]


def test_a_split_that_can_t_be_made_again(forgetful, opened):
    cohort = Cohort.open(COHORT)
    with pytest.raises(InputError, match="other dx codes"):
        prediction.part_of(forgetful, cohort, "test")
    with pytest.raises(InputError, match="folds"):
        prediction.part_of(dataclasses.replace(opened, unknown_flags=["folds"]), cohort, "test")
    assert len(prediction.part_of(forgetful, cohort, "all")) == 120
    with pytest.raises(ValueError, match="`name`"):
        prediction.part_of(opened, cohort, "tset")


def test_weights_that_are_no_numbers(folder):
    run = FittedSplit.open(folder)
    run.model.set_weights([np.full_like(weight, np.nan) for weight in run.model.get_weights()])
    with pytest.raises(InputError, match="not numbers"):
        prediction.predict(run, Cohort.open(COHORT))


# The command.


def command(*argv):
    """Runs `python -m mime_tf predict ARGV` in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            code = main(["predict", *map(str, argv)])
        except SystemExit as exit:
            code = exit.code
    return SimpleNamespace(code=code, out=stdout.getvalue().splitlines(), err=stderr.getvalue().splitlines())


def test_command_as_a_process(trained, tmp_path):
    """It prints its own lines and nothing else, but for TensorFlow's news of a GPU."""
    argv = ["predict", "--model", trained / "r0s0", "--data", COHORT, "--output", "made/scores.csv"]
    done = subprocess.run(
        [sys.executable, "-m", "mime_tf", *map(str, argv)],
        cwd=tmp_path,
        env=shell_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    strangers = [line for line in done.stderr.splitlines() if not re.match(r"reading |scored \d", line)]
    assert has_gpu() or strangers == []
    assert done.stdout.startswith("made/scores.csv: 120 patients")
    table = read_table(tmp_path / "made" / "scores.csv")
    assert list(table[0]) == ["row", "probability", "dropped_codes", "known_share", "empty"]
    assert [int(row["row"]) for row in table] == list(range(120))
    for expected in read_table(trained / "r0s0" / "predictions_test.csv"):
        row = table[int(expected["row"])]
        assert float(row["probability"]) == pytest.approx(float(expected["probability"]), abs=1e-6)
        assert (row["dropped_codes"], row["known_share"], row["empty"]) == ("0", "1.0", "0")
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["scores.csv"]


def test_command_with_ids_and_unknown_codes(folder, tmp_path):
    change(folder / "codes.json", "known", "dx", to=[1, 2])
    change(folder / "codes.json", "known", "rx", to=[0])
    (folder / "metrics.json").unlink()
    ids = np.array(["p,1", "p2", "p3", "p4", "p5"], object)
    parquet.write(tmp_path / "new.parquet", pickled.from_lists(PATIENTS), [0] * 5, ids)
    done = command("--model", folder, "--data", tmp_path / "new.parquet", "--output", tmp_path / "scores.csv")
    assert done.code == 0
    assert ["unfinished" in line for line in done.err] == [True]
    assert "13 codes of 3 patients; the model knew 43.5% of all codes" in done.out[1]
    share = json.loads((folder / "population.json").read_text())["counts"]["train"]
    prevalence = share["cases"] / share["rows"]
    assert done.out[2] == (
        f"nothing is known of 2 patients (empty is 1): scored by the share of cases in training, {prevalence:.1%}"
    )
    table = read_table(tmp_path / "scores.csv")
    assert [row["patient_id"] for row in table] == ids.tolist()
    assert [row["dropped_codes"] for row in table] == ["0", "8", "3", "0", "2"]
    assert [row["known_share"] for row in table] == ["1.0", "0.2", "0.0", "", "0.6"]
    assert [row["empty"] for row in table] == ["0", "0", "1", "1", "0"]
    scores = [float(row["probability"]) for row in table]
    assert scores[2:4] == pytest.approx([prevalence] * 2, abs=1e-7)
    assert prevalence not in scores[:2]


def test_output_in_use(trained, tmp_path):
    asked = ["--model", trained / "r0s0", "--data", COHORT, "--output"]
    (tmp_path / "scores.csv").write_text("mine")
    check_refused(tmp_path, *asked, tmp_path / "scores.csv", says="--overwrite")
    check_refused(tmp_path, *asked, tmp_path, says="is a folder")
    check_refused(tmp_path, *asked, tmp_path / "scores.csv" / "inside.csv", says="not a folder")
    assert command(*asked, tmp_path / "scores.csv", "--overwrite").code == 0
    assert len(read_table(tmp_path / "scores.csv")) == 120


def check_refused(tmp_path, *argv, says):
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = command(*argv)
    assert (done.code, done.out) == (2, []), done
    assert says in done.err[-1]
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    return done


def test_bad_input_is_one_line(folder, tmp_path):
    def asked(model=folder, source=COHORT, *more):
        return ["--model", model, "--data", source, "--output", tmp_path / "out" / "scores.csv", *more]

    for argv, says in (
        (asked(model=tmp_path / "none"), "neither the folder of a fitted split"),
        (asked(source=tmp_path / "none"), "none.seqs"),
        (asked(folder, COHORT, "--batch_size", 0), "batch_size"),
    ):
        done = check_refused(tmp_path, *argv, says=says)
        (line,) = done.err
        assert line.startswith(("mime-tf: ", "mime-tf predict: "))
    write_cohort(tmp_path / "bad", [[[[0, [-1], []]]]], [0])
    (line,) = check_refused(tmp_path, *asked(source=tmp_path / "bad"), says="patient 0").err
    rewrite(folder / "model.keras", config=put("config", "dtype", value=lambda_layer))
    (line,) = check_refused(tmp_path, *asked(), says="refused").err
    assert "Lambda" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("argv", "says"),
    [([], "--model"), (["--model", "x", "--data", "y"], "--output"), (["--batch_size", "many"], "many")],
)
def test_wrong_arguments(argv, says, tmp_path):
    check_refused(tmp_path, *argv, says=says)


@pytest.mark.parametrize("name", ["predict", "evaluate"])
def test_help_has_an_example_and_is_quick(name):
    argv = [sys.executable, "-X", "importtime", "-m", "mime_tf", name, "--help"]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0
    assert f"mime-tf {name} --model" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert imported & {"tensorflow", "keras", "sklearn"} == set()
