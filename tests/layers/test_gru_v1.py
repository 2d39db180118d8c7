"""GRUV1, with its recurrence and gradient written by hand, against Keras's own loop over GRUV1Cell."""

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
    """A fast layer, the same weights in Keras's loop, inputs, mask and what flows into the output's gradient.

    `masked` is None for no mask, "right" for padding of random lengths, and "anywhere".
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
def test_outputs_and_gradients_are_those_of_keras_s_loop(steps, masked, return_sequences):
    some = case(steps, steps=steps, masked=masked, return_sequences=return_sequences)
    assert_agree(run(some.fast, some), run(some.slow, some), 1e-5)


@pytest.mark.parametrize("masked", MASKS)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_scoring_gives_the_same_state_and_gradients(jit_compile, masked):
    """With `training=False`, where only the last state is kept."""
    some = case(6, batch=4, steps=7, masked=masked)

    def scoring(inputs, mask):
        return some.fast(inputs, mask=mask, training=False)

    scoring.trainable_weights = some.fast.trainable_weights
    assert_agree(run(scoring, some, jit_compile=jit_compile), run(some.fast, some), 1e-6)


@pytest.mark.parametrize("return_sequences", [False, True])
def test_steps_that_refer_to_inputs(return_sequences):
    """Each different input given once, and steps that refer to it."""
    some = case(4, masked="right", return_sequences=return_sequences)
    different = tf.constant(np.random.default_rng(0).normal(size=(6, 4)), tf.float32)
    steps = np.random.default_rng(1).integers(0, 6, (3, 5))
    got = some.fast.recur(different, tf.constant(np.where(some.mask, steps, -1).T, tf.int32))
    expected = some.slow(tf.gather(different, steps), mask=tf.constant(some.mask))
    np.testing.assert_allclose(got, expected, atol=1e-5)


@settings(deadline=None, max_examples=40)
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
    some = case(**sizes)
    assert_agree(run(some.fast, some), run(some.slow, some), 1e-5)


@pytest.mark.parametrize("scale", [3.0, 30.0])
@pytest.mark.parametrize("masked", [None, "anywhere"])
def test_saturated_gates(scale, masked):
    """In float64, where rounding does not decide which side of a gate's bound a large number falls."""
    some = case(5, batch=6, steps=7, units=8, scale=scale, masked=masked, return_sequences=True, dtype="float64")
    assert {weight.dtype for weight in some.fast.weights} == {"float64"}
    projected = np.tensordot(some.inputs, some.fast.cell.kernel, 1) + some.fast.cell.bias.numpy()
    assert np.mean(np.abs(projected[..., :16]) > 2.5) > 0.3  # gates at 0 or 1 on the input alone
    assert_agree(run(some.fast, some), run(some.slow, some), 1e-10)


def test_a_gate_at_its_bounds_has_no_gradient():
    """Gates of exactly 0 and exactly 1, in exact arithmetic: nothing flows into what made them."""
    for bias, expected in ((-100.0, np.tanh(0.5)), (100.0, 0.0)):  # z = 0: h = c;  z = 1: h stays 0
        some = case(0, batch=1, steps=1, features=1, units=1)
        for layer in (some.fast, some.slow):
            layer.set_weights([np.ones((1, 3)), np.ones((1, 3)), np.array([bias, 0.0, 0.0])])
        some.inputs = tf.constant([[[0.5]]])
        got = run(some.fast, some)
        np.testing.assert_allclose(got["output"], [[expected]], atol=1e-6)
        np.testing.assert_array_equal(got["bias"][:2], [0.0, 0.0])
        assert_agree(got, run(some.slow, some), 1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_graphs_give_the_same_gradients(return_sequences, jit_compile):
    some = case(8, masked="anywhere", return_sequences=return_sequences)
    assert_agree(run(some.fast, some, jit_compile=jit_compile), run(some.fast, some), 1e-6)


def test_a_graph_for_any_size():
    """As a dataset's batches need it: traced once, with neither the batch nor the steps known."""
    some = case(9)
    signature = [tf.TensorSpec((None, None, 4)), tf.TensorSpec((None, None), tf.bool)]

    @tf.function(input_signature=signature)
    def gradients(inputs, mask):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(tf.square(some.fast(inputs, mask=mask)))
        return tape.gradient(total, [weight.value for weight in some.fast.trainable_weights])

    for batch, steps in ((2, 3), (5, 1)):
        other = case(10, batch=batch, steps=steps, masked="right")
        got = gradients(other.inputs, tf.constant(other.mask))
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(tf.square(some.slow(other.inputs, mask=tf.constant(other.mask))))
        expected = tape.gradient(total, [weight.value for weight in some.slow.trainable_weights])
        for left, right in zip(got, expected, strict=True):
            np.testing.assert_allclose(left, right, atol=1e-5)


@pytest.mark.parametrize("kind", ["sparse", "without a shape"])
def test_gradients_that_arrive_otherwise_than_as_a_plain_tensor(kind):
    some = case(12, masked="right")
    weights = some.upstream.numpy()

    @tf.custom_gradient
    def without_a_shape(output):
        total = tf.reduce_sum(output * weights)
        return total, lambda upstream: tf.numpy_function(lambda factor: factor * weights, [upstream], tf.float32)

    def gradients(layer):
        with tf.GradientTape() as tape:
            output = layer(some.inputs, mask=tf.constant(some.mask))
            if kind == "sparse":
                total = tf.reduce_sum(tf.gather(output, [2, 0, 2]) * weights)
            else:
                total = without_a_shape(output)
        return tape.gradient(total, [weight.value for weight in layer.trainable_weights])

    found = tf.function(lambda: gradients(some.fast), autograph=False)()
    for got, wanted in zip(found, gradients(some.slow), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_a_wholly_masked_batch():
    some = case(3, steps=4)
    some.mask = np.zeros((3, 4), bool)
    got = run(some.fast, some)
    for name, value in got.items():
        np.testing.assert_array_equal(value, np.zeros_like(value), err_msg=name)


@pytest.mark.parametrize("masked", MASKS)
def test_gradients_are_numerical_derivatives(masked):
    some = case(11, batch=2, steps=3, features=2, units=3, masked=masked, return_sequences=True, dtype="float64")
    mask = None if some.mask is None else tf.constant(some.mask)

    @tf.function
    def output(inputs, kernel, recurrent_kernel, bias):
        values = zip(some.fast.trainable_weights, (kernel, recurrent_kernel, bias), strict=True)
        with keras.StatelessScope(list(values)):
            return some.fast(inputs, mask=mask)

    point = [some.inputs, *[weight.value for weight in some.fast.trainable_weights]]
    exact, numerical = tf.test.compute_gradient(output, [tf.convert_to_tensor(value) for value in point], delta=1e-6)
    for name, left, right in zip(NAMES, exact, numerical, strict=True):
        assert np.any(right), name
        np.testing.assert_allclose(left, right, rtol=0, atol=1e-8, err_msg=name)
