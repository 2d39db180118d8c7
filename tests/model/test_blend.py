"""The blend: the regression as a layer, the weighted sum of logits, its weights, and its explanations."""

import doctest

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cohorts

from mime_tf import MiME
from mime_tf.batches import datasets
from mime_tf.batches.tables import Batch
from mime_tf.blend import Blend
from mime_tf.data import pickled
from mime_tf.errors import InputError
from mime_tf.explain.parts import contributions
from mime_tf.explain.regression import regression_contributions
from mime_tf.layers import CodeRegression, code_occurrences
from mime_tf.regression.columns import ALL, Columns, code_key, pair_key
from mime_tf.regression.lineage import FIRST, IN_PAIRS, Lineage
from mime_tf.regression.linear import Linear
from mime_tf.regression.sequences import Sequences
from mime_tf.runs import model_file
from mime_tf.splits.split import Part
from mime_tf.training import blend_weights
from mime_tf.training.regression_layer import regression_layer

SIZES = {"num_dx": cohorts.NUM_DX, "num_rx": cohorts.NUM_RX, "num_pr": cohorts.NUM_PR}
SMALL = {**SIZES, "emb_size": 4, "dxobj_emb_size": 5, "rnn_size": 3}
PATIENTS = [
    [[[0, [1, 1], [2]], [3, [], []]], [], [[2, [0, 4], [3, 1]], [0, [1], []]]],
    [[[5, [], []]]],
    [[]],
    [[[4, [3], []]], [[4, [3], []]], [[1, [], [0, 0]], [0, [2], [1]]], [[3, [0], []]]],
]


SEEDS = st.integers(0, 1000)
SMALL_BLEND = MiME(**SMALL).get_config()
assert code_occurrences.IN_PAIRS == IN_PAIRS


def tables_of(store):
    return {name: tf.constant(table) for name, table in Batch(store).tables().items()}


def layer_of(windows, columns, bias=0.0):
    """A layer with a dict of `key: (presence, log_count)` per window."""
    layer = CodeRegression(windows, [len(column) for column in columns])
    layer.build()
    rows = [(key, *weights) for column in columns for key, weights in sorted(column.items())]
    keys, presence, log_count = np.array(rows, float).reshape(-1, 3).T
    for variable, values in zip(
        (layer.keys, layer.presence, layer.log_count), (keys, presence, log_count), strict=True
    ):
        variable.assign(values)
    layer.bias.assign(bias)
    return layer


def random_layer(store, windows, seed=0):
    """A layer on the columns of patients, with random weights; and its columns and their weights."""
    columns, rng = Columns.learn(store, np.arange(len(store)), windows, least=1), np.random.default_rng(seed)
    weights = rng.normal(size=len(columns))
    per_window, start = [], 0
    for keys in columns.keys:
        presence, log_count = weights[start : start + 2 * len(keys)].reshape(2, -1)
        per_window.append({int(key): pair for key, *pair in zip(keys, presence, log_count, strict=True)})
        start += 2 * len(keys)
    return layer_of(windows, per_window, bias=0.5), columns, weights


def test_the_regression_by_hand():
    layer = layer_of(
        [ALL, 1],
        [
            {code_key("dx", 0): (1.0, 0.0), code_key("rx", 1): (0.0, 2.0), pair_key(0, "rx", 1): (10.0, 3.0)},
            {code_key("dx", 0): (100.0, 0.0), code_key("pr", 1): (0.0, 1.0)},
        ],
        bias=-1.0,
    )
    scores = layer(tables_of(pickled.from_lists(PATIENTS)))[:, 0].numpy()
    # Patient 0 has diagnosis 0 twice, medication 1 three times, each because of it; in the last visit diagnosis 0 and
    # procedure 1, because of another diagnosis.
    assert scores[0] == pytest.approx(-1 + 1 + 2 * np.log(4) + 10 + 3 * np.log(4) + 100 + np.log(2), rel=1e-6)
    assert scores[1:3].tolist() == [-1, -1]  # no key; a visit without codes
    assert scores[3] == pytest.approx(-1 + 1, abs=1e-6)  # diagnosis 0, but not in the last visit


@settings(max_examples=15)
@given(cohorts.cohorts(), st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True))
def test_the_regression_is_the_product_of_columns_and_weights(patients, windows):
    store = pickled.from_lists(patients)
    layer, columns, weights = random_layer(store, windows)
    expected = columns.matrix(store, np.arange(len(store))) @ weights + 0.5
    np.testing.assert_allclose(layer(tables_of(store))[:, 0], expected, rtol=1e-4, atol=1e-4)


