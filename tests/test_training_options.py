"""The flags that regularize and steer training: patience, class weights, schedules, clipping, dropout."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_resume import Killer
from test_run import scalars
from whole_runs import COHORT, ROOT, SIZES, SMALL, check_same, command, read_table, run, weights

from mime_tf import cohort, prediction, records, sizes, sources
from mime_tf.config import SIZE_NAMES, TrainConfig
from mime_tf.errors import InputError
from mime_tf.evaluation import binary_cross_entropy
from mime_tf.layers.lookup import look_up
from mime_tf.runs import Run
from mime_tf.training import callbacks
from mime_tf.training.fitter import Fitter
from mime_tf.training.label_weights import label_weights
from mime_tf.training.optimizer import make_optimizer

STORE, LABELS = records.read(COHORT)
TRAIN = cohort.split(STORE, LABELS, cohort.eligible(STORE), 0).train
ONE = dataclasses.replace(SMALL, split_seeds=(0,), tensorboard=False)


def fitter_of(**changes):
    """A Fitter of ONE with other flags, its model at the initial weights of split 0."""
    fitter = Fitter(dataclasses.replace(ONE, **changes), sizes.resolve(STORE, dict.fromkeys(SIZE_NAMES), "cohort"))
    fitter.start(0)
    return fitter


def first_batch(fitter):
    return next(iter(fitter.batches(TRAIN, [0])))


def gradients_of_an_update(fitter):
    """What Adam was given in one update, by the name of the weight: its first moments are a tenth of that."""
    fitter.model.fit(fitter.batches(TRAIN, [0]), verbose=0, shuffle=False)
    moments = {value.path: np.asarray(value) for value in fitter.model.optimizer.variables if "momentum" in value.path}
    return {path: 10 * value for path, value in moments.items()}


def norm(gradients):
    return np.sqrt(sum((value.astype(float) ** 2).sum() for value in gradients.values()))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"dropout": 1.0}, "dropout: found 1.0; must be 0 or more and less than 1"),
        ({"dropout": -0.1}, "dropout: found -0.1; must be 0 or more and less than 1"),
        ({"clip_norm": -1.0}, "clip_norm: found -1.0; must be 0 or more"),
        ({"patience": -1}, "patience: found -1; must be 0 or more"),
        ({"class_weight": "even"}, "class_weight: found even; must be none, balanced, or a number above 0"),
        ({"class_weight": "0"}, "class_weight: found 0; must be none, balanced, or a number above 0"),
        ({"class_weight": "nan"}, "class_weight: found nan; must be none, balanced, or a number above 0"),
        ({"learning_rate_schedule": "step"}, "learning_rate_schedule: found step; must be one of constant, cosine, "),
        ({"warmup_steps": 5}, "warmup_steps, learning_rate_schedule: found 5, constant; must be cosine where"),
        (
            {"warmup_steps": 20_001, "learning_rate_schedule": "cosine"},
            "warmup_steps: found 20001; must be less than the number of updates",
        ),
    ],
)
def test_wrong_flags(flags, message):
    with pytest.raises(InputError) as error:
        TrainConfig(**flags)
    assert str(error.value).startswith(message)


def test_a_wrong_flag_of_the_command(tmp_path):
    done = command(COHORT, f"{tmp_path}/", f"{tmp_path}/log", "--class_weight=heavy")
    assert (done.code, done.out) == (2, [])
    assert done.err[-1] == "train.py: class_weight: found heavy; must be none, balanced, or a number above 0"
    assert list(tmp_path.iterdir()) == []


# Class weights.


def test_class_weights_by_hand():
    labels = np.array([0, 0, 0, 1])
    assert label_weights("none", labels) is None
    assert label_weights("balanced", labels).tolist() == pytest.approx([4 / 6, 2])
    assert label_weights("2.5", labels).tolist() == [1, 2.5]


@pytest.mark.parametrize("class_weight", ["3", "balanced"])
def test_loss_and_gradient_with_class_weights_by_hand(class_weight):
    """The derivative of a patient's cross-entropy by the last bias is p - y: that of the loss its weighted mean."""
    fitter = fitter_of(class_weight=class_weight, regularize=0.01)
    inputs, labels, given = (np.asarray(part) if i else part for i, part in enumerate(first_batch(fitter)))
    model = fitter.model
    ones, count = TRAIN.labels.sum(), len(TRAIN)
    expected = {"3": [1, 3], "balanced": [count / (2 * (count - ones)), count / (2 * ones)]}[class_weight]
    weight = np.where(labels == 1, expected[1], expected[0])
    assert 0 < labels.sum() < len(labels)
    np.testing.assert_allclose(given, weight, rtol=1e-6)

    p = model(inputs).numpy()[:, 0].astype(float)
    squares = 0.01 * sum((np.asarray(value) ** 2).sum() for value in model.trainable_weights if value.ndim > 1)
    dxobjects = model.embed_dxobjects(inputs)
    auxiliary = {f"aux_{kind}_loss": float(value) for kind, value in model.auxiliary_losses(dxobjects, inputs).items()}
    history = model.fit(fitter.batches(TRAIN, [0]), verbose=0, shuffle=False).history
    main = -(weight * (labels * np.log(p) + (1 - labels) * np.log(1 - p))).mean()
    assert history["main_loss"][0] == pytest.approx(main, rel=1e-5)
    # Neither of these is weighted.
    assert history["l2_loss"][0] == pytest.approx(squares, rel=1e-5)
    for name, value in auxiliary.items():
        assert history[name][0] == pytest.approx(value, rel=1e-5)
    assert history["loss"][0] == pytest.approx(main + squares + ONE.aux_lambda * sum(auxiliary.values()), rel=1e-5)
    (moment,) = (v for v in model.optimizer.variables if "momentum" in v.path and "prediction_bias" in v.path)
    assert 10 * np.asarray(moment)[0] == pytest.approx((weight * (p - labels)).mean(), rel=1e-4)


