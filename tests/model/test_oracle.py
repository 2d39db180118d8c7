"""The oracle against the reference program's own numbers, and against arithmetic done by hand."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support import oracle

PARITY = Path(__file__).resolve().parents[2] / "testdata" / "parity"
LN2, LN3, LN4 = np.log(2.0), np.log(3.0), np.log(4.0)  # tanh(ln 2) = 0.6, tanh(ln 3) = 0.8, sigmoid(ln 3) = 0.75
VARIABLES = [
    "W_emb_dx", "W_emb_rx", "W_emb_pr", "W_dr/kernel", "W_dr/bias", "W_dp/kernel", "W_dp/bias",
    "W_dxobj/kernel", "W_dxobj/bias", "rnn/while/emb2rnn/kernel", "rnn/while/emb2rnn/recurrent_kernel",
    "rnn/while/emb2rnn/bias", "rnn2pred/kernel", "rnn2pred/bias", "rnn2aux_dx/kernel", "rnn2aux_dx/bias",
    "rnn2aux_rx/kernel", "rnn2aux_rx/bias", "rnn2aux_pr/kernel", "rnn2aux_pr/bias",
]  # fmt: skip


@pytest.fixture(scope="module", params=["a", "b"])
def parity(request):
    """One parity cohort: the reference's arrays and weights, split 0, and the losses of a training window."""
    folder = PARITY / request.param
    with np.load(folder / "model.npz") as file:
        arrays = dict(file)
    train = json.loads((folder / "config.json").read_text())["train"]
    split = json.loads((folder / "splits.json").read_text())["0"]
    keys = ["emb_activation", "order_activation", "regularize", "aux_lambda", "max_dx_per_visit"]
    options = {key: train[key] for key in keys}

    def losses(weights, start=int(arrays["batch/start"])):
        window = slice(start, start + train["batch_size"])
        return oracle.losses(weights, split["train_seqs"][window], split["train_labels"][window], **options)

    return SimpleNamespace(arrays=arrays, weights=oracle.weights_under(arrays, "init/"), losses=losses)


def test_batch_agrees_with_the_reference(parity):
    got, arrays = parity.losses(parity.weights), parity.arrays
    assert got["probabilities"].dtype == np.float64
    np.testing.assert_allclose(got["probabilities"], arrays["batch/preds"], rtol=0, atol=2e-6)
    for name in ("aux_dx", "aux_rx", "aux_pr"):
        np.testing.assert_allclose(got[name], arrays[f"batch/{name}_loss"], rtol=0, atol=2e-6, err_msg=name)
    np.testing.assert_allclose(got["main"], arrays["batch/loss"], rtol=0, atol=2e-6)
    np.testing.assert_allclose(got["total"], arrays["batch/total"], rtol=0, atol=2e-6)
    # Relative: the sum is above 100, where neighbouring float32 numbers lie 8e-6 to 1.5e-5 apart.
    np.testing.assert_allclose(got["l2"], arrays["batch/l2"], rtol=2e-6, atol=0)


def test_variables_have_the_names_of_the_reference(parity):
    assert sorted(parity.weights) == sorted(VARIABLES)


@pytest.mark.parametrize("name", VARIABLES)
def test_gradients_agree_with_the_reference(parity, name):
    expected = parity.arrays[f"batch/grad/{name}"]
    rng = np.random.default_rng(VARIABLES.index(name))
    for flat in rng.choice(expected.size, size=min(12, expected.size), replace=False):
        index = np.unravel_index(flat, expected.shape)
        got = oracle.gradient_entry(lambda weights: parity.losses(weights)["total"], parity.weights, name, index)
        assert got == pytest.approx(expected[index], rel=0, abs=1e-5), index


def test_first_trajectory_window_agrees_with_the_reference(parity):
    """Another window, whose patients differ from the batch's in their number of visits."""
    got = parity.losses(parity.weights, int(parity.arrays["trajectory/starts"][0]))
    row = [got[name] for name in ("aux_dx", "aux_rx", "aux_pr", "main", "total")]
    np.testing.assert_allclose(row, parity.arrays["trajectory/losses"][0], rtol=0, atol=2e-6)


