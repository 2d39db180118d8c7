"""The command `import_tf1`: the authors' checkpoints become fitted splits."""

import contextlib
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from support.whole_runs import (
    NAMES,
    PARITY,
    SPLIT,
    SPLIT_FILES,
    environment,
    in_row_order,
    parity_config,
    read_table,
)

from mime_tf.__main__ import main
from mime_tf.assess import summary
from mime_tf.batches import datasets
from mime_tf.data import pickled
from mime_tf.errors import InputError
from mime_tf.splits.split import eligible, make_split
from mime_tf.training.import_tf1 import import_tf1

COMMAND = [sys.executable, "-m", "mime_tf"]
IMPORTED_FILES = SPLIT_FILES - {"history.csv"}


def command(*argv):
    """Runs `python -m mime_tf ARGV` in this process: its exit status, and the lines it wrote."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            code = main([str(argument) for argument in argv])
        except SystemExit as exit:
            code = exit.code
    return SimpleNamespace(code=code, out=stdout.getvalue().splitlines(), err=stderr.getvalue().splitlines())


def checkpoint(name, seed):
    """The prefix of a parity cohort's checkpoint of one split."""
    (index,) = (PARITY / name / "tf1_checkpoint" / f"r0s{seed}").glob("*.index")
    return str(index.with_suffix(""))


def results(name, seed):
    """The reference's results of that split."""
    return json.loads((PARITY / name / "run.json").read_text())["runs"][str(seed)]["result"]


def import_flags(name):
    """The settings that no checkpoint holds, as flags."""
    config = parity_config(name)
    for flag in ("emb_activation", "order_activation", "aux_lambda", "regularize", "max_dx_per_visit", "batch_size"):
        yield f"--{flag}={getattr(config, flag)}"


# Importing the authors' checkpoints.


@pytest.mark.parametrize("name", ["a", "b"])
def test_imported_models_have_the_reference_results(name, tmp_path):
    store, labels = pickled.read(PARITY / name / "cohort")
    for seed in range(5):
        folder = tmp_path / f"r0s{seed}"
        got = import_tf1(checkpoint(name, seed), str(folder), parity_config(name), str(PARITY / name / "cohort"), seed)
        assert set(got) == set(NAMES)
        for key, expected in results(name, seed).items():
            assert got[key] == pytest.approx(expected, rel=0, abs=1e-4), (seed, key)
        assert {path.name for path in folder.iterdir()} == IMPORTED_FILES
        assert json.loads((folder / "metrics.json").read_text()) == got

        model = keras.models.load_model(folder / "model.keras")
        split = make_split(store, labels, eligible(store), seed)
        for kind in ("valid", "test"):
            part = getattr(split, kind).scored(parity_config(name).batch_size, drop_remainder=True)
            rows = read_table(folder / f"predictions_{kind}.csv")
            assert [int(row["row"]) for row in rows] == sorted(part.rows)
            assert [int(row["label"]) for row in rows] == in_row_order(part, part.labels).tolist()
            (batch,) = datasets.scoring_batches(part, len(part))
            predicted = in_row_order(part, model(batch[0])[:, 0])
            np.testing.assert_allclose([float(row["probability"]) for row in rows], predicted, rtol=0, atol=1e-6)
        codes = json.loads((folder / "codes.json").read_text())
        assert codes["known"]["dx"] == np.unique(split.train.patients().dx).tolist()


def test_imported_model_predicts_by_the_book(tmp_path):
    store, labels = pickled.read(PARITY / "b" / "cohort")
    import_tf1(checkpoint("b", 1), str(tmp_path / "imported"), parity_config("b"), str(PARITY / "b" / "cohort"), 1)
    test = make_split(store, labels, eligible(store), 1).test.scored(5, drop_remainder=True)
    model = keras.models.load_model(tmp_path / "imported" / "model.keras")
    predicted = model.predict(datasets.scoring_batches(test, 7), verbose=0)[:, 0]
    expected = [float(row["probability"]) for row in read_table(tmp_path / "imported" / "predictions_test.csv")]
    np.testing.assert_allclose(in_row_order(test, predicted), expected, rtol=0, atol=1e-6)


def test_import_takes_paths(tmp_path):
    """As `records.read` does."""
    folder = tmp_path / "imported"
    import_tf1(Path(checkpoint("b", 1)), folder, parity_config("b"), PARITY / "b" / "cohort", 1)
    assert (folder / "metrics.json").exists()


def check_printed(lines, folder, expected):
    """Asserts that the two lines that the command prints give the `expected` results."""
    results_line, last = lines
    numbers = [float(number) for number in SPLIT.fullmatch(results_line).groups()]
    np.testing.assert_allclose(numbers, [expected[key] for key in NAMES], rtol=0, atol=1e-4)
    assert str(folder) in last


def test_import_command(tmp_path):
    data = ["--data", PARITY / "b" / "cohort", "--split_seed", 3, "--eval_drop_remainder"]
    argv = ["--checkpoint", checkpoint("b", 3), "--output", tmp_path / "made" / "r0s3", *import_flags("b"), *data]
    done = command("import_tf1", *argv)
    assert (done.code, done.err) == (0, [])
    check_printed(done.out, tmp_path / "made" / "r0s3", results("b", 3))
    assert {path.name for path in (tmp_path / "made" / "r0s3").iterdir()} == IMPORTED_FILES