@settings(max_examples=15)
@given(cohorts.cohorts(), st.lists(st.sampled_from([-30, 0, -2, 1]), min_size=1, max_size=3, unique=True), SEEDS)
def test_windows_of_days_in_the_layer_are_those_of_the_columns(patients, windows, seed):
    """Patients of the same codes on other days are not computed as one."""
    store = pickled.from_lists([*patients, *patients])
    days = np.random.default_rng(seed).choice([0, 2, 3, 30, 31], store.visits[-1])
    store = store.with_days(days.astype(np.int32))
    layer, columns, weights = random_layer(store, windows)
    expected = columns.matrix(store, np.arange(len(store))) @ weights + 0.5
    np.testing.assert_allclose(layer(tables_of(store))[:, 0], expected, rtol=1e-4, atol=1e-4)
    explained = regression_contributions(layer, store)
    np.testing.assert_allclose(explained.logits, expected, rtol=1e-4, atol=1e-4)
    shares = explained.dx.sum() + explained.rx.sum() + explained.pr.sum()
    assert shares == pytest.approx((expected - 0.5).sum(), rel=1e-4, abs=1e-3)


MEMBERSHIPS = st.lists(
    st.tuples(st.sampled_from(["dx", "rx", "pr"]), st.integers(0, 3), st.integers(0, 5)), max_size=30
)


def lineage_of(memberships):
    """A lineage of (kind, code, ancestor), in which a code may have more ancestors than make pairs."""
    offsets, ancestors = {}, {}
    for kind in ("dx", "rx", "pr"):
        pairs = np.array(sorted({(code, ancestor) for of, code, ancestor in memberships if of == kind}), np.int64)
        codes, above = pairs.reshape(-1, 2).T
        offsets[kind], ancestors[kind] = np.searchsorted(codes, np.arange(4)), FIRST + above
    return Lineage(offsets, ancestors, {})


def fitted_layer(store, windows, above=None, halvings=(), seed=0):
    """A layer of random weights on the columns of patients, perhaps ancestors among them; and the regression."""
    columns = Columns.learn(store, np.arange(len(store)), windows, least=1, lineage=above, halvings=halvings)
    weights = np.random.default_rng(seed).normal(size=len(columns))
    fitted = Linear(columns, None, None, weights, 0.5, "L2", 1.0, 0.0)
    arguments, values = regression_layer(fitted)
    model = Blend([], 1, **arguments)
    model.set_regression(**values)
    return model.regression, fitted


@settings(max_examples=15)
@given(cohorts.cohorts(), MEMBERSHIPS, st.lists(st.integers(0, 3), min_size=1, max_size=2, unique=True))
def test_ancestors_in_the_layer_are_those_of_the_columns(patients, memberships, windows):
    store = pickled.from_lists(patients)
    layer, fitted = fitted_layer(store, windows, lineage_of(memberships))
    expected = fitted.logits(store, np.arange(len(store)))
    np.testing.assert_allclose(layer(tables_of(store))[:, 0], expected, rtol=1e-4, atol=1e-4)
    found = regression_contributions(layer, store)
    np.testing.assert_allclose(found.logits, expected, rtol=1e-4, atol=1e-4)
    total = found.dx.sum() + found.rx.sum() + found.pr.sum()
    np.testing.assert_allclose(total, (found.logits - found.empty_logits).sum(), rtol=1e-4, atol=1e-3)


FADING = st.lists(st.sampled_from([1, 4, -3, -60]), min_size=1, max_size=3, unique=True)


@settings(max_examples=15)
@given(cohorts.cohorts(), MEMBERSHIPS, st.lists(st.sampled_from([0, 2, -30]), max_size=2, unique=True), FADING, SEEDS)
def test_windows_that_fade_in_the_layer_are_those_of_the_columns(patients, memberships, windows, halvings, seed):
    store = pickled.from_lists([*patients, *patients])
    days = np.random.default_rng(seed).choice([0, 2, 3, 30, 31, 40_000], store.visits[-1])
    store = store.with_days(days.astype(np.int32))
    layer, fitted = fitted_layer(store, windows, lineage_of(memberships), halvings)
    assert layer.windows == [*windows, *halvings] and layer.fading == len(halvings)
    expected = fitted.logits(store, np.arange(len(store)))
    inputs = tables_of(store)
    np.testing.assert_allclose(layer(inputs)[:, 0], expected, rtol=1e-4, atol=1e-4)
    explained = regression_contributions(layer, store)
    np.testing.assert_allclose(explained.logits, expected, rtol=1e-4, atol=1e-4)
    shares = explained.dx.sum() + explained.rx.sum() + explained.pr.sum()
    assert shares == pytest.approx((explained.logits - explained.empty_logits).sum(), rel=1e-4, abs=1e-3)


