"""The regression of a blend: columns come in that gain for patients it was not fitted to, and no others."""

import numpy as np
import pytest

from mime_tf.config import TrainConfig
from mime_tf.data import pickled
from mime_tf.data.cohort import Cohort
from mime_tf.regression import linear
from mime_tf.splits.inner import inner_folds
from mime_tf.splits.split import eligible, make_split
from mime_tf.training.beside_codes import NOTHING
from mime_tf.training.blend_regression import OutOfFold, fit_regression

CONFIG = TrainConfig().with_recipe()


def fitted(lists, labels):
    """The regression of a blend on some patients, with its split and folds."""
    cohort = Cohort(pickled.from_lists(lists), np.asarray(labels))
    split = make_split(cohort.store, cohort.labels, eligible(cohort.store), 0, test_fraction=0.2, valid_fraction=0.1)
    folds = inner_folds(split.train, 3, 0)
    return cohort, split, folds, fit_regression(cohort, split, folds, CONFIG, NOTHING, 0)


def patients(count, codes, seed):
    """Patients of one visit with about half of some diagnoses, as lists and as presence, bool (patients, codes)."""
    present = np.random.default_rng(seed).random((count, codes)) < 0.5
    return [[[[int(dx), [], []] for dx in np.flatnonzero(has)]] for has in present], present


def test_two_diagnoses_that_matter_together_come_in():
    lists, present = patients(1500, 8, 0)
    together = 4 * (present[:, 0] - 0.5) * (present[:, 1] - 0.5)
    labels = np.random.default_rng(1).random(1500) < 1 / (1 + np.exp(-2 * together))
    chosen = fitted(lists, labels.astype(int))[-1].fitted
    weights = dict(zip(chosen.names(), chosen.weights, strict=True))
    assert "pairs of diagnoses" in chosen.choice() and weights["dx 0 and dx 1"] > 0.5


@pytest.mark.parametrize("seed", range(4))
def test_pairs_of_diagnoses_that_do_not_help_stay_out(seed):
    """Few patients, of whom some hundred pairs promise something by chance."""
    lists, present = patients(400, 16, seed)
    labels = np.random.default_rng([seed, 1]).random(400) < 1 / (1 + np.exp(1 - 2.0 * present[:, 0]))
    assert fitted(lists, labels.astype(int))[-1].fitted.sequences is None


def test_each_logit_is_that_of_a_regression_fitted_without_the_fold():
    lists, present = patients(300, 5, 7)
    labels = present[:, 0].astype(int)
    cohort, split, folds, done = fitted(lists, labels)
    for fold in range(3):
        kept, held_out = split.train.rows[folds != fold], split.train.rows[folds == fold]
        refitted = linear.refit(done.fitted, cohort.store, cohort.labels, kept, len(kept) / len(split.train), 0)
        np.testing.assert_array_equal(done.logits[folds == fold], refitted.logits(cohort.store, held_out))


@pytest.mark.parametrize("gains, is_gain", [([1, 1, 1, 0.9], True), ([3, 0, 1, 0], False), ([-1, -1, -1, -2], False)])
def test_a_gain_is_more_than_twice_its_standard_error(gains, is_gain):
    """Means .975, 1 and -1.25; standard errors .025, .707 and .25."""
    plain, richer = (OutOfFold(None, None, np.asarray(losses, float)) for losses in ([5, 5, 5, 5], 5 - np.array(gains)))
    assert richer.gains_on(plain) == is_gain
