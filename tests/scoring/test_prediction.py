"""Run folders as data, good, damaged and hostile; predictions; the command `predict`."""

import contextlib
import dataclasses
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from support.archives import rewrite
from support.whole_runs import COHORT, PARITY, SMALL, environment, parity_config, read_table, write_cohort
from support.whole_runs import run as train_run

from mime_tf.__main__ import main
from mime_tf.data import parquet, pickled
from mime_tf.data.cohort import Cohort, read
from mime_tf.errors import InputError
from mime_tf.runs import opening
from mime_tf.runs.opening import Run
from mime_tf.scoring import prediction
from mime_tf.training.build import build_model
from mime_tf.training.import_tf1 import import_tf1

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
    return Run.open(trained / "r0s0")


def change(path, *keys, to):
    """Sets one value in a JSON file."""
    content = json.loads(path.read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    path.write_text(json.dumps(content))


def cohort_of(patients, labels=None):
    return Cohort(pickled.from_lists(patients), np.array(labels or [0] * len(patients)))


# Opening a run.


def test_what_a_run_knows(opened, trained):
    assert opened.name == "r0s0"
    assert (opened.sizes["num_dx"], opened.sizes["num_rx"], opened.sizes["num_pr"]) == (31, 9, 13)
    assert {kind: len(known) for kind, known in opened.known.items()} == {"dx": 31, "rx": 9, "pr": 13}
    assert opened.vocabulary.by_index["dx", 0]["code"] == "I10"
    assert opened.config == SMALL
    assert (opened.split_seed, opened.notes, opened.unknown_flags) == (0, [], [])
    assert opened.trained_on(trained / "cohort")
    assert opened.trained_on(COHORT)


def test_an_imported_model_without_data(tmp_path):
    (index,) = (PARITY / "b" / "tf1_checkpoint" / "r0s0").glob("*.index")
    import_tf1(index.with_suffix(""), tmp_path / "imported", parity_config("b"))
    run = Run.open(tmp_path / "imported")
    assert (run.known, run.data, run.vocabulary, run.notes) == (None, None, None, [])
    assert not run.trained_on(COHORT)
    found = prediction.predict(run, cohort_of([[[[30, [8], [12]]]], [[[31, [8], [12]]]], [[[30, [9], [13]]]]]))
    assert found.dropped.tolist() == [0, 3, 2]


def test_an_interrupted_run_can_be_used(folder):
    (folder / "metrics.json").unlink()
    run = Run.open(folder)
    (note,) = run.notes
    assert str(folder) in note and "unfinished" in note


@pytest.mark.parametrize(
    "changes",
    [{"rnn_cell": "gru"}, {"rnn_cell": "lstm"}, {"mixed_precision": "float16"}, {"mixed_precision": "bfloat16"}],
)
def test_every_kind_of_model_is_opened(changes, folder):
    import keras

    from mime_tf.losses import LogLoss

    config = dataclasses.replace(SMALL, **changes)
    model = build_model(config, json.loads((folder / "config.json").read_text())["sizes"])
    model.compile(keras.optimizers.Adam(), loss=LogLoss())
    model.optimizer.build(model.trainable_variables)
    model.save(folder / "model.keras")
    run = Run.open(folder)
    for weight, loaded in zip(model.get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, loaded)


def test_flags_of_another_version(folder):
    """Predictions don't depend on them; the split may."""
    change(folder / "config.json", "flags", "bags", to=5)
    content = json.loads((folder / "config.json").read_text())
    del content["flags"]["distribute"]
    (folder / "config.json").write_text(json.dumps(content))
    run = Run.open(folder)
    assert (run.unknown_flags, run.config) == (["bags"], SMALL)


# Folders that are none, or damaged.


def refused(folder):
    """The message with which a folder is refused, one line."""
    with pytest.raises(InputError) as error:
        Run.open(folder)
    message = str(error.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def test_what_is_no_run_folder(trained, tmp_path):
    assert "not a run folder" in refused(tmp_path)
    assert "not a run folder" in refused(tmp_path / "nothing")
    assert "not a run folder" in refused(trained / "r0s0" / "config.json")
    assert f"{trained / 'r0s0'} is one" in refused(trained)


@pytest.mark.parametrize("name", ["model.keras", "codes.json", "config.json"])
def test_a_missing_file(name, folder):
    (folder / name).unlink()
    message = refused(folder)
    assert name in message
    assert "missing" in message or "has no" in message


def test_an_unfinished_run_without_a_model(folder):
    for name in ("model.keras", "metrics.json"):
        (folder / name).unlink()
    assert "unfinished" in refused(folder)


@pytest.mark.parametrize("name", ["codes.json", "config.json", "metrics.json"])
@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\xff", "[" * 100_000, '{"sizes": {}}'])
def test_damaged_json(name, text, folder):
    (folder / name).write_text(text, encoding="latin-1")
    if (name, text) != ("metrics.json", '{"sizes": {}}'):
        assert name in refused(folder)


@pytest.mark.parametrize(
    ("name", "keys", "value", "says"),
    [
        ("config.json", ["split_seed"], -1, "split_seed"),
        ("config.json", ["sizes", "num_dx"], 0, "sizes"),
        ("config.json", ["sizes", "num_dx"], 32, "num_dx"),
        ("config.json", ["sizes", "max_dx_per_visit"], 99, "max_dx_per_visit"),
        ("config.json", ["flags"], [], "flags"),
        ("config.json", ["flags", "test_fraction"], 2, "test_fraction"),
        ("config.json", ["flags", "batch_size"], "5", "batch_size"),
        ("config.json", ["data"], "x", "data"),
        ("codes.json", ["num_rx"], 8, "num_rx"),
        ("codes.json", ["known", "dx"], [31], "below 31"),
        ("codes.json", ["known", "dx"], [-1], "dx"),
        ("codes.json", ["known", "dx"], [True], "dx"),
        ("codes.json", ["known", "pr"], None, "pr"),
        ("codes.json", ["known"], 5, "known"),
    ],
)
def test_files_that_do_not_fit(name, keys, value, says, folder):
    change(folder / name, *keys, to=value)
    assert says in refused(folder)


def test_a_bad_vocabulary(folder):
    (folder / "vocabulary.csv").write_text("kind,index\n")
    assert "vocabulary.csv" in refused(folder)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip"])
def test_a_model_that_is_no_archive(content, folder):
    (folder / "model.keras").write_bytes(content)
    assert "damaged" in refused(folder)


def test_a_model_cut_short(folder):
    path = folder / "model.keras"
    path.write_bytes(path.read_bytes()[:20_000])
    assert "damaged" in refused(folder)


def test_a_rewritten_model_is_as_good(folder):
    rewrite(folder / "model.keras", config=lambda content: content)
    Run.open(folder)


def test_bytes_changed_in_the_weights(folder):
    rewrite(folder / "model.keras", weights=lambda old: b"\0" * len(old))
    assert "damaged" in refused(folder)


def test_weights_of_another_shape(folder, tmp_path):
    sizes = json.loads((folder / "config.json").read_text())["sizes"]
    build_model(SMALL, sizes | {"num_dx": 30}).save(tmp_path / "other.keras")
    with zipfile.ZipFile(tmp_path / "other.keras") as archive:
        other = archive.read("model.weights.h5")
    rewrite(folder / "model.keras", weights=lambda old: other)
    assert "damaged" in refused(folder)


def test_a_model_of_other_sizes(folder):
    rewrite(folder / "model.keras", config=lambda content: content["config"].update(num_dx=32))
    assert "num_dx is 32" in refused(folder)


def test_sizes_that_no_memory_holds(folder):
    for name in ("config.json", "codes.json"):
        change(folder / name, *(["sizes"] if name == "config.json" else []), "num_dx", to=10**12)
    rewrite(folder / "model.keras", config=lambda content: content["config"].update(num_dx=10**12))
    assert "damaged" in refused(folder)


@pytest.mark.parametrize(
    "update",
    [
        {"dropouts": 0.5},
        {"dropout": 1},
        {"rnn_cell": "rnn"},
        {"emb_activation": {"a": 1}},
        {"emb_size": "3"},
        {"aux_heads": None},
    ],
)
def test_a_model_of_another_version(update, folder):
    rewrite(folder / "model.keras", config=lambda content: content["config"].update(update))
    message = refused(folder)
    assert next(iter(update)) in message and "another version" in message


# Folders that want something run. Nothing but our own check may stand between them and Keras: it is called by none.


@pytest.fixture
def keras_is_not_reached(monkeypatch):
    import keras

    def load_model(*args, **kwargs):
        raise AssertionError("Keras was asked to build it")

    monkeypatch.setattr(keras.saving, "load_model", load_model)


def lambda_layer():
    import keras

    return keras.saving.serialize_keras_object(keras.layers.Lambda(lambda x: os.system("touch /tmp/mime_was_here")))


def put(*keys, value):
    """Returns a function that puts a value somewhere into a configuration."""

    def config(content):
        inner = content
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value() if callable(value) else value

    return config


def named(module, class_name, registered_name=None, **config):
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered_name}


FUNCTION = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}


@pytest.mark.parametrize(
    "config",
    [
        put("config", "emb_activation", value=lambda_layer),
        put("config", "dtype", value=lambda_layer),
        put("compile_config", "loss", value=lambda_layer),
        put("build_config", "input_shape", value=lambda_layer),
        put("config", "emb_activation", value=FUNCTION),
        put("config", "emb_activation", value={"class_name": "__lambda__", "config": {"value": "x"}}),
        put("config", "dtype", value=named("subprocess", "Popen", args="touch /tmp/mime_was_here")),
        put("config", "dtype", value=named("keras", "DTypePolicy", "mime_tf>MiME")),
        put("config", "dtype", value={"module": "os"}),
        put("compile_config", "optimizer", value=named("keras.optimizers", "SGD")),
        put("compile_config", "metrics", value=[[named("keras.metrics", "MeanMetricWrapper", fn=FUNCTION)]]),
        put("compile_config", "loss", "module", value="evil.losses"),
        put("anything", value=named("keras.layers", "TFSMLayer", filepath="/tmp/x")),
        put("module", value="evil"),
        put("class_name", value="Functional"),
        put("registered_name", value="evil>MiME"),
        put("registered_name", value=None),
        lambda content: lambda_layer(),
        lambda content: named("keras.src.models.functional", "Functional", layers=[lambda_layer()]),
        lambda content: named("keras", "DTypePolicy", name="float32"),
        lambda content: {"class_name": ["MiME"], "config": {}},
        lambda content: [content],
        lambda content: {"config": content["config"]},
    ],
)
def test_a_hostile_configuration(config, folder, keras_is_not_reached):
    rewrite(folder / "model.keras", config=config)
    assert str(folder / "model.keras") in refused(folder)
    assert not os.path.exists("/tmp/mime_was_here")


@pytest.mark.parametrize("name", ["../evil.py", "assets/x", "model.weights.npz", "__init__.py"])
def test_more_in_the_archive_than_a_model(name, folder, keras_is_not_reached):
    rewrite(folder / "model.keras", more={name: b"x"})
    assert "nothing else" in refused(folder)


def test_two_configurations_in_an_archive(folder, keras_is_not_reached):
    """One to be looked at, the other to be built."""
    with zipfile.ZipFile(folder / "model.keras", "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", json.dumps(lambda_layer()))
    assert "nothing else" in refused(folder)


def test_a_configuration_too_long_or_too_deep(folder, keras_is_not_reached):
    rewrite(folder / "model.keras", config=put("config", "name", value="x" * (1 << 21)))
    assert "bytes" in refused(folder)
    rewrite(folder / "model.keras", more={"config.json": "[" * 100_000})
    assert "damaged" in refused(folder)


def test_safe_mode_stays_on(folder, monkeypatch):
    import keras

    asked = {}
    load_model = keras.saving.load_model
    monkeypatch.setattr(
        keras.saving, "load_model", lambda *args, **given: asked.update(given) or load_model(*args, **given)
    )
    Run.open(folder)
    assert asked == {"compile": False, "safe_mode": True}


# Predictions.


@pytest.mark.parametrize("split", ["r0s0", "r0s1"])
def test_predictions_are_those_of_training(split, trained):
    run, cohort = Run.open(trained / split), read(COHORT)
    found = prediction.predict(run, cohort, batch_size=7)
    for name in ("test", "valid"):
        table = read_table(trained / split / f"predictions_{name}.csv")
        rows = [int(row["row"]) for row in table]
        expected = [float(row["probability"]) for row in table]
        np.testing.assert_allclose(found.probabilities[rows], expected, rtol=0, atol=1e-6)
        part = prediction.part_of(run, cohort, name)
        assert sorted(part.rows) == rows
        scored = prediction.score(run, part)[np.argsort(part.rows)]
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
    monkeypatch.setattr(prediction, "_BLOCK", 2)
    found = prediction.predict(forgetful, cohort_of(PATIENTS))
    assert found.dropped.tolist() == [0, 8, 3, 0, 2]
    assert found.empty.tolist() == [False, False, True, True, False]
    assert found.probabilities.dtype == np.float32


def test_dropped_codes_do_not_count(forgetful, opened):
    found = prediction.predict(forgetful, cohort_of(PATIENTS)).probabilities
    expected = prediction.predict(opened, cohort_of(CLEANED)).probabilities
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7)
    assert found[2] == found[3]


