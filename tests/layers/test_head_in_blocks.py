"""The loss of a head in blocks is that of the head in one piece, and so is its gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mime_tf.layers import head_in_blocks as module
from mime_tf.layers.head_in_blocks import head_in_blocks
from mime_tf.losses import diagnosis_loss, order_loss

UNITS, WIDTH, ROWS = 6, 4, 7
RANDOM = np.random.default_rng(0)
WEIGHTS = RANDOM.uniform(0, 3, ROWS).astype(np.float32)
INPUTS = RANDOM.normal(size=(ROWS, WIDTH)).astype(np.float32)
CASES = [
    (diagnosis_loss, np.array([0, 5, 2, 2, 1, 0, 3], np.int32)),
    (
        order_loss,
        np.array([[0, 1, -1], [5, 5, 5], [-1, -1, -1], [2, -1, 2], [3, 4, 5], [1, -1, -1], [0, 0, 4]], np.int32),
    ),
]


def head():
    layer = keras.layers.Dense(UNITS)
    layer.build((None, WIDTH))
    random = np.random.default_rng(1)
    layer.set_weights([random.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


def with_gradients(compute, layer):
    """The value of a function of the inputs, and its gradients times 3 by inputs, kernel and bias."""
    inputs = tf.constant(INPUTS)
    sources = [inputs, *(weight.value for weight in layer.weights)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = compute(inputs)
        scaled = 3 * value
    return value, tape.gradient(scaled, sources)


@pytest.mark.parametrize(
    ("most", "compiled"), [(1, "graph"), (13, "graph"), (13, "eager"), (13, "xla"), (1 << 19, "graph")]
)
@pytest.mark.parametrize(("loss", "codes"), CASES, ids=["dx", "orders"])
def test_blocks_of_any_size_give_the_value_and_gradients_of_one_piece(loss, codes, most, compiled, monkeypatch):
    monkeypatch.setattr(module, "MOST_LOGITS", most)
    layer = head()

    def in_blocks():
        return with_gradients(lambda inputs: head_in_blocks(loss, layer, inputs, codes, WEIGHTS), layer)

    value, gradients = (in_blocks if compiled == "eager" else tf.function(in_blocks, jit_compile=compiled == "xla"))()
    expected, of_one = with_gradients(lambda inputs: tf.reduce_sum(WEIGHTS * loss(layer(inputs), codes)), layer)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for got, wanted in zip(gradients, of_one, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


def test_a_block_holds_no_more_logits_than_it_may(monkeypatch):
    """Seven rows, of which three would fit, are three blocks of three, the last of them filled up."""
    monkeypatch.setattr(module, "MOST_LOGITS", 3 * UNITS + 2)
    shapes = []

    def loss(logits, codes):
        shapes.append((tuple(logits.shape), codes.numpy().tolist()))
        return tf.reduce_sum(logits, axis=1)

    layer = head()
    value = head_in_blocks(loss, layer, tf.constant(INPUTS), tf.range(ROWS), WEIGHTS)
    assert shapes == [((3, UNITS), [0, 1, 2]), ((3, UNITS), [3, 4, 5]), ((3, UNITS), [6, -1, -1])]
    np.testing.assert_allclose(value, WEIGHTS @ layer(INPUTS).numpy().sum(axis=1), rtol=1e-5)


def test_a_gradient_that_float16_does_not_hold():
    """The weights of rows are far below the smallest number of float16."""
    layer = head()
    weights = tf.constant(1e-9 * WEIGHTS)
    inputs = tf.Variable(INPUTS.astype(np.float16))
    with tf.GradientTape() as tape:
        value = 1e9 * head_in_blocks(diagnosis_loss, layer, inputs, CASES[0][1], weights)
    by_inputs = tape.gradient(value, inputs)
    assert by_inputs.dtype == tf.float16 and np.abs(by_inputs.numpy()).max() > 0.1