def test_hard_sigmoid_by_hand():
    # 0.2 x + 0.5, cut off at 0 and 1: from x = -2.5 down and from x = 2.5 up.
    x = [-7.0, -2.5, -1.0, 0.0, 1.0, 2.4, 2.5, 3.0]
    np.testing.assert_allclose(oracle.hard_sigmoid(x), [0.0, 0.0, 0.3, 0.5, 0.7, 0.98, 1.0, 1.0], atol=1e-15)


def gru_weights():
    """A cell with one input and two units; columns in pairs: z, g, h."""
    return {
        "any/prefix/emb2rnn/kernel": np.array([[0.5, 1.0, 0.25, -0.5, 0.3, -0.2]]),
        "any/prefix/emb2rnn/recurrent_kernel": np.array(
            [[1.0, 0.0, 1.0, 2.0, 2.0, 1.0], [0.0, 2.0, 0.5, 1.0, 1.0, -1.0]]
        ),
        "any/prefix/emb2rnn/bias": np.array([0.5, -1.0, 0.5, 0.0, LN2 - 1.0, -LN2 - 0.25]),
    }


def test_gru_step_by_hand():
    # v = 2, h = (0.5, -1).
    # z: 2*0.5 + 0.5*1 - 1*0 + 0.5 = 2        2*1 + 0.5*0 - 1*2 - 1 = -1         hs -> z = (0.9, 0.3)
    # g: 2*0.25 + 0.5*1 - 1*0.5 + 0.5 = 1     2*-0.5 + 0.5*2 - 1*1 + 0 = -1      hs -> g = (0.7, 0.3)
    # g*h = (0.35, -0.3);  (g*h) U_h = (0.35*2 - 0.3*1, 0.35*1 - 0.3*-1) = (0.4, 0.65)
    # c: 2*0.3 + 0.4 + ln 2 - 1 = ln 2        2*-0.2 + 0.65 - ln 2 - 0.25 = -ln 2   tanh -> c = (0.6, -0.6)
    # h' = (0.9*0.5 + 0.1*0.6, 0.3*-1 + 0.7*-0.6) = (0.51, -0.72)
    # Resetting after the matrix product would have given g * (h U_h) = (0.7*0, 0.3*1.5) = (0, 0.45) instead.
    got = oracle.gru_step(gru_weights(), np.array([2.0]), np.array([0.5, -1.0]))
    np.testing.assert_allclose(got, [0.51, -0.72], atol=1e-14)


def test_gru_states_start_at_zero_and_an_empty_visit_is_a_step():
    # One unit, no recurrent weights; kernel (0, 0, ln 3 - ln 2), bias (0, 0, ln 2). So z = hs(0) = 0.5 always, and
    # c = tanh(ln 2) = 0.6 at the empty visits (v = 0), tanh(ln 3) = 0.8 at v = 1.
    # h1 = 0.5*0 + 0.5*0.6 = 0.3;  h2 = 0.5*0.3 + 0.5*0.8 = 0.55;  h3 = 0.5*0.55 + 0.5*0.6 = 0.575
    weights = {
        "emb2rnn/kernel": np.array([[0.0, 0.0, LN3 - LN2]]),
        "emb2rnn/recurrent_kernel": np.zeros((1, 3)),
        "emb2rnn/bias": np.array([0.0, 0.0, LN2]),
    }
    states = oracle.gru_states(weights, np.array([[0.0], [1.0], [0.0]]))
    np.testing.assert_allclose(states, [[0.3], [0.55], [0.575]], atol=1e-14)
    assert oracle.gru_states(weights, np.zeros((0, 1))).shape == (0, 1)


