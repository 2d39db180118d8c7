"""MiME against the float64 oracle on random cohorts and weights, and the parts of its loss."""

import functools

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import cohorts, oracle

from mime_tf import MiME, tf1_weights
from mime_tf.batches.tables import Batch
from mime_tf.data import pickled
from mime_tf.losses import LogLoss

SIZES = {"num_dx": cohorts.NUM_DX, "num_rx": cohorts.NUM_RX, "num_pr": cohorts.NUM_PR}
WIDTHS = {"emb_size": 4, "dxobj_emb_size": 5, "rnn_size": 3}
REGULARIZE, AUX_LAMBDA, SLOTS = 0.01, 0.3, 4
ACTIVATIONS = [("relu", "relu"), ("sigmoid", "tanh"), ("tanh", "sigmoid")]
PARTS = ("main_loss", "l2_loss", "aux_dx_loss", "aux_rx_loss", "aux_pr_loss")


def small_model(optimizer="sgd", compile_options=(), **arguments):
    model = MiME(**SIZES, **{**WIDTHS, "max_dx_per_visit": SLOTS, **arguments})
    model.compile(optimizer, loss=LogLoss(), **dict(compile_options))
    return model


@functools.cache
def model_with_heads(emb_activation, order_activation):
    """One model per pair of activations, run eagerly because every random cohort has another shape."""
    return small_model(
        emb_activation=emb_activation,
        order_activation=order_activation,
        regularize=REGULARIZE,
        aux_lambda=AUX_LAMBDA,
        compile_options={"run_eagerly": True},
    )


def with_random_weights(model, seed):
    """Gives the model random weights, biases too, and returns them in float64."""
    rng = np.random.default_rng(seed)
    weights = {
        name: rng.normal(0, 0.6, variable.shape).astype(np.float32)
        for name, variable in tf1_weights.variables(model).items()
    }
    tf1_weights.assign(model, weights, "random weights")
    return oracle.weights_under(weights, "")


def batch_of(patients, extra=None):
    """All patients as one batch, with `extra` padding, a dict by dimension."""
    batch = Batch(pickled.from_lists(patients))
    return batch.tables({name: size + (extra or {}).get(name, 0) for name, size in batch.size.items()})


def assert_model_equals_oracle(patients, labels, activations, seed, extra=None):
    model = model_with_heads(*activations)
    weights = with_random_weights(model, seed)
    expected = oracle.losses(
        weights,
        patients,
        labels,
        emb_activation=activations[0],
        order_activation=activations[1],
        regularize=REGULARIZE,
        aux_lambda=AUX_LAMBDA,
        max_dx_per_visit=SLOTS,
    )
    batch = batch_of(patients, extra)
    probabilities = model(batch).numpy()
    np.testing.assert_allclose(probabilities[:, 0], expected["probabilities"], rtol=1e-5, atol=1e-5)
    model.reset_metrics()
    got = model.test_on_batch(batch, np.float32(labels), return_dict=True)
    for name, key in (("main_loss", "main"), ("aux_dx_loss", "aux_dx"), ("aux_rx_loss", "aux_rx"),
                      ("aux_pr_loss", "aux_pr"), ("loss", "total")):  # fmt: skip
        assert got[name] == pytest.approx(expected[key], rel=1e-5, abs=1e-5), name
    assert got["l2_loss"] == pytest.approx(REGULARIZE * expected["l2"], rel=1e-5)


extra_padding = st.fixed_dictionaries({name: st.integers(0, 2) for name in "STVDNRP"})


@settings(max_examples=60)
@given(cohorts.labelled(), st.sampled_from(ACTIVATIONS), st.integers(0, 2**31), extra_padding)
def test_random_cohorts(patients_and_labels, activations, seed, extra):
    assert_model_equals_oracle(*patients_and_labels, activations, seed, extra)


