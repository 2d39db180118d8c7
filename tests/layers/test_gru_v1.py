"""GRUV1, with its hand-written recurrence and gradient, against Keras's loop over GRUV1Cell."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from mime_tf.layers import GRUV1, GRUV1Cell

NAMES = ("inputs", "kernel", "recurrent_kernel", "bias")


def case(seed, batch=3, steps=5, features=4, units=4, scale=0.5, masked=None, return_sequences=False, dtype="float32"):
    """A fast layer, Keras's loop with the same weights, inputs, mask and a gradient by the output.

    `masked` is None for no mask, "right" for padding of random lengths, or "anywhere".
    """
    rng = np.random.default_rng(seed)
    fast = GRUV1(units, return_sequences=return_sequences, dtype=dtype)
    slow = keras.layers.RNN(GRUV1Cell(units, dtype=dtype), return_sequences=return_sequences, dtype=dtype)
    weights = [rng.normal(0, scale, shape) for shape in ((features, 3 * units), (units, 3 * units), (3 * units,))]
    for layer in (fast, slow):
        layer.build((batch, steps, features))
        layer.set_weights(weights)
    mask = None
    if masked == "right":
        mask = np.arange(steps) < rng.integers(0, steps + 1, (batch, 1))
    elif masked == "anywhere":
        mask = rng.random((batch, steps)) < 0.6
    upstream = rng.normal(size=(batch, steps, units) if return_sequences else (batch, units))
    inputs = tf.constant(rng.normal(size=(batch, steps, features)), dtype)
    return SimpleNamespace(fast=fast, slow=slow, inputs=inputs, mask=mask, upstream=tf.constant(upstream, dtype))


def run(layer, case, **options):
    """Output and gradients, by name, as arrays; `options` are of `tf.function`, or none for eager."""

    def forward_and_back(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = layer(inputs, mask=None if case.mask is None else tf.constant(case.mask))
            total = tf.reduce_sum(output * case.upstream)
        return output, tape.gradient(total, [inputs, *[weight.value for weight in layer.trainable_weights]])

    if options:
        forward_and_back = tf.function(forward_and_back, **options)
    output, gradients = forward_and_back(case.inputs)
    return {"output": output.numpy(), **{n: g.numpy() for n, g in zip(NAMES, gradients, strict=True)}}


def assert_agree(got, expected, tolerance):
    """Output within `tolerance`, gradients within it or within it relative to their own norm."""
    for name, value in expected.items():
        assert got[name].shape == value.shape
        assert np.isfinite(value).all(), name
        allowed = tolerance * (1.0 if name == "output" else max(1.0, np.linalg.norm(value)))
        np.testing.assert_allclose(got[name], value, rtol=0, atol=allowed, err_msg=name)


MASKS = [None, "right", "anywhere"]


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("masked", MASKS)
@pytest.mark.parametrize("steps", [1, 2, 9])
def test_outputs_and_gradients_equal_those_of_the_keras_loop(steps, masked, return_sequences):
    example = case(steps, steps=steps, masked=masked, return_sequences=return_sequences)
    assert_agree(run(example.fast, example), run(example.slow, example), 1e-5)


@pytest.mark.parametrize("masked", MASKS)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_scoring_gives_the_same_state_and_gradients(jit_compile, masked):
    """With `training=False`, where only the last state is kept."""
    example = case(6, batch=4, steps=7, masked=masked)

    def scoring(inputs, mask):
        return example.fast(inputs, mask=mask, training=False)

    scoring.trainable_weights = example.fast.trainable_weights
    assert_agree(run(scoring, example, jit_compile=jit_compile), run(example.fast, example), 1e-6)


@pytest.mark.parametrize("return_sequences", [False, True])
def test_steps_that_refer_to_inputs(return_sequences):
    """Each distinct input is given once, and steps refer to it."""
    example = case(4, masked="right", return_sequences=return_sequences)
    distinct = tf.constant(np.random.default_rng(0).normal(size=(6, 4)), tf.float32)
    steps = np.random.default_rng(1).integers(0, 6, (3, 5))
    got = example.fast.recur(distinct, tf.constant(np.where(example.mask, steps, -1).T, tf.int32))
    expected = example.slow(tf.gather(distinct, steps), mask=tf.constant(example.mask))
    np.testing.assert_allclose(got, expected, atol=1e-5)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    batch=st.integers(1, 4),
    steps=st.integers(1, 6),
    features=st.integers(1, 4),
    units=st.integers(1, 5),
    masked=st.sampled_from(MASKS),
    return_sequences=st.booleans(),
)
def test_random_sizes(**sizes):
    example = case(**sizes)
    assert_agree(run(example.fast, example), run(example.slow, example), 1e-5)


@pytest.mark.parametrize("scale", [3.0, 30.0])
@pytest.mark.parametrize("masked", [None, "anywhere"])
def test_saturated_gates(scale, masked):
    """In float64, where rounding does not decide which side of a gate's bound a large number falls."""
    example = case(5, batch=6, steps=7, units=8, scale=scale, masked=masked, return_sequences=True, dtype="float64")
    assert {weight.dtype for weight in example.fast.weights} == {"float64"}
    projected = np.tensordot(example.inputs, example.fast.cell.kernel, 1) + example.fast.cell.bias.numpy()
    assert np.mean(np.abs(projected[..., :16]) > 2.5) > 0.3  # gates at 0 or 1 on the input alone
    assert_agree(run(example.fast, example), run(example.slow, example), 1e-10)


