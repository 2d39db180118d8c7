"""mime_tf.datasets: from a path to the datasets of a split, those of train.py."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.whole_runs import COHORT

import mime_tf
from mime_tf.batches.datasets import INPUTS, training_batches
from mime_tf.config import TrainConfig
from mime_tf.data import parquet
from mime_tf.data.cohort import Cohort
from mime_tf.training.plan import Plan


def digests(batches):
    """The batches, each as the bytes of its tables and labels."""
    return [tuple(value.numpy().tobytes() for value in tf.nest.flatten(batch)) for batch in batches]


def plan(config):
    """The splits of a run of train.py."""
    cohort = Cohort.open(COHORT)
    return Plan(config, cohort.store, cohort.labels)


@pytest.mark.parametrize("seed", [0, 3])
def test_parts_are_those_of_train_py(seed):
    data = mime_tf.datasets(COHORT, seed=seed, batch_size=5)
    expected = plan(TrainConfig(split_seeds=(seed,), batch_size=5)).splits[seed]
    for name in ("train", "valid", "test"):
        got, part = getattr(data.split, name), getattr(expected, name)
        np.testing.assert_array_equal(got.rows, part.rows)
        np.testing.assert_array_equal(got.labels, part.labels)
    for name in ("valid", "test"):
        labels = np.concatenate([labels for _, labels in getattr(data, name)])
        np.testing.assert_array_equal(labels, getattr(expected, name).labels)
    assert data.train.element_spec == (INPUTS, tf.TensorSpec((None,), tf.float32))


def test_windows_are_those_of_train_py():
    """Also the first of them, where fewer are asked for."""
    config = TrainConfig(split_seeds=(1,), batch_size=5, random_seed=7, num_iter=100)
    planned = plan(config)
    train = mime_tf.datasets(COHORT, seed=1, batch_size=5, steps=30, random_seed=7).train
    expected = training_batches(planned.splits[1].train, planned.starts[0][:30], 5)
    assert digests(train) == digests(expected)
    assert digests(train) == digests(train)


@pytest.mark.parametrize("batch_size", [1, 4, 7, 1000])
def test_an_epoch_has_every_training_patient_once(batch_size):
    data = mime_tf.datasets(COHORT, batch_size=batch_size)
    part = data.split.train
    windows = [part.labels[start : start + batch_size] for start in range(0, len(part), batch_size)]
    for _ in range(2):
        labels = [tuple(labels.numpy().astype(int)) for _, labels in data.train]
        assert collections.Counter(labels) == collections.Counter(map(tuple, windows))


def test_the_order_differs_between_epochs_and_is_drawn_by_the_seed():
    def epochs(**options):
        keras.utils.set_random_seed(0)
        train = mime_tf.datasets(COHORT, batch_size=2, **options).train
        return digests(train), digests(train)

    first, second = epochs()
    assert first != second and sorted(first) == sorted(second)
    assert epochs() == (first, second)
    assert epochs(random_seed=1)[0] != first


def test_options_are_those_of_train_py():
    flags = {"test_fraction": 0.2, "valid_fraction": 0.3, "train_ratio": 0.5, "min_threshold": 2, "max_threshold": 9}
    data = mime_tf.datasets(COHORT, batch_size=3, **flags)
    expected = plan(TrainConfig(split_seeds=(0,), batch_size=3, **flags)).splits[0]
    for name in ("train", "valid", "test"):
        np.testing.assert_array_equal(getattr(data.split, name).rows, getattr(expected, name).rows)
    folds = plan(TrainConfig(folds=3, batch_size=3)).splits
    data = mime_tf.datasets(COHORT, seed=2, batch_size=3, folds=3)
    np.testing.assert_array_equal(data.split.test.rows, folds[2].test.rows)


def test_parquet_and_an_opened_cohort_give_the_same(tmp_path):
    cohort = Cohort.open(COHORT)
    path = tmp_path / "cohort.parquet"
    parquet.write(path, cohort.store, cohort.labels)
    for source in (path, cohort):
        for got, expected in zip(
            mime_tf.datasets(source, batch_size=5), mime_tf.datasets(COHORT, batch_size=5), strict=True
        ):
            assert digests(got) == digests(expected)


def test_rows_of_a_patient_stay_together(tmp_path):
    cohort = Cohort.open(COHORT)
    path = tmp_path / "cohort.parquet"
    ids = np.arange(len(cohort.store)) // 3
    parquet.write(path, cohort.store, cohort.labels, ids)
    split = mime_tf.datasets(path, batch_size=5, group_column="patient_id").split
    train, valid, test = (set(ids[part.rows]) for part in (split.train, split.valid, split.test))
    assert not train & valid and not train & test and not valid & test


def test_a_model_is_made_fitted_and_scored():
    data = mime_tf.datasets(COHORT, batch_size=10)
    train, valid, test = data
    assert (train, valid, test) == (data.train, data.valid, data.test)
    assert data.sizes == {"num_dx": 31, "num_rx": 9, "num_pr": 13, "max_dx_per_visit": 6}
    assert repr(data).startswith(f"Datasets({len(data.split.train)} train, ")
    model = mime_tf.MiME(**data.sizes, emb_size=4, dxobj_emb_size=4, rnn_size=4)
    model.compile(mime_tf.FusedAdam(0.01), mime_tf.LogLoss(), metrics=[keras.metrics.AUC(name="auc")])
    history = model.fit(train, validation_data=valid, epochs=2, verbose=0).history
    assert np.isfinite(history["val_loss"]).all()
    assert set(model.evaluate(test, verbose=0, return_dict=True)) == {"loss", "main_loss", "l2_loss", "auc"}
    assert model.predict(test, verbose=0).shape == (len(data.split.test), 1)


# Errors.


def test_a_cohort_without_labels():
    with pytest.raises(mime_tf.InputError, match="label"):
        mime_tf.datasets(Cohort.open(COHORT, labelled=False))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cohort": "no_such_cohort"}, r"^no_such_cohort\.seqs: can't be read"),
        ({"seed": 3, "folds": 3}, r"^seed: found 3; with 3 folds it is the test fold, 0 to 2$"),
        ({"seed": -1}, r"^split_seeds: found \(-1,\); must be from 0 to 4294967295$"),
        ({"batch_size": 0}, r"^batch_size: found 0; must be 1 or more$"),
        ({"steps": 5, "batch_size": 10_000}, r"^batch_size is 10000; a training set has \d+ patients"),
        ({"steps": 0}, r"^steps: found 0; must be at least 1$"),
        ({"test_fraction": 0.9}, r"^test_fraction: found 0\.9; must be less than 1 - valid_fraction"),
        ({"min_threshold": 100}, r"^no patient is left of"),
        ({"group_column": "patient_id"}, r"patients\.csv"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(mime_tf.InputError, match=message):
        mime_tf.datasets(**{"cohort": COHORT, **options})


@pytest.mark.parametrize("name", ["learning_rate", "split_seeds", "nonsense"])
def test_an_option_of_another_name(name):
    with pytest.raises(TypeError, match=rf"^datasets\(\) got an unexpected keyword argument '{name}'$"):
        mime_tf.datasets(COHORT, **{name: 1})
