"""The flags that regularize and steer training: patience, class weights, schedules, clipping, dropout."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from support.curves import check_curves
from support.killing import Killer, every_state_is_saved  # noqa: F401
from support.whole_runs import (
    COHORT,
    PARITY,
    SMALL,
    arguments,
    check_same,
    check_split_files,
    command,
    parity_config,
    read_table,
    run,
    weights,
)

from mime_tf import MiME
from mime_tf.assess.summary import log_loss
from mime_tf.batches.tables import Batch
from mime_tf.config import SIZE_NAMES, TrainConfig
from mime_tf.data import pickled, sizes
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.layers.lookup import gather_padded
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.scoring import prediction
from mime_tf.splits.split import eligible, make_split
from mime_tf.training.fitter import Fitter
from mime_tf.training.label_weights import label_weights
from mime_tf.training.learning_rate import make_optimizer
from mime_tf.training.state import Best, State

STORE, LABELS = pickled.read(COHORT)
TRAIN = make_split(STORE, LABELS, eligible(STORE), 0).train
ONE = dataclasses.replace(SMALL, split_seeds=(0,), tensorboard=False)
# A window of training patients of both labels.
START = next(start for start in range(len(TRAIN)) if 0 < TRAIN.labels[start : start + ONE.batch_size].sum() < 5)


def fitter_of(**changes):
    """A Fitter of ONE with other flags, its model at the initial weights of split 0."""
    fitter = Fitter(dataclasses.replace(ONE, **changes), sizes.resolve(STORE, dict.fromkeys(SIZE_NAMES), "cohort"))
    fitter.start(0)
    return fitter


def update(fitter):
    """Makes one update, and returns its logs from `fit`."""
    fitter.model.run_eagerly = True  # tracing would take longer
    history = fitter.model.fit(fitter.batches(TRAIN, [START]), verbose=0, shuffle=False).history
    return {name: value for name, (value,) in history.items()}


def gradients_of_an_update(fitter):
    """The gradients that Adam took in one update, by the name of the weight: its first moments are a tenth of them."""
    update(fitter)
    moments = [value for value in fitter.model.optimizer.variables if "momentum" in value.path]
    return {value.path.partition("/")[2]: 10 * np.asarray(value) for value in moments}


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
    inputs, labels, given = next(iter(fitter.batches(TRAIN, [START])))
    labels = labels.numpy()
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
    logged = update(fitter)
    main = -(weight * (labels * np.log(p) + (1 - labels) * np.log(1 - p))).mean()
    assert logged["main_loss"] == pytest.approx(main, rel=1e-5)
    # Neither of these is weighted.
    assert logged["l2_loss"] == pytest.approx(squares, rel=1e-5)
    for name, value in auxiliary.items():
        assert logged[name] == pytest.approx(value, rel=1e-5)
    assert logged["loss"] == pytest.approx(main + squares + ONE.aux_lambda * sum(auxiliary.values()), rel=1e-5)
    (moment,) = (v for v in model.optimizer.variables if "momentum" in v.path and "prediction_bias" in v.path)
    assert 10 * np.asarray(moment)[0] == pytest.approx((weight * (p - labels)).mean(), rel=1e-4)


def test_balanced_needs_both_labels(tmp_path):
    pickled.write(tmp_path / "hf", pickled.to_lists(STORE), np.zeros(len(STORE), int))
    with pytest.raises(
        InputError, match=r"^class_weight: found balanced; the labels of train in split 0 are all 0, and"
    ):
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
    whole = float(norm(free))
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


# Dropout.


def dropped(shape, counter, rate=0.5):
    """The factors of `MiME`'s dropout at its draw number `counter` when its seed is 7."""
    return tf.nn.experimental.stateless_dropout(tf.ones(shape), rate, seed=[7, counter])


