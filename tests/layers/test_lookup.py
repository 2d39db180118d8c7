"""Gathering rows by padded indices, and the explicit gradients."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from mime_tf.layers.lookup import gather_padded, gather_sum

TABLE = tf.constant([[1.0, 2.0], [30.0, 40.0], [500.0, 600.0]])


def gather_by_one_hot(table, indices):
    """The rows as products of one-hot vectors and the table; -1 has a vector of zeros."""
    return tf.einsum("...r,rw->...w", tf.one_hot(indices, table.shape[0]), table)


def with_gradient(function, table, indices, **options):
    """The values of the function, and the gradient by `table` of their sum weighted by 1, 2, 3 ..."""

    def both(table):
        with tf.GradientTape() as tape:
            tape.watch(table)
            values = function(table, indices)
            weights = tf.reshape(tf.range(1.0, tf.cast(tf.size(values), tf.float32) + 1), tf.shape(values))
            total = tf.reduce_sum(values * weights)
        return values, tape.gradient(total, table)

    return tf.function(both, **options)(table) if options else both(table)


def test_by_hand():
    rows, gradient = with_gradient(gather_padded, TABLE, tf.constant([2, -1, 0, 2]))
    np.testing.assert_array_equal(rows, [[500, 600], [0, 0], [1, 2], [500, 600]])
    np.testing.assert_array_equal(gradient, [[5, 6], [0, 0], [1 + 7, 2 + 8]])
    sums, gradient = with_gradient(gather_sum, TABLE, tf.constant([[0, 1, -1], [-1, -1, -1], [2, 2, 1]]))
    np.testing.assert_array_equal(sums, [[31, 42], [0, 0], [1030, 1240]])
    np.testing.assert_array_equal(gradient, [[1, 2], [1 + 5, 2 + 6], [2 * 5, 2 * 6]])


@settings(max_examples=60)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=3), st.integers(1, 4), st.integers(0, 2**31))
def test_any_indices(shape, rows, seed):
    rng = np.random.default_rng(seed)
    table = tf.constant(rng.normal(size=(rows, 3)), tf.float32)
    indices = tf.constant(rng.integers(-1, rows, shape), tf.int32)
    oracles = {
        gather_padded: gather_by_one_hot,
        gather_sum: lambda table, indices: tf.reduce_sum(gather_by_one_hot(table, indices), -2),
    }
    for function, oracle in oracles.items():
        for got, expected in zip(
            with_gradient(function, table, indices), with_gradient(oracle, table, indices), strict=True
        ):
            assert got.shape == expected.shape
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("function", [gather_padded, gather_sum])
def test_graphs_and_xla_give_the_same(function):
    indices = tf.constant([[0, 1, -1], [-1, -1, -1], [2, 2, 1]])
    expected = with_gradient(function, TABLE, indices)
    for jit_compile in (False, True):
        compiled = with_gradient(function, TABLE, indices, jit_compile=jit_compile)
        for left, right in zip(compiled, expected, strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-6)
