"""Embeddings that share a part among the codes of a family: by hand, in the model, and in its file."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import mime_tf
from mime_tf.batches.tables import Batch
from mime_tf.data import pickled
from mime_tf.errors import InputError
from mime_tf.layers.ancestor_embeddings import AncestorEmbeddings
from mime_tf.layers.dxobject_embedding import DxObjectEmbedding
from mime_tf.runs import model_file, weights

SIZES = {"num_dx": 3, "num_rx": 2, "num_pr": 2, "emb_size": 2, "dxobj_emb_size": 3, "rnn_size": 4}
# Diagnoses 0 and 2 have one ancestor in common; medication 1 has two, no medication the third; no procedure has any.
ANCESTORS = [1, 2, 3, 2, 0, 0]
RELATIONS = {
    "dx": np.array([[0, 0], [2, 0]]),
    "rx": np.array([[1, 0], [1, 1]]),
    "pr": np.zeros((0, 2), np.int64),
}
PATIENTS = [[[[0, [1, 1], [0]], [2, [], []]], [[1, [0], [1]]]], [[[2, [1], []]]]]


@pytest.fixture(params=[ANCESTORS, [*ANCESTORS, 5]], ids=["sum", "attention"])
def model(request):
    keras.utils.set_random_seed(0)
    made = mime_tf.MiME(**SIZES, ancestors=request.param)
    made.dxobject_embedding.relate(RELATIONS)
    return made


@pytest.fixture
def path(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return str(tmp_path / "model.keras")


def tables():
    return {name: tf.constant(table) for name, table in Batch(pickled.from_lists(PATIENTS)).tables().items()}


def test_two_codes_with_one_ancestor_by_hand():
    layer = DxObjectEmbedding(3, 1, 1, emb_size=2, dxobj_emb_size=2, ancestors=[1, 2, 0, 0, 0, 0])
    layer.build()
    layer.relate({"dx": RELATIONS["dx"]})
    layer.dx_embeddings.assign([[1, 2], [3, 4], [5, 6]])
    layer.shared.above["dx"].assign([[10, 20]])
    np.testing.assert_array_equal(layer.table("dx"), [[11, 22], [3, 4], [15, 26]])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer.table("dx") * [[1.0, 2.0], [30.0, 40.0], [500.0, 600.0]])
    own, above = tape.gradient(total, [layer.dx_embeddings, layer.shared.above["dx"]])
    np.testing.assert_array_equal(own, [[1, 2], [30, 40], [500, 600]])
    np.testing.assert_array_equal(above, [[501, 602]])


def test_attention_by_hand():
    """A code has the mean of its own vector and its ancestors', weighted by a softmax; one without keeps its own."""
    layer = DxObjectEmbedding(1, 2, 1, emb_size=2, dxobj_emb_size=2, ancestors=[0, 0, 2, 2, 0, 0, 1])
    layer.build()
    layer.relate({"rx": RELATIONS["rx"]})
    own, above = np.array([[7.0, 8.0], [1.0, 2.0]]), np.array([[3.0, 0.0], [0.0, 5.0]])
    layer.rx_embeddings.assign(own)
    layer.shared.above["rx"].assign(above)
    # The hidden unit is tanh(0.1 own[c, 0] + 0.2 v[1] - 0.3), the score twice that.
    layer.shared.hidden.set_weights([np.array([[0.1], [0.0], [0.0], [0.2]]), np.array([-0.3])])
    layer.shared.score.set_weights([np.array([[2.0]])])
    vectors = np.stack([own[1], *above])
    weights = np.exp(2 * np.tanh(0.1 * own[1, 0] + 0.2 * vectors[:, 1] - 0.3))
    np.testing.assert_allclose(layer.table("rx"), [own[0], weights @ vectors / weights.sum()], rtol=1e-6)


def test_attention_learns_and_counts_among_the_squares():
    made = mime_tf.MiME(**SIZES, ancestors=[*ANCESTORS, 5], regularize=1.0, emb_activation="linear")
    layer = made.dxobject_embedding
    layer.relate(RELATIONS)
    made.compile(mime_tf.FusedAdam(0.1), mime_tf.LogLoss())
    before = {weight.path: np.asarray(weight) for weight in made.trainable_weights}
    made.train_on_batch(tables(), np.array([0, 1]))
    attention = [weight for weight in made.trainable_weights if "/hidden/" in weight.path or "/score/" in weight.path]
    assert [tuple(weight.shape) for weight in attention] == [(4, 5), (5,), (5, 1)]
    assert all(np.any(np.asarray(weight) != before[weight.path]) for weight in attention)
    for weight in made.trainable_weights:
        weight.assign(np.ones(weight.shape))
    logs = made.test_on_batch(tables(), np.array([0, 1]), return_dict=True)
    assert logs["l2_loss"] == sum(np.prod(weight.shape) for weight in made.trainable_weights if len(weight.shape) > 1)


