"""Agreement with the numbers of the authors' program: a batch, its gradients, and 60 Adam steps."""

import keras
import numpy as np
import pytest

from mime_tf import MiME, tf1_weights
from mime_tf.batches import datasets, shapes
from mime_tf.losses import LogLoss
from mime_tf.splits.split import eligible, make_split

BATCH_LOSSES = {"aux_dx_loss": "aux_dx_loss", "aux_rx_loss": "aux_rx_loss", "aux_pr_loss": "aux_pr_loss"}
BATCH_LOSSES |= {"main_loss": "loss", "loss": "total"}
# Columns of trajectory/losses.
TRAJECTORY_LOSSES = ("aux_dx_loss", "aux_rx_loss", "aux_pr_loss", "main_loss", "loss")


class EachStep(keras.callbacks.Callback):
    """Keeps the metrics of each step; Keras's logs are means since the start of the epoch."""

    def on_train_begin(self, logs=None):
        self.steps = []

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append({name: float(value) for name, value in logs.items()})
        self.model.reset_metrics()


def weights_under(arrays, prefix):
    """The weights of the authors' program with that prefix, under the names of `mime_tf.tf1_weights`."""
    names = [name for name in arrays if name.startswith(prefix)]
    return {name.removeprefix(prefix).replace("rnn/while/", ""): arrays[name] for name in names}


def model_of(reference_cohort, optimizer, **compile_options):
    """The model of a parity cohort with the initial weights of the authors' program."""
    train = reference_cohort.config["train"]
    model = MiME(
        **{name: reference_cohort.config["cohort"][name] for name in ("num_dx", "num_rx", "num_pr")},
        emb_size=train["dx_emb_size"],
        aux_heads=True,
        **{
            name: train[name]
            for name in (
                "dxobj_emb_size",
                "rnn_size",
                "emb_activation",
                "order_activation",
                "regularize",
                "aux_lambda",
                "max_dx_per_visit",
            )
        },
    )
    tf1_weights.assign(model, weights_under(reference_cohort.arrays, "init/"), "model.npz")
    model.compile(optimizer, loss=LogLoss(), **compile_options)
    return model


def training_part(reference_cohort):
    store = reference_cohort.store
    return make_split(store, reference_cohort.labels, eligible(store), seed=0).train


def values_of(model):
    return {name: variable.numpy() for name, variable in tf1_weights.variables(model).items()}


def more_padding(needed):
    """One or two more of everything but patients, whose number is in the losses."""
    return {name: size + (0 if name == "B" else 1 + size % 2) for name, size in needed.items()}


WAYS = {"tight": (None, False), "padded": (more_padding, False), "xla": (more_padding, True)}


@pytest.mark.parametrize(
    ("choose_shape", "jit_compile"),
    [pytest.param(*way, id=name, marks=[pytest.mark.slow] * (name == "xla")) for name, way in WAYS.items()],
)
def test_a_batch(reference_cohort, choose_shape, jit_compile):
    arrays, train = reference_cohort.arrays, reference_cohort.config["train"]
    # A step of SGD at rate 1 subtracts the gradient.
    model = model_of(reference_cohort, keras.optimizers.SGD(1.0), jit_compile=jit_compile)
    starts = [int(arrays["batch/start"])]
    batches = datasets.training_batches(training_part(reference_cohort), starts, train["batch_size"], choose_shape)

    predictions = model.predict(batches, verbose=0)
    assert predictions.shape == (train["batch_size"], 1)
    np.testing.assert_allclose(predictions[:, 0], arrays["batch/preds"], rtol=0, atol=1e-5)

    before = values_of(model)
    evaluated = model.evaluate(batches, verbose=0, return_dict=True)
    fitted = EachStep()
    model.fit(batches, verbose=0, shuffle=False, callbacks=[fitted])
    for got in (evaluated, *fitted.steps):
        for name, expected in BATCH_LOSSES.items():
            assert got[name] == pytest.approx(arrays[f"batch/{expected}"], rel=0, abs=1e-5), name
        squares = train["regularize"] * arrays["batch/l2"]
        assert got["l2_loss"] == pytest.approx(squares, rel=0, abs=1e-5)

    gradients = {name: before[name] - value for name, value in values_of(model).items()}
    expected_gradients = weights_under(arrays, "batch/grad/")
    assert gradients.keys() == expected_gradients.keys()
    for name, expected in expected_gradients.items():
        allowed = 1e-5 * max(1.0, np.linalg.norm(expected))
        np.testing.assert_allclose(gradients[name], expected, rtol=0, atol=allowed, err_msg=name)


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["graph", "xla"])
def test_sixty_adam_steps(reference_cohort, jit_compile):
    arrays, train = reference_cohort.arrays, reference_cohort.config["train"]
    # Keras's Adam with this epsilon is TensorFlow 1.x's.
    model = model_of(reference_cohort, keras.optimizers.Adam(1e-3, epsilon=1e-8), jit_compile=jit_compile)
    part = training_part(reference_cohort)
    choose_shape = None
    if jit_compile:  # one shape, so that there is one compilation
        choose_shape = shapes.plan([part], [arrays["trajectory/starts"]], train["batch_size"], most_shapes=1)
    batches = datasets.training_batches(part, arrays["trajectory/starts"], train["batch_size"], choose_shape)
    each_step = EachStep()
    model.fit(batches, verbose=0, shuffle=False, callbacks=[each_step])
    losses = [[step[name] for name in TRAJECTORY_LOSSES] for step in each_step.steps]
    np.testing.assert_allclose(losses, arrays["trajectory/losses"], rtol=0, atol=1e-4)
    final = values_of(model)
    expected_final = weights_under(arrays, "trajectory/final/")
    assert final.keys() == expected_final.keys()
    for name, expected in expected_final.items():
        np.testing.assert_allclose(final[name], expected, rtol=0, atol=1e-4, err_msg=name)
