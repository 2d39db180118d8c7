"""The losses against arithmetic by hand and against targets written out as zeros and ones."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from mime_tf.losses import LogLoss, diagnosis_loss, order_loss, sum_of_squares

LN2, LN3, LN4 = np.log(2.0), np.log(3.0), np.log(4.0)  # sigmoid(ln 3) = 3/4; softmax(ln 3, 0) = (3/4, 1/4)


def log_loss(labels, probabilities, **options):
    return float(LogLoss(**options)(np.float32(labels), np.float32(probabilities)))


def test_log_loss_by_hand():
    # -ln 3/4, -ln(1 - 3/4) = ln 4, ln 2: their mean.
    expected = (LN4 - LN3 + LN4 + LN2) / 3
    for shape in ((3,), (3, 1)):  # labels come with and without the predictions' last axis
        assert log_loss(np.reshape([1, 0, 1], shape), [[0.75], [0.75], [0.5]]) == pytest.approx(expected, abs=1e-6)


def test_log_loss_has_the_floor_of_the_reference():
    # Certain and wrong costs -ln(0 + 1e-10) = 10 ln 10 = 23.03, where Keras's own stops at -ln 1e-7 = 16.1.
    assert log_loss([0], [[1.0]]) == pytest.approx(10 * np.log(10.0), abs=1e-5)
    assert log_loss([1], [[0.0]]) == pytest.approx(10 * np.log(10.0), abs=1e-5)
    assert log_loss([1, 0], [[1.0], [0.0]]) == pytest.approx(0.0, abs=1e-9)


# Probabilities of exactly 1, by which TensorFlow's constant folding once made every weight NaN.

# Four patients of label 1 and one of label 0. A float32 sigmoid of 15 lies 5 or 6 steps of 2**-24 below 1.
LOGITS, LABELS = np.float32([[15], [17], [40], [200], [-200]]), np.float32([1, 1, 1, 1, 0])


def loss_and_gradient(logits, labels):
    """The mean loss of sigmoids, and its gradient by the logits."""
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = LogLoss()(labels, tf.sigmoid(logits))
    return loss, tape.gradient(loss, logits)


SIGNATURE = [tf.TensorSpec([None, 1], tf.float32), tf.TensorSpec([None], tf.float32)]
WAYS = {
    "eager": lambda function: function,
    "graph": tf.function,
    "graph with a signature": lambda function: tf.function(function, input_signature=SIGNATURE),
    "XLA": lambda function: tf.function(function, jit_compile=True),
    "XLA with a signature": lambda function: tf.function(function, input_signature=SIGNATURE, jit_compile=True),
}


@pytest.mark.parametrize("way", WAYS)
def test_certain_and_right_costs_the_same_as_in_the_reference(way):
    # TensorFlow 1.14: mean loss 7.15e-8, that of logit 15 alone; gradients -7.15e-8, 0, 0, 0, 0.
    loss, gradient = WAYS[way](loss_and_gradient)(tf.constant(LOGITS), tf.constant(LABELS))
    step_of_sigmoid = 2**-24 / 5
    assert float(loss) == pytest.approx(7.15e-8, abs=1.1 * step_of_sigmoid)
    np.testing.assert_allclose(gradient[:, 0], [-7.15e-8, 0, 0, 0, 0], rtol=0, atol=1.1 * step_of_sigmoid)


@pytest.mark.parametrize("way", WAYS)
def test_certain_and_wrong_costs_the_same_as_in_the_reference(way):
    # -ln 1e-10 each; the gradient is 0 because the sigmoid's is.
    logits, labels = tf.constant([[200.0], [-200.0]]), tf.constant([0.0, 1.0])
    loss, gradient = WAYS[way](loss_and_gradient)(logits, labels)
    assert float(loss) == pytest.approx(10 * np.log(10), abs=1e-5)
    np.testing.assert_array_equal(gradient, np.zeros((2, 1)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("way", WAYS)
def test_log_loss_of_any_type_is_finite(way, dtype):
    def loss_and_gradient(logits, labels):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = LogLoss(dtype=dtype)(labels, tf.cast(tf.sigmoid(logits), dtype))
        return loss, tape.gradient(loss, logits)

    logits, labels = tf.constant([[200.0], [-200.0], [0.0]]), tf.constant([1.0, 0.0, 1.0])
    loss, gradient = WAYS[way](loss_and_gradient)(logits, labels)
    assert float(loss) == pytest.approx(LN2 / 3, rel=1e-2 if dtype == "bfloat16" else 1e-3)
    np.testing.assert_allclose(tf.cast(gradient[:, 0], tf.float32), [0, 0, -1 / 6], rtol=1e-2)


def test_log_loss_with_weights_and_without_a_mean():
    labels, probabilities = np.float32([1, 0]), np.float32([[0.5], [0.75]])
    each = LogLoss(reduction=None)(labels, probabilities)
    np.testing.assert_allclose(each, [LN2, LN4], atol=1e-6)
    # Keras's default: the weighted sum over the number of patients.
    weighted = LogLoss()(labels, probabilities, sample_weight=np.float32([3, 1]))
    assert float(weighted) == pytest.approx((3 * LN2 + LN4) / 2, abs=1e-6)


def test_log_loss_equals_the_keras_loss_away_from_saturation():
    rng = np.random.default_rng(0)
    labels, probabilities = rng.integers(0, 2, (50, 1)), rng.uniform(0.02, 0.98, (50, 1))
    expected = float(keras.losses.BinaryCrossentropy()(np.float32(labels), np.float32(probabilities)))
    assert log_loss(labels, probabilities) == pytest.approx(expected, abs=1e-6)


def test_log_loss_is_rebuilt_from_its_configuration():
    loss = LogLoss(name="risk", reduction="sum")
    rebuilt = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(rebuilt) is LogLoss
    assert rebuilt.get_config() == loss.get_config()
    assert (rebuilt.name, rebuilt.reduction) == ("risk", "sum")


def test_diagnosis_loss_by_hand():
    # softmax(ln 3, 0) = (3/4, 1/4): diagnosis 0 costs ln 4 - ln 3, diagnosis 1 ln 4; equal logits over 4 cost ln 4.
    losses = diagnosis_loss(tf.constant([[LN3, 0.0], [LN3, 0.0]], tf.float32), tf.constant([0, 1]))
    np.testing.assert_allclose(losses, [LN4 - LN3, LN4], atol=1e-6)
    np.testing.assert_allclose(diagnosis_loss(tf.fill([1, 4], 7.0), tf.constant([2])), [LN4], atol=1e-6)


def test_order_loss_by_hand():
    # Logits (ln 3, 0) of sigmoids (3/4, 1/2). In the set: ln 4 - ln 3 and ln 2; out of it: ln 4 and ln 2.
    logits = tf.constant([[LN3, 0.0]] * 5, tf.float32)
    codes = tf.constant([[0, -1, -1], [0, 0, 0], [-1, -1, -1], [1, 0, 1], [-1, 0, -1]])
    in_set = (LN4 - LN3 + LN2) / 2
    out_of_set = (LN4 + LN2) / 2
    # A repeated code counts once, and the position of padding does not matter.
    expected = [in_set, in_set, out_of_set, in_set, in_set]
    np.testing.assert_allclose(order_loss(logits, codes), expected, atol=1e-6)


def sets_of_codes(codes, vocabulary):
    """The codes as rows of zeros and ones."""
    target = np.zeros((len(codes), vocabulary))
    for row, of_row in enumerate(codes):
        target[row, [code for code in of_row if code >= 0]] = 1.0
    return target


def dense_order_loss(logits, codes):
    """Mean over the vocabulary of the sigmoid cross-entropy with zeros and ones, in float64."""
    return np.mean(np.logaddexp(0.0, logits) - sets_of_codes(codes, logits.shape[1]) * logits, axis=1)


# 67 has no divisor to take logarithms of products by, 128 the longest products.
vocabularies = st.one_of(st.integers(1, 6), st.sampled_from([67, 128]))
order_cases = st.tuples(vocabularies, st.integers(1, 5), st.integers(0, 2**31), st.sampled_from([0.5, 4.0, 60.0]))


@settings(max_examples=80)
@given(order_cases)
def test_order_loss_equals_dense_targets(case):
    vocabulary, width, seed, scale = case
    rng = np.random.default_rng(seed)
    codes = rng.integers(-1, vocabulary, (4, width))
    logits = rng.normal(0, scale, (4, vocabulary))
    got = order_loss(tf.constant(logits, tf.float32), tf.constant(codes, tf.int32))
    np.testing.assert_allclose(got, dense_order_loss(np.float32(logits).astype(float), codes), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_gradients_are_those_of_dense_targets(jit_compile):
    rng = np.random.default_rng(1)
    codes, dx = rng.integers(-1, 7, (5, 4)), rng.integers(0, 7, 5)
    logits = tf.constant(rng.normal(0, 3, (5, 7)), tf.float32)

    @tf.function(jit_compile=jit_compile)
    def gradients():
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(logits)
            orders, diagnoses = order_loss(logits, tf.constant(codes)), diagnosis_loss(logits, tf.constant(dx))
        return tape.gradient(orders, logits), tape.gradient(diagnoses, logits)

    of_orders, of_diagnoses = gradients()
    # d/dx of softplus(x) - t x is sigmoid(x) - t; of -log softmax(x)[dx] it is softmax(x) - (1 at dx).
    np.testing.assert_allclose(of_orders, (tf.sigmoid(logits) - sets_of_codes(codes, 7)) / 7, atol=1e-6)
    np.testing.assert_allclose(of_diagnoses, tf.nn.softmax(logits) - np.eye(7)[dx], atol=1e-6)


def test_a_product_of_halves_over_many_codes_is_a_normal_number():
    # Of 128 logits 0 each costs ln 2.
    np.testing.assert_allclose(order_loss(tf.zeros([3, 128]), tf.fill([3, 1], -1)), [LN2] * 3, rtol=1e-6)


def test_padding_and_large_logits_give_no_nan():
    logits = tf.constant([[1e4, -1e4], [-1e4, 1e4], [0.0, 0.0]])
    dx, codes = tf.constant([0, 0, -1]), tf.constant([[0], [0], [-1]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        losses = diagnosis_loss(logits, dx), order_loss(logits, codes)
        total = tf.add_n([tf.reduce_sum(loss) for loss in losses])
    # Right costs 0; wrong 2e4 as a diagnosis, and (1e4 + 1e4)/2 as a set; sets of nothing at logits 0 cost ln 2.
    np.testing.assert_allclose(losses[0][:2], [0.0, 2e4])
    np.testing.assert_allclose(losses[1], [0.0, 1e4, LN2], rtol=1e-6)
    assert np.isfinite(tape.gradient(total, logits)).all()


def test_sum_of_squares_by_hand():
    # 1 + 4 + 9 and 16; the bias (rank 1) and the scalar do not count.
    variables = [tf.constant([[1.0, 2.0, 3.0]]), tf.constant([5.0, 6.0]), tf.constant(7.0), tf.constant([[[-4.0]]])]
    assert float(sum_of_squares(variables)) == 30.0
