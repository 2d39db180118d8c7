"""Optimizer of a run: Adam as TensorFlow 1.x has it, with its learning rate and the bound on its gradients."""

import keras

from mime_tf.config import TrainConfig
from mime_tf.optimizer import FusedAdam

# Share of the learning rate at the end of an exponential schedule.
LAST_SHARE = 0.01


def make_optimizer(config: TrainConfig, replicas: int = 1) -> FusedAdam:
    """Returns the optimizer that a configuration describes.

    Args:
        config: the flags.
        replicas: number of devices that share a batch. `MiME.train_step` clips the mean of their gradients, so the
            bound is divided by their number to be that of the sum.
    """
    return FusedAdam(_learning_rate(config), global_clipnorm=config.clip_norm / replicas or None)


def _learning_rate(config: TrainConfig) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Returns the learning rate, or its schedule over the updates of a split."""
    rate, updates = config.learning_rate, config.updates
    schedules = keras.optimizers.schedules
    if config.learning_rate_schedule == "cosine":
        warmup = config.warmup_steps
        if warmup:
            return schedules.CosineDecay(0.0, updates - warmup, warmup_target=rate, warmup_steps=warmup)
        return schedules.CosineDecay(rate, updates)
    if config.learning_rate_schedule == "linear":
        return schedules.PolynomialDecay(rate, updates, end_learning_rate=0.0)
    if config.learning_rate_schedule == "exponential":
        return schedules.ExponentialDecay(rate, updates, LAST_SHARE)
    return rate
