"""Checks of every public layer, after keras-hub's `run_layer_test`."""

import json

import keras
import numpy as np
import tensorflow as tf

MIXED = {"mixed_float16": (tf.float16, 2e-2), "mixed_bfloat16": (tf.bfloat16, 1e-1)}  # dtype and tolerance


def run_layer_battery(layer_class, arguments, inputs, weight_shapes, folder, wrap=lambda layer: layer):
    """Runs every check on one layer.

    Args:
        layer_class: the layer's class.
        arguments: dict of constructor arguments; values other than the defaults check more.
        inputs: list of arrays, the positional call arguments, float32 or integer and with equal first axes.
        weight_shapes: the shapes of the trainable weights, in order.
        folder: a folder to save models in.
        wrap: function that makes a layer of an instance that is not one, such as a recurrent cell.
    """

    def make(**options):
        keras.utils.set_random_seed(7)
        return wrap(layer_class(**arguments, **options))

    check_config(layer_class, arguments)
    check_weights(make, inputs, weight_shapes)
    check_output_shapes(make, inputs)
    check_ways_to_call(make, inputs)
    check_gradients(make, inputs)
    check_training(make, inputs)
    check_saving(make, inputs, folder)
    for policy, (dtype, tolerance) in MIXED.items():
        check_mixed_precision(make, inputs, policy, dtype, tolerance)


def check_config(layer_class, arguments):
    """The configuration is JSON, holds every argument and makes an equal layer."""
    layer = layer_class(**arguments, name="some_name", dtype="mixed_bfloat16")
    config = layer.get_config()
    assert {name: config[name] for name in arguments} == arguments
    assert config["name"] == "some_name"
    serialized = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    rebuilt = keras.saving.deserialize_keras_object(serialized)
    assert type(rebuilt) is layer_class
    assert rebuilt.get_config() == config
    assert layer_class.from_config(config).get_config() == config
    assert rebuilt.dtype_policy.name == "mixed_bfloat16"


def check_weights(make, inputs, weight_shapes):
    """The layer has these weights, all trainable and with distinct paths, and a second call makes no more."""
    layer = make()
    layer(*inputs)
    assert [tuple(weight.shape) for weight in layer.trainable_weights] == weight_shapes
    assert layer.non_trainable_weights == []
    assert layer.count_params() == sum(int(np.prod(shape)) for shape in weight_shapes)
    assert len({weight.path for weight in layer.weights}) == len(weight_shapes)
    layer(*inputs)
    assert len(layer.weights) == len(weight_shapes)


def check_output_shapes(make, inputs):
    """Outputs have the shape that `compute_output_shape` returns, also for a symbolic batch of unknown size."""
    layer = make()
    real = shapes_of(layer(*inputs))
    assert shapes_of(layer.compute_output_shape(*[value.shape for value in inputs])) == real
    symbolic = [keras.KerasTensor((None, *value.shape[1:]), dtype=value.dtype.name) for value in inputs]
    assert shapes_of(make()(*symbolic)) == [(None, *shape[1:]) for shape in real]


def check_ways_to_call(make, inputs):
    """The layer gives the same eagerly, as a graph and compiled by XLA."""
    layer = make()
    eager = leaves(layer(*inputs))
    tensors = [tf.constant(value) for value in inputs]
    for options in ({}, {"jit_compile": True}):
        assert_close(leaves(tf.function(layer, **options)(*tensors)), eager, 1e-6)
    # A graph for any batch size, as the batches of a dataset need it.
    signature = [tf.TensorSpec([None] * value.ndim, value.dtype) for value in inputs]
    assert_close(leaves(tf.function(layer, input_signature=signature)(*tensors)), eager, 1e-6)


def check_gradients(make, inputs):
    """The gradient reaches every weight and every float input, and is finite."""
    layer = make()
    tensors = [tf.constant(value) for value in inputs]
    watched = [tensor for tensor in tensors if tensor.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(watched)
        total = tf.add_n([tf.reduce_sum(tf.square(output)) for output in leaves(layer(*tensors))])
    for gradient in tape.gradient(total, [*[weight.value for weight in layer.trainable_weights], *watched]):
        assert gradient is not None
        gradient = tf.convert_to_tensor(gradient)
        assert np.isfinite(gradient).all()
        assert np.any(gradient)


def check_training(make, inputs):
    """One step of `fit` changes every weight."""
    layer = make()
    model = functional(layer, inputs, with_head=True)
    before = layer.get_weights()
    model.compile(keras.optimizers.SGD(0.5), "mse")
    history = model.fit(inputs, np.ones((len(inputs[0]), 1)), batch_size=len(inputs[0]), epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    for weight, old, new in zip(layer.weights, before, layer.get_weights(), strict=True):
        assert not np.array_equal(new, old), weight.path
        assert np.isfinite(new).all(), weight.path


def check_saving(make, inputs, folder):
    """A saved model is loaded with the same layer and the same output."""
    layer = make()
    model = functional(layer, inputs)
    path = folder / "model.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    rebuilt = loaded.get_layer(layer.name)
    assert type(rebuilt) is type(layer)
    assert json.dumps(rebuilt.get_config()) == json.dumps(layer.get_config())
    assert_close(leaves(loaded(inputs)), leaves(model(inputs)), 0)


def check_mixed_precision(make, inputs, policy, dtype, tolerance):
    """Under a mixed policy the layer computes in low precision, keeps float32 weights and is close to float32."""
    layer, exact = make(dtype=policy), make()
    exact_outputs = leaves(exact(*inputs))
    layer(*inputs)
    layer.set_weights(exact.get_weights())
    outputs = leaves(layer(*inputs))
    assert {output.dtype for output in outputs} == {dtype}
    assert {weight.dtype for weight in layer.weights} <= {"float32"}
    outputs = [tf.cast(output, tf.float32) for output in outputs]
    scale = max(float(tf.reduce_max(tf.abs(output))) for output in exact_outputs)
    assert_close(outputs, exact_outputs, tolerance * scale)
    # Equal outputs would show that nothing was computed in low precision.
    assert any(not np.array_equal(low, full) for low, full in zip(outputs, exact_outputs, strict=True))


def functional(layer, inputs, with_head=False):
    """A functional model of the layer, with a head of one number per row if wanted."""
    symbolic = [keras.Input(value.shape[1:], dtype=value.dtype.name) for value in inputs]
    outputs = layer(*symbolic)
    if with_head:
        flat = [keras.layers.Flatten()(output) for output in leaves(outputs)]
        outputs = keras.layers.Dense(1)(keras.layers.Concatenate()([*flat, flat[0]]))
    return keras.Model(symbolic, outputs)


def leaves(outputs):
    """The tensors of an output, which may be a dict."""
    return [outputs[name] for name in sorted(outputs)] if isinstance(outputs, dict) else [outputs]


def shapes_of(outputs):
    """The shapes of outputs, or outputs that are shapes already, as tuples."""
    return [tuple(getattr(output, "shape", output)) for output in leaves(outputs)]


def assert_close(got, expected, tolerance):
    """Both are lists of tensors that differ by no more than `tolerance` anywhere."""
    for left, right in zip(got, expected, strict=True):
        assert left.shape == right.shape
        np.testing.assert_allclose(left, right, rtol=0, atol=tolerance)
