"""MiME as a Keras model: fit, evaluate, predict, summary, save, load, other cells, mixed precision."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import mime_tf
from mime_tf import FusedAdam, MiME
from mime_tf.batches import datasets
from mime_tf.batches.tables import Batch, window_starts
from mime_tf.data import pickled
from mime_tf.losses import LogLoss
from mime_tf.splits.split import Part

ROOT = Path(__file__).resolve().parents[2]
CELLS = ("gru_v1", "gru", "lstm")


def toy_part(patients=60, seed=0):
    """Patients whose label says whether diagnosis 0 with medication 1 is anywhere in their visits."""
    rng = np.random.default_rng(seed)

    def visit():
        return [
            [int(rng.integers(1, 5)), rng.integers(0, 3, rng.integers(0, 3)).tolist(), [0] * int(rng.integers(0, 2))]
            for _ in range(rng.integers(0, 3))
        ]

    lists, labels = [], np.arange(patients) % 2
    for label in labels:
        visits = [visit() for _ in range(rng.integers(1, 6))]
        visits[rng.integers(len(visits))].append([0, [1], []] if label else [0, [], [0]])
        lists.append(visits)
    order = np.argsort([len(patient) for patient in lists], kind="stable")
    return Part(order, pickled.from_lists(lists), labels[order])


def tables(store):
    """The batch of all patients of a store."""
    return Batch(store).tables()


def toy_model(optimizer="adam", steps_per_execution=1, **arguments):
    keras.utils.set_random_seed(0)
    sizes = {"num_dx": 5, "num_rx": 3, "num_pr": 1, "emb_size": 8, "dxobj_emb_size": 8, "rnn_size": 8}
    model = MiME(**{**sizes, "max_dx_per_visit": 3, **arguments})
    metrics = [keras.metrics.AUC(name="auc")]
    model.compile(optimizer, loss=LogLoss(), metrics=metrics, steps_per_execution=steps_per_execution)
    return model


def fitted(model, part, steps=3):
    starts = window_starts(0, [len(part)], 10, steps)[0]
    history = model.fit(datasets.training_batches(part, starts, 10), verbose=0, shuffle=False).history
    return {name: values[-1] for name, values in history.items()}


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_cohort_learned_by_heart_leaves_every_number_finite(cell, policy):
    """3,000 updates without a penalty, the second half at probabilities of exactly 1, which once gave NaN."""
    part = toy_part(patients=40)
    model = toy_model(FusedAdam(0.05), steps_per_execution=100, rnn_cell=cell, regularize=0.0, dtype=policy)
    starts = window_starts(0, [len(part)], 20, 1500)[0]
    for factor in (1, 20):
        model.prediction.kernel.assign(factor * model.prediction.kernel)
        batches = datasets.training_batches(part, starts, 20)
        model.fit(batches, epochs=15, steps_per_epoch=100, verbose=0, shuffle=False)
        losses = model.history.history["main_loss"]
        assert np.isfinite(losses).all() and losses[-1] < 1e-4
        assert all(np.isfinite(values).all() for values in model.get_weights())
    assert model.predict_on_batch(tables(part.store)).max() == 1  # the case that the test is about


def test_fit_learns_a_cohort_that_can_be_learned():
    part, unseen = toy_part(), toy_part(seed=1)
    model = toy_model(keras.optimizers.Adam(0.01), aux_lambda=0.1)
    batches = datasets.scoring_batches(unseen, 16)
    before = model.evaluate(batches, verbose=0, return_dict=True)
    history = model.fit(
        datasets.training_batches(part, window_starts(0, [60], 10, 300)[0], 10),
        steps_per_epoch=50,
        epochs=6,
        verbose=0,
        shuffle=False,
        validation_data=batches,
    ).history
    assert before["main_loss"] > 0.6
    assert history["main_loss"][-1] < 0.1
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["val_auc"][-1] > 0.95
    after = model.evaluate(batches, verbose=0, return_dict=True)
    assert after["main_loss"] == pytest.approx(history["val_main_loss"][-1], rel=1e-5)
    assert history["aux_dx_loss"][-1] < history["aux_dx_loss"][0]


def test_predict_gives_every_patient_in_order():
    part, model = toy_part(), toy_model()
    whole = model.predict(datasets.scoring_batches(part, 60), verbose=0)
    assert whole.shape == (60, 1)
    assert whole.dtype == np.float32
    assert len(np.unique(whole)) > 30
    for size in (7, 20):
        predicted = model.predict(datasets.scoring_batches(part, size), verbose=0)
        np.testing.assert_allclose(predicted, whole, atol=1e-6)
    alone = model(tables(part.patients(17, 18)))
    np.testing.assert_allclose(alone, whole[17:18], atol=1e-6)


@pytest.mark.parametrize("rnn_cell", CELLS)
def test_every_cell_trains_and_ignores_padding(rnn_cell):
    part = toy_part()
    model = toy_model(rnn_cell=rnn_cell)
    before = model.get_weights()
    assert np.isfinite(fitted(model, part)["loss"])
    for weight, old, new in zip(model.weights, before, model.get_weights(), strict=True):
        assert not np.array_equal(new, old), weight.path
        assert np.isfinite(new).all(), weight.path
    # One of them twice.
    store = part.patients().select([0, 30, 59, 30, 12])
    assert len(set(store.visit_counts)) > 2
    batch = Batch(store)
    assert batch.size["S"] == 4
    tight = model(batch.tables())
    padded = model(batch.tables({name: size + 3 for name, size in batch.size.items()}))
    assert padded.shape == (8, 1)
    np.testing.assert_allclose(padded[:5], tight, atol=1e-6)
    assert np.isfinite(padded).all()
    # A patient's prediction does not depend on who else is in the batch.
    for patient in range(5):
        np.testing.assert_allclose(model(tables(store.select([patient]))), tight[patient : patient + 1], atol=1e-6)


def test_an_empty_visit_is_a_time_step():
    """It moves the state, unlike padding."""
    model = toy_model()
    model.rnn.cell.bias.assign(np.linspace(-1, 1, 24))
    short, longer = [[[0, [1], []]]], [[[0, [1], []]], []]
    predicted = model(tables(pickled.from_lists([short, longer]))).numpy()
    assert abs(predicted[0, 0] - predicted[1, 0]) > 1e-4


@pytest.mark.parametrize("rnn_cell", CELLS)
def test_a_model_has_its_weights_when_it_is_made(rnn_cell):
    """So that nothing needs to be built before weights are given to it, or before `fit`."""
    model = toy_model(rnn_cell=rnn_cell, aux_lambda=0.1)
    assert model.built
    assert all(layer.built for layer in model.layers if layer.weights)
    assert len(model.trainable_weights) == 9 + 3 + 2 + 6
    kept = model.get_weights()
    model.build()
    model(tables(toy_part(10).patients(0, 2)))
    assert all(np.array_equal(new, old) for new, old in zip(model.get_weights(), kept, strict=True))


# Summary.


def summary(model):
    lines = []
    model.summary(print_fn=lines.append, line_length=78)
    return "\n".join(lines)


@pytest.mark.parametrize("rnn_cell", CELLS)
def test_a_summary_at_every_stage(tmp_path, rnn_cell):
    """It shows a shape and the weights of every layer, before and after anything is computed."""
    part, model = toy_part(), toy_model(rnn_cell=rnn_cell, aux_lambda=0.1, dropout=0.1)
    fresh = summary(model)
    assert "?" not in fresh and "unbuilt" not in fresh
    for layer in model.layers:
        assert layer.name in fresh and f"{layer.count_params():,}" in fresh
    model.predict(datasets.scoring_batches(part, 20), verbose=0)
    assert summary(model) == fresh
    fitted(model, part)
    after_fit = summary(model)
    assert after_fit.startswith(fresh.split(" Total params")[0]) and "Optimizer params" in after_fit
    model.evaluate(datasets.scoring_batches(part, 20), verbose=0)
    assert summary(model) == after_fit
    model.save(tmp_path / "model.keras")
    loaded = mime_tf.load_model(tmp_path / "model.keras")
    assert summary(loaded) == fresh
    loaded.predict_on_batch(tables(part.store))
    assert summary(loaded) == fresh
    assert summary(mime_tf.load_model(tmp_path / "model.keras", compile=True)) == after_fit


# Saving.


@pytest.mark.parametrize(("rnn_cell", "aux_lambda"), [("gru_v1", 0.2), ("gru", 0.0), ("lstm", 0.2)])
def test_a_loaded_model_predicts_the_same(tmp_path, rnn_cell, aux_lambda):
    part = toy_part()
    model = toy_model(rnn_cell=rnn_cell, aux_lambda=aux_lambda, regularize=0.01, emb_activation="tanh")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert type(loaded) is MiME
    assert loaded.get_config() == model.get_config()
    for got, expected in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)
    batch = tables(part.patients())
    np.testing.assert_array_equal(loaded(batch), model(batch))


def test_a_loaded_model_goes_on_training(tmp_path):
    """With its loss, metrics and optimizer, as if it had never been away."""
    part, model = toy_part(), toy_model(aux_lambda=0.2)
    fitted(model, part)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert int(loaded.optimizer.iterations) == 3
    expected = fitted(model, part)
    assert set(expected) == {"loss", "main_loss", "l2_loss", "aux_dx_loss", "aux_rx_loss", "aux_pr_loss", "auc"}
    assert fitted(loaded, part) == pytest.approx(expected, rel=1e-6)
    for got, expected in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-7)


FRESH = """
import sys
import numpy as np
{imports}
model = {load_model}(sys.argv[1])
with np.load(sys.argv[2]) as file:
    batch = dict(file)