def test_what_a_code_with_ancestors_has_alone_starts_at_0(model):
    layer = model.dxobject_embedding
    alone = {kind: np.abs(getattr(layer, f"{kind}_embeddings")).sum(axis=1) > 0 for kind in RELATIONS}
    assert {kind: found.tolist() for kind, found in alone.items()} == {
        "dx": [False, True, False],
        "rx": [True, False],
        "pr": [True, True],
    }
    np.testing.assert_array_equal(layer.table("dx")[0], layer.table("dx")[2])
    assert np.abs(layer.table("dx")[0]).sum() > 0


def test_a_model_scores_as_one_without_ancestors_that_has_the_sums_as_embeddings(model):
    plain = mime_tf.MiME(**SIZES)
    layer, other = model.dxobject_embedding, plain.dxobject_embedding
    plain.set_weights([weight.numpy() for weight in model.weights if "/shared/" not in weight.path])
    for kind in RELATIONS:
        getattr(other, f"{kind}_embeddings").assign(layer.table(kind))
    np.testing.assert_array_equal(model(tables()), plain(tables()))
    assert np.ptp(plain(tables())) > 1e-4


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_an_update_moves_ancestors_and_leaves_relations(policy):
    made = mime_tf.MiME(**SIZES, ancestors=ANCESTORS, dtype=policy, regularize=0.0, emb_activation="linear")
    layer = made.dxobject_embedding
    layer.relate(RELATIONS)
    made.compile(mime_tf.FusedAdam(0.1), mime_tf.LogLoss())
    before = {kind: np.asarray(layer.shared.above[kind]) for kind in RELATIONS}
    made.train_on_batch(tables(), np.array([0, 1]))
    moved = {kind: (np.asarray(layer.shared.above[kind]) != before[kind]).any(axis=1).tolist() for kind in RELATIONS}
    assert moved == {"dx": [True], "rx": [True, True, False], "pr": []}
    assert layer.shared.above["dx"].dtype == "float32"
    for kind, relations in RELATIONS.items():
        np.testing.assert_array_equal(layer.shared.relations[kind], relations)


def test_ancestors_count_among_the_embeddings_in_the_squares(model):
    made = mime_tf.MiME(**SIZES, ancestors=ANCESTORS, regularize=0.0, regularize_embeddings=2.0)
    for weight in made.trainable_weights:
        weight.assign(np.ones(weight.shape))
    made.compile("sgd", mime_tf.LogLoss())
    # 7 codes and 4 ancestors, 2 entries each.
    logs = made.test_on_batch(tables(), np.array([0, 1]), return_dict=True)
    assert logs["l2_loss"] == pytest.approx(2.0 * (7 + 4) * 2)


def test_the_file_has_the_weights_and_gives_them_back(model, path):
    shapes = weights.shapes(model.get_config())
    assert list(shapes.values()) == [tuple(weight.shape) for weight in model.weights]
    loaded = model_file.load(path, None)
    for got, expected in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(loaded(tables()), model(tables()))


@pytest.mark.parametrize(
    ("kind", "bad", "message"),
    [
        ("dx", [[0, 0], [3, 0]], r"vars/3: row 1: found \[3, 0\]; must be one of 3 codes and one of 1 ancestors"),
        ("dx", [[0, -1], [2, 0]], r"vars/3: row 0: found \[0, -1\]; must be one of 3 codes and one of 1 ancestors"),
        ("rx", [[1, 0], [1, 3]], r"vars/4: row 1: found \[1, 3\]; must be one of 2 codes and one of 3 ancestors"),
        ("rx", [[-1, 0], [1, 2]], r"vars/4: row 0: found \[-1, 0\]; must be one of 2 codes and one of 3 ancestors"),
    ],
)
def test_a_file_with_relations_out_of_range_is_refused(kind, bad, message, model, path):
    model.dxobject_embedding.shared.relations[kind].assign(bad)
    model.save(path)
    with pytest.raises(InputError, match=message):
        model_file.load(path, None)


@pytest.mark.parametrize("ancestors", [[1, 2], [1, 2, 3, 2, 0, -1], "ancestors", {"dx": 1}])
def test_a_file_with_other_sizes_is_refused(ancestors):
    right = model_file._ARGUMENTS["ancestors"]
    assert right(None) and right(ANCESTORS) and right([*ANCESTORS, 5]) and not right(ancestors)


@pytest.mark.parametrize("sizes", [[1, 2], [1, 2, 3, 2, 0, -1], [1, 2, 3, 2, 0, 0, 5, 5]])
def test_wrong_sizes(sizes):
    with pytest.raises(ValueError, match="`sizes` must be 6 or 7 whole numbers"):
        AncestorEmbeddings(sizes, 2)
