"""Every public layer: the battery, and numbers worked out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.layer_battery import run_layer_battery

from mime_tf.layers import (
    GRUV1,
    AuxiliaryHeads,
    DxObjectEmbedding,
    GRUV1Cell,
    VisitEmbedding,
    VisitPooling,
    VisitTimes,
    VisitTransform,
    hard_sigmoid_v1,
)

LN2, LN3 = np.log(2.0), np.log(3.0)  # tanh(ln 2) = 0.6, tanh(ln 3) = 0.8


def floats(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def in_rnn(cell):
    return keras.layers.RNN(cell, return_sequences=True, dtype=cell.dtype_policy)


def off_zero(layer):
    """A layer whose weights start at zero, with others."""
    layer.build((None, 3), (None, 2))
    layer.set_weights([floats(*weight.shape) for weight in layer.get_weights()])
    return layer


WRAPPED = {GRUV1Cell: in_rnn, VisitTimes: off_zero}
DX_OBJECT_ARGUMENTS = {
    "num_dx": 4,
    "num_rx": 3,
    "num_pr": 2,
    "emb_size": 5,
    "dxobj_emb_size": 6,
    "emb_activation": "tanh",
    "order_activation": "sigmoid",
}
# Five slots: Dx-objects with both kinds of orders, repeats, gaps and no orders, and an empty slot.
DX = np.array([0, 3, 1, 2, -1], np.int32)
RX = np.array([[0, 1, -1], [2, 2, 2], [-1, -1, 0], [-1, -1, -1], [-1, -1, -1]], np.int32)
PR = np.array([[0, 1], [-1, 1], [-1, -1], [-1, -1], [-1, -1]], np.int32)
DX_OBJECT_SHAPES = [(4, 5), (3, 5), (2, 5), (5, 5), (5,), (5, 5), (5,), (5, 6), (6,)]
MEMBERS = np.array([[0, 1, -1], [2, 2, 3], [-1, -1, -1], [-1, 0, -1]], np.int32)
GRU_SHAPES = [(3, 12), (4, 12), (12,)]

BATTERY = {
    "dx_objects": (DxObjectEmbedding, DX_OBJECT_ARGUMENTS, [DX, RX, PR], DX_OBJECT_SHAPES),
    "dx_objects_of_the_paper": (
        DxObjectEmbedding,
        DX_OBJECT_ARGUMENTS | {"dxobj_emb_size": 5, "skip": True},
        [DX, RX, PR],
        [*DX_OBJECT_SHAPES[:7], (5, 5), (5,)],
    ),
    "transformed_visits": (VisitTransform, {"activation": "tanh"}, [floats(4, 3)], [(3, 3)]),
    "timed_visits": (VisitTimes, {}, [floats(4, 3), floats(4, 2)], [(2, 3), (2, 3)]),
    "visits": (VisitEmbedding, {}, [floats(4, 3), MEMBERS], []),
    **{view: (VisitPooling, {"view": view}, [floats(4, 3), MEMBERS], []) for view in ("sum", "mean", "max")},
    "gru": (GRUV1, {"units": 4}, [floats(2, 5, 3)], GRU_SHAPES),
    "gru_sequences": (GRUV1, {"units": 4, "return_sequences": True}, [floats(2, 5, 3)], GRU_SHAPES),
    "gru_cell": (GRUV1Cell, {"units": 4}, [floats(2, 5, 3)], GRU_SHAPES),
    "heads": (
        AuxiliaryHeads,
        {"num_dx": 4, "num_rx": 3, "num_pr": 2},
        [floats(5, 6)],
        [(6, 4), (4,), (6, 3), (3,), (6, 2), (2,)],
    ),
}


@pytest.mark.parametrize("name", BATTERY)
def test_battery(name, tmp_path):
    layer_class, *arguments = BATTERY[name]
    run_layer_battery(layer_class, *arguments, tmp_path, WRAPPED.get(layer_class, lambda layer: layer))


# Dx-objects.


def dx_objects_by_hand():
    """Embeddings of width 2, all weights whole numbers, both activations relu."""
    layer = DxObjectEmbedding(2, 3, 1, emb_size=2, dxobj_emb_size=2)
    layer.build()
    values = [
        (layer.dx_embeddings, [[9, 9], [2, 3]]),
        (layer.rx_embeddings, [[1, -4], [-7, 2], [5, 5]]),
        (layer.pr_embeddings, [[-1, 2]]),
        (layer.dx_to_rx.kernel, [[1, 0], [0, -1]]),
        (layer.dx_to_rx.bias, [-1, 5]),
        (layer.dx_to_pr.kernel, [[0, 1], [1, 0]]),
        (layer.dx_to_pr.bias, [-4, -1]),
        (layer.to_dxobj.kernel, [[1, -1], [1, 0]]),
        (layer.to_dxobj.bias, [-2, 4]),
    ]
    for variable, value in values:
        variable.assign(value)
    return layer


def test_dx_objects_by_hand():
    # Diagnosis 1: e = (2, 3).
    # e W_dr + b = (2 - 1, -3 + 5) = (1, 2);  e W_dp + b = (3 - 4, 2 - 1) = (-1, 1), relu (0, 1).
    # relu of the medications: 0 is (1, 0), 1 is (0, 2);  of the procedure: (0, 2).
    # rx 0, 1 and 1 again: r = (1, 4);  pr 0: p = (0, 2)
    #   x = (2, 3) + (1, 2)*(1, 4) + (0, 1)*(0, 2) = (3, 13);  o = relu(3 + 13 - 2, -3 + 4) = (14, 1)
    # rx 0 and 1 once: r = (1, 2):  x = (3, 3 + 4 + 2) = (3, 9);  o = (10, 1).  The repeated code counts.
    # pr 0 alone: x = (2, 3 + 2) = (2, 5);  o = (5, 2)
    # no orders: x = e = (2, 3);  o = (3, 2)
    layer = dx_objects_by_hand()
    rx = np.array([[0, 1, 1], [-1, 1, 0], [-1, -1, -1], [-1, -1, -1]])
    pr = np.array([[0], [0], [0], [-1]])
    np.testing.assert_allclose(layer(np.array([1, 1, 1, 1]), rx, pr), [[14, 1], [10, 1], [5, 2], [3, 2]])


def test_no_dx_object_gives_zeros():
    # The equations alone would give relu(b_o) = (0, 4). Orders in the slot do not matter either.
    layer = dx_objects_by_hand()
    got = layer(np.array([-1, -1]), np.array([[-1, -1], [0, 2]]), np.array([[-1], [0]]))
    np.testing.assert_array_equal(got, [[0, 0], [0, 0]])


def test_an_empty_slot_has_no_gradient():
    layer = dx_objects_by_hand()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(np.array([-1, 1]), np.array([[0, 2], [1, -1]]), np.array([[0], [-1]])))
    d_dx, d_rx, d_pr = tape.gradient(total, [layer.dx_embeddings, layer.rx_embeddings, layer.pr_embeddings])
    # o = (x_0 + x_1 - 2, 4 - x_0) sums to x_1 + 2, where x_1 = e_1 + (5 - e_1) r_1: with rx 1, r_1 = 2, so
    # d/de_1 = 1 - 2 = -1 and d/dr_1 = 5 - 3 = 2. x_0 cancels out.
    np.testing.assert_allclose(tf.convert_to_tensor(d_dx), [[0, 0], [0, -1]])
    np.testing.assert_allclose(tf.convert_to_tensor(d_rx), [[0, 0], [0, 2], [0, 0]])
    np.testing.assert_allclose(tf.convert_to_tensor(d_pr), [[0, 0]])


def test_the_two_dx_object_activations_by_hand():
    # `a` is the identity and `s` tanh. e = ln 2;  r = 0.5 + 0.5 = 1;  p = 0.
    # x = ln 2 + tanh(0*ln 2 + ln 3)*1 + tanh(5)*0 = ln 2 + 0.8;  o = tanh(x - 0.8) = tanh(ln 2) = 0.6
    layer = DxObjectEmbedding(1, 1, 1, 1, 1, emb_activation="linear", order_activation="tanh")
    layer.build()
    kernels = layer.dx_to_rx, layer.dx_to_pr, layer.to_dxobj
    for dense, kernel, bias in zip(kernels, (0.0, 0.0, 1.0), (LN3, 5.0, -0.8), strict=True):
        dense.kernel.assign([[kernel]])
        dense.bias.assign([bias])
    for table, value in ((layer.dx_embeddings, LN2), (layer.rx_embeddings, 0.5), (layer.pr_embeddings, 9.0)):
        table.assign([[value]])
    np.testing.assert_allclose(layer(np.array([0]), np.array([[0, 0]]), np.array([[-1]])), [[0.6]], atol=1e-6)


def test_dx_objects_of_more_axes():
    layer = DxObjectEmbedding(**DX_OBJECT_ARGUMENTS)
    flat = layer(np.tile(DX, 2), np.tile(RX, (2, 1)), np.tile(PR, (2, 1)))
    folded = layer(np.tile(DX, (2, 1)), np.tile(RX, (2, 1, 1)), np.tile(PR, (2, 1, 1)))
    assert folded.shape == (2, 5, 6)
    np.testing.assert_allclose(tf.reshape(folded, flat.shape), flat, atol=1e-6)


def test_a_function_may_be_an_activation():
    layer = DxObjectEmbedding(2, 3, 1, 2, 2, emb_activation=keras.ops.softplus, order_activation=tf.nn.relu)
    layer.build()
    layer.dx_embeddings.assign([[0.0, LN3], [0.0, 0.0]])
    layer.to_dxobj.kernel.assign(np.eye(2))
    # softplus(0) = ln 2, softplus(ln 3) = ln 4.
    got = layer(np.array([0]), np.array([[-1]]), np.array([[-1]]))
    np.testing.assert_allclose(got, [[LN2, 2 * LN2]], atol=1e-6)


@pytest.mark.parametrize("name", ["num_dx", "num_rx", "num_pr", "emb_size", "dxobj_emb_size"])
@pytest.mark.parametrize("value", [0, -1, 2.5, "3", None, True])
def test_a_bad_dx_object_size_is_named(name, value):
    with pytest.raises(ValueError, match=rf"^`{name}` must be a positive integer. Received: {name}={value!r}$"):
        DxObjectEmbedding(**{**DX_OBJECT_ARGUMENTS, name: value})


def test_an_unknown_activation():
    with pytest.raises(ValueError, match="no_such_activation"):
        DxObjectEmbedding(**{**DX_OBJECT_ARGUMENTS, "order_activation": "no_such_activation"})


# Visits.


def test_visits_by_hand():
    dx_objects = np.float32([[1, 2], [30, 40], [500, 600]])
    members = np.array([[0, 1, -1], [2, -1, 2], [-1, -1, -1]])
    # Rows 0 and 1; row 2 twice, which counts twice; nothing.
    expected = [[31, 42], [1000, 1200], [0, 0]]
    np.testing.assert_allclose(VisitEmbedding()(dx_objects, members), expected)
    np.testing.assert_allclose(VisitEmbedding()(dx_objects, members[np.newaxis]), [expected])


def test_the_gradient_counts_how_often_a_dx_object_is_a_member():
    dx_objects = tf.constant([[1.0], [2.0], [3.0]])
    with tf.GradientTape() as tape:
        tape.watch(dx_objects)
        total = tf.reduce_sum(VisitEmbedding()(dx_objects, np.array([[1, 1, -1], [1, 2, -1]])))
    np.testing.assert_allclose(tf.convert_to_tensor(tape.gradient(total, dx_objects)), [[0], [3], [1]])


# The recurrence.


def test_hard_sigmoid_v1_by_hand():
    # 0.2 x + 0.5, cut off from -2.5 down and from 2.5 up.
    x = tf.constant([-3.0, -2.5, -1.0, 0.0, 1.0, 2.5, 3.0])
    np.testing.assert_allclose(hard_sigmoid_v1(x), [0.0, 0.0, 0.3, 0.5, 0.7, 1.0, 1.0], atol=1e-7)


def test_gru_v1_cell_by_hand():
    cell = GRUV1Cell(2)
    cell.build((None, 1))
    # Columns in pairs: z, g, h.
    cell.kernel.assign([[0.5, 1.0, 0.25, -0.5, 0.3, -0.2]])
    cell.recurrent_kernel.assign([[1.0, 0.0, 1.0, 2.0, 2.0, 1.0], [0.0, 2.0, 0.5, 1.0, 1.0, -1.0]])
    cell.bias.assign([0.5, -1.0, 0.5, 0.0, LN2 - 1.0, -LN2 - 0.25])
    # v = 2, h = (0.5, -1).
    # z: 2*0.5 + 0.5*1 - 1*0 + 0.5 = 2        2*1 + 0.5*0 - 1*2 - 1 = -1         hs -> z = (0.9, 0.3)
    # g: 2*0.25 + 0.5*1 - 1*0.5 + 0.5 = 1     2*-0.5 + 0.5*2 - 1*1 + 0 = -1      hs -> g = (0.7, 0.3)
    # g*h = (0.35, -0.3);  (g*h) U_h = (0.35*2 - 0.3*1, 0.35*1 - 0.3*-1) = (0.4, 0.65)
    # c: 2*0.3 + 0.4 + ln 2 - 1 = ln 2        2*-0.2 + 0.65 - ln 2 - 0.25 = -ln 2   tanh -> c = (0.6, -0.6)
    # h' = (0.9*0.5 + 0.1*0.6, 0.3*-1 + 0.7*-0.6) = (0.51, -0.72)
    output, (state,) = cell(tf.constant([[2.0]]), [tf.constant([[0.5, -1.0]])])
    np.testing.assert_allclose(output, [[0.51, -0.72]], atol=1e-6)
    np.testing.assert_array_equal(output, state)


def gru_by_hand(**options):
    """One unit, no recurrent weights, z = 1/2 always; c = tanh(ln 2) = 0.6 at input 0, tanh(ln 3) = 0.8 at 1."""
    layer = GRUV1(1, **options)
    layer.build((None, None, 1))
    layer.cell.kernel.assign([[0.0, 0.0, LN3 - LN2]])
    layer.cell.recurrent_kernel.assign(np.zeros((1, 3)))
    layer.cell.bias.assign([0.0, 0.0, LN2])
    return layer


def test_gru_v1_by_hand():
    # h1 = 0.5*0 + 0.5*0.6 = 0.3;  h2 = 0.5*0.3 + 0.5*0.8 = 0.55;  h3 = 0.5*0.55 + 0.5*0.6 = 0.575
    inputs = np.float32([[[0], [1], [0]]])
    np.testing.assert_allclose(gru_by_hand()(inputs), [[0.575]], atol=1e-6)
    got = gru_by_hand(return_sequences=True)(inputs)
    np.testing.assert_allclose(got, [[[0.3], [0.55], [0.575]]], atol=1e-6)


def test_a_masked_step_carries_the_state():
    # The same three steps with masked ones before, between and after; a step before the first leaves the state zero.
    inputs = np.float32([[[1], [0], [1], [1], [0], [1]]])
    mask = np.array([[False, True, False, True, True, False]])
    np.testing.assert_allclose(gru_by_hand()(inputs, mask=mask), [[0.575]], atol=1e-6)
    got = gru_by_hand(return_sequences=True)(inputs, mask=mask)
    np.testing.assert_allclose(got[0, :, 0], [0.0, 0.3, 0.3, 0.55, 0.575, 0.575], atol=1e-6)


@pytest.mark.parametrize("lengths", [[3, 1, 5], [5, 5, 5], [0, 2, 1]])
def test_right_padding_equals_the_unpadded_run(lengths):
    layer, inputs = GRUV1(4, return_sequences=True), floats(3, 5, 2)
    mask = np.arange(5) < np.array(lengths)[:, np.newaxis]
    got = layer(inputs, mask=mask).numpy()
    last_only = GRUV1(4)
    last_only.build(inputs.shape)
    last_only.set_weights(layer.get_weights())
    np.testing.assert_allclose(last_only(inputs, mask=mask), got[:, -1], atol=1e-7)
    for row, length in enumerate(lengths):
        if length:
            alone = layer(inputs[row : row + 1, :length]).numpy()
            np.testing.assert_allclose(got[row, :length], alone[0], atol=1e-6)
            np.testing.assert_array_equal(got[row, length:], np.repeat(got[row, length - 1 : length], 5 - length, 0))
        else:
            np.testing.assert_array_equal(got[row], np.zeros((5, 4)))


def test_inputs_of_masked_steps_do_not_matter():
    layer, inputs = GRUV1(4), floats(2, 5, 3)
    mask = np.array([[True, False, True, True, False], [True, True, True, False, False]])
    other = np.where(mask[..., np.newaxis], inputs, 1e3).astype(np.float32)
    np.testing.assert_array_equal(layer(other, mask=mask), layer(inputs, mask=mask))


@pytest.mark.parametrize("return_sequences", [False, True])
def test_keras_masks_reach_the_gru_and_are_passed_on_with_sequences(return_sequences):
    layer, inputs = GRUV1(4, return_sequences=return_sequences), floats(2, 5, 3)
    inputs[0, 3:] = 7.0
    masked = keras.layers.Masking(7.0)(inputs)
    got = layer(masked)
    mask = np.array([[True] * 3 + [False] * 2, [True] * 5])
    np.testing.assert_array_equal(got, layer(inputs, mask=mask))
    left = getattr(got, "_keras_mask", None)
    if return_sequences:
        np.testing.assert_array_equal(left, mask)
    else:
        assert left is None


@pytest.mark.parametrize("layer_class", [GRUV1, GRUV1Cell])
@pytest.mark.parametrize("units", [0, -3])
def test_a_bad_number_of_units(layer_class, units):
    with pytest.raises(ValueError, match=rf"^`units` must be a positive integer. Received: units={units}$"):
        layer_class(units)


def test_the_skip_connection_of_dx_objects_by_hand():
    # As above, rx 0 and 1 and pr 0, which gives x = (3, 9) and o = (10, 1); and no Dx-object, which stays zero.
    plain = dx_objects_by_hand()
    layer = DxObjectEmbedding(2, 3, 1, emb_size=2, dxobj_emb_size=2, skip=True)
    layer.build()
    layer.set_weights(plain.get_weights())
    got = layer(np.array([1, -1]), np.array([[1, 0], [-1, -1]]), np.array([[0], [-1]]))
    np.testing.assert_allclose(got, [[13, 10], [0, 0]])


def test_transformed_visits_by_hand():
    # F = (1, 2): F W = (1 + 4, -1) = (5, -1), relu (5, 0), and F added: (6, 2). Nothing stays nothing.
    layer = VisitTransform("relu")
    layer.build((None, 2))
    layer.kernel.assign([[1, 1], [2, -1]])
    np.testing.assert_allclose(layer(np.float32([[1, 2], [0, 0]])), [[6, 2], [0, 0]])


# Pooling over visits.


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        # Visits (-1, 2), (-3, 4) and (8, 0); histories of 0 and 1, of 1 between gaps, of none, and of 2 twice.
        ("sum", [[-4, 6], [-3, 4], [0, 0], [16, 0]]),
        ("mean", [[-2, 3], [-3, 4], [0, 0], [8, 0]]),
        ("max", [[-1, 4], [-3, 4], [0, 0], [8, 0]]),
    ],
)
def test_pooled_visits_by_hand(view, expected):
    visits = np.float32([[-1, 2], [-3, 4], [8, 0]])
    members = np.array([[0, 1, -1], [-1, 1, -1], [-1, -1, -1], [2, -1, 2]])
    np.testing.assert_array_equal(VisitPooling(view)(visits, members), expected)


@pytest.mark.parametrize("view", ["sum", "mean", "max"])
def test_a_history_without_visits_has_no_gradient(view):
    visits = tf.constant([[-1.0, 2.0], [-3.0, 4.0]])
    with tf.GradientTape() as tape:
        tape.watch(visits)
        total = tf.reduce_sum(VisitPooling(view)(visits, np.array([[0, -1], [-1, -1]])))
    np.testing.assert_array_equal(tf.convert_to_tensor(tape.gradient(total, visits)), [[1, 1], [0, 0]])


def test_an_unknown_view():
    with pytest.raises(ValueError, match=r"^`view` must be one of \('sum', 'mean', 'max'\). Received: view='last'$"):
        VisitPooling("last")


# The auxiliary heads.


def test_heads_by_hand():
    heads = AuxiliaryHeads(2, 1, 3)
    heads.build((None, 2))
    heads.dx_head.kernel.assign([[1, 0], [2, -1]])
    heads.dx_head.bias.assign([0.5, 0])
    heads.rx_head.kernel.assign([[3], [4]])
    heads.pr_head.kernel.assign([[0, 0, 1], [0, 1, 0]])
    heads.pr_head.bias.assign([7, 0, 0])
    # (10, 1): dx (10 + 2 + 0.5, -1), rx 30 + 4, pr (7, 1, 10). (0, 0): the biases.
    logits = heads(np.float32([[10, 1], [0, 0]]))
    np.testing.assert_allclose(logits["dx"], [[12.5, -1], [0.5, 0]])
    np.testing.assert_allclose(logits["rx"], [[34], [0]])
    np.testing.assert_allclose(logits["pr"], [[7, 1, 10], [7, 0, 0]])


@pytest.mark.parametrize("name", ["num_dx", "num_rx", "num_pr"])
def test_a_bad_number_of_codes_for_a_head(name):
    with pytest.raises(ValueError, match=rf"^`{name}` must be a positive integer. Received: {name}=0$"):
        AuxiliaryHeads(**{"num_dx": 2, "num_rx": 2, "num_pr": 2, name: 0})