def test_a_gate_at_its_bounds_has_no_gradient():
    """Gates of exactly 0 and exactly 1, in exact arithmetic: no gradient reaches their arguments."""
    for bias, expected in ((-100.0, np.tanh(0.5)), (100.0, 0.0)):  # z = 0: h = c;  z = 1: h stays 0
        example = case(0, batch=1, steps=1, features=1, units=1)
        for layer in (example.fast, example.slow):
            layer.set_weights([np.ones((1, 3)), np.ones((1, 3)), np.array([bias, 0.0, 0.0])])
        example.inputs = tf.constant([[[0.5]]])
        got = run(example.fast, example)
        np.testing.assert_allclose(got["output"], [[expected]], atol=1e-6)
        np.testing.assert_array_equal(got["bias"][:2], [0.0, 0.0])
        assert_agree(got, run(example.slow, example), 1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_graphs_give_the_same_gradients(return_sequences, jit_compile):
    example = case(8, masked="anywhere", return_sequences=return_sequences)
    assert_agree(run(example.fast, example, jit_compile=jit_compile), run(example.fast, example), 1e-6)


def test_a_graph_for_any_size():
    """Traced once for an unknown number of patients and steps, as the batches of a dataset need it."""
    example = case(9)
    signature = [tf.TensorSpec((None, None, 4)), tf.TensorSpec((None, None), tf.bool)]

    @tf.function(input_signature=signature)
    def gradients(inputs, mask):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(tf.square(example.fast(inputs, mask=mask)))
        return tape.gradient(total, [weight.value for weight in example.fast.trainable_weights])

    for batch, steps in ((2, 3), (5, 1)):
        other = case(10, batch=batch, steps=steps, masked="right")
        got = gradients(other.inputs, tf.constant(other.mask))
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(tf.square(example.slow(other.inputs, mask=tf.constant(other.mask))))
        expected = tape.gradient(total, [weight.value for weight in example.slow.trainable_weights])
        for left, right in zip(got, expected, strict=True):
            np.testing.assert_allclose(left, right, atol=1e-5)


@pytest.mark.parametrize("kind", ["sparse", "without a shape"])
def test_gradients_that_arrive_sparse_or_without_a_shape(kind):
    example = case(12, masked="right")
    weights = example.upstream.numpy()

    @tf.custom_gradient
    def without_a_shape(output):
        total = tf.reduce_sum(output * weights)
        return total, lambda upstream: tf.numpy_function(lambda factor: factor * weights, [upstream], tf.float32)

    def gradients(layer):
        with tf.GradientTape() as tape:
            output = layer(example.inputs, mask=tf.constant(example.mask))
            if kind == "sparse":
                total = tf.reduce_sum(tf.gather(output, [2, 0, 2]) * weights)
            else:
                total = without_a_shape(output)
        return tape.gradient(total, [weight.value for weight in layer.trainable_weights])

    fast_gradients = tf.function(lambda: gradients(example.fast), autograph=False)()
    for got, expected in zip(fast_gradients, gradients(example.slow), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)


def test_a_wholly_masked_batch():
    example = case(3, steps=4)
    example.mask = np.zeros((3, 4), bool)
    got = run(example.fast, example)
    for name, value in got.items():
        np.testing.assert_array_equal(value, np.zeros_like(value), err_msg=name)


@pytest.mark.parametrize("masked", MASKS)
def test_gradients_are_numerical_derivatives(masked):
    example = case(11, batch=2, steps=3, features=2, units=3, masked=masked, return_sequences=True, dtype="float64")
    mask = None if example.mask is None else tf.constant(example.mask)

    @tf.function
    def output(inputs, kernel, recurrent_kernel, bias):
        values = zip(example.fast.trainable_weights, (kernel, recurrent_kernel, bias), strict=True)
        with keras.StatelessScope(list(values)):
            return example.fast(inputs, mask=mask)

    point = [example.inputs, *[weight.value for weight in example.fast.trainable_weights]]
    exact, numerical = tf.test.compute_gradient(output, [tf.convert_to_tensor(value) for value in point], delta=1e-6)
    for name, left, right in zip(NAMES, exact, numerical, strict=True):
        assert np.any(right), name
        np.testing.assert_allclose(left, right, rtol=0, atol=1e-8, err_msg=name)
