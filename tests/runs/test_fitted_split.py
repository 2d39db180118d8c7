"""Fitted splits as data: good, damaged and hostile folders."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from support.archives import rewrite
from support.hostile import lambda_layer, put
from support.whole_runs import COHORT, PARITY, SMALL, change, environment, parity_config
from support.whole_runs import run as train_run

from mime_tf.data import pickled
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.runs import fitted_split, model_file
from mime_tf.runs.fitted_split import FittedSplit
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
    return FittedSplit.open(trained / "r0s0")


def cohort_of(patients, labels=None):
    return Cohort(pickled.from_lists(patients), np.array(labels or [0] * len(patients)))


# Opening a folder.


def test_contents_of_a_fitted_split(opened, trained):
    assert opened.name == "r0s0"
    assert (opened.sizes["num_dx"], opened.sizes["num_rx"], opened.sizes["num_pr"]) == (31, 9, 13)
    assert {kind: len(known) for kind, known in opened.known.items()} == {"dx": 31, "rx": 9, "pr": 13}
    assert opened.vocabulary.by_index["dx", 0]["code"] == "I10"
    assert opened.config == SMALL
    assert (opened.split_seed, opened.notes, opened.unknown_flags) == (0, [], [])
    assert opened.trained_on(Cohort.open(trained / "cohort"))
    assert opened.trained_on(Cohort.open(COHORT))
    assert repr(opened) == f"FittedSplit('{trained}/r0s0', gru_v1 of width 4, 31 dx, 9 rx, 13 pr)"
    assert repr(opened.results).startswith(f"SplitResults('{trained}/r0s0', iteration ")


def test_the_model_is_built_when_it_is_asked_for_and_once(trained):
    code = """
import sys
from mime_tf.runs.opening import fitted_split
fitted = fitted_split(sys.argv[1])
fitted.name, fitted.usable, fitted.results, repr(fitted)
print([name for name in ("tensorflow", "keras") if name in sys.modules])
"""
    argv = [sys.executable, "-c", code, str(trained / "r0s0")]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
    fitted = FittedSplit.open(trained / "r0s0")
    assert fitted.model is fitted.model


def test_an_imported_model_without_data(tmp_path):
    (index,) = (PARITY / "b" / "tf1_checkpoint" / "r0s0").glob("*.index")
    import_tf1(index.with_suffix(""), tmp_path / "imported", parity_config("b"))
    run = FittedSplit.open(tmp_path / "imported")
    assert (run.known, run.data, run.vocabulary, run.notes) == (None, None, None, [])
    assert not run.trained_on(Cohort.open(COHORT))
    predictions = prediction.predict(run, cohort_of([[[[30, [8], [12]]]], [[[31, [8], [12]]]], [[[30, [9], [13]]]]]))
    assert predictions.dropped.tolist() == [0, 3, 2]


def test_an_interrupted_run_can_be_used(folder):
    (folder / "metrics.json").unlink()
    run = FittedSplit.open(folder)
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
    run = FittedSplit.open(folder)
    for weight, loaded in zip(model.get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, loaded)


def test_flags_of_another_version(folder):
    """Predictions don't depend on them; the split may."""
    change(folder / "config.json", "flags", "bags", to=5)
    content = json.loads((folder / "config.json").read_text())
    del content["flags"]["distribute"]
    (folder / "config.json").write_text(json.dumps(content))
    run = FittedSplit.open(folder)
    assert (run.unknown_flags, run.config) == (["bags"], SMALL)


# Folders that are none, or damaged.


def refused(folder):
    """The message with which a folder is refused, one line."""
    with pytest.raises(InputError) as error:
        assert FittedSplit.open(folder).model
    message = str(error.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def test_other_folders(trained, tmp_path):
    assert "not the folder of a fitted split" in refused(tmp_path)
    assert "not the folder of a fitted split" in refused(tmp_path / "nothing")
    assert "not the folder of a fitted split" in refused(trained / "r0s0" / "config.json")
    assert "not the folder of a fitted split" in refused(trained)


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
    assert FittedSplit.open(folder).model


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


# Folders that would run code. The check alone has to refuse them: Keras is never called.


@pytest.fixture
def keras_is_not_reached(monkeypatch):
    import keras

    def load_model(*args, **kwargs):
        raise AssertionError("Keras was asked to build it")

    monkeypatch.setattr(keras.saving, "load_model", load_model)


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

    monkeypatch.setattr(fitted_split, "model_file", model_file)  # the models of earlier tests are not kept
    asked = {}
    load_model = keras.saving.load_model
    monkeypatch.setattr(
        keras.saving, "load_model", lambda *args, **given: asked.update(given) or load_model(*args, **given)
    )
    assert FittedSplit.open(folder).model
    assert asked == {"compile": False, "safe_mode": True}


def test_only_parts_of_mime_are_allowed():
    """A class is added here for a reason alone: the models of training name it, MiME or a blend of networks."""
    schedules = {"CosineDecay", "PolynomialDecay", "ExponentialDecay"}
    allowed = {"MiME", "Blend", "DTypePolicy", "LogLoss", "FusedAdam", "Adam", "LossScaleOptimizer", *schedules}
    assert {name for _, name, _ in model_file.CLASSES} == allowed