@settings(max_examples=20)
@given(cohorts.labelled(), cohorts.known_codes(), st.integers(0, 2**31))
def test_cohorts_after_the_unseen_code_filter(patients_and_labels, known, seed):
    """The batch is cut from the filtered store, whose visits may have lost all they held."""
    patients, labels = patients_and_labels
    kept = cohorts.keep_known(patients, known)
    arrays = {kind: np.isin(np.arange(size), list(known[kind])) for kind, size in
              (("dx", cohorts.NUM_DX), ("rx", cohorts.NUM_RX), ("pr", cohorts.NUM_PR))}  # fmt: skip
    store = pickled.from_lists(patients).keep_known(arrays)
    model = model_with_heads("relu", "relu")
    weights = with_random_weights(model, seed)
    got = model(Batch(store).tables()).numpy()[:, 0]
    expected = oracle.probabilities(weights, kept, emb_activation="relu", order_activation="relu")
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    assert_model_equals_oracle(kept, labels, ("relu", "relu"), seed)


OBJECT, OTHER = [1, [0, 2, 2, 2], [3]], [5, [], [0, 0]]
AWKWARD = {
    "nothing at all": [[[]]],
    "empty visits only": [[[], []], [[]]],
    "an empty visit first, amid and last": [[[], [OBJECT], [], [OTHER], []]],
    "a visit emptied by the filter": cohorts.keep_known(
        [[[OBJECT], [OTHER]], [[OTHER, OBJECT]]], {"dx": {1}, "rx": {2}, "pr": set()}
    ),
    "repeated codes": [[[[0, [1, 1, 1], [2, 2]]]], [[[0, [1], [2]]]]],
    "one Dx-object many times": [[[OBJECT, OBJECT, OBJECT], [OBJECT]], [[OBJECT]]],
    "one visit each": [[[OBJECT]], [[OTHER]], [[]]],
    "the same patient three times": [[[OBJECT], [OTHER], []]] * 3,
    "equal lengths": [[[OBJECT], [OTHER]], [[OTHER], [OBJECT]], [[OTHER], []]],
    "very different lengths": [[[OBJECT]], [[OTHER], [OBJECT, OTHER], []] * 20, [[]]],
}


@pytest.mark.parametrize("activations", ACTIVATIONS, ids="-".join)
@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_cohorts(name, activations):
    patients = AWKWARD[name]
    assert_model_equals_oracle(patients, [1, 0, 1][: len(patients)], activations, seed=len(name))


# Patients who share a history.


def in_full(batch):
    """The same patients with a history each, as if none were shared."""
    everyone = np.arange(len(batch["patients"]), dtype=np.int32)
    return {**batch, "patients": everyone, "visits": batch["visits"][batch["patients"]]}


def step(model, seed, batch, labels):
    """The logged losses of a step from random weights, and its gradient: the change by SGD at rate 1."""
    with_random_weights(model, seed)
    before = model.get_weights()
    model.reset_metrics()
    losses = model.train_on_batch(batch, np.float32(labels), return_dict=True)
    return losses, [old - new for old, new in zip(before, model.get_weights(), strict=True)]


@functools.cache
def model_for_steps():
    return small_model(
        keras.optimizers.SGD(1.0),
        regularize=REGULARIZE,
        aux_lambda=AUX_LAMBDA,
        compile_options={"run_eagerly": True},
    )


@settings(max_examples=12)
@given(cohorts.labelled(), st.integers(0, 2**31), extra_padding)
@example(([[[OBJECT]], [[OTHER], []], [[OBJECT]]], [1, 0, 0]), 0, {})
@example(([[[OTHER], [OBJECT, OTHER]]] * 4, [1, 0, 0, 1]), 1, {"S": 2})
def test_sharing_a_history_changes_neither_loss_nor_gradient(patients_and_labels, seed, extra):
    """Equal patients may have different labels."""
    patients, labels = patients_and_labels
    batch = batch_of(patients, extra)
    # Each patient's history is there once, however many have it.
    assert sum(row.max() >= 0 for row in batch["visits"]) == len({str(patient) for patient in patients})
    assert len(in_full(batch)["visits"]) == len(patients)
    model = model_for_steps()
    losses, gradient = step(model, seed, batch, labels)
    expected_losses, expected_gradient = step(model, seed, in_full(batch), labels)
    assert set(losses) == {"loss", *PARTS}
    assert losses == pytest.approx(expected_losses, rel=1e-5, abs=1e-6)
    for weight, got, expected in zip(model.trainable_weights, gradient, expected_gradient, strict=True):
        allowed = 1e-5 * max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(got, expected, rtol=0, atol=allowed, err_msg=weight.path)


