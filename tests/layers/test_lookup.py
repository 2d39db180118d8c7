"""Reading rows through padded references, and the gradients written out for it."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from mime_tf.layers.lookup import look_up, look_up_sum

TABLE = tf.constant([[1.0, 2.0], [30.0, 40.0], [500.0, 600.0]])


def plainly(table, references):
    """Every reference times every row, of which one or none is named."""
    return tf.einsum("...r,rw->...w", tf.one_hot(references, table.shape[0]), table)


def with_gradient(function, table, references, **options):
    """What the function returns, and the gradient of its sum weighted by 1, 2, 3 ... in `table`."""

    def both(table):
        with tf.GradientTape() as tape:
            tape.watch(table)
            found = function(table, references)
            weights = tf.reshape(tf.range(1.0, tf.cast(tf.size(found), tf.float32) + 1), tf.shape(found))
            total = tf.reduce_sum(found * weights)
        return found, tape.gradient(total, table)

    return tf.function(both, **options)(table) if options else both(table)


def test_by_hand():
    rows, gradient = with_gradient(look_up, TABLE, tf.constant([2, -1, 0, 2]))
    np.testing.assert_array_equal(rows, [[500, 600], [0, 0], [1, 2], [500, 600]])
    np.testing.assert_array_equal(gradient, [[5, 6], [0, 0], [1 + 7, 2 + 8]])
    sums, gradient = with_gradient(look_up_sum, TABLE, tf.constant([[0, 1, -1], [-1, -1, -1], [2, 2, 1]]))
    np.testing.assert_array_equal(sums, [[31, 42], [0, 0], [1030, 1240]])
    np.testing.assert_array_equal(gradient, [[1, 2], [1 + 5, 2 + 6], [2 * 5, 2 * 6]])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=3), st.integers(1, 4), st.integers(0, 2**31))
def test_any_references(shape, rows, seed):
    rng = np.random.default_rng(seed)
    table = tf.constant(rng.normal(size=(rows, 3)), tf.float32)
    references = tf.constant(rng.integers(-1, rows, shape), tf.int32)
    summed = {look_up: lambda *given: plainly(*given), look_up_sum: lambda *given: tf.reduce_sum(plainly(*given), -2)}
    for function, plain in summed.items():
        for got, expected in zip(
            with_gradient(function, table, references), with_gradient(plain, table, references), strict=True
        ):
            assert got.shape == expected.shape
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("function", [look_up, look_up_sum])
def test_graphs_and_xla_give_the_same(function):
    references = tf.constant([[0, 1, -1], [-1, -1, -1], [2, 2, 1]])
    expected = with_gradient(function, TABLE, references)
    for jit_compile in (False, True):
        found = with_gradient(function, TABLE, references, jit_compile=jit_compile)
        for got, wanted in zip(found, expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-6)
