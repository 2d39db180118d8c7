"""Trains on one device and on two virtual ones, and prints what came of it, as JSON: `python two_devices.py COHORT`.

A process of its own, because a CPU can be divided into devices only before TensorFlow first uses it.
"""

import functools
import json
import sys

import numpy as np
import tensorflow as tf

from mime_tf import MiME
from mime_tf.config import SIZE_NAMES, TrainConfig
from mime_tf.data import pickled, sizes
from mime_tf.splits.split import eligible, make_split
from mime_tf.training import devices
from mime_tf.training.fitter import Fitter

BATCH = 6
WINDOWS = [0, 5, 9]  # first patients of the batches


def main(prefix):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    # Reductions of a second strategy would have the keys of those of the first.
    devices.strategy = functools.cache(devices.strategy)
    store, labels = pickled.read(prefix)
    train = make_split(store, labels, eligible(store), 0).train
    told = {
        "visits": [train.patients(start, start + BATCH).visit_counts.tolist() for start in WINDOWS],
        "plain": compared(store, train, WINDOWS),
        "clipped": compared(store, train, WINDOWS[:1], clip_norm=0.05, class_weight="3"),
        "dropout": dropout(),
    }
    print(json.dumps(told))


def compared(store, train, starts, **flags):
    """Returns losses and gradients on one device and on two: of one update per start, from the same weights."""
    resolved = sizes.resolve(store, dict.fromkeys(SIZE_NAMES), "cohort")
    steps = len(starts)
    losses, moments = {}, {}
    for distribute in ("none", "mirrored"):
        config = TrainConfig(
            distribute=distribute, batch_size=BATCH, num_iter=steps, eval_period=steps, aux_lambda=0.3, **flags
        )
        fitter = Fitter(config, resolved)
        fitter.start(0)
        batches = fitter.batches(train, starts)
        history = fitter.model.fit(batches, verbose=0, shuffle=False, steps_per_epoch=steps, epochs=1).history
        losses[distribute] = {name: values[0] for name, values in history.items()}
        # The first moments of Adam are a weighted sum of the gradients, after one update a tenth of them.
        moments[distribute] = [np.asarray(each) for each in fitter.model.optimizer.variables if "momentum" in each.path]
    difference = max(float(np.abs(one - two).max()) for one, two in zip(*moments.values(), strict=True))
    norms = {name: float(np.sqrt(sum((each.astype(float) ** 2).sum() for each in of))) for name, of in moments.items()}
    return {"losses": losses, "difference": difference, "norms": norms}


def dropout():
    """Returns the share of values that two devices drop or keep alike, and the number of seeds that this took."""
    strategy = devices.strategy("mirrored")
    with strategy.scope():
        model = MiME(num_dx=2, num_rx=2, num_pr=2, dropout=0.5)
    dropped = strategy.run(tf.function(lambda: model._drop_out(tf.ones((20, 20)))))
    one, two = (value.numpy() for value in strategy.experimental_local_results(dropped))
    return {"alike": float((one == two).mean()), "seeds": int(model.dropout_seeds.state.numpy()[1])}


if __name__ == "__main__":
    main(sys.argv[1])