np.save(sys.argv[3], model.predict_on_batch(batch))
"""


WAYS_TO_OPEN = {
    "mime_tf.load_model": "import mime_tf",
    "keras.models.load_model": "import keras, mime_tf.model",
    "keras.saving.load_model": "import mime_tf.model, keras",
}


@pytest.mark.parametrize("load_model", WAYS_TO_OPEN)
def test_a_fresh_process_predicts_the_same(tmp_path, load_model):
    """`mime_tf.load_model` opens the model, and so does Keras once `mime_tf.model` is imported, before or after it."""
    part = toy_part()
    model = toy_model(aux_lambda=0.1)
    fitted(model, part)
    model.save(tmp_path / "model.keras")
    batch = tables(part.patients(0, 20))
    np.savez(tmp_path / "batch.npz", **batch)
    program = FRESH.format(imports=WAYS_TO_OPEN[load_model], load_model=load_model)
    files = [tmp_path / name for name in ("model.keras", "batch.npz", "predictions.npy")]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, files)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(files[-1]), model.predict_on_batch(batch))


# Precision.


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_model_takes_a_dtype_policy(policy):
    model = toy_model(dtype=policy, aux_lambda=0.1)
    computing = [model.dxobject_embedding, model.visit_embedding, model.rnn, model.auxiliary]
    assert {layer.dtype_policy.name for layer in computing} == {policy}


@pytest.fixture
def mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


def test_a_model_of_the_global_policy_trains(mixed_precision):
    part, model = toy_part(), toy_model(aux_lambda=0.1)
    assert model.rnn.compute_dtype == "bfloat16"
    logged = fitted(model, part)
    assert np.isfinite(list(logged.values())).all()
    assert {weight.dtype for weight in model.weights} == {"float32"}
    predicted = model.predict(datasets.scoring_batches(part, 20), verbose=0)
    assert predicted.dtype == np.float32
    keras.config.set_dtype_policy("float32")
    exact = toy_model(aux_lambda=0.1)
    exact.set_weights(model.get_weights())
    expected = exact.predict(datasets.scoring_batches(part, 20), verbose=0)
    np.testing.assert_allclose(predicted, expected, atol=2e-2)
    assert not np.array_equal(predicted, expected)


def test_a_loaded_model_keeps_its_precision(mixed_precision, tmp_path):
    """Whatever the policy is where it is loaded: its predictions are those of the model that was saved."""
    model = toy_model()
    model.save(tmp_path / "model.keras")
    batches = datasets.scoring_batches(toy_part(), 20)
    expected = model.predict(batches, verbose=0)
    keras.config.set_dtype_policy("float32")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(loaded.predict(batches, verbose=0), expected)
