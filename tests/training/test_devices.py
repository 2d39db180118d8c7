"""Other devices and other types give the results of one CPU in float32."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from mime_tf.config import SIZE_NAMES, TrainConfig
from mime_tf.data import pickled, sizes
from mime_tf.errors import InputError
from mime_tf.splits.split import eligible, make_split
from mime_tf.training import devices
from mime_tf.training.fitter import Fitter
from mime_tf.training.snapshot import Snapshot

ROOT = str(pathlib.Path(__file__).parents[2])

# Fits the same windows on one device and on two virtual ones, and tells the differences.
TWO_DEVICES = """
import json
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from mime_tf.config import SIZE_NAMES, TrainConfig
from mime_tf.data import pickled, sizes
from mime_tf.splits.split import eligible, make_split
from mime_tf.training.fitter import Fitter

store, labels = pickled.read("cohort")
train = make_split(store, labels, eligible(store), 0).train
resolved = sizes.resolve(store, dict.fromkeys(SIZE_NAMES), "cohort")
options = {"batch_size": 6, "num_iter": 3, "eval_period": 3, "split_seeds": (0,), "aux_lambda": 0.3}
all_moments, losses = {}, {}
for distribute in ("none", "mirrored"):
    fitter = Fitter(TrainConfig(distribute=distribute, **options), resolved)
    fitter.start(0)
    history = fitter.model.fit(fitter.batches(train, [0, 5, 9]), verbose=0, shuffle=False, steps_per_epoch=3, epochs=1)
    # The first moments of Adam are a weighted sum of the gradients.
    moments = [v for v in fitter.model.optimizer.variables if "momentum" in v.path]
    all_moments[distribute] = [np.asarray(value) for value in moments]
    losses[distribute] = {name: values[0] for name, values in history.history.items()}
lengths = [train.patients(start, start + 6).visit_counts.tolist() for start in (0, 5, 9)]
difference = max(float(np.abs(single - mirrored).max()) for single, mirrored in zip(*all_moments.values()))
largest = max(float(np.abs(value).max()) for value in all_moments["none"])
print(json.dumps({"difference": difference, "largest": largest, "losses": losses, "lengths": lengths}))
"""


@pytest.fixture(scope="module")
def some_patients(tmp_path_factory):
    """A folder with a cohort of 80 patients of 1 to 6 visits."""
    random = np.random.default_rng(5)
    patients = [
        [
            [
                [int(random.integers(9)), random.integers(7, size=2).tolist(), random.integers(5, size=1).tolist()]
                for _ in range(random.integers(1, 4))
            ]
            for _ in range(random.integers(1, 7))
        ]
        for _ in range(80)
    ]
    folder = tmp_path_factory.mktemp("devices")
    pickled.write(folder / "cohort", patients, random.integers(2, size=80))
    return folder


@pytest.mark.slow
def test_two_devices_give_the_gradient_of_one(some_patients):
    command = [sys.executable, "-c", TWO_DEVICES]
    done = subprocess.run(
        command, cwd=some_patients, env={**os.environ, "PYTHONPATH": ROOT}, capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout.splitlines()[-1])
    # Histories of different lengths on the two devices: a mean over a device's own slots would be another number.
    assert any(max(lengths[:3]) < max(lengths[3:]) for lengths in told["lengths"])
    assert told["largest"] > 1e-3
    assert told["difference"] <= 1e-6
    assert told["losses"]["mirrored"] == pytest.approx(told["losses"]["none"], rel=1e-6)


def fitted(folder, **options):
    """The losses of some updates on the patients of `folder`."""
    store, labels = pickled.read(folder / "cohort")
    split = make_split(store, labels, eligible(store), 0)
    config = TrainConfig(
        batch_size=8, num_iter=30, eval_period=30, split_seeds=(0,), aux_lambda=0.1, rnn_size=16, **options
    )
    fitter = Fitter(config, sizes.resolve(store, dict.fromkeys(SIZE_NAMES), "cohort"))
    fitter.start(0)
    starts = np.arange(30) % (len(split.train) - 8)
    fit = fitter.model.fit(fitter.batches(split.train, starts), verbose=0, shuffle=False, steps_per_epoch=30, epochs=1)
    return fitter, {name: values[0] for name, values in fit.history.items()}


@pytest.fixture(scope="module", params=[{}, {"rnn_cell": "gru"}, {"pooling": ("last", "sum", "distinct")}], ids=str)
def in_float32(request, some_patients):
    """Flags, and the losses of updates with them."""
    return request.param, fitted(some_patients, **request.param)[1]


@pytest.mark.parametrize("mixed_precision", ["float16", "bfloat16"])
def test_mixed_precision_trains_to_nearly_the_same_losses(some_patients, in_float32, mixed_precision):
    changes, exact = in_float32
    fitter, losses = fitted(some_patients, **changes, mixed_precision=mixed_precision)
    assert fitter.model.dtype_policy.name == f"mixed_{mixed_precision}"
    assert {str(weight.dtype) for weight in fitter.model.weights} == {"float32"}
    # bfloat16 has 8 bits of mantissa: half a percent a rounding.
    assert losses == pytest.approx(exact, rel=0.01 if mixed_precision == "float16" else 0.03)
    assert losses != exact
    snapshot = Snapshot.of(fitter.model)
    fitter.start(0)
    snapshot.restore(fitter.model)
    for value, wanted in zip(fitter.model.optimizer.variables, snapshot.optimizer, strict=True):
        np.testing.assert_array_equal(np.asarray(value), wanted)


def test_one_device_can_t_be_mirrored():
    with pytest.raises(InputError, match=r"^distribute: mirrored needs two devices or more; found /device:CPU:0 only"):
        devices.strategy("mirrored")


def test_mirrored_and_xla_exclude_each_other():
    with pytest.raises(InputError, match=r"^distribute, jit_compile: found mirrored, on; must be mirrored without XLA"):
        TrainConfig(distribute="mirrored", jit_compile="on")


def test_the_devices_are_told():
    assert devices.describe().startswith("devices: ")