def test_balanced_needs_both_labels(tmp_path):
    records.write(tmp_path / "hf", records.to_lists(STORE), np.zeros(len(STORE), int))
    with pytest.raises(InputError, match=r"^class_weight: found balanced; the labels of train in split 0 are all 0, and"):
        run(dataclasses.replace(ONE, class_weight="balanced"), tmp_path / "run", cohort=tmp_path / "hf")
    assert not (tmp_path / "run").exists()


# Schedules.


def expected_rate(config, step):
    """The rate of the update that `step` others precede, from 0; written anew, from the definitions."""
    rate, total, warm = config.learning_rate, config.num_iter + 1, config.warmup_steps
    if step < warm:
        return rate * step / warm
    part = (step - warm) / (total - warm)
    return {
        "constant": rate,
        "cosine": rate * (1 + np.cos(np.pi * part)) / 2,
        "linear": rate * (1 - part),
        "exponential": rate * 0.01**part,
    }[config.learning_rate_schedule]


@pytest.mark.parametrize(
    ("schedule", "warmup"), [("constant", 0), ("cosine", 0), ("cosine", 4), ("linear", 0), ("exponential", 0)]
)
def test_schedules_by_their_definitions(schedule, warmup):
    config = dataclasses.replace(ONE, learning_rate_schedule=schedule, warmup_steps=warmup)
    optimizer = make_optimizer(config)
    for step in range(config.updates + 1):
        optimizer.iterations.assign(step)
        assert float(optimizer.learning_rate) == pytest.approx(expected_rate(config, step), rel=1e-5, abs=1e-8)


# Clipping.


def test_gradients_above_the_norm_are_scaled_down_to_it():
    free = gradients_of_an_update(fitter_of())
    whole = norm(free)
    clipped = gradients_of_an_update(fitter_of(clip_norm=whole / 4))
    assert norm(clipped) == pytest.approx(whole / 4, rel=1e-5)
    for name, value in clipped.items():
        np.testing.assert_allclose(value, free[name] / 4, atol=1e-6)
    below = gradients_of_an_update(fitter_of(clip_norm=whole * 2))
    for name, value in below.items():
        np.testing.assert_allclose(value, free[name], atol=1e-6)


def test_the_norm_is_that_of_unscaled_gradients_in_float16():
    """Of a loss that is scaled by 2**15, a gradient would be far above any bound."""
    exact = gradients_of_an_update(fitter_of(clip_norm=1e3))
    mixed = gradients_of_an_update(fitter_of(clip_norm=1e3, mixed_precision="float16"))
    assert norm(mixed) == pytest.approx(norm(exact), rel=0.02)
    assert norm(gradients_of_an_update(fitter_of(clip_norm=0.01, mixed_precision="float16"))) == pytest.approx(
        0.01, rel=1e-3
    )


TWO_DEVICES = """
import dataclasses, json
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import test_training_options as tests

options = {"batch_size": 6, "clip_norm": 0.05, "class_weight": "3"}
norms, moments = {}, {}
for distribute in ("none", "mirrored"):
    fitter = tests.fitter_of(distribute=distribute, **options)
    moments[distribute] = tests.gradients_of_an_update(fitter)
    norms[distribute] = tests.norm(moments[distribute])
difference = max(float(np.abs(one - two).max()) for one, two in zip(*(found.values() for found in moments.values())))
with fitter.strategy.scope():
    dropping = tests.MiME(num_dx=2, num_rx=2, num_pr=2, dropout=0.5)
dropped = fitter.strategy.run(tf.function(lambda: dropping._drop(tf.ones((20, 20)))))
one, two = (value.numpy() for value in fitter.strategy.experimental_local_results(dropped))
seeds = dropping.dropout_seeds.state.numpy()[1]
print(json.dumps({"difference": difference, "norms": norms, "agree": float((one == two).mean()), "seeds": int(seeds)}))
"""


@pytest.mark.slow
def test_two_devices_clip_as_one_and_drop_apart(tmp_path):
    path = os.pathsep.join([str(ROOT), str(pathlib.Path(__file__).parent)])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", TWO_DEVICES], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["norms"] == pytest.approx({"none": 0.05, "mirrored": 0.05}, rel=1e-4)
    assert found["difference"] <= 1e-6
    # Two draws of 400 halves agree at half of the places.
    assert 0.3 < found["agree"] < 0.7
    assert found["seeds"] == 1
