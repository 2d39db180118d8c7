"""mime_tf.load_model: files and folders, with and without the optimizer, and errors."""

import keras
import numpy as np
import pytest
from support.archives import rewrite
from support.hostile import lambda_layer, put

import mime_tf
from mime_tf.layers import GRUV1

SIZES = {"num_dx": 3, "num_rx": 2, "num_pr": 1, "emb_size": 2, "dxobj_emb_size": 2, "rnn_size": 2}


@pytest.fixture
def saved(tmp_path):
    """A compiled model, and the folder in which it was saved as training saves it."""
    model = mime_tf.MiME(**SIZES)
    model.compile(mime_tf.FusedAdam(0.25), mime_tf.LogLoss(), metrics=[keras.metrics.AUC(name="auc")])
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    return model, tmp_path


@pytest.mark.parametrize("name", ["", "model.keras"])
@pytest.mark.parametrize("make_path", [str, lambda path: path])
def test_a_file_or_its_folder(saved, name, make_path):
    model, folder = saved
    loaded = mime_tf.load_model(make_path(folder / name))
    assert type(loaded) is mime_tf.MiME
    assert not loaded.compiled
    assert loaded.get_config() == model.get_config()
    for got, expected in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_compiled_as_it_was_saved(saved):
    _, folder = saved
    loaded = mime_tf.load_model(folder / "model.keras", compile=True)
    assert type(loaded.optimizer) is mime_tf.FusedAdam
    assert float(loaded.optimizer.learning_rate) == 0.25
    assert type(loaded.loss) is mime_tf.LogLoss


def test_another_model_with_our_layers(tmp_path):
    """Keras opens it; `load_model` promises that nothing but MiME is built."""
    inputs = keras.Input((5, 2))
    keras.Model(inputs, GRUV1(3)(inputs)).save(tmp_path / "gru.keras")
    with pytest.raises(mime_tf.InputError, match="refused, for MiME is not made of that"):
        mime_tf.load_model(tmp_path / "gru.keras")
    loaded = keras.saving.load_model(tmp_path / "gru.keras")
    assert [type(layer) for layer in loaded.layers][-1] is GRUV1


@pytest.mark.parametrize("compile", [False, True])
@pytest.mark.parametrize(
    "config", [put("config", "dtype", value=lambda_layer), put("build_config", "input_shape", value=lambda_layer)]
)
def test_a_file_that_would_run_code(config, compile, saved, monkeypatch):
    _, folder = saved
    rewrite(folder / "model.keras", config=config)
    monkeypatch.setattr(keras.saving, "load_model", None)
    with pytest.raises(mime_tf.InputError, match="refused, for MiME is not made of that"):
        mime_tf.load_model(folder, compile)


def test_what_it_was_compiled_with_is_vetted_where_it_is_read(saved, monkeypatch):
    model, folder = saved
    rewrite(folder / "model.keras", config=put("compile_config", "loss", value=lambda_layer))
    np.testing.assert_array_equal(mime_tf.load_model(folder).get_weights()[0], model.get_weights()[0])
    monkeypatch.setattr(keras.saving, "load_model", None)
    with pytest.raises(mime_tf.InputError, match="refused, for MiME is not made of that"):
        mime_tf.load_model(folder, compile=True)


def test_an_optimizer_of_another_kind(tmp_path):
    """A model that was fitted with any optimizer opens; it is compiled with those of training alone."""
    model = mime_tf.MiME(**SIZES)
    model.compile(keras.optimizers.SGD(0.5, momentum=0.5), mime_tf.LogLoss())
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "sgd.keras")
    np.testing.assert_array_equal(mime_tf.load_model(tmp_path / "sgd.keras").get_weights()[0], model.get_weights()[0])
    with pytest.raises(mime_tf.InputError, match="SGD"):
        mime_tf.load_model(tmp_path / "sgd.keras", compile=True)


@pytest.mark.parametrize("name", ["", "model.keras", "no_such/model.keras"])
def test_a_missing_file(tmp_path, name):
    with pytest.raises(
        mime_tf.InputError, match=r"^\S+model\.keras: missing; a \.keras file or the folder of a fitted"
    ):
        mime_tf.load_model(tmp_path / name)


@pytest.mark.parametrize("name", ["model.h5", "r0s0"])
def test_a_file_of_another_kind(tmp_path, name):
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(mime_tf.InputError, match=rf"^\S+{name}: not named \.keras; a \.keras file or the folder"):
        mime_tf.load_model(tmp_path / name)


@pytest.mark.parametrize("keep", [0, 100, 4000])
def test_a_damaged_file(saved, keep):
    _, folder = saved
    path = folder / "model.keras"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(
        mime_tf.InputError, match=r"^\S+model\.keras: damaged: not a model that Keras saved: "
    ) as caught:
        mime_tf.load_model(path)
    assert "\n" not in str(caught.value)
