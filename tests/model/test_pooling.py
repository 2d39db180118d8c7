"""Views of a patient's record beside the last state: against the oracle, by hand, and through padding."""

import json
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cohorts, oracle

from mime_tf import MiME, config, model
from mime_tf.batches.tables import Batch
from mime_tf.data import pickled
from mime_tf.errors import InputError
from mime_tf.layers.distinct_dxobjects import distinct_dxobjects
from mime_tf.runs import model_file

SIZES = {"num_dx": cohorts.NUM_DX, "num_rx": cohorts.NUM_RX, "num_pr": cohorts.NUM_PR}
WIDTHS = {"emb_size": 4, "dxobj_emb_size": 5, "rnn_size": 3}
POOLINGS = [("sum",), ("distinct",), ("max", "last"), ("last", "sum", "mean", "max", "distinct")]
PATIENTS = [
    [[[0, [1, 1], [2]], [3, [], []]], [], [[2, [0, 4], [3, 1]], [0, [1, 3], []]]],
    [[[5, [], []]]],
    [[]],
    [[[4, [3], []]], [[4, [3], []]], [[1, [], [0, 0]], [0, [2], [1]]], [[3, [0], []]]],
]


def made(seed, **arguments):
    """A small model with random weights, and the weights under the oracle's names."""
    made_model = MiME(**SIZES, **{**WIDTHS, "emb_activation": "linear", "order_activation": "tanh", **arguments})
    rng = np.random.default_rng(seed)
    made_model.set_weights([rng.normal(0, 0.6, weight.shape) for weight in made_model.get_weights()])
    return made_model, oracle.weights_of(made_model)