def test_relu_dx_objects_and_visits_by_hand():
    weights = {
        "W_emb_dx": np.array([[9.0, 9.0], [1.0, -2.0]]),
        "W_emb_rx": np.array([[0.5, -1.0], [1.0, 2.0]]),
        "W_emb_pr": np.array([[3.0, -1.0], [-5.0, 4.0]]),
        "W_dr/kernel": np.array([[1.0, -1.0], [2.0, 3.0]]),
        "W_dr/bias": np.array([0.5, 2.0]),
        "W_dp/kernel": np.array([[-1.0, 0.25], [5.0, 7.0]]),
        "W_dp/bias": np.array([0.5, 0.25]),
        "W_dxobj/kernel": np.array([[0.5, -1.0], [0.25, 0.5]]),
        "W_dxobj/bias": np.array([1.0, 1.0]),
    }
    relus = {"emb_activation": "relu", "order_activation": "relu"}
    # dx 1, rx 0 twice and 1 once, pr 0 and 1:
    # e = relu(1, -2) = (1, 0)
    # r = 2*relu(0.5, -1) + relu(1, 2) = (1, 0) + (1, 2) = (2, 2)
    # p = relu(3, -1) + relu(-5, 4) = (3, 0) + (0, 4) = (3, 4)
    # e W_dr + b = (1 + 0.5, -1 + 2) = (1.5, 1), relu the same;  times r = (3, 2)
    # e W_dp + b = (-1 + 0.5, 0.25 + 0.25) = (-0.5, 0.5), relu (0, 0.5);  times p = (0, 2)
    # x = (1, 0) + (3, 2) + (0, 2) = (4, 4)
    # o = relu(4*0.5 + 4*0.25 + 1, 4*-1 + 4*0.5 + 1) = relu(4, -1) = (4, 0)
    full = [1, [0, 0, 1], [0, 1]]
    np.testing.assert_allclose(oracle.dxobject_embedding(weights, full, **relus), [4.0, 0.0], atol=1e-14)
    # No orders: x = e = (1, 0);  o = relu(0.5 + 1, -1 + 1) = (1.5, 0)
    bare = [1, [], []]
    np.testing.assert_allclose(oracle.dxobject_embedding(weights, bare, **relus), [1.5, 0.0], atol=1e-14)
    # Visits: the sum (4 + 1.5, 0), nothing, and the bare object twice.
    got = oracle.visit_embeddings(weights, [[full, bare], [], [bare, bare]], **relus)
    np.testing.assert_allclose(got, [[5.5, 0.0], [0.0, 0.0], [3.0, 0.0]], atol=1e-14)
    assert oracle.visit_embeddings(weights, [], **relus).shape == (0, 2)


def test_the_two_activations_by_hand():
    # e = sigmoid(ln 3) = 0.75;  r = 2 sigmoid(0) = 1 (one code, twice);  p = 0
    # x = 0.75 + tanh(ln 2)*1 + tanh(0)*0 = 0.75 + 0.6 = 1.35;  o = tanh(1.35 + ln 3 - 1.35) = 0.8
    one, none = np.ones((1, 1)), np.zeros((1, 1))
    weights = {
        "W_emb_dx": LN3 * one, "W_emb_rx": none, "W_emb_pr": none,
        "W_dr/kernel": none, "W_dr/bias": np.array([LN2]), "W_dp/kernel": none, "W_dp/bias": np.zeros(1),
        "W_dxobj/kernel": one, "W_dxobj/bias": np.array([LN3 - 1.35]),
    }  # fmt: skip
    got = oracle.dxobject_embedding(weights, [0, [0, 0], []], emb_activation="sigmoid", order_activation="tanh")
    np.testing.assert_allclose(got, [0.8], atol=1e-14)


def bias_only_weights():
    """All widths 1, 2 dx, 2 rx and 1 pr codes. Only biases act: each head says the same of every Dx-object."""
    shapes = {
        "W_emb_dx": (2, 1), "W_emb_rx": (2, 1), "W_emb_pr": (1, 1), "W_dr": (1, 1), "W_dp": (1, 1), "W_dxobj": (1, 1),
        "emb2rnn": (1, 3), "rnn2pred": (1, 1), "rnn2aux_dx": (1, 2), "rnn2aux_rx": (1, 2), "rnn2aux_pr": (1, 1),
    }  # fmt: skip
    weights = {"emb2rnn/recurrent_kernel": np.zeros((1, 3))}
    for name, shape in shapes.items():
        if name.startswith("W_emb"):
            weights[name] = np.zeros(shape)
        else:
            weights[f"{name}/kernel"], weights[f"{name}/bias"] = np.zeros(shape), np.zeros(shape[1])
    return weights


