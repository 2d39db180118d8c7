"""Devices that a run computes on, and the division of a batch over several of them."""

import tensorflow as tf

from mime_tf.errors import InputError
from mime_tf.terminal.environment import cores


def describe() -> str:
    """Returns a line that names the devices TensorFlow found."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        count = cores()
        return f"devices: CPU ({count} {'core' if count == 1 else 'cores'}), no GPU found"
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    return f"devices: {len(gpus)} GPU ({', '.join(names)})"


def strategy(distribute: str) -> tf.distribute.Strategy:
    """Returns the strategy to build and train a model under.

    Args:
        distribute: `"none"`, the one device that TensorFlow takes; `"mirrored"`, all GPUs, or without a GPU all logical
            CPU devices, each with a copy of the weights and its part of every batch.

    Raises:
        InputError: `"mirrored"`, and TensorFlow has one device only.
    """
    if distribute == "none":
        return tf.distribute.get_strategy()
    logical = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    names = [device.name for device in logical]
    if len(names) < 2:
        raise InputError(f"distribute: mirrored needs two devices or more; found {names[0]} only; none would do")
    return tf.distribute.MirroredStrategy(names)