def test_a_window_that_fades_by_hand():
    """Diagnosis 0 two visits and no visit before the last one: weights 1/4 and 1; twice in the first of them."""
    patients = [[[[0, [], []], [0, [], []]], [[1, [], []]], [[0, [], []]]]]
    key = np.array([code_key("dx", 0)])
    columns = Columns((1, -30), (key, key), fading=2)
    fitted = Linear(columns, None, None, np.array([10.0, 1.0, 100.0, 7.0]), 0.0, "L2", 1.0, 0.0)
    store = pickled.from_lists(patients).with_days(np.array([60, 45, 30], np.int32))
    largest, sums = (1.0, 0.5), (0.25 + 0.25 + 1, 0.25 + 0.25 + 0.5)  # by visits, by days
    values = [largest[0], np.log1p(sums[0]), largest[1], np.log1p(sums[1])]
    np.testing.assert_allclose(columns.matrix(store, np.arange(1)).toarray(), [values])
    arguments, weights = regression_layer(fitted)
    model = Blend([], 1, **arguments)
    model.set_regression(**weights)
    expected = 10 + np.log1p(1.5) + 100 * 0.5 + 7 * np.log1p(1)
    assert float(model.regression(tables_of(store))[0, 0]) == pytest.approx(expected, rel=1e-6)
    parts = regression_contributions(model.regression, store)
    # All of the latest occurrence's presence is its own; the logs are divided as the weights are.
    early = np.log1p(1.5) * 0.25 / 1.5 + 7 * np.log1p(1) * 0.25
    late = 10 + np.log1p(1.5) * 1 / 1.5 + 50 + 7 * np.log1p(1) * 0.5
    np.testing.assert_allclose(parts.dx, [early, early, 0, late], rtol=1e-6)
    names = ["how lately, halved every visit", "how often, halved every visit"]
    names += ["how lately, halved every 30 days", "how often, halved every 30 days"]
    assert [name.partition(", ")[2] for name in columns.names(None)] == names


def test_choices_of_windows():
    key = np.zeros(0, np.int64)
    columns = Columns((0, 3, 1, -30, 1, 4, -15), (key,) * 7, fading=3)
    assert [(part.windows, part.fading) for part in columns.parts()] == [
        ((0,), 0),
        ((0, 3, 1), 0),
        ((0, 3, 1, -30), 0),
        ((1, 4), 2),
        ((1, 4, -15), 3),
    ]
    again = Columns.from_arrays(columns.arrays())
    assert (again.windows, again.fading) == (columns.windows, 3)


def test_ancestors_by_hand():
    """Diagnoses 0 and 2 are of one family, medications 1 and 4 of another; patient 0 has three links of both."""
    above = Lineage(
        {"dx": np.array([0, 1, 1, 2]), "rx": np.array([0, 0, 1, 1, 1, 2]), "pr": np.array([0])},
        {"dx": FIRST + np.array([0, 0]), "rx": FIRST + np.array([0, 0]), "pr": np.array([], np.int64)},
        {},
    )
    key = pair_key(FIRST, "rx", FIRST)
    columns = Columns((ALL,), (np.array([key]),), above)
    arguments, values = regression_layer(Linear(columns, None, None, np.array([1.0, 2.0]), 0.0, "L2", 1.0, 0.0))
    assert arguments["ancestors"] == [3, 2, 5, 2, 0, 0]
    model = Blend([], 1, **arguments)
    model.set_regression(**values)
    patients = [[[[0, [1, 1], [2]], [3, [1], []]], [[2, [0, 4], []]]], [[[0, [0], []], [3, [1], []]]]]
    tables = tables_of(pickled.from_lists(patients))
    np.testing.assert_allclose(model(tables)[:, 0], tf.sigmoid([1 + 2 * np.log(4), 0.0]), rtol=1e-5)
    again = Blend.from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(tables), model(tables))