def test_losses_by_hand():
    weights = bias_only_weights()
    weights["rnn2pred/kernel"] = np.array([[3.0]])  # acts on h = 0, so only L2 sees it: 3*3 = 9, and no bias counts
    weights["rnn2pred/bias"] = np.array([LN3])  # probability 3/4 for both patients
    weights["rnn2aux_dx/bias"] = np.array([LN3, 0.0])  # softmax (3/4, 1/4)
    weights["rnn2aux_rx/bias"] = np.array([LN3, 0.0])  # sigmoids (3/4, 1/2)
    weights["rnn2aux_pr/bias"] = np.array([LN3])  # sigmoid 3/4
    patients = [[[[0, [0, 0], []]], []], [[[1, [], [0]]]]]  # two visits, the second empty; one visit
    got = oracle.losses(
        weights,
        patients,
        [1, 0],
        emb_activation="relu",
        order_activation="relu",
        regularize=0.01,
        aux_lambda=0.5,
        max_dx_per_visit=2,
    )
    right, wrong = LN4 - LN3, LN4  # -log(3/4) and -log(1/4)
    # 2 visits x 2 patients x 2 Dx-objects = 8 slots, 2 of them filled, 6 padded.
    aux_dx = (right + wrong) / 8  # dx 0, then dx 1
    # The first object's rx is the set {0}: (right + log 2)/2. The second's is empty: (wrong + log 2)/2.
    aux_rx = ((right + LN2) / 2 + (wrong + LN2) / 2 + 6 * LN2) / 8
    aux_pr = (wrong + right + 6 * LN2) / 8  # without pr 0, then with it
    main = (right + wrong) / 2
    np.testing.assert_allclose(got["probabilities"], [0.75, 0.75], atol=1e-14)
    assert got["aux_dx"] == pytest.approx(aux_dx, rel=0, abs=1e-14)
    assert got["aux_rx"] == pytest.approx(aux_rx, rel=0, abs=1e-14)
    assert got["aux_pr"] == pytest.approx(aux_pr, rel=0, abs=1e-14)
    assert got["main"] == pytest.approx(main, rel=0, abs=1e-9)  # the 1e-10 inside the logs
    assert got["l2"] == 9.0
    assert got["total"] == pytest.approx(0.5 * (aux_dx + aux_rx + aux_pr) + main + 0.01 * 9, rel=0, abs=1e-9)


def test_main_loss_keeps_the_reference_s_floor():
    # A certain and wrong prediction costs -log(0 + 1e-10) = 10 log 10, not infinity; a certain and right one 0.
    assert oracle.main_loss([1.0, 0.0], [0, 0]) == pytest.approx(5 * np.log(10.0), rel=0, abs=1e-9)
    assert oracle.sigmoid([-1000.0, 1000.0]).tolist() == [0.0, 1.0]


def test_a_visit_beyond_the_slots_is_refused():
    options = {"emb_activation": "relu", "order_activation": "relu", "max_dx_per_visit": 1}
    with pytest.raises(ValueError, match=r"`max_dx_per_visit` must be at least 2. Received: 1"):
        oracle.auxiliary_losses(bias_only_weights(), [[[[0, [], []], [1, [], []]]]], **options)


def test_adam_by_hand():
    # lr 0.1, betas 0.5 and 0.75, epsilon 1, gradients 4 then -2, from w = 1.
    # t=1: m = 0.5*4 = 2          v = 0.25*16 = 4             rate = 0.1*sqrt(1 - 0.75)/(1 - 0.5) = 0.1*0.5/0.5 = 0.1
    #      w = 1 - 0.1*2/(2 + 1) = 1 - 0.2/3
    # t=2: m = 0.5*2 - 0.5*2 = 0  v = 0.75*4 + 0.25*4 = 4     so w stays
    # t=3, gradient 2: m = 1      v = 0.75*4 + 0.25*4 = 4     rate = 0.1*sqrt(1 - 27/64)/(1 - 1/8) = 0.1*sqrt(37)/7
    #      w -= rate*1/(2 + 1)
    options = {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.75, "epsilon": 1.0}
    weights, m, v = {"w": np.array([1.0])}, {}, {}
    expected = [1 - 0.2 / 3, 1 - 0.2 / 3, 1 - 0.2 / 3 - 0.1 * np.sqrt(37) / 7 / 3]
    for t, (gradient, value) in enumerate(zip([4.0, -2.0, 2.0], expected, strict=True), start=1):
        weights, m, v = oracle.adam(weights, {"w": np.array([gradient])}, m, v, t, **options)
        np.testing.assert_allclose(weights["w"], [value], atol=1e-14)
