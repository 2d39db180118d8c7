"""The log loss that NumPy computes: once for rows and for tallies, finite also at 0 and 1."""

import numpy as np
import pytest
from support.scores import random_set

from mime_tf.assess import measures
from mime_tf.assess.bootstrap import Sample
from mime_tf.assess.scores import Scores
from mime_tf.assess.summary import log_loss, log_losses


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_losses_of_certain_probabilities(dtype):
    of_one, of_zero = log_losses(np.array([0, 1], dtype))
    floor = 10 * np.log(10)
    assert of_one == pytest.approx([floor, 0], abs=1e-9) and of_zero == pytest.approx([0, floor], abs=1e-9)


def test_a_probability_that_rounding_left_outside_is_as_certain():
    assert log_loss([0, 1], [1 + 1e-7, -1e-7]) == pytest.approx(10 * np.log(10))


def test_losses_keep_a_nan():
    assert np.isnan(log_loss([0, 1], [0.5, np.nan]))


@pytest.mark.parametrize("seed", range(3))
def test_a_tally_has_the_loss_of_its_rows(seed):
    scores = Scores(*random_set(seed))
    expected = log_loss(scores.labels, scores.probabilities)
    assert measures.log_loss(Sample(scores).tally()) == pytest.approx(expected, rel=1e-12)