def test_a_shared_history_counts_once_for_each_patient():
    """Three patients, two labels, one probability: the loss is the mean over the three."""
    model = small_model(regularize=0.0, aux_lambda=1.0)
    batch = batch_of([[[OBJECT, OTHER]]] * 3)
    assert batch["visits"].shape == (1, 1)
    p, again, last = model(batch).numpy()[:, 0]
    assert p == again == last
    got = model.test_on_batch(batch, np.float32([1, 0, 0]), return_dict=True)
    assert got["main_loss"] == pytest.approx(-(np.log(p) + 2 * np.log(1 - p)) / 3, rel=1e-5)
    # Means over slots, and three times the slots hold three times the losses.
    model.reset_metrics()
    alone = model.test_on_batch(batch_of([[[OBJECT, OTHER]]]), np.float32([1]), return_dict=True)
    for name in PARTS[2:]:
        assert got[name] == pytest.approx(alone[name], rel=1e-5), name


def test_padding_of_patients_adds_no_slots():
    """A batch padded in B has the auxiliary losses of its patients alone."""
    model = small_model(aux_lambda=1.0)
    patients = [[[OBJECT], [OTHER, OBJECT]], [[OTHER]], [[OTHER]]]
    tight, padded = (batch_of(patients, extra) for extra in ({}, {"B": 3, "S": 1}))
    expected, got = (model.auxiliary_losses(model.embed_dxobjects(batch), batch) for batch in (tight, padded))
    for kind in ("dx", "rx", "pr"):
        assert float(got[kind]) == pytest.approx(float(expected[kind]), rel=1e-6), kind
    np.testing.assert_allclose(model(padded)[:3], model(tight), atol=1e-7)


# The auxiliary heads.


@pytest.mark.parametrize(
    ("arguments", "heads"),
    [
        ({}, False),
        ({"aux_lambda": 0.0}, False),
        ({"aux_lambda": 0.1}, True),
        ({"aux_lambda": 0.0, "aux_heads": True}, True),
        ({"aux_lambda": 0.1, "aux_heads": True}, True),
        ({"aux_lambda": 0.0, "aux_heads": False}, False),
    ],
)
def test_heads_exist_when_asked_for(arguments, heads):
    model = small_model(**arguments)
    assert model.aux_heads is heads
    # DxObjectEmbedding 9, GRUV1 3, prediction 2, the heads 6.
    assert len(model.trainable_weights) == 14 + 6 * heads
    logged = model.test_on_batch(batch_of([[[OBJECT]]]), np.float32([1]), return_dict=True)
    assert set(logged) == {"loss", *PARTS[: 5 if heads else 2]}
    assert model.get_config()["aux_heads"] is heads


def test_an_auxiliary_loss_needs_heads():
    with pytest.raises(ValueError, match=r"`aux_heads` must not be False when `aux_lambda` is not 0"):
        small_model(aux_lambda=0.1, aux_heads=False)


def test_heads_without_weight_change_no_prediction():
    """With aux_lambda 0 their losses are logged, and their weights count among the squares."""
    patients, labels = [[[OBJECT], [OTHER]], [[OTHER]]], np.float32([1, 0])
    plain, with_heads = small_model(regularize=0.0), small_model(regularize=0.0, aux_heads=True)
    with_heads.set_weights([*plain.get_weights(), *with_heads.get_weights()[len(plain.weights) :]])
    for model in (plain, with_heads):
        model.train_on_batch(batch_of(patients), labels)
    np.testing.assert_allclose(with_heads(batch_of(patients)), plain(batch_of(patients)), atol=1e-7)
    assert np.all(np.abs(with_heads(batch_of(patients)).numpy() - 0.5) > 1e-6)


@pytest.mark.parametrize("name", ["rnn_size", "max_dx_per_visit", "num_rx", "emb_size"])
@pytest.mark.parametrize("value", [0, 1.5, None])
def test_a_bad_size_is_named(name, value):
    with pytest.raises(ValueError, match=rf"^`{name}` must be a positive integer. Received: {name}={value!r}$"):
        MiME(**{**SIZES, **WIDTHS, name: value})