@pytest.mark.parametrize("pooling", POOLINGS, ids="-".join)
@settings(max_examples=5)
@given(
    cohorts.cohorts(),
    st.integers(0, 9),
    st.dictionaries(st.sampled_from(["S", "T", "V", "D", "N", "R", "P"]), st.just(2)),
)
def test_views_are_those_of_the_oracle_whatever_the_padding(pooling, patients, seed, extra):
    made_model, weights = made(seed, pooling=pooling)
    batch = Batch(pickled.from_lists(patients))
    tables = batch.tables({name: size + extra.get(name, 0) for name, size in batch.size.items()})
    expected = oracle.probabilities(
        weights, patients, pooling=pooling, emb_activation="linear", order_activation="tanh"
    )
    np.testing.assert_allclose(made_model(tables)[:, 0], expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("pooling", [("last",), POOLINGS[-1]], ids="-".join)
@settings(max_examples=5)
@given(cohorts.cohorts(), st.integers(0, 9))
def test_the_equations_of_the_paper_are_those_of_the_oracle(pooling, patients, seed):
    made_model, weights = made(seed, pooling=pooling, equations="paper", visit_activation="tanh", dxobj_emb_size=4)
    expected = oracle.probabilities(
        weights, patients, pooling=pooling, emb_activation="linear", order_activation="tanh"
    )
    got = made_model(Batch(pickled.from_lists(patients)).tables())
    np.testing.assert_allclose(got[:, 0], expected, rtol=0, atol=2e-5)
    assert "W_v" in weights


def test_the_paper_takes_equal_widths():
    with pytest.raises(ValueError, match=r"^`skip` takes equal widths. Received: emb_size=4, dxobj_emb_size=5$"):
        MiME(**SIZES, **WIDTHS, equations="paper")
    with pytest.raises(InputError, match=r"^equations, dx_emb_size, dxobj_emb_size: found paper, 200, 256; must be "):
        config.TrainConfig(equations="paper")
    assert config.TrainConfig(equations="paper", width="64").dxobj_emb_size == 64
    with pytest.raises(ValueError, match=r"^`equations` must be one of "):
        MiME(**SIZES, **WIDTHS, equations="book")


def test_embeddings_have_a_weight_of_their_own_among_the_squares():
    made_model, weights = made(5, regularize=0.25, regularize_embeddings=3.0)
    squares = {name: (value**2).sum() for name, value in weights.items() if value.ndim > 1}
    tables = sum(value for name, value in squares.items() if name.startswith("W_emb"))
    expected = 3 * tables + 0.25 * (sum(squares.values()) - tables)
    assert float(made_model._weighted_squares()) == pytest.approx(expected, rel=1e-5)
    same, _ = made(5, regularize=0.25)
    assert float(same._weighted_squares()) == pytest.approx(0.25 * sum(squares.values()), rel=1e-5)


@pytest.mark.parametrize(("jit_compile", "pooling"), [(False, POOLINGS[-1]), (True, POOLINGS[-1][:-1])])
def test_views_in_a_graph_and_by_xla(jit_compile, pooling):
    made_model, weights = made(1, pooling=pooling)
    expected = oracle.probabilities(
        weights, PATIENTS, pooling=pooling, emb_activation="linear", order_activation="tanh"
    )
    compiled = tf.function(made_model, jit_compile=jit_compile)
    tables = {name: tf.constant(values) for name, values in Batch(pickled.from_lists(PATIENTS)).tables().items()}
    np.testing.assert_allclose(compiled(tables)[:, 0], expected, rtol=0, atol=2e-5)


def test_the_distinct_view_is_not_left_to_xla():
    made_model, _ = made(0, pooling=("distinct",))
    assert not made_model.supports_jit  # which Keras asks where it is not told, as after opening a file
    made_model.compile("sgd", loss="binary_crossentropy")
    assert made_model.jit_compile is False
    with pytest.warns(UserWarning, match="doesn't support `jit_compile=True`"):
        made_model.compile("sgd", loss="binary_crossentropy", jit_compile=True)
    assert made_model.jit_compile is False
    assert made(0, pooling=("last", "sum"))[0].supports_jit
    with pytest.raises(InputError, match=r"^pooling, jit_compile: found \('distinct',\), on; must be "):
        config.TrainConfig(pooling=("distinct",), jit_compile="on")


def test_distinct_dx_objects_by_hand():
    # Diagnosis 2 in both visits of the first patient, with medications 0 and 1, then 1 again and 3; and procedure 0.
    patients = [[[[2, [0, 1], []]], [[2, [1, 3], [0]], [4, [], []]]], [[[2, [0], []]]]]
    tables = {name: tf.constant(table) for name, table in Batch(pickled.from_lists(patients)).tables().items()}
    dx, rx, pr, history = (np.asarray(part) for part in distinct_dxobjects(tables, **SIZES))
    first = int(tables["patients"][0])
    found = sorted(
        (int(h != first), int(d), sorted(rx[0][rx[1] == n].tolist()), sorted(pr[0][pr[1] == n].tolist()))
        for n, (h, d) in enumerate(zip(history, dx, strict=True))
    )
    assert found == [(0, 2, [0, 1, 3], [0]), (0, 4, [], []), (1, 2, [0], [])]


def test_without_the_last_state_there_is_no_recurrence():
    made_model, weights = made(0, pooling=("sum", "distinct"))
    assert made_model.rnn is None
    assert not [name for name in weights if "emb2rnn" in name]
    assert tuple(made_model.prediction.kernel.shape) == (10, 1)


def test_the_default_is_the_last_state():
    assert MiME(**SIZES, **WIDTHS).pooling == config.TrainConfig().pooling == ("last",)
    assert model.POOLING == config.POOLING


@pytest.mark.parametrize("pooling", [(), ("sum", "sum"), ("first",), "sum"])
def test_views_that_are_none(pooling):
    with pytest.raises(ValueError, match=r"^`pooling` must be a list of different views of "):
        MiME(**SIZES, **WIDTHS, pooling=pooling)


@pytest.mark.parametrize(
    "arguments",
    [
        {"pooling": POOLINGS[-1], "code_dropout": 0.25},
        # A recurrence of this width would take a megabyte, which the file need not hold without one.
        {"pooling": ("sum",), "rnn_size": 512},
        {"equations": "paper", "dxobj_emb_size": 4, "visit_activation": "tanh", "regularize_embeddings": 0.5},
    ],
    ids=str,
)
def test_a_saved_model_is_what_it_was(arguments, tmp_path):
    made_model, _ = made(2, max_dx_per_visit=3, **arguments)
    tables = Batch(pickled.from_lists(PATIENTS)).tables()
    made_model.save(tmp_path / "model.keras")
    loaded = model_file.load(str(tmp_path / "model.keras"), SIZES | {"max_dx_per_visit": 3})
    assert {name: getattr(loaded, name) for name in arguments if name != "dxobj_emb_size"} == {
        name: value for name, value in arguments.items() if name != "dxobj_emb_size"
    }
    np.testing.assert_array_equal(loaded(tables), made_model(tables))


@pytest.mark.parametrize("pooling", [[], ["sum", "sum"], ["first"], "sum", [["sum"]], None])
def test_a_model_file_of_other_views_is_refused(pooling, tmp_path):
    made(2)[0].save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    content = json.loads(members["config.json"])
    content["config"]["pooling"] = pooling
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        for name, member in (members | {"config.json": json.dumps(content).encode()}).items():
            archive.writestr(name, member)
    with pytest.raises(InputError, match=r"model.keras: pooling: found .*; damaged, or written by another version"):
        model_file.check(str(tmp_path / "model.keras"), SIZES | {"max_dx_per_visit": 22})


# Codes left out in training.


def shown(made_model, tables):
    """The tables of a training step, without the codes that it drops."""
    return {name: np.asarray(table) for name, table in made_model._drop_codes(tables, training=True).items()}


def test_codes_are_dropped_in_training_only_and_at_their_rate():
    rng = np.random.default_rng(0)
    patients = [
        [[[int(rng.integers(6)), rng.integers(5, size=4).tolist(), [0]] for _ in range(3)] for _ in range(4)]
        for _ in range(200)
    ]
    tables = {name: tf.constant(table) for name, table in Batch(pickled.from_lists(patients)).tables().items()}
    made_model, _ = made(0, code_dropout=0.3)
    np.testing.assert_array_equal(made_model(tables, training=False), made(0)[0](tables))
    dropped = shown(made_model, tables)
    for name in ("patients", "visits", "dx"):
        np.testing.assert_array_equal(dropped[name], tables[name])
    for name in ("rx", "pr", "dxobjs"):
        before = np.asarray(tables[name])
        left = dropped[name] == before
        assert (dropped[name][~left] == -1).all()
        given = before >= 0
        spread = np.sqrt(0.3 * 0.7 / given.sum())
        assert abs((~left[given]).mean() - 0.3) < 4 * spread, name
    again = shown(made_model, tables)
    assert not np.array_equal(again["rx"], dropped["rx"])


def test_the_same_seed_drops_the_same_codes():
    tables = {name: tf.constant(table) for name, table in Batch(pickled.from_lists(PATIENTS)).tables().items()}
    made_model, _ = made(0, code_dropout=0.5)
    made_model.dropout_seeds.state.assign([7, 0])
    first = shown(made_model, tables)
    made_model.dropout_seeds.state.assign([7, 0])
    for name, table in shown(made_model, tables).items():
        np.testing.assert_array_equal(table, first[name])


@pytest.mark.parametrize("pooling", [("last",), ("distinct", "sum")])
def test_a_training_step_shows_the_model_what_is_left(pooling):
    tables = {name: tf.constant(table) for name, table in Batch(pickled.from_lists(PATIENTS)).tables().items()}
    made_model, _ = made(3, code_dropout=0.5, pooling=pooling)
    made_model.dropout_seeds.state.assign([11, 0])
    left = shown(made_model, tables)
    assert any(np.any(left[name] != np.asarray(tables[name])) for name in ("rx", "pr", "dxobjs"))
    made_model.dropout_seeds.state.assign([11, 0])
    np.testing.assert_allclose(made_model(tables, training=True), made_model(left), rtol=0, atol=1e-6)


def test_auxiliary_targets_are_the_whole_record():
    """A step's auxiliary loss is that of the thinned embeddings against all codes."""
    tables = {name: tf.constant(table) for name, table in Batch(pickled.from_lists(PATIENTS)).tables().items()}
    made_model = MiME(**SIZES, **WIDTHS, aux_lambda=0.5, code_dropout=0.5, max_dx_per_visit=3)
    made_model.compile("sgd", loss="binary_crossentropy", run_eagerly=True)
    made_model.dropout_seeds.state.assign([11, 0])
    left = shown(made_model, tables)
    expected = made_model.auxiliary_losses(made_model.embed_dxobjects(left), tables)
    made_model.dropout_seeds.state.assign([11, 0])
    logs = made_model.train_on_batch(tables, np.float32([0, 1, 0, 1]), return_dict=True)
    for kind in ("dx", "rx", "pr"):
        assert logs[f"aux_{kind}_loss"] == pytest.approx(float(expected[kind]), abs=1e-6)


@pytest.mark.parametrize("share", [-0.1, 1])
def test_a_share_of_codes_that_can_t_be_dropped(share):
    with pytest.raises(
        ValueError, match=f"^`code_dropout` must be at least 0 and less than 1. Received: code_dropout={share}$"
    ):
        MiME(**SIZES, **WIDTHS, code_dropout=share)