def test_order_and_batches_do_not_matter(opened):
    store = read(COHORT).store
    order = np.random.default_rng(0).permutation(len(store))
    labels = np.zeros(len(store), np.int64)
    expected = prediction.predict(opened, Cohort(store, labels)).probabilities
    shuffled = prediction.predict(opened, Cohort(store.select(order), labels), batch_size=1).probabilities
    np.testing.assert_allclose(shuffled, expected[order], rtol=0, atol=1e-6)


def test_progress_is_reported(opened):
    texts = []
    prediction.predict(opened, read(COHORT), batch_size=50, progress=texts.append)
    assert texts[:3] == [f"scored {done} of 120 patients" for done in (50, 100, 120)]


def test_a_split_that_can_t_be_made_again(forgetful, opened):
    cohort = read(COHORT)
    with pytest.raises(InputError, match="other dx codes"):
        prediction.part_of(forgetful, cohort, "test")
    with pytest.raises(InputError, match="folds"):
        prediction.part_of(dataclasses.replace(opened, unknown_flags=["folds"]), cohort, "test")
    assert len(prediction.part_of(forgetful, cohort, "all")) == 120
    with pytest.raises(ValueError, match="`name`"):
        prediction.part_of(opened, cohort, "tset")


def test_weights_that_are_no_numbers(folder):
    run = Run.open(folder)
    run.model.set_weights([np.full_like(weight, np.nan) for weight in run.model.get_weights()])
    with pytest.raises(InputError, match="not numbers"):
        prediction.predict(run, read(COHORT))


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
    argv = ["predict", "--model", trained / "r0s0", "--data", COHORT, "--output", "made/scores.csv"]
    done = subprocess.run(
        [sys.executable, "-m", "mime_tf", *map(str, argv)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "120 patients" in done.stdout
    table = read_table(tmp_path / "made" / "scores.csv")
    assert list(table[0]) == ["row", "probability", "dropped_codes", "empty"]
    assert [int(row["row"]) for row in table] == list(range(120))
    for expected in read_table(trained / "r0s0" / "predictions_test.csv"):
        row = table[int(expected["row"])]
        assert float(row["probability"]) == pytest.approx(float(expected["probability"]), abs=1e-6)
        assert (row["dropped_codes"], row["empty"]) == ("0", "0")
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
    assert "13 codes of 3 patients; nothing is left of 2" in done.out[1]
    table = read_table(tmp_path / "scores.csv")
    assert [row["patient_id"] for row in table] == ids.tolist()
    assert [row["dropped_codes"] for row in table] == ["0", "8", "3", "0", "2"]
    assert [row["empty"] for row in table] == ["0", "0", "1", "1", "0"]


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
        (asked(model=tmp_path / "none"), "not a run folder"),
        (asked(source=tmp_path / "none"), "none.seqs"),
        (asked(folder, COHORT, "--batch_size", 0), "batch_size"),
    ):
        done = check_refused(tmp_path, *argv, says=says)
        (line,) = done.err
        assert line.startswith("mime-tf: ")
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


def test_only_what_mime_is_made_of_is_allowed():
    """Whoever adds a class here should know why: each is one that train.py's models name."""
    schedules = {"CosineDecay", "PolynomialDecay", "ExponentialDecay"}
    allowed = {"MiME", "DTypePolicy", "LogLoss", "FusedAdam", "Adam", "LossScaleOptimizer", *schedules}
    assert {name for _, name, _ in opening.CLASSES} == allowed
