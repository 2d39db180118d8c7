"""Other devices and other types give the results of one CPU in float32."""

import json
import subprocess
import sys

import numpy as np
import pytest
from support import two_devices
from support.whole_runs import environment

from mime_tf.config import SIZE_NAMES, TrainConfig
from mime_tf.data import pickled, sizes
from mime_tf.errors import InputError
from mime_tf.splits.split import eligible, make_split
from mime_tf.training import devices
from mime_tf.training.fitter import Fitter
from mime_tf.training.snapshot import Snapshot


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


@pytest.fixture(scope="module")
def told(some_patients):
    """Results on one device and on two, by support/two_devices.py."""
    command = [sys.executable, two_devices.__file__, some_patients / "cohort"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_two_devices_give_the_gradient_of_one(told):
    # Histories of different lengths on the two devices: a mean over a device's own slots would be another number.
    assert any(max(visits[:3]) < max(visits[3:]) for visits in told["visits"])
    plain = told["plain"]
    assert plain["norms"]["none"] > 1e-2
    assert plain["difference"] <= 1e-6
    assert plain["losses"]["mirrored"] == pytest.approx(plain["losses"]["none"], rel=1e-6)


@pytest.mark.slow
def test_two_devices_clip_as_one(told):
    """Patients of label 1 weigh three times as much; the norm is that of a tenth of the gradient."""
    clipped = told["clipped"]
    assert clipped["norms"] == pytest.approx({"none": 0.005, "mirrored": 0.005}, rel=1e-4)
    assert clipped["difference"] <= 1e-7
    assert clipped["losses"]["mirrored"] == pytest.approx(clipped["losses"]["none"], rel=1e-6)


@pytest.mark.slow
def test_two_devices_drop_apart(told):
    """Two draws of 400 halves agree at half of the places."""
    assert 0.3 < told["dropout"]["alike"] < 0.7
    assert told["dropout"]["seeds"] == 1


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
