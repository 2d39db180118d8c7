"""The curves that a run leaves for TensorBoard."""

import numpy as np
import tensorflow as tf
from support.whole_runs import read_table
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def scalars(folder):
    """Dict from tag to the values of TensorBoard's scalars in `folder`, a list of (step, value)."""
    # Files of one second are read in the order of their names, in which 10 comes before 9.
    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0}, purge_orphaned_data=False).Reload()
    curves = {}
    for tag in accumulator.Tags()["tensors"]:
        if accumulator.SummaryMetadata(tag).plugin_data.plugin_name == "scalars":
            curves[tag] = [
                (event.step, float(tf.make_ndarray(event.tensor_proto))) for event in accumulator.Tensors(tag)
            ]
    return curves


TRAINING_CURVES = ("loss", "main_loss", "l2_loss", "aux_dx_loss", "aux_rx_loss", "aux_pr_loss", "learning_rate")


def check_curves(folder, config):
    """Asserts that TensorBoard's curves are those of history.csv, a point an evaluation."""
    history = read_table(folder / "history.csv")
    assert len(history) == config.evaluations
    for kind, names, prefix in (
        ("train", TRAINING_CURVES, ""),
        ("valid", ("loss", "auc", "aucpr"), "valid_"),
    ):
        curves = scalars(folder / "tensorboard" / kind)
        for name in names:
            got = sorted(curves[name])
            assert [step for step, _ in got] == [int(row["iteration"]) for row in history], name
            expected = [float(row[prefix + name]) for row in history]
            np.testing.assert_allclose([value for _, value in got], expected, rtol=1e-6, err_msg=name)
