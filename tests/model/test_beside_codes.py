"""Days of visits, and age and sex, as inputs of a network: against the oracle, and in its explanations."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cohorts, oracle

from mime_tf import MiME
from mime_tf.batches import datasets
from mime_tf.batches.tables import Batch
from mime_tf.blend import Blend
from mime_tf.config import TrainConfig
from mime_tf.data import pickled
from mime_tf.errors import InputError
from mime_tf.explain import attribution
from mime_tf.explain.parts import contributions
from mime_tf.layers.visit_times import times_of
from mime_tf.runs import model_file

SIZES = {"num_dx": cohorts.NUM_DX, "num_rx": cohorts.NUM_RX, "num_pr": cohorts.NUM_PR}
SMALL = {**SIZES, "emb_size": 4, "dxobj_emb_size": 5, "rnn_size": 3, "emb_activation": "linear"}
AGE_SEX = {"age": [60.0, 10.0], "sexes": ["F", "M"]}  # four attributes
ACTIVATIONS = {"emb_activation": "linear", "order_activation": "relu"}
POOLINGS = [("last",), ("sum",), ("last", "sum", "mean", "max", "distinct")]
PATIENTS = [
    [[[0, [1, 1], [2]], [3, [], []]], [], [[2, [0, 4], [3, 1]], [0, [1], []]]],
    [[[5, [], []]]],
    [[]],
    [[[4, [3], []]], [[4, [3], []]], [[1, [], [0, 0]], [0, [2], [1]]], [[3, [0], []]]],
]
DAYS = [[900, 30, 30], [7], [0], [400, 400, 365, 0]]
ATTRIBUTES = np.array([[0.5, 0, 1, 0], [-1, 0, 0, 1], [0, 1, 0, 0], [2, 0, 0, 1]], np.float32)


def made(seed=0, **arguments):
    """A small model with random weights, and the weights under the oracle's names."""
    model = MiME(**{**SMALL, "visit_days": True, "attributes": AGE_SEX, **arguments})
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, 0.6, weight.shape) for weight in model.get_weights()])
    return model, oracle.weights_of(model)


def dated(patients, days):
    return pickled.from_lists(patients).with_days(np.concatenate(days).astype(np.int32))


def inputs_of(store, attributes=ATTRIBUTES, size=None):
    tables = {name: tf.constant(table) for name, table in Batch(store).tables(size).items()}
    return tables | {"attributes": tf.constant(attributes)}


def test_numbers_of_times_by_hand():
    times = times_of(np.array([[60, 30, 30], [365, -1, -1]], np.int32)).numpy()
    month, year = 0.5 ** (30 / 365), 0.5 ** (60 / 365)
    np.testing.assert_allclose(times[0], [[0.25, year, 0, 0], [0.5, month, 0.5, month], [0.5, month, 1, 1]], rtol=1e-6)
    np.testing.assert_allclose(times[1, 0], [0.5 ** (365 / 30), 0.5, 0, 0], rtol=1e-5)
    assert np.isfinite(times).all()  # padding too


@pytest.mark.parametrize("pooling", POOLINGS, ids="-".join)
@settings(max_examples=5)
@given(cohorts.cohorts(), st.integers(0, 9), st.data())
def test_probabilities_are_those_of_the_oracle_whatever_the_padding(pooling, patients, seed, data):
    model, weights = made(seed, pooling=pooling)
    draw = st.lists(st.integers(0, 2000), min_size=30, max_size=30)
    days = [sorted(data.draw(draw)[: len(patient)], reverse=True) for patient in patients]
    attributes = np.random.default_rng(seed).normal(size=(len(patients), 4)).astype(np.float32)
    store = dated(patients, days)
    size = {name: count + (name in ("S", "T", "V")) for name, count in Batch(store).size.items()}
    expected = oracle.probabilities(
        weights, patients, pooling=pooling, days=days, attributes=attributes.tolist(), **ACTIVATIONS
    )
    np.testing.assert_allclose(model(inputs_of(store, attributes, size))[:, 0], expected, rtol=0, atol=3e-5)
    np.testing.assert_allclose(
        oracle.sigmoid(model.logits(inputs_of(store, attributes))[:, 0]), expected, rtol=0, atol=3e-5
    )


def test_a_new_model_starts_as_one_that_sees_no_times():
    keras.utils.set_random_seed(1)
    plain = MiME(**SMALL)
    keras.utils.set_random_seed(1)
    dating = MiME(**SMALL, visit_days=True)
    tables = inputs_of(dated(PATIENTS, DAYS))
    np.testing.assert_array_equal(dating(tables), plain(tables))
    dating.compile("sgd", loss="binary_crossentropy")
    dating.fit(tf.data.Dataset.from_tensors((tables, np.array([0.0, 1, 0, 1], np.float32))), verbose=0)
    assert all(np.abs(weight).max() > 0 for weight in dating.visit_times.get_weights())


@pytest.mark.parametrize("cell", ["gru_v1", "gru", "lstm"])
def test_equal_records_at_other_times_differ(cell):
    model, _ = made(rnn_cell=cell)
    store = dated([PATIENTS[0]] * 3, [[900, 30, 30], [900, 40, 30], [900, 30, 30]])
    first, second, third = model(inputs_of(store, ATTRIBUTES[[0, 0, 0]]))[:, 0].numpy()
    assert first == third
    assert abs(first - second) > 1e-5


