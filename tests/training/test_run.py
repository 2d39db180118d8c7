"""A whole run of train.py: the reference's numbers, the files on disk, and the same bits twice."""

import dataclasses
import json
import re
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import flagsaver
from google.protobuf import text_format
from sklearn import metrics
from support.curves import check_curves, scalars
from support.whole_runs import (
    COHORT,
    MEAN,
    NAMES,
    PARITY,
    ROUND,
    SMALL,
    SPLIT,
    TRAIN,
    arguments,
    check_same,
    check_split_files,
    contents,
    in_row_order,
    parity_config,
    read_table,
    run,
    shell_environment,
    weights,
    write_cohort,
)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins import projector
from tensorboard.plugins.hparams import metadata
from tensorflow.python.eager import context

import flags
from mime_tf.batches.tables import Batch
from mime_tf.config import TrainConfig
from mime_tf.data import pickled
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.splits.split import eligible, make_split
from mime_tf.terminal.environment import has_gpu
from mime_tf.training import fitter as fitter_module
from mime_tf.training import train
from mime_tf.training.fitter import Fitter

# Parity with the reference program's run.


def numbers(pattern, line):
    return [float(number) for number in pattern.fullmatch(line).groups()]


def reference_runs(name):
    """The reference's run on a parity cohort: dict from a split seed to its lines and its result."""
    runs = json.loads((PARITY / name / "run.json").read_text())["runs"]
    return {int(seed): split for seed, split in runs.items()}


def check_parity(name, stdout, log, split_seeds=range(5)):
    """Compares the output and the log of a run with the reference's: each number within 1e-3, and no more lines."""
    runs, expected, expected_log, results = reference_runs(name), [], [], []
    for seed in split_seeds:
        expected += [(ROUND, numbers(ROUND, line)) for line in runs[seed]["lines"]]
        results.append([runs[seed]["result"][key] for key in NAMES])
        expected_log.append((SPLIT, results[-1]))
        expected.append(expected_log[-1])
    expected_log.append((MEAN, np.mean(results, axis=0)))
    expected.append(expected_log[-1])
    for lines, wanted in ((stdout, expected), (log, expected_log)):
        assert len(lines) == len(wanted)
        for line, (pattern, values) in zip(lines, wanted, strict=True):
            assert pattern.fullmatch(line), line
            np.testing.assert_allclose(numbers(pattern, line), values, rtol=0, atol=1e-3, err_msg=line)
    assert log == [line for line in stdout if not line.startswith("round:")]


def check_log_ends_with_a_newline(text):
    assert text.endswith("\n")
    assert "\r" not in text


@pytest.mark.slow
def test_parity_of_a_run_with_auxiliary_losses(tmp_path):
    done = run(parity_config("a"), tmp_path, PARITY / "a" / "cohort")
    text = (tmp_path / "log.log").read_text()
    check_parity("a", done.out, text.splitlines())
    check_log_ends_with_a_newline(text)
    for name in NAMES:
        expected = np.mean([split["result"][name] for split in reference_runs("a").values()])
        assert done.mean[name] == pytest.approx(expected, abs=1e-3)


