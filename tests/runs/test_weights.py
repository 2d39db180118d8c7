"""The weights in a model's file: those of MiME, whole, and nothing that leads out of the file."""

import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from support.archives import rewrite

import mime_tf
from mime_tf.blend import Blend
from mime_tf.errors import InputError
from mime_tf.runs import model_file, weights

SIZES = {"num_dx": 5, "num_rx": 6, "num_pr": 7, "emb_size": 2, "dxobj_emb_size": 3, "rnn_size": 4}
FIRST = "dxobject_embedding/vars/0"  # of shape (5, 2)
COUNTS = {"num_dx": 5, "num_rx": 6, "num_pr": 7, "max_dx_per_visit": 22}


@pytest.fixture(scope="module")
def model():
    return mime_tf.MiME(**SIZES)


@pytest.fixture
def path(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return str(tmp_path / "model.keras")


def spoil(path, change):
    """Changes the HDF5 file in a model's archive."""

    def weights(old):
        content = io.BytesIO(old)
        with h5py.File(content, "r+") as file:
            change(file)
        return content.getvalue()

    rewrite(path, weights=weights)


@pytest.fixture
def refused(monkeypatch):
    """A function that returns the line with which a model is refused; Keras is not reached."""

    def load_model(*args, **kwargs):
        raise AssertionError("Keras was asked to read it")

    def refused(path):
        monkeypatch.setattr(keras.saving, "load_model", load_model)
        with pytest.raises(InputError) as error:
            model_file.load(path, COUNTS)
        assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)
        return str(error.value)

    return refused


@pytest.mark.parametrize(
    ("rnn_cell", "aux_heads", "optimizer"),
    [
        ("gru_v1", False, None),
        ("gru_v1", True, "fused"),
        ("gru", True, "adam"),
        ("gru", False, "scaled"),
        ("lstm", False, "fused"),
        ("lstm", True, "scaled"),
    ],
)
def test_every_model_of_training_passes(rnn_cell, aux_heads, optimizer, tmp_path):
    model = mime_tf.MiME(**SIZES, rnn_cell=rnn_cell, aux_heads=aux_heads, dropout=0.1)
    if optimizer:
        kind = {"adam": keras.optimizers.Adam, "fused": mime_tf.FusedAdam, "scaled": mime_tf.FusedAdam}[optimizer]
        made = kind(keras.optimizers.schedules.CosineDecay(0.1, 5)) if optimizer == "adam" else kind()
        model.compile(keras.optimizers.LossScaleOptimizer(made) if optimizer == "scaled" else made, mime_tf.LogLoss())
        model.optimizer.build(model.trainable_variables)
    shapes = weights.shapes(model.get_config())
    assert list(shapes.values()) == [tuple(weight.shape) for weight in model.weights]
    assert weights.size(shapes) == sum(weight.nbytes for weight in model.get_weights())
    model.save(tmp_path / "model.keras")
    loaded = model_file.load(str(tmp_path / "model.keras"), COUNTS).get_weights()
    for got, expected in zip(loaded, model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)


def replace(name, make):
    """Returns a change that puts something else in the place of an array."""

    def change(file):
        del file[name]
        make(file, name)

    return change


def external_storage(file, name):
    file.create_dataset(name, (5, 2), "<f4", external=[("/etc/passwd", 0, 40)])


def external_link(file, name):
    file[name] = h5py.ExternalLink("/etc/passwd", "/x")


def soft_link(file, name):
    file[name] = h5py.SoftLink("/dxobject_embedding/vars/1")


def virtual(file, name):
    layout = h5py.VirtualLayout((5, 2), "<f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (5, 2))
    file.create_virtual_dataset(name, layout)


def never_written(file, name):
    """A shape without bytes: HDF5 fills them in."""
    file.create_dataset(name, (5, 2), "<f4")


def chunked(file, name):
    file.create_dataset(name, data=np.zeros((5, 2), "<f4"), chunks=(5, 2), compression="gzip")


def put_array(values):
    return lambda file, name: file.create_dataset(name, data=values)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (external_storage, "lies in another file"),
        (external_link, "is a link"),
        (soft_link, "is a link"),
        (virtual, "lies in another file"),
        (never_written, "0 bytes, which are not those of its shape"),
        (chunked, "plain numbers are needed"),
        (put_array(np.zeros((2, 5), "<f4")), "must be float32 of shape (5, 2)"),
        (put_array(np.zeros((5, 2), "<f8")), "found float64 of shape (5, 2)"),
        (put_array(np.zeros((5, 2), ">f4")), "must be float32"),
        (put_array(np.array([b"x"] * 5, object)), "plain numbers are needed"),
        (lambda file, name: None, "no weights"),
        (lambda file, name: file.create_group(name), "refused"),
        (lambda file, name: file.__setitem__(name, np.dtype("<f4")), "refused"),
    ],
)
def test_an_array_that_is_none(make, says, path, refused):
    spoil(path, replace(FIRST, make))
    message = refused(path)
    assert says in message and FIRST in message


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.create_dataset("more", data=np.zeros((5, 2), "<f4")),
        lambda file: file.create_dataset("dxobject_embedding/vars/3", data=np.zeros((5, 2), "<f4")),
        lambda file: file.create_dataset("optimizer/vars/0", data=np.zeros((5, 3), "<f4")),
        lambda file: file.create_group("layers/dense/vars/deep"),
        lambda file: file.__setitem__("layers/dense/vars/again", file["layers"]),
    ],
)
def test_more_than_the_weights(change, path, refused):
    spoil(path, change)
    assert "refused, for MiME has" in refused(path)