@pytest.mark.parametrize("rnn_cell", ["gru_v1", "gru", "lstm"])
def test_dropout_is_of_distinct_visits_and_of_every_patient_s_last_state(rnn_cell):
    widths = {"emb_size": 3, "dxobj_emb_size": 6, "rnn_size": 8}
    model = MiME(num_dx=2, num_rx=2, num_pr=2, dropout=0.5, rnn_cell=rnn_cell, **widths)
    often, once = [[0, [1], [0]]], [[1, [0, 1], []]]
    # Two patients have one history between them, and in it one visit twice.
    batch = Batch(pickled.from_lists([[often, once, often], [often, once, often], [once]])).tables()
    assert batch["visits"].shape[0] == 2 and batch["dxobjs"].shape[0] == 2
    model.dropout_seeds.state.assign([7, 0])
    predicted = model(batch, training=True).numpy()
    assert model.dropout_seeds.state.numpy().tolist() == [7, 2]

    visits = model.visit_embedding(model.embed_dxobjects(batch), batch["dxobjs"]) * dropped((2, 6), 0)
    states = model.rnn(gather_padded(visits, batch["visits"]), mask=batch["visits"] >= 0)
    masks = dropped((3, 8), 1)
    assert set(np.unique(masks)) == {0, 2}
    expected = model.prediction(gather_padded(states, batch["patients"]) * masks).numpy()
    np.testing.assert_allclose(predicted, expected, atol=1e-6)
    assert predicted[0] != predicted[1]
    assert not np.array_equal(model(batch, training=True), predicted)


@pytest.mark.parametrize("rnn_cell", ["gru_v1", "gru", "lstm"])
def test_dropout_is_off_in_evaluation(rnn_cell):
    widths = {"num_dx": 9, "num_rx": 9, "num_pr": 9, "emb_size": 3, "dxobj_emb_size": 4, "rnn_size": 4}
    with_dropout, without = MiME(dropout=0.5, rnn_cell=rnn_cell, **widths), MiME(rnn_cell=rnn_cell, **widths)
    without.set_weights(with_dropout.get_weights())
    batch = Batch(pickled.from_lists([[[[row, [row], []]]] * (1 + row % 3) for row in range(9)])).tables()
    before = with_dropout.dropout_seeds.state.numpy().tolist()
    for options in ({}, {"training": False}):
        np.testing.assert_array_equal(with_dropout(batch, **options), without(batch, **options))
    np.testing.assert_array_equal(with_dropout.predict_on_batch(batch), without.predict_on_batch(batch))
    assert with_dropout.dropout_seeds.state.numpy().tolist() == before


@pytest.mark.parametrize("dropout", [-0.1, 1])
def test_a_share_that_can_t_be_dropped(dropout):
    with pytest.raises(ValueError, match="`dropout` must be at least 0 and less than 1"):
        MiME(num_dx=2, num_rx=2, num_pr=2, dropout=dropout)


def test_the_seeds_of_dropout_come_from_those_of_run_and_split():
    def seeds(fitter, split):
        fitter.start(split)
        return tuple(fitter.model.dropout_seeds.state.numpy().tolist())

    fitter = fitter_of(dropout=0.2, split_seeds=(0, 1))
    first, second = seeds(fitter, 0), seeds(fitter, 1)
    other = seeds(fitter_of(dropout=0.2, random_seed=1), 0)
    assert len({first, second, other}) == 3
    assert {seed[1] for seed in (first, second, other)} == {0}
    update(fitter)
    assert fitter.model.dropout_seeds.state.numpy().tolist() == [second[0], 2]
    assert seeds(fitter, 0) == first


# Whole runs.

# Everything at once.
ALL = dataclasses.replace(
    SMALL,
    learning_rate_schedule="cosine",
    warmup_steps=3,
    clip_norm=0.5,
    dropout=0.3,
    class_weight="balanced",
    patience=2,
    patience_from_gain=2,
    code_dropout=0.2,
    pooling=("sum", "last", "distinct"),
    emb_activation="linear",
    equations="paper",
    **dict.fromkeys(("dx_emb_size", "rx_emb_size", "pr_emb_size"), SMALL.dxobj_emb_size),
    regularize_embeddings="0.001",
    init_embeddings="links",
    link_dimensions=2,
)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """The folder of a run of ALL that was left in peace, and its output."""
    folder = tmp_path_factory.mktemp("everything")
    return folder, run(ALL, folder)