@pytest.mark.parametrize("name", ["aux_lambda", "regularize"])
def test_a_negative_weight_of_a_loss(name):
    with pytest.raises(ValueError, match=rf"`{name}`.* must not be negative. Received: .*{name}=-0.5"):
        small_model(**{name: -0.5})


def test_an_unknown_cell():
    with pytest.raises(ValueError, match=r"`rnn_cell` must be one of \['gru', 'gru_v1', 'lstm'\]. Received: .*'rnn'"):
        small_model(rnn_cell="rnn")


# The parts of the loss.


def assert_parts_add_up(logged, aux_lambda):
    auxiliary = sum(logged.get(name, 0.0) for name in PARTS[2:])
    expected = logged["main_loss"] + logged["l2_loss"] + aux_lambda * auxiliary
    assert logged["loss"] == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("aux_lambda", [0.0, 0.5])
@pytest.mark.parametrize("batch_sizes", [[2, 2], [3, 1]], ids=["equal_batches", "unequal_batches"])
def test_the_logged_parts_add_up(toy_batches, aux_lambda, batch_sizes):
    """After steps that change the squares a lot, and with a smaller last batch."""
    model = small_model(keras.optimizers.SGD(1.0), aux_lambda=aux_lambda, regularize=0.1)
    batches = toy_batches(batch_sizes)
    fitted = model.fit(batches, epochs=2, verbose=0, shuffle=False, validation_data=batches).history
    for epoch in range(2):
        assert_parts_add_up({name: values[epoch] for name, values in fitted.items()}, aux_lambda)
        assert_parts_add_up({name[4:]: values[epoch] for name, values in fitted.items() if name[:4] == "val_"},
                            aux_lambda)  # fmt: skip
    assert_parts_add_up(model.evaluate(batches, verbose=0, return_dict=True), aux_lambda)


@pytest.fixture
def toy_batches():
    """Makes a dataset of four patients, two of them alike, in batches of the given sizes."""
    from mime_tf.batches.datasets import training_batches
    from mime_tf.splits.split import Part

    patients = [[[OBJECT, OTHER]], [[OTHER], []], [[OBJECT, OTHER]], [[OTHER], [OBJECT]]]
    part = Part(np.arange(4), pickled.from_lists(patients), np.array([1, 0, 0, 1]))

    def make(sizes):
        starts = np.cumsum([0, *sizes[:-1]])
        datasets = [training_batches(part, [start], size) for start, size in zip(starts, sizes, strict=True)]
        return functools.reduce(lambda left, right: left.concatenate(right), datasets)

    return make


def test_evaluate_gives_the_means_over_patients(toy_batches):
    """The division into batches matters only to the auxiliary losses, whose slots depend on the batch."""
    model = small_model(compile_options={"metrics": [keras.metrics.AUC(name="auc")]})
    whole = model.evaluate(toy_batches([4]), verbose=0, return_dict=True)
    divided = model.evaluate(toy_batches([3, 1]), verbose=0, return_dict=True)
    assert set(whole) == {"loss", "main_loss", "l2_loss", "auc"}
    for name, value in whole.items():
        assert divided[name] == pytest.approx(value, rel=1e-5), name


def test_sample_weights_weigh_the_main_loss():
    model, batch = small_model(regularize=0.0), batch_of([[[OBJECT]], [[OTHER]]])
    labels, weights = np.float32([1, 0]), np.float32([3, 0.5])
    p = model(batch).numpy()[:, 0]
    expected = np.mean(weights * -np.log([p[0], 1 - p[1]]))
    for step in (model.test_on_batch, model.train_on_batch):
        model.reset_metrics()
        got = step(batch, labels, sample_weight=weights, return_dict=True)
        assert got["main_loss"] == pytest.approx(expected, rel=1e-5)
        assert got["loss"] == pytest.approx(expected, rel=1e-5)


def test_compute_loss_equals_the_loss_of_a_step():
    """A call from outside embeds the Dx-objects itself, where a step embeds them once for both results."""
    model = small_model(aux_lambda=0.5)
    batch, labels = batch_of([[[OBJECT]], [[OTHER], [OBJECT]]]), np.float32([1, 0])
    got = float(model.compute_loss(batch, labels, model(batch)))
    model.reset_metrics()
    assert got == pytest.approx(model.test_on_batch(batch, labels, return_dict=True)["loss"], rel=1e-5)