@pytest.mark.slow
def test_import_command_as_a_process(tmp_path):
    data = ["--data", PARITY / "a" / "cohort", "--split_seed", "2", "--eval_drop_remainder"]
    argv = ["import_tf1", "--checkpoint", checkpoint("a", 2), "--output", "imported", *import_flags("a"), *data]
    done = subprocess.run([*COMMAND, *argv], cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    check_printed(done.stdout.splitlines(), "imported", results("a", 2))


def test_import_without_data(tmp_path):
    folder = tmp_path / "imported"
    done = command("import_tf1", "--checkpoint", checkpoint("b", 0), "--output", folder, *import_flags("b"))
    assert (done.code, done.err) == (0, [])
    assert len(done.out) == 1
    assert {path.name for path in folder.iterdir()} == {"model.keras", "codes.json", "config.json", "flags.txt"}
    codes = json.loads((folder / "codes.json").read_text())
    assert codes == {"num_dx": 31, "num_rx": 9, "num_pr": 13, "known": None}
    config = json.loads((folder / "config.json").read_text())
    assert config["input"] is None
    assert config["flags"]["emb_activation"] == "sigmoid"
    for flag in ("rnn_size", "dx_emb_size", "dxobj_emb_size", "order_activation"):
        assert config["flags"][flag] == getattr(parity_config("b"), flag)

    # The model is the checkpoint's, whatever is said about the data.
    store, labels = pickled.read(PARITY / "b" / "cohort")
    test = make_split(store, labels, eligible(store), 0).test.scored(5, drop_remainder=True)
    (batch,) = datasets.scoring_batches(test, len(test))
    model = keras.models.load_model(folder / "model.keras")
    got = summary.summarize(test.labels, model(batch[0]).numpy()[:, 0])
    assert got["loss"] == pytest.approx(results("b", 0)["test_loss"], abs=1e-4)


def test_imported_activations_matter(tmp_path):
    """No checkpoint holds them: left out, they are relu, and the results are others."""
    data = ["--data", PARITY / "b" / "cohort", "--batch_size", 5, "--eval_drop_remainder"]
    done = command("import_tf1", "--checkpoint", checkpoint("b", 0), "--output", tmp_path / "imported", *data)
    assert done.code == 0
    assert abs(float(SPLIT.fullmatch(done.out[0])[2]) - results("b", 0)["test_loss"]) > 1e-3


# Bad input of the import.


def check_refused(tmp_path, *argv, says, output="made"):
    before = sorted(tmp_path.rglob("*"))
    done = command("import_tf1", "--output", tmp_path / output, *argv)
    assert done.code == 2, done
    assert done.out == []
    (line,) = done.err
    assert line.startswith("mime-tf: ")
    for part in says:
        assert part in line
    assert sorted(tmp_path.rglob("*")) == before


def test_import_of_no_checkpoint(tmp_path):
    check_refused(tmp_path, "--checkpoint", tmp_path / "model-100", says=["model-100"])
    index = Path(checkpoint("b", 0) + ".index")
    shutil.copy(index, tmp_path / "model.index")
    check_refused(tmp_path, "--checkpoint", tmp_path / "model", says=[str(tmp_path / "model")])


def test_import_of_another_program_s_checkpoint(tmp_path):
    tf = pytest.importorskip("tensorflow")
    tf.train.Checkpoint(weight=tf.Variable(1.0)).write(str(tmp_path / "other"))
    check_refused(tmp_path, "--checkpoint", tmp_path / "other", says=["other", "W_emb_dx"])


def test_import_with_data_of_another_vocabulary(tmp_path):
    data = ["--data", PARITY / "b" / "cohort"]  # its codes go to 30, those of the checkpoint to 22
    check_refused(tmp_path, "--checkpoint", checkpoint("a", 0), *data, says=["cohort.seqs", "patient", "num_dx is 23"])
    check_refused(tmp_path, "--checkpoint", checkpoint("a", 0), "--data", "nothing", says=["nothing.seqs"])


def test_import_with_data_too_few_for_a_batch(tmp_path):
    data = ["--data", PARITY / "b" / "cohort", "--batch_size", "50"]
    check_refused(tmp_path, "--checkpoint", checkpoint("b", 0), *data, says=["batch_size", "50"])


def test_import_into_a_folder_in_use(tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "thesis.txt").write_text("mine")
    check_refused(tmp_path, "--checkpoint", checkpoint("b", 0), says=["made"])
    with pytest.raises(InputError):
        import_tf1(checkpoint("b", 0), str(tmp_path / "made"))


@pytest.mark.parametrize("output", ["file", "file/inside"])
def test_import_where_no_folder_can_be(output, tmp_path):
    (tmp_path / "file").write_text("mine")
    check_refused(tmp_path, "--checkpoint", checkpoint("b", 0), says=["file"], output=output)