def test_a_run_with_everything_ends_the_same_when_killed(everything, tmp_path, monkeypatch):
    killer = Killer(monkeypatch)
    for number in (2, 2, 1):
        assert killer.run(
            lambda come, count, number=number: (come, count) == ("after write state.npz", number), tmp_path, ALL
        )
    resumed = run(ALL, tmp_path)
    assert any("going on from iteration" in line for line in resumed.err)
    assert resumed.out[-1] == everything[1].out[-1]
    check_same(tmp_path, everything[0])


def test_the_rate_that_is_shown_is_the_true_one(everything):
    for split in ("r0s0", "r0s1"):
        check_curves(everything[0] / split, ALL)
        for row in read_table(everything[0] / split / "history.csv"):
            # After the update of iteration i there were i + 1 of them.
            rate = expected_rate(ALL, int(row["iteration"]) + 1)
            assert float(row["learning_rate"]) == pytest.approx(rate, rel=1e-5, abs=1e-8)


def test_held_out_sets_are_scored_without_weights_and_dropout(everything):
    folder = everything[0] / "r0s0"
    results = json.loads((folder / "metrics.json").read_text())
    model, read = FittedSplit.open(folder), Cohort.open(COHORT)
    for name in ("valid", "test"):
        rows = read_table(folder / f"predictions_{name}.csv")
        labels, probabilities = (np.array([float(row[key]) for row in rows]) for key in ("label", "probability"))
        assert log_loss(labels, probabilities) == pytest.approx(results[f"{name}_loss"], rel=1e-6)
        part = prediction.part_of(model, read, name)
        scores = prediction.score(model, part).probabilities
        np.testing.assert_allclose(scores[np.argsort(part.rows)], probabilities, atol=1e-6)
        np.testing.assert_array_equal(prediction.score(model, part).probabilities, scores)


# Patience.

LONG = dataclasses.replace(SMALL, num_iter=45, learning_rate=0.5, tensorboard=False)
PATIENT = dataclasses.replace(LONG, patience=3)


def out_of_patience(losses, patience):
    """How many of the evaluations with these losses are made."""
    best, since = np.inf, 0
    for count, loss in enumerate(losses, 1):
        best, since = (loss, 0) if loss < best else (best, since + 1)
        if since == patience:
            return count
    return len(losses)


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """The folder of a run of PATIENT, its output, and the number of evaluations that each of its splits made."""
    folder = tmp_path_factory.mktemp("patient")
    done = run(PATIENT, folder)
    return folder, done, [len(read_table(folder / f"r0s{seed}" / "history.csv")) for seed in (0, 1)]


def test_a_split_stops_when_patience_is_over(patient, tmp_path):
    folder, done, made = patient
    run(LONG, tmp_path)
    for seed, count in enumerate(made):
        whole = read_table(tmp_path / f"r0s{seed}" / "history.csv")
        losses = [float(row["valid_loss"]) for row in whole]
        assert count == out_of_patience(losses, 3) < len(whole) == 15
        assert read_table(folder / f"r0s{seed}" / "history.csv") == whole[:count]
        best = 3 * (1 + int(np.argmin(losses[:count])))
        assert json.loads((folder / f"r0s{seed}" / "metrics.json").read_text())["iteration"] == best
        note = (
            f"{folder}/r0s{seed}: stopped at iteration {3 * count}, after 3 evaluations without a better valid_loss "
            f"than that of iteration {best}"
        )
        assert note in done.err


def test_a_killed_run_has_the_patience_that_was_left(patient, tmp_path, monkeypatch):
    folder, done, (count, _) = patient
    killer = Killer(monkeypatch)
    # After the first evaluation without a better loss; and after the last one, before the results.
    for moment in (("after write state.npz", count - 2), ("before write model.keras", 1)):
        assert killer.run(lambda come, number, moment=moment: (come, number) == moment, tmp_path, PATIENT)
    resumed = run(PATIENT, tmp_path)
    assert resumed.out[0] == done.out[count]  # the first split's line: no evaluation was made again
    check_same(tmp_path, folder)