@pytest.mark.parametrize("pooling", POOLINGS, ids="-".join)
def test_contributions_add_up(pooling):
    model, _ = made(pooling=pooling)
    store = dated(PATIENTS, DAYS)
    found = attribution.contributions(model, store, attributes=ATTRIBUTES)
    np.testing.assert_allclose(oracle.sigmoid(found.logits), model(inputs_of(store))[:, 0], rtol=0, atol=1e-5)
    empty = dated([[[] for _ in patient] for patient in PATIENTS], DAYS)
    np.testing.assert_allclose(oracle.sigmoid(found.empty_logits), model(inputs_of(empty))[:, 0], rtol=0, atol=1e-5)
    patient_of_dx = np.repeat(np.arange(len(store)), np.diff(store.dxobjs[store.visits]))
    sums = np.bincount(patient_of_dx, found.dx, len(store))
    for kind in ("rx", "pr"):
        owner = np.repeat(patient_of_dx, np.diff(getattr(store, f"{kind}_offsets")))
        sums += np.bincount(owner, getattr(found, kind), len(store))
    assert (np.abs(sums - (found.logits - found.empty_logits)) <= found.gaps + 1e-4).all()
    # Without the attributes each logit lacks their term, and no contribution changes.
    without = attribution.contributions(model, store)
    term = ATTRIBUTES @ np.asarray(model.prediction.kernel)[-4:, 0]
    np.testing.assert_allclose(found.logits - without.logits, term, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found.dx, without.dx)


def blend_of(network, **regression):
    blend = Blend([network.get_config()], 2, attributes=AGE_SEX, **regression)
    for member in blend.networks:
        member.set_weights(network.get_weights())
    return blend


def test_a_blend_of_networks_reads_what_they_read(tmp_path):
    network, _ = made()
    blend, store = blend_of(network, windows=[0], sizes=[0]), dated(PATIENTS, DAYS)
    assert blend.reads_days and set(datasets.inputs_of(blend)) == {*datasets.INPUTS, "days", "attributes"}
    blend.part_weights.assign([0.5, 2.0])
    blend.regression.attribute_weights.assign([1.0, 0.0, 0.0, 0.25])
    expected = 0.5 * network.logits(inputs_of(store))[:, 0] + 2 * ATTRIBUTES @ [1.0, 0.0, 0.0, 0.25]
    probabilities = np.array(blend(inputs_of(store)))[:, 0]
    np.testing.assert_allclose(probabilities, oracle.sigmoid(expected), rtol=1e-5)
    found = contributions(blend, store, attributes=ATTRIBUTES)
    np.testing.assert_allclose(oracle.sigmoid(found.logits), probabilities, rtol=1e-4)
    blend.save(tmp_path / "blend.keras")
    again = model_file.load(str(tmp_path / "blend.keras"), None)
    np.testing.assert_array_equal(again(inputs_of(store)), blend(inputs_of(store)))


@pytest.mark.parametrize("arguments", [{}, {"visit_days": False}, {"attributes": None}], ids=str)
def test_a_model_is_saved_and_vetted(arguments, tmp_path):
    model, _ = made(**arguments)
    path, inputs = str(tmp_path / "m.keras"), inputs_of(dated(PATIENTS, DAYS))
    model.save(path)
    again = model_file.load(path, None)
    np.testing.assert_array_equal(again(inputs), model(inputs))
    assert again.get_config() == model.get_config()


def test_networks_and_blend_have_the_same_attributes(tmp_path):
    blend = blend_of(made()[0])
    blend.attributes = {"age": [50.0, 10.0], "sexes": ["F", "M"]}
    blend.save(tmp_path / "blend.keras")
    with pytest.raises(InputError, match="of a network; must be those of the blend"):
        model_file.load(str(tmp_path / "blend.keras"), None)


def test_days_by_xla_and_in_mixed_precision():
    model, _ = made()
    inputs = inputs_of(dated(PATIENTS, DAYS))
    np.testing.assert_allclose(tf.function(model, jit_compile=True)(inputs), model(inputs), rtol=1e-4)
    half = MiME.from_config({**model.get_config(), "dtype": "mixed_bfloat16"})
    half.set_weights(model.get_weights())
    np.testing.assert_allclose(half(inputs), model(inputs), atol=0.05)


def test_batches_tell_days_apart():
    """Two patients of one history at other times are two rows of visits."""
    tables = Batch(dated([PATIENTS[3]] * 2, [DAYS[3], [9, 8, 7, 6]])).tables()
    assert tables["visits"].shape == (2, 4) and sorted(tables["days"].tolist()) == [[9, 8, 7, 6], DAYS[3]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"visit_days": "auto", "task": "next_visit"}, "visit_days, task: found auto, next_visit"),
        ({"visit_days": "auto", "init_from": "w.npz"}, "visit_days, init_from: found auto, w.npz"),
        ({"age_sex": "auto", "init_from": "w.npz"}, "age_sex, init_from: found auto, w.npz"),
    ],
)
def test_what_does_not_go_with_them(options, message):
    with pytest.raises(InputError, match=message):
        TrainConfig(**options)