@pytest.mark.slow
def test_parity_of_the_command(tmp_path):
    """As a user types it, the flags in a file; it prints its own lines and nothing else, but for news of a GPU."""
    (tmp_path / "reference.flags").write_text("\n".join(arguments(parity_config("b"))) + "\n")
    for kind in ("seqs", "labels"):
        (tmp_path / f"cohort.{kind}").write_bytes((PARITY / "b" / f"cohort.{kind}").read_bytes())
    done = subprocess.run(
        [*TRAIN, "./cohort", "./", "./out", "--flagfile=reference.flags"],
        cwd=tmp_path,
        env=shell_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first, *others = done.stderr.splitlines()
    assert first.startswith("devices: ")
    size = r"\d+ patients, \d+ cases"
    own = rf".*r0s\d: (train {size}; valid {size}; test {size}$|iteration \d)|warning: .*r0s\d: the (model|loss) "
    assert has_gpu() or [line for line in others if not re.match(own, line)] == []
    assert sum(": train " in line for line in others) == 5
    text = (tmp_path / "out.log").read_text()
    check_parity("b", done.stdout.splitlines(), text.splitlines())
    check_log_ends_with_a_newline(text)
    splits = {f"r0s{seed}" for seed in range(5)}
    given = {"cohort.seqs", "cohort.labels", "reference.flags"}
    assert {path.name for path in tmp_path.iterdir()} == {"out.log", "run.json", *splits, *given}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a", "b"])
def test_a_parity_run_prolonged_tenfold_stays_finite(name, tmp_path):
    """Its numbers no longer compare with the reference's, but they are finite, and the training set is learned."""
    config = parity_config(name, num_iter=3000, eval_period=100, split_seeds=(0,), tensorboard=False)
    done = run(config, tmp_path, PARITY / name / "cohort")
    history = read_table(tmp_path / "r0s0" / "history.csv")
    assert len(history) == 30
    assert all(np.isfinite(float(value)) for row in history for value in row.values())
    assert float(history[-1]["main_loss"]) < float(history[0]["main_loss"]) / 2
    assert not any("nan" in line for line in done.out)


@pytest.mark.slow
@pytest.mark.filterwarnings("error:Model doesn't support `jit_compile=True`")
def test_parity_of_a_compiled_run(tmp_path):
    """Keras has reasons of its own to leave XLA out, and then says so in a warning only."""
    done = run(parity_config("b", jit_compile="on", tensorboard=False, split_seeds=(0,)), tmp_path)
    check_parity("b", done.out, (tmp_path / "log.log").read_text().splitlines(), split_seeds=(0,))


@pytest.mark.parametrize("gpus", [[], ["a GPU"]])
def test_jit_compile_auto_is_for_long_runs_on_a_gpu(gpus, monkeypatch):
    devices = {"GPU": gpus}
    monkeypatch.setattr(fitter_module.tf.config, "list_physical_devices", lambda kind=None: devices.get(kind, []))
    long_on_gpu = bool(gpus)
    choices = (
        *(("on", 9, "gru_v1", True), ("off", 9, "gru_v1", False), ("off", 9000, "gru_v1", False)),
        *(("auto", 9, "gru_v1", False), ("auto", 9000, "gru_v1", long_on_gpu), ("auto", 9000, "gru", False)),
    )
    for choice, num_iter, cell, compiled in choices:
        config = dataclasses.replace(SMALL, jit_compile=choice, num_iter=num_iter, rnn_cell=cell)
        assert Fitter(config, SIZES).model.jit_compile is compiled, (choice, num_iter, cell)


@pytest.mark.parametrize("name", ["a", "b"])
def test_init_from_a_tensorflow_1_checkpoint(name, tmp_path):
    """Two updates at a learning rate of next to nothing leave the checkpoint's results as they are."""
    (index,) = (PARITY / name / "tf1_checkpoint" / "r0s0").glob("*.index")
    changes = {"num_iter": 1, "eval_period": 1, "split_seeds": (0,), "learning_rate": 1e-9}
    config = parity_config(name, init_from=str(index.with_suffix("")), tensorboard=False, **changes)
    done = run(config, tmp_path, PARITY / name / "cohort")
    for key, value in done.mean.items():
        assert value == pytest.approx(reference_runs(name)[0]["result"][key], abs=1e-4), key
    # --eval_drop_remainder leaves out the patients with the most visits.
    store, labels = pickled.read(PARITY / name / "cohort")
    split = make_split(store, labels, eligible(store), 0)
    for kind in ("valid", "test"):
        part = getattr(split, kind)
        rows = [int(row["row"]) for row in read_table(tmp_path / "r0s0" / f"predictions_{kind}.csv")]
        assert rows == sorted(part.rows[: len(part) - len(part) % config.batch_size])


# Files of a run.

VOCABULARY = """kind,index,system,code,display,note
dx,0,ICD-10-CM,I10,Essential (primary) hypertension,first
dx,2,ICD-10-CM,E11,"Diabetes, type 2",
rx,1,RxNorm,314076,,
pr,12,CPT,99213,"Office
visit",
pr,1000,CPT,1,not in this cohort,
"""


@pytest.fixture(scope="module")
def input_prefix(tmp_path_factory):
    """A cohort with a vocabulary beside it, and one code of each kind that no training set of SMALL holds."""
    folder = tmp_path_factory.mktemp("cohort")
    store, labels = pickled.read(COHORT)
    parts = [make_split(store, labels, eligible(store), seed) for seed in SMALL.split_seeds]
    row = np.intersect1d(parts[0].test.rows, parts[1].test.rows)[0]
    patients = pickled.to_lists(store)
    patients[row][0].append([31, [9, 0], [13]])
    patients[row][0][0][2].append(13)
    pickled.write(folder / "cohort", patients, labels)
    (folder / "vocabulary.csv").write_text(VOCABULARY)
    return folder / "cohort"


SIZES = {"num_dx": 32, "num_rx": 10, "num_pr": 14, "max_dx_per_visit": 6, "max_rx_per_dx": 2, "max_pr_per_dx": 5}


@pytest.fixture(scope="module")
def finished(input_prefix, tmp_path_factory):
    """The folder of a finished run of SMALL, and its output."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "log.log").write_text("what was there before\n")
    return folder, run(SMALL, folder, input_prefix)


@pytest.fixture(scope="module")
def splits(input_prefix):
    """The two splits of SMALL."""
    store, labels = pickled.read(input_prefix)
    return [make_split(store, labels, eligible(store), seed) for seed in SMALL.split_seeds]


def split_folders(finished):
    return [finished[0] / f"r0s{seed}" for seed in SMALL.split_seeds]


def test_files_of_a_run(finished):
    folder, _ = finished
    assert {path.name for path in folder.iterdir()} == {"log.log", "run.json", "r0s0", "r0s1"}
    for split in split_folders(finished):
        check_split_files(split, SMALL, more=["vocabulary.csv"])


def test_printed_and_logged_lines(finished):
    folder, done = finished
    assert len(done.out) == 2 * (3 + 1) + 1
    patterns = [*[ROUND] * 3, SPLIT, *[ROUND] * 3, SPLIT, MEAN]
    for line, pattern in zip(done.out, patterns, strict=True):
        assert pattern.fullmatch(line), line
    assert [ROUND.fullmatch(line)[1] for line in done.out[:3]] == ["3", "6", "9"]
    logged = [line for line in done.out if not line.startswith("round:")]
    assert (folder / "log.log").read_text() == "\n".join(["what was there before", *logged, ""])
    assert not [line for line in done.err if "Traceback" in line or "rror" in line]


def test_an_open_cohort_trains_as_its_path_does(input_prefix, tmp_path):
    config = dataclasses.replace(SMALL, tensorboard=False, split_seeds=(0,))
    for name, cohort in (("path", input_prefix), ("open", Cohort.open(input_prefix))):
        train(config, cohort, f"{tmp_path}/{name}/", f"{tmp_path}/{name}/log")
    check_same(tmp_path / "path", tmp_path / "open")


def test_a_cohort_in_memory_is_known_again(finished, input_prefix, tmp_path):
    store, labels = pickled.read(input_prefix)
    config = dataclasses.replace(SMALL, tensorboard=False, split_seeds=(0,))
    train(config, Cohort(store, labels), f"{tmp_path}/", f"{tmp_path}/log")
    for name in ("predictions_test.csv", "metrics.json"):
        assert (tmp_path / "r0s0" / name).read_bytes() == (finished[0] / "r0s0" / name).read_bytes()
    fitted = FittedSplit.open(tmp_path / "r0s0")
    assert fitted.input is None
    assert fitted.trained_on(Cohort(store, labels)) and not fitted.trained_on(Cohort(store, 1 - labels))


def test_training_needs_labels(input_prefix, tmp_path):
    with pytest.raises(InputError, match=r"cohort\.seqs: no labels; training and dividing a cohort needs them"):
        train(SMALL, Cohort.open(input_prefix, labelled=False), f"{tmp_path}/", f"{tmp_path}/log")
    assert list(tmp_path.iterdir()) == []


def test_history_has_a_row_an_evaluation(finished):
    for number, folder in enumerate(split_folders(finished)):
        rows = read_table(folder / "history.csv")
        assert [row["iteration"] for row in rows] == ["3", "6", "9"]
        parts = ("loss", "main_loss", "l2_loss", "aux_dx_loss", "aux_rx_loss", "aux_pr_loss")
        scores = ("valid_loss", "valid_auc", "valid_aucpr")
        assert set(rows[0]) == {"iteration", "learning_rate", *parts, *scores}
        for row, line in zip(rows, finished[1].out[4 * number :], strict=False):
            total = float(row["main_loss"]) + float(row["l2_loss"])
            total += SMALL.aux_lambda * sum(float(row[name]) for name in parts[3:])
            assert float(row["loss"]) == pytest.approx(total, rel=1e-5)
            assert float(row["learning_rate"]) == pytest.approx(SMALL.learning_rate)
            assert ["%f" % float(row[name]) for name in scores] == list(ROUND.fullmatch(line).groups()[1:])


def test_metrics_are_those_of_the_lowest_validation_loss(finished):
    printed = [line for line in finished[1].out if SPLIT.fullmatch(line)]
    best_iterations = []
    for folder, line in zip(split_folders(finished), printed, strict=True):
        results = json.loads((folder / "metrics.json").read_text())
        assert set(results) == {"iteration", *NAMES}
        assert ["%f" % results[name] for name in NAMES] == list(SPLIT.fullmatch(line).groups())
        best = min(read_table(folder / "history.csv"), key=lambda row: float(row["valid_loss"]))
        assert results["iteration"] == int(best["iteration"])
        for name in ("valid_loss", "valid_auc", "valid_aucpr"):
            assert results[name] == float(best[name])
        best_iterations.append(results["iteration"])
    assert set(best_iterations) != {9}, "else the tests here can't tell the best model from the last one"
    mean = json.loads((finished[0] / "run.json").read_text())["mean"]
    assert mean == finished[1].mean


def test_predictions_give_the_metrics(finished, splits, input_prefix):
    labels = pickled.read_labels(f"{input_prefix}.labels")
    for folder, split in zip(split_folders(finished), splits, strict=True):
        results = json.loads((folder / "metrics.json").read_text())
        for kind in ("valid", "test"):
            rows = read_table(folder / f"predictions_{kind}.csv")
            assert list(rows[0]) == ["row", "label", "probability", "empty"]
            assert [int(row["row"]) for row in rows] == sorted(getattr(split, kind).rows)
            truth = [int(row["label"]) for row in rows]
            assert truth == [labels[int(row["row"])] for row in rows]
            probability = np.array([float(row["probability"]) for row in rows])
            assert results[f"{kind}_loss"] == pytest.approx(metrics.log_loss(truth, probability), abs=1e-7)
            assert results[f"{kind}_auc"] == pytest.approx(metrics.roc_auc_score(truth, probability))
            assert results[f"{kind}_aucpr"] == pytest.approx(metrics.average_precision_score(truth, probability))


def test_saved_model_gives_the_predictions(finished, splits):
    for folder, split in zip(split_folders(finished), splits, strict=True):
        model = keras.models.load_model(folder / "model.keras")
        for kind in ("valid", "test"):
            part = getattr(split, kind)
            expected = [float(row["probability"]) for row in read_table(folder / f"predictions_{kind}.csv")]
            got = in_row_order(part, model(Batch(part.patients()).tables())[:, 0])
            np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


def test_codes(finished, splits):
    for folder, split in zip(split_folders(finished), splits, strict=True):
        codes = json.loads((folder / "codes.json").read_text())
        assert set(codes) == {"num_dx", "num_rx", "num_pr", "known"}
        for kind in ("dx", "rx", "pr"):
            assert codes[f"num_{kind}"] == SIZES[f"num_{kind}"]
            assert codes["known"][kind] == np.unique(getattr(split.train.patients(), kind)).tolist()
            assert SIZES[f"num_{kind}"] - 1 not in codes["known"][kind]


def test_configuration(finished, input_prefix):
    for seed, folder in zip(SMALL.split_seeds, split_folders(finished), strict=True):
        content = json.loads((folder / "config.json").read_text())
        assert content["split_seed"] == seed
        assert content["sizes"] == SIZES
        assert content["flags"] == json.loads(json.dumps(dataclasses.asdict(SMALL)))
        assert content["input"] == str(input_prefix)
        assert set(content["data"]) == {"seqs_sha256", "labels_sha256"}
        assert content["versions"]["tensorflow"] == tf.__version__


def test_flags_are_read_back_by_flagfile(finished):
    for folder in split_folders(finished):
        with flagsaver.flagsaver():
            flags.FLAGS(["train.py", f"--flagfile={folder / 'flags.txt'}"])
            assert flags.config() == SMALL
    # Those of a run with other values than the defaults everywhere, and with a path that holds spaces.
    config = parity_config("a", split_seeds=(3,), tensorboard=False, rnn_cell="lstm", init_from="/my weights/a b.npz")
    with flagsaver.flagsaver():
        flags.FLAGS(["train.py", *arguments(config)])
        assert flags.config() == config


def test_vocabulary_is_copied(finished, input_prefix):
    for folder in split_folders(finished):
        assert read_table(folder / "vocabulary.csv") == read_table(input_prefix.parent / "vocabulary.csv")


def test_tensorboard_has_the_curves(finished):
    for folder in split_folders(finished):
        check_curves(folder, SMALL)


def test_tensorboard_has_the_hyperparameters_with_results(finished):
    for folder in split_folders(finished):
        best = scalars(folder / "tensorboard")
        for name, value in json.loads((folder / "metrics.json").read_text()).items():
            if name != "iteration":
                ((_, got),) = best[f"written_model/{name}"]
                assert got == pytest.approx(value, rel=1e-6)
        summary = (
            EventAccumulator(str(folder / "tensorboard")).Reload().SummaryMetadata(metadata.SESSION_START_INFO_TAG)
        )
        content = metadata.parse_session_start_info_plugin_data(summary.plugin_data.content)
        assert content.hparams["aux_lambda"].number_value == SMALL.aux_lambda
        assert content.hparams["rnn_cell"].string_value == "gru_v1"
        assert content.hparams["rnn_size"].number_value == SMALL.rnn_size
        given = {name for name, value in vars(SMALL).items() if value is not None}
        assert set(content.hparams) == given


def test_tensorboard_has_the_embeddings_with_names(finished):
    names = {
        "dx": {0: "Essential (primary) hypertension (I10)", 1: "dx 1", 2: "Diabetes, type 2 (E11)"},
        "rx": {0: "rx 0", 1: "314076"},
        "pr": {12: "Office visit (99213)", 3: "pr 3"},
    }
    for folder in split_folders(finished):
        tensorboard = folder / "tensorboard"
        config = projector.ProjectorConfig()
        text_format.Parse((tensorboard / "projector_config.pbtxt").read_text(), config)
        assert [entry.tensor_name for entry in config.embeddings] == ["dx_embeddings", "rx_embeddings", "pr_embeddings"]
        saved = weights(folder / "model.keras")
        for entry, kind, size in zip(config.embeddings, ("dx", "rx", "pr"), (32, 10, 14), strict=True):
            lines = (tensorboard / entry.metadata_path).read_text().splitlines()
            assert len(lines) == 1 + size
            assert {index: lines[1 + index].split("\t")[0] for index in names[kind]} == names[kind]
            assert any("\tyes\t" in line for line in lines)
            table = np.loadtxt(tensorboard / entry.tensor_path, delimiter="\t")
            assert any(value.shape == table.shape and np.allclose(value, table, rtol=1e-5) for value in saved.values())


# The same seeds give the same bits.


def test_two_runs_are_the_same_bit_for_bit(finished, input_prefix, tmp_path):
    (tmp_path / "log.log").write_text("what was there before\n")
    again = run(SMALL, tmp_path, input_prefix)
    assert again.out == finished[1].out
    assert again.mean == finished[1].mean
    check_same(tmp_path, finished[0])


def test_a_start_seeds_neither_numpy_nor_tensorflow():
    """TensorFlow would forget the kernels of all functions in the process."""
    fitter = Fitter(SMALL, SIZES)
    before = context.global_seed(), np.random.get_state()[1].tolist()
    fitter.start(0)
    assert (context.global_seed(), np.random.get_state()[1].tolist()) == before


def test_another_random_seed_gives_other_weights(finished, input_prefix, tmp_path):
    run(dataclasses.replace(SMALL, tensorboard=False, random_seed=1), tmp_path, input_prefix)
    for folder, seed in zip(split_folders(finished), SMALL.split_seeds, strict=True):
        other = tmp_path / f"r1s{seed}"
        assert common_arrays(folder, other) == []
        # The random seed has no part in who is in which set.
        rows = [[row["row"] for row in read_table(each / "predictions_test.csv")] for each in (folder, other)]
        assert rows[0] == rows[1]


def test_splits_have_weights_of_their_own(finished):
    assert common_arrays(*split_folders(finished)) == []


def common_arrays(folder, other):
    """The names of the arrays of two models that are equal."""
    first, second = weights(folder / "model.keras"), weights(other / "model.keras")
    assert first.keys() == second.keys()
    return [name for name in first if first[name].size > 1 and np.array_equal(first[name], second[name])]


def test_two_runs_of_another_cell_are_the_same_bit_for_bit(tmp_path):
    config = dataclasses.replace(SMALL, rnn_cell="gru", tensorboard=False, split_seeds=(0,), aux_lambda=0.0)
    runs = [run(config, tmp_path / name).out for name in ("one", "two")]
    assert runs[0] == runs[1]
    check_same(tmp_path / "one", tmp_path / "two")
    # And without TensorBoard and the auxiliary heads they leave nothing of them.
    check_split_files(tmp_path / "one" / "r0s0", config)
    assert not [name for name in read_table(tmp_path / "one" / "r0s0" / "history.csv")[0] if name.startswith("aux")]


@pytest.mark.slow
def test_two_runs_at_full_size_are_the_same_bit_for_bit(tmp_path):
    """Large enough for TensorFlow to divide its sums among threads."""
    random = np.random.default_rng(0)

    def codes(vocabulary):
        return random.integers(0, vocabulary, random.poisson(0.5)).tolist()

    def visit():
        return [[int(random.integers(0, 388)), codes(99), codes(1824)] for _ in range(random.poisson(2))]

    patients = [[visit() for _ in range(random.integers(5, 40))] for _ in range(200)]
    write_cohort(tmp_path / "large", patients, random.integers(0, 2, 200).tolist())
    config = TrainConfig(
        num_iter=8, eval_period=4, split_seeds=(0,), aux_lambda=0.1, jit_compile="off", tensorboard=False
    )
    runs = [run(config, tmp_path / name, tmp_path / "large").out for name in ("one", "two")]
    assert runs[0] == runs[1]
    check_same(tmp_path / "one", tmp_path / "two")


# Labels of one class.


def test_one_class(tmp_path):
    """AUC is nan, with one warning, and the run finishes and stays finished."""
    patients = pickled.to_lists(pickled.read_seqs(f"{COHORT}.seqs"))
    write_cohort(tmp_path / "zeros", patients, [0] * len(patients))
    done = run(SMALL, tmp_path / "out", tmp_path / "zeros")
    assert len([line for line in done.err if "nan" in line]) == 1
    assert len([line for line in done.err if "arning" in line]) == 1
    assert len(done.out) == 2 * (3 + 1) + 1
    for line in done.out:
        pattern = next(pattern for pattern in (ROUND, SPLIT, MEAN) if pattern.fullmatch(line))
        assert pattern.fullmatch(line).groups().count("nan") == (2 if pattern is ROUND else 4)
    assert np.isnan(done.mean["valid_auc"])
    assert done.mean["valid_loss"] < 0.7
    for seed in SMALL.split_seeds:
        check_split_files(tmp_path / "out" / f"r0s{seed}", SMALL)
        results = json.loads((tmp_path / "out" / f"r0s{seed}" / "metrics.json").read_text())
        assert [name for name in NAMES if results[name] is None] == [name for name in NAMES if "auc" in name]
        check_nan_curves(tmp_path / "out" / f"r0s{seed}")
    before = contents(tmp_path / "out")
    again = run(SMALL, tmp_path / "out", tmp_path / "zeros")
    assert np.isnan(again.mean["test_aucpr"])
    assert again.mean["test_loss"] == done.mean["test_loss"]
    assert contents(tmp_path / "out") == before


def check_nan_curves(folder):
    assert [row["valid_auc"] for row in read_table(folder / "history.csv")] == ["nan"] * 3


def test_train_takes_paths(tmp_path):
    """As `records.read` does."""
    config = dataclasses.replace(SMALL, split_seeds=(0,), num_iter=1, eval_period=1, tensorboard=False)
    train(config, Path(COHORT), tmp_path / "a_", tmp_path / "log")
    assert (tmp_path / "a_r0s0" / "metrics.json").exists()


def test_defaults_are_those_of_the_authors():
    authors = {
        **{"batch_size": 20, "num_iter": 20000, "eval_period": 100, "rnn_size": 256, "learning_rate": 1e-3},
        **{"dx_emb_size": 200, "rx_emb_size": 200, "pr_emb_size": 200, "dxobj_emb_size": 256, "visit_emb_size": 256},
        **{"emb_activation": "relu", "order_activation": "relu", "visit_activation": "relu", "regularize": 1e-4},
        **{"aux_lambda": 0.0, "min_threshold": 1, "max_threshold": 200, "train_ratio": 1.0},
        **{"association_threshold": 0.0, "test_fraction": 0.4, "valid_fraction": 0.4, "rnn_cell": "gru_v1"},
        **{"split_seeds": (0, 1, 2, 3, 4), "random_seed": 0, "eval_drop_remainder": False, "tensorboard": True},
    }
    with flagsaver.flagsaver():
        flags.FLAGS(["train.py"])
        assert flags.config() == TrainConfig()
    assert {name: getattr(TrainConfig(), name) for name in authors} == authors
