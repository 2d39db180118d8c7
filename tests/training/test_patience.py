"""Patience that waits for a clear gain, and the remarks on a split."""

import numpy as np
import pytest

from mime_tf.config import TrainConfig
from mime_tf.errors import InputError
from mime_tf.splits.split import Part, Split
from mime_tf.training import remarks
from mime_tf.training.patience import Patience, constant_loss


def part(*labels):
    """A set of patients with these labels, and no records."""
    return Part(np.arange(len(labels)), None, np.array(labels), None)


TRAIN, VALID = part(0, 0, 0, 1), part(0, 1)
# A quarter of train are cases: -(log 3/4 + log 1/4) / 2 on valid.
CONSTANT = -(np.log(0.75) + np.log(0.25)) / 2


def stops_after(patience, losses):
    """Number of evaluations that are made."""
    for count in range(1, len(losses) + 1):
        made = losses[:count]
        since_best = count - 1 - int(np.argmin(made))
        if patience.is_over([{"valid_loss": loss} for loss in made], since_best):
            return count
    return len(losses)


PLATEAU = [0.9, 0.899, *[0.95] * 6, 0.7, 0.71, 0.72, 0.73, 0.74]


@pytest.mark.parametrize(
    ("evaluations", "wait", "count"),
    [
        (0, 0, 13),  # without patience all are made
        (3, 0, 5),  # the plateau after the second evaluation ends it
        (3, 20, 12),  # the gain of the ninth is waited for, and three more
        (3, 6, 6),  # no gain by the sixth, and patience was over by then
        (3, 4, 5),  # no gain by the fourth, and patience is over at the fifth
        (3, 9, 12),  # the ninth is the gain itself
    ],
)
def test_when_a_split_stops(evaluations, wait, count):
    assert stops_after(Patience(evaluations, wait, 0.8), PLATEAU) == count


def test_a_gain_is_clear_from_one_percent_on():
    assert constant_loss(TRAIN, VALID) == pytest.approx(CONSTANT, abs=1e-9)
    patience = Patience.of(TrainConfig(patience=2, patience_from_gain=50), TRAIN, VALID)
    assert (patience.evaluations, patience.wait) == (2, 50)
    for share, count in ((0.991, 4), (0.989, 3)):
        losses = [share * CONSTANT, CONSTANT, CONSTANT, CONSTANT]
        assert stops_after(patience, losses) == count


def test_a_wait_without_patience():
    with pytest.raises(InputError, match=r"^patience, patience_from_gain: found 0, 5; must be a patience of 1 or more"):
        TrainConfig(patience_from_gain=5)


def row(iteration, valid_loss, main_loss=0.5):
    return {"iteration": iteration, "valid_loss": valid_loss, "main_loss": main_loss}


@pytest.mark.parametrize(
    ("history", "kept", "starts"),
    [
        ([row(10, 0.7), row(20, 0.6)], 20, []),
        ([row(10, 0.6), row(20, 0.7)], 10, ["the model kept is that of the first evaluation, at iteration 10; "]),
        ([row(10, 0.6)], 10, []),  # the first and only one
        ([row(10, 0.99), row(20, 0.9)], 20, ["the model is no better than a constant (valid_loss 0.9000; 0.8370 for "]),
        ([row(10, 0.7), row(20, 0.6, 0.001)], 20, ["the loss of training fell to 0.001: "]),
    ],
)
def test_warnings(history, kept, starts):
    found = list(remarks.warnings(history, kept, TRAIN, VALID))
    assert [line[: len(start)] for line, start in zip(found, starts, strict=True)] == starts


def test_a_valid_set_of_one_label_is_not_judged():
    assert list(remarks.warnings([row(10, 9.0), row(20, 9.5)], 10, TRAIN, part(1, 1))) == []


def test_the_sets_of_a_split_in_a_line():
    line = remarks.sets(Split(TRAIN, VALID, part(0, 0, 0), {}))
    assert line == "train 4 patients, 1 cases; valid 2 patients, 1 cases; test 3 patients, 0 cases"
