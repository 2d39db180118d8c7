"""When a split stops early: patience that perhaps waits for a first clear gain."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mime_tf.assess.summary import log_loss
from mime_tf.config import TrainConfig
from mime_tf.splits.split import Part

# Least gain over the constant model that is clear, as a share of its loss. A model of AUC .58 gains about as much.
CLEAR_GAIN = 0.01


def constant_loss(train: Part, held_out: Part) -> float:
    """Returns the loss on a set of the model that gives everyone the share of cases in train, outcome by outcome."""
    return log_loss(held_out.labels, np.broadcast_to(train.labels.mean(axis=0), held_out.labels.shape))


@dataclasses.dataclass(frozen=True)
class Patience:
    """Rule by which a split stops early.

    Attributes:
        evaluations: number of evaluations in a row without a better loss on valid after which a split stops; 0 never
            stops early.
        wait: number of evaluations for which it waits for a clear gain; 0 counts all evaluations.
        clear_loss: loss on valid below which a gain is clear.
        criterion: column of the history with the loss on valid.
    """

    evaluations: int
    wait: int
    clear_loss: float
    criterion: str = "valid_loss"

    @classmethod
    def of(cls, config: TrainConfig, train: Part, valid: Part) -> "Patience":
        """Returns the rule of a configuration for a split's sets."""
        clear_loss = (1 - CLEAR_GAIN) * constant_loss(train, valid)
        return cls(config.patience, config.patience_from_gain, clear_loss, config.criterion)

    def is_over(self, history: Sequence[Mapping[str, Any]], since_best: int) -> bool:
        """Returns whether a split stops.

        Args:
            history: a row per evaluation, with the criterion among its columns.
            since_best: number of evaluations in a row without a better loss.
        """
        if not 0 < self.evaluations <= since_best:
            return False
        return len(history) >= self.wait or any(row[self.criterion] < self.clear_loss for row in history)
