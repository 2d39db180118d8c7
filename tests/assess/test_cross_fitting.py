"""Cross-fitted recalibration, held against statsmodels and the folds of scikit-learn."""

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.model_selection import StratifiedGroupKFold

from mime_tf.assess.cross_fitting import cross_fitted
from mime_tf.assess.scores import Scores
from mime_tf.errors import InputError

STREAM = np.random.default_rng(3)
ROWS = 240
PATIENTS = np.repeat(np.arange(ROWS // 2), 2)
PROBABILITIES = STREAM.uniform(0.05, 0.95, ROWS)
LABELS = (STREAM.random(ROWS) < PROBABILITIES**2).astype(int)
EMPTY = np.arange(ROWS) % 20 == 0
SCORES = Scores(LABELS, PROBABILITIES, PATIENTS)


def logits(values):
    return np.log(values / (1 - values))


def test_each_row_by_the_function_of_the_other_folds():
    found = cross_fitted(SCORES, EMPTY, "logistic", seed=7).probabilities
    for others, fold in StratifiedGroupKFold(5, shuffle=True, random_state=7).split(found, LABELS, PATIENTS):
        assert not set(PATIENTS[others]) & set(PATIENTS[fold])
        known = others[~EMPTY[others]]
        design = sm.add_constant(logits(PROBABILITIES[known]))
        fit = sm.GLM(LABELS[known], design, family=sm.families.Binomial()).fit()
        expected = fit.predict(sm.add_constant(logits(PROBABILITIES[fold])))
        expected = np.where(EMPTY[fold], LABELS[others].mean(), expected)
        np.testing.assert_allclose(found[fold], expected, rtol=0, atol=1e-6)


def test_scores_that_say_nothing_stay_worthless():
    """Fitted to the same patients isotonic recalibration would find an order in noise."""
    noise = Scores(STREAM.integers(0, 2, 400), STREAM.random(400))
    changed = cross_fitted(noise, np.zeros(400, bool), "isotonic")
    brier = np.mean((changed.probabilities - noise.labels) ** 2)
    assert brier > noise.labels.mean() * (1 - noise.labels.mean())


@pytest.mark.parametrize(("rare", "name"), [(1, "cases"), (0, "controls")])
def test_too_few_patients_of_a_label(rare, name):
    labels = np.where(np.arange(40) < 9, rare, 1 - rare)
    with pytest.raises(InputError, match=f"^too few {name}: 9, where 10 are needed"):
        cross_fitted(Scores(labels, np.linspace(0.1, 0.9, 40)), np.zeros(40, bool), "intercept")
