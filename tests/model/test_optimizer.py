"""FusedAdam against arithmetic by hand, and against Keras's Adam with the same epsilon."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import mime_tf
from mime_tf.optimizer import FusedAdam

SHAPES = [(5, 3), (4,), (2, 1, 2), ()]


def updated(optimizer, steps=7, jit_compile=None):
    """The weights after updates with random gradients, and the variables of the optimizer."""
    rng = np.random.default_rng(0)
    weights = [keras.Variable(rng.normal(size=shape), dtype="float32") for shape in SHAPES]
    optimizer.build(weights)
    apply = optimizer.apply
    if jit_compile is not None:
        apply = tf.function(lambda gradients: optimizer.apply(gradients), jit_compile=jit_compile)
    for _ in range(steps):
        # Gradients of very different sizes, and exact zeros.
        scales = 10.0 ** rng.integers(-6, 3, len(SHAPES)) * rng.integers(0, 2, len(SHAPES))
        gradients = [scale * rng.normal(size=shape) for scale, shape in zip(scales, SHAPES, strict=True)]
        apply([tf.constant(gradient, tf.float32) for gradient in gradients])
    return [weight.numpy() for weight in weights], [np.asarray(value) for value in optimizer.variables]


def test_two_updates_by_hand():
    weight = keras.Variable([[1.0, -2.0]])
    optimizer = FusedAdam(0.1, epsilon=0.5, beta_1=0.5, beta_2=0.75)
    optimizer.build([weight])
    optimizer.apply([tf.constant([[2.0, -4.0]])])
    # m = (1, -2), v = (1, 4), rate = 0.1 sqrt(1/4) / (1/2) = 0.1: steps of 0.1 m / (sqrt(v) + 1/2).
    np.testing.assert_allclose(weight, [[1 - 0.1 / 1.5, -2 + 0.2 / 2.5]], rtol=1e-6)
    before = weight.numpy()
    optimizer.apply([tf.constant([[0.0, 0.0]])])
    # m = (1/2, -1), v = (3/4, 3), rate = 0.1 sqrt(7/16) / (3/4).
    step = 0.1 * np.sqrt(7 / 16) / 0.75 * np.array([[0.5, -1.0]]) / (np.sqrt([[0.75, 3.0]]) + 0.5)
    np.testing.assert_allclose(weight, before - step, rtol=1e-6)
    assert int(optimizer.iterations) == 2


@pytest.mark.parametrize("jit_compile", [None, False, True], ids=["eager", "graph", "xla"])
@pytest.mark.parametrize("options", [{}, {"global_clipnorm": 0.01}, {"beta_1": 0.5, "beta_2": 0.9}], ids=str)
def test_it_equals_the_keras_adam(options, jit_compile):
    expected, state = updated(keras.optimizers.Adam(0.01, epsilon=1e-8, **options))
    got, own = updated(FusedAdam(0.01, **options), jit_compile=jit_compile)
    for left, right in zip([*got, *own], [*expected, *state], strict=True):
        np.testing.assert_allclose(left, right, rtol=2e-5, atol=1e-7)


def test_schedules_and_scaled_losses():
    def schedule():
        return keras.optimizers.schedules.PolynomialDecay(0.1, 7, end_learning_rate=0.0)

    expected, _ = updated(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(schedule(), epsilon=1e-8)))
    got, _ = updated(keras.optimizers.LossScaleOptimizer(FusedAdam(schedule())))
    # 1 - 0.999^t has five digits in float32 at first, and so has the length of a step.
    for left, right in zip(got, expected, strict=True):
        np.testing.assert_allclose(left, right, rtol=0, atol=1e-4 * 0.1)


def test_it_is_rebuilt_from_its_configuration():
    optimizer = FusedAdam(0.25, beta_1=0.5, global_clipnorm=3.0)
    rebuilt = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert type(rebuilt) is FusedAdam is mime_tf.FusedAdam
    assert rebuilt.get_config() == optimizer.get_config()


def test_there_is_no_amsgrad():
    with pytest.raises(ValueError, match=r"^`amsgrad` must not be set.*Received: amsgrad=True$"):
        FusedAdam(amsgrad=True)
