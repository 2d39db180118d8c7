"""A model of several outcomes per patient: shapes, the loss by hand, a saved model, and a file that is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mime_tf import MiME
from mime_tf.batches.tables import Batch
from mime_tf.data import pickled
from mime_tf.errors import InputError
from mime_tf.losses import LogLoss
from mime_tf.runs import model_file

SIZES = {"num_dx": 5, "num_rx": 6, "num_pr": 4}
SAVED = SIZES | {"max_dx_per_visit": 22}
PATIENTS = [[[[4, [0, 5], []]], []], [[[1, [], [3]]], [[0, [], []], [4, [1], []]]], [[[2, [], []]]]]
LN2, LN4 = np.log(2.0), np.log(4.0)


def made(outcomes, **arguments):
    keras.utils.set_random_seed(7)
    return MiME(**SIZES, emb_size=4, dxobj_emb_size=4, rnn_size=3, outcomes=outcomes, **arguments)


def tables():
    return Batch(pickled.from_lists(PATIENTS)).tables()


@pytest.mark.parametrize("pooling", [("last",), ("last", "sum", "distinct")], ids=str)
def test_each_outcome_has_a_unit_of_its_own(pooling):
    """The units of a model of three are those of three models of one with the same other weights."""
    several = made(3, pooling=pooling)
    scored = several(tables()).numpy()
    assert scored.shape == (3, 3)
    kernel, bias = (weight.numpy() for weight in several.prediction.weights)
    for index in range(3):
        single = made(1, pooling=pooling)
        single.set_weights([*several.get_weights()[:-2], kernel[:, [index]], bias[[index]]])
        np.testing.assert_allclose(single(tables()), scored[:, [index]], atol=1e-6)
    np.testing.assert_allclose(tf.sigmoid(several.logits(tables())), scored, atol=1e-6)


def test_the_loss_of_a_patient_is_the_sum_over_the_outcomes():
    # Patient 0: -ln 3/4 - ln 1/2; patient 1: ln 4 + ln 2.
    labels, probabilities = np.float32([[1, 0], [0, 1]]), np.float32([[0.75, 0.5], [0.75, 0.5]])
    expected = ((-np.log(0.75) + LN2) + (LN4 + LN2)) / 2
    assert float(LogLoss()(labels, probabilities)) == pytest.approx(expected, abs=1e-6)


WAYS = {
    "eager": lambda function: function,
    "graph": tf.function,
    "XLA": lambda function: tf.function(function, jit_compile=True),
}


@pytest.mark.parametrize("way", WAYS)
def test_saturated_outcomes_leave_the_others_their_gradients(way):
    """A sigmoid of exactly 1 or 0 costs no nan in the other outcomes of its patient, however the sum is compiled."""

    def loss_and_gradient(logits, labels):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = LogLoss()(labels, tf.sigmoid(logits))
        return loss, tape.gradient(loss, logits)

    logits = tf.constant([[200.0, 0.0, -200.0], [200.0, 0.0, -200.0]])
    labels = tf.constant([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    loss, gradient = WAYS[way](loss_and_gradient)(logits, labels)
    # Certain and wrong costs 10 ln 10, twice for patient 1.
    assert float(loss) == pytest.approx((LN2 + LN2 + 20 * np.log(10)) / 2, rel=1e-5)
    np.testing.assert_allclose(gradient, [[0, -1 / 4, 0], [0, 1 / 4, 0]], atol=1e-6)


def test_training_fits_the_outcomes():
    """Outcomes that tell the patients apart are learned by heart."""
    model = made(3, regularize=0.0)
    model.compile(keras.optimizers.Adam(0.05), LogLoss())
    labels = np.eye(3, dtype=np.float32)
    dataset = tf.data.Dataset.from_tensors((tables(), labels)).repeat(150)
    history = model.fit(dataset, verbose=0, shuffle=False)
    assert history.history["loss"][-1] < 3 * LN2
    assert np.argmax(model(tables()), axis=1).tolist() == [0, 1, 2]


def test_a_saved_model_is_what_it_was(tmp_path):
    several = made(3)
    several.save(tmp_path / "model.keras")
    loaded = model_file.load(str(tmp_path / "model.keras"), SAVED | {"outcomes": 3})
    assert loaded.outcomes == 3
    np.testing.assert_array_equal(loaded(tables()), several(tables()))


@pytest.mark.parametrize(("sizes", "value"), [({}, 1), ({"outcomes": 2}, 2)], ids=str)
def test_a_model_of_other_outcomes_than_the_run_s_is_refused(sizes, value, tmp_path):
    made(3).save(tmp_path / "model.keras")
    with pytest.raises(InputError, match=f"outcomes is 3; config.json has {value}"):
        model_file.check(str(tmp_path / "model.keras"), SAVED | sizes)


@pytest.mark.parametrize("outcomes", [0, -1, 2.0])
def test_outcomes_that_are_none(outcomes):
    with pytest.raises(ValueError, match="outcomes"):
        made(outcomes)