def test_a_link_to_all_weights(path, refused):
    """The whole file in another one: each array looks right there."""
    spoil(path, replace("dxobject_embedding", external_link))
    assert "is a link" in refused(path)


def test_arrays_in_one_another(tmp_path, refused):
    """Hard links to one array many times: few bytes of the file, many in memory."""
    path = str(tmp_path / "model.keras")
    mime_tf.MiME(**SIZES | {"num_dx": 10_000}).save(path)

    def change(file):
        group = file.create_group("optimizer/vars")
        for index in range(10):
            group[str(index)] = file[FIRST]

    spoil(path, change)
    rewrite(path, config=lambda content: content["config"].update(num_dx=10_000))
    with pytest.raises(InputError, match="arrays overlap"):
        model_file.load(path, COUNTS | {"num_dx": 10_000})


def wide(path):
    rewrite(path, config=lambda content: content["config"].update(emb_size=60_000, dxobj_emb_size=60_000))


def test_widths_that_the_weights_do_not_have(path, refused):
    """60,000 x 60,000 float32 of three layers take 43 GB: refused by the sizes of the members alone."""
    wide(path)
    with pytest.raises(InputError, match=r"bytes of weights; weights of these sizes take 43,2\d\d,\d\d\d,\d\d\d$"):
        model_file.check(path, COUNTS)
    assert "43,2" in refused(path)


@pytest.mark.parametrize("front", [True, False])
def test_a_long_file_is_no_large_model(front, path, refused):
    """A hole or other bytes before the archive, and a comment after it, are no weights."""
    wide(path)
    content = Path(path).read_bytes()
    with open(path, "wb") as file:
        if front:
            file.seek(50 << 30)  # a hole
            file.write(content)
        else:
            file.write(b"\0" * (1 << 20) + content)
    assert "weights of these sizes take" in refused(path)


def test_weights_of_nothing_but_zeros(path, refused):
    """A member that inflates a thousandfold, up to what the configuration asks for."""
    rewrite(path, config=lambda content: content["config"].update(emb_size=4000))
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", config)
        archive.writestr("metadata.json", "{}")
        with archive.open("model.weights.h5", "w") as file:
            for _ in range(200):
                file.write(b"\0" * (1 << 20))
    assert os.path.getsize(path) < 1 << 20
    message = refused(path)
    assert "unpacks to 209," in message and "MIME_TF_BOUNDS=3 would permit it" in message


def test_the_bound_can_be_raised(path, refused, monkeypatch):
    test_weights_of_nothing_but_zeros(path, refused)
    monkeypatch.setenv("MIME_TF_BOUNDS", "3")
    assert "damaged" in refused(path)  # the zeros are no HDF5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fading": 3}, "fading: found 3; [0, -30] has no so many halvings"),
        ({"fading": 2}, "fading: found 2; [0, -30] has no so many halvings"),  # the window 0 halves nothing
        ({"fading": -1}, "fading: found -1; damaged"),
        ({"windows": [10**30, -30]}, "windows: found "),
        ({"windows": [0, -(10**6)]}, "windows: found "),
        ({"windows": None, "sizes": None, "fading": 0}, "holds 'layers/code_regression'; refused"),
        ({"attributes": {"age": [50.0, 0.0], "sexes": []}}, "attributes: found "),
        ({"attributes": {"age": [50.0, 1.0], "sexes": []}}, "damaged: layers/code_regression/vars/7"),
    ],
)
def test_a_regression_of_other_windows_or_attributes(change, message, tmp_path, refused):
    path = str(tmp_path / "blend.keras")
    Blend([], 1, windows=[0, -30], sizes=[1, 1], fading=1).save(path)
    assert model_file.check(path, None)
    rewrite(path, config=lambda content: content["config"].update(change))
    assert message in refused(path)


def test_a_network_that_reads_other_things_than_its_weights_do(path, tmp_path, refused):
    for change, message in (
        ({"visit_days": True}, "no weights layers/visit_times/vars/0"),
        ({"visit_days": 1}, "visit_days: found 1"),
        ({"attributes": {"age": [], "sexes": ["F", "M"]}}, "layers/dense/vars/0: found float32 of shape (4, 1)"),
        ({"attributes": {"age": [], "sexes": []}}, "attributes: found"),
    ):
        other = str(shutil.copy(path, tmp_path / "other.keras"))
        rewrite(other, config=lambda content, change=change: content["config"].update(change))
        assert message in refused(other)


def test_a_method_that_unpacks_without_end(path, refused):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert "deflate is needed" in refused(path)


def test_metadata_too_long(path, refused):
    rewrite(path, more={"metadata.json": json.dumps({"x": "x" * (1 << 20)})})
    assert "its metadata.json has more than" in refused(path)