def test_a_saved_blend_has_its_ancestors(tmp_path):
    store = pickled.from_lists(PATIENTS)
    layer, _ = fitted_layer(store, [ALL], lineage_of([("dx", 0, 0), ("dx", 1, 0), ("rx", 1, 2), ("pr", 0, 1)]))
    model = Blend([SMALL_BLEND], 1, layer.windows, layer.sizes, ancestors=layer.ancestors)
    model.regression.set_weights(layer.get_weights())
    path = str(tmp_path / "model.keras")
    model.save(path)
    loaded = model_file.load(path, None)
    np.testing.assert_array_equal(loaded(tables_of(store)), model(tables_of(store)))
    assert loaded.regression.ancestors == layer.ancestors
    offsets = model.regression.above.by_kind["dx"][0]
    for bad in ([0, 1, 2, 1_000_000], [1, 1, 2, 2], [0, 2, 1, 2]):
        offsets.assign(bad)
        model.save(path)
        with pytest.raises(InputError, match=r"above/vars/0: found \[.*\]; must rise from 0 to 2"):
            model_file.load(path, None)


def with_pairs(store, seed=0):
    """A layer of random weights with the pairs of diagnoses of a cohort; and its pairs and their weights."""
    sequences = Sequences.learn(store, np.arange(len(store)), least=1)
    layer = CodeRegression([ALL], [0], len(sequences.pairs))
    layer.build()
    weights = np.random.default_rng(seed).normal(size=len(sequences))
    if len(sequences):
        both, order = weights.reshape(2, -1)
        for variable, values in ((layer.pairs, sequences.pairs), (layer.both, both), (layer.order, order)):
            variable.assign(values)
    return layer, sequences, weights


def test_pairs_of_diagnoses_by_hand():
    layer = CodeRegression([ALL], [0], 3)
    layer.build()
    layer.pairs.assign([[0, 3], [0, 2], [1, 4]])
    layer.both.assign([1.0, 10.0, 100.0])
    layer.order.assign([0.5, 2.0, 4.0])
    store = pickled.from_lists(PATIENTS)
    # Patient 0 has 0 and 3 first in one visit, and 0 before 2; patient 3 has 4 before 1, 0 before 3, and no 2.
    assert layer(tables_of(store))[:, 0].numpy().tolist() == [1 + 10 + 2, 0, 0, 1 + 0.5 + 100 - 4]
    parts = regression_contributions(layer, store)
    assert parts.logits.tolist() == [13, 0, 0, 97.5]
    # In patient 0: diagnosis 0 has half of both terms, in its first visit; 3 and 2 have the other halves.
    assert parts.dx[:4].tolist() == [6.5, 0.5, 6, 0]
    # In patient 3: diagnosis 4 is twice in the record and counts where it was first.
    assert parts.dx[5:].tolist() == [48, 0, 48, 0.75, 0.75]


@settings(max_examples=15)
@given(cohorts.cohorts())
def test_pairs_of_diagnoses_are_the_product_of_columns_and_weights(patients):
    store = pickled.from_lists(patients)
    layer, sequences, weights = with_pairs(store)
    expected = sequences.matrix(store, np.arange(len(store))) @ weights
    np.testing.assert_allclose(layer(tables_of(store))[:, 0], expected, rtol=1e-4, atol=1e-4)
    parts = regression_contributions(layer, store)
    np.testing.assert_allclose(parts.logits, expected, rtol=1e-4, atol=1e-4)


def test_the_regression_in_a_graph_and_without_keys():
    store = pickled.from_lists(PATIENTS)
    layer, *_ = with_pairs(store)
    graph = tf.function(layer, input_signature=[datasets.INPUTS])
    np.testing.assert_allclose(graph(tables_of(store)), layer(tables_of(store)), rtol=1e-6)
    layer, *_ = random_layer(store, [ALL, 2])
    graph = tf.function(layer, input_signature=[datasets.INPUTS])
    np.testing.assert_allclose(graph(tables_of(store)), layer(tables_of(store)), rtol=1e-6)
    empty = CodeRegression([ALL], [0])
    empty.build()
    assert empty(tables_of(store)).numpy().tolist() == [[0.0]] * 4
    with pytest.raises(ValueError, match="as many"):
        CodeRegression([ALL], [1, 2])


def made(store, members=2):
    """A blend of two kinds of networks and a regression, with random weights."""
    regression, columns, _ = random_layer(store, [ALL, 1], seed=1)
    kinds = [MiME(**SMALL, pooling=pooling).get_config() for pooling in (["sum"], ["last", "distinct"])]
    blend = Blend(kinds, members, [ALL, 1], [len(keys) for keys in columns.keys], 2)
    rng = np.random.default_rng(2)
    for network in blend.networks:
        network.set_weights([rng.normal(0, 0.7, weight.shape) for weight in network.get_weights()])
    pairs = {"pairs": [[0, 3], [1, 4]], "both": [0.5, -1.0], "order": [1.0, 0.25]}
    weights = {name: getattr(regression, name) for name in ("keys", "presence", "log_count", "bias")}
    blend.set_regression(**weights, **pairs)
    blend.part_weights.assign([0.5, 0.25, 2.0])
    blend.bias.assign(0.125)
    return blend