def test_without_a_number_patience_counts_all_evaluations():
    history = [{"iteration": 3}, {"iteration": 6}]
    assert State(history=history).since_best == 2
    for iteration, since in ((3, 1), (6, 0)):
        best = Best({"iteration": iteration}, [], np.zeros(0), np.zeros(0))
        assert State(history=history, best=best).since_best == since


# A training loss that is not a number.

# The rate rises from 0 in each update. With tanh nothing overflows but, some updates on, the squares of the weights.
DIVERGING = dataclasses.replace(
    SMALL,
    num_iter=45,
    eval_period=1,
    learning_rate=1e20,
    learning_rate_schedule="cosine",
    warmup_steps=40,
    emb_activation="tanh",
    order_activation="tanh",
    aux_lambda=0.0,
)


@pytest.fixture(scope="module")
def diverging(tmp_path_factory):
    """The folder of a run of DIVERGING, its output, and the history of its first split."""
    folder = tmp_path_factory.mktemp("diverging")
    done = run(DIVERGING, folder)
    return folder, done, read_table(folder / "r0s0" / "history.csv")


def test_a_split_stops_where_its_training_loss_is_not_finite(diverging):
    folder, done, history = diverging
    finite = [np.isfinite(float(row["loss"])) for row in history]
    assert 1 < len(history) < 45
    assert finite == [True] * (len(history) - 1) + [False]
    losses = [float(row["valid_loss"]) for row in history]
    best = int(np.nanargmin(losses))
    note = (
        f"warning: {folder}/r0s0: the training loss was not a finite number in iterations {len(history)} to "
        f"{len(history)}; stopped, and the model of iteration {best + 1} is kept; a learning_rate below 1e+20 or a "
        "clip_norm may train further"
    )
    assert note in done.err


def test_the_best_model_so_far_is_kept_and_the_other_splits_are_trained(diverging):
    folder, done, history = diverging
    for split in ("r0s0", "r0s1"):
        check_split_files(folder / split, DIVERGING)
        kept = weights(folder / split / "model.keras")
        assert all(np.isfinite(value).all() for value in kept.values())
    assert json.loads((folder / "r0s0" / "metrics.json").read_text())["valid_loss"] == min(
        float(row["valid_loss"]) for row in history if row["valid_loss"]
    )
    assert np.isfinite(list(done.mean.values())).all()


def test_a_killed_run_remembers_that_its_loss_was_not_finite(diverging, tmp_path, monkeypatch):
    folder, done, history = diverging
    killer = Killer(monkeypatch)
    assert killer.run(lambda come, count: (come, count) == ("before write model.keras", 1), tmp_path, DIVERGING)
    resumed = run(DIVERGING, tmp_path)
    assert resumed.out[0] == done.out[len(history)]  # the first split's line: no evaluation was made again
    check_same(tmp_path, folder)


def test_without_a_finite_evaluation_the_exit_status_is_2_after_one_line(tmp_path):
    config = parity_config("a", num_iter=20, eval_period=5, split_seeds=(0,))
    # Every Dx-object is a sum of infinities of both signs.
    given = dict(np.load(config.init_from))
    given["split0/W_emb_dx"][:] = 1e30
    given["split0/W_dxobj/kernel"][0::2], given["split0/W_dxobj/kernel"][1::2] = 1e30, -1e30
    np.savez(tmp_path / "init.npz", **given)
    config = dataclasses.replace(config, init_from=str(tmp_path / "init.npz"))
    cohort_a = PARITY / "a" / "cohort"
    failed = command(cohort_a, f"{tmp_path}/", f"{tmp_path}/log", *arguments(config))
    assert failed.code == 2
    assert failed.err[-1] == (
        f"train.py: {tmp_path}/r0s0: the training loss was not a finite number in iterations 1 to 5, and there is no "
        f"model to keep; a learning_rate below {config.learning_rate:g} or a clip_norm may train further"
    )
    assert not (tmp_path / "r0s0" / "model.keras").exists()