def test_a_blend_is_a_weighted_sum_of_mean_logits(tmp_path):
    store = pickled.from_lists(PATIENTS)
    blend, batch = made(store), tables_of(store)
    first, second, third, fourth = (np.array(network.logits(batch)) for network in blend.networks)
    for network in blend.networks:
        np.testing.assert_allclose(keras.ops.sigmoid(network.logits(batch)), network(batch), rtol=1e-5)
    regression = np.array(blend.regression(batch))
    expected = 0.125 + 0.5 * (first + second) / 2 + 0.25 * (third + fourth) / 2 + 2 * regression
    np.testing.assert_allclose(blend(batch), 1 / (1 + np.exp(-expected)), rtol=1e-5)
    blend.save(tmp_path / "blend.keras")
    again = keras.saving.load_model(tmp_path / "blend.keras")
    np.testing.assert_array_equal(again(batch), blend(batch))
    assert again.get_config() == blend.get_config()


def test_a_constant_blend_ties_all_patients():
    """Whatever the place in the batch: vectors of 16, 8 or 4 and what is left over are not computed alike."""
    blend = Blend([], 1, windows=[0], sizes=[0])
    for bias in np.linspace(-3, 3, 50):
        blend.bias.assign(bias)
        scores = blend(tables_of(pickled.from_lists(PATIENTS * 9))).numpy()
        assert len(np.unique(scores)) == 1, bias


def test_contributions_of_a_blend_add_up():
    store = pickled.from_lists(PATIENTS)
    blend = made(store)
    parts = contributions(blend, store, tolerance=1e-4)
    logits = np.log(1 / (1 / np.array(blend(tables_of(store)), np.float64)[:, 0] - 1))
    np.testing.assert_allclose(parts.logits, logits, atol=1e-3)
    patient_of_dx = np.repeat(np.arange(len(store)), np.diff(store.dxobjs[store.visits]))
    sums = np.bincount(patient_of_dx, parts.dx, len(store))
    np.testing.assert_allclose(parts.dx_logits - parts.empty_logits, sums, atol=1e-3)
    for kind in ("rx", "pr"):
        owner = np.repeat(patient_of_dx, np.diff(getattr(store, f"{kind}_offsets")))
        sums += np.bincount(owner, getattr(parts, kind), len(store))
    np.testing.assert_allclose(parts.logits - parts.empty_logits, sums, atol=1e-3)


def test_contributions_of_a_regression_by_hand():
    columns = {code_key("dx", 0): (1.0, 2.0), code_key("rx", 1): (4.0, 0.0), pair_key(0, "rx", 1): (0.0, 6.0)}
    parts = regression_contributions(layer_of([ALL], [columns], bias=-1.0), pickled.from_lists(PATIENTS[:1]))
    of_diagnosis = (1 + 2 * np.log(3)) / 2
    assert parts.dx.tolist() == pytest.approx([of_diagnosis, 0, 0, of_diagnosis])
    of_order = (4 + 6 * np.log(4)) / 3
    assert parts.rx.tolist() == pytest.approx([of_order, of_order, 0, 0, of_order])
    assert parts.pr.tolist() == [0, 0, 0]
    assert parts.logits[0] == pytest.approx(-1 + 2 * of_diagnosis + 3 * of_order)
    assert parts.empty_logits.tolist() == [-1]


def test_weights_are_non_negative_and_find_what_each_part_adds():
    assert doctest.testmod(blend_weights).failed == 0
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(2, 20_000))
    labels = rng.random(20_000) < 1 / (1 + np.exp(2 - first - 0.5 * second))
    weights, bias = blend_weights.fit_weights(np.stack([first, second], axis=1), labels)
    np.testing.assert_allclose([*weights, bias], [1, 0.5, -2], atol=0.1)
    # Labels that one part tells apart without an error have no best weight.
    separable, _ = blend_weights.fit_weights(first[:, None], first > 0)
    assert separable.tolist() == [blend_weights.MOST]


def test_scoring_batches_of_a_blend_are_its_parts_order():
    store = pickled.from_lists(PATIENTS)
    blend, rows = made(store), np.array([2, 1, 0, 3])
    batches = datasets.scoring_batches(Part(rows, store, np.zeros(4)), 2)
    scores = np.concatenate([blend(inputs) for inputs, _ in batches])
    np.testing.assert_allclose(scores, tf.gather(blend(tables_of(store)), rows), rtol=1e-5)
