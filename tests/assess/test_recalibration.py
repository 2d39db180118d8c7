"""Recalibration and the smooth calibration curve, held against scikit-learn, statsmodels and numbers by hand."""

import math

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from statsmodels import api

from mime_tf.assess import curves, measures, recalibration
from mime_tf.assess.bootstrap import Bootstrap, Sample
from mime_tf.assess.measures import assess
from mime_tf.assess.scores import Scores
from mime_tf.commands import options
from mime_tf.errors import InputError


def overconfident(seed=0, rows=600):
    """Scores whose true logits are 0.4 times theirs, less 1."""
    stream = np.random.default_rng(seed)
    logits = 2 * stream.standard_normal(rows)
    labels = stream.random(rows) < 1 / (1 + np.exp(1 - 0.4 * logits))
    return Scores(labels.astype(int), 1 / (1 + np.exp(-logits)))


def logit(scores):
    return np.log(scores.probabilities / (1 - scores.probabilities))


def model(labels, design, offset=None):
    return api.GLM(labels, design, family=api.families.Binomial(), offset=offset).fit()


def test_intercept_is_that_of_a_regression_with_an_offset():
    scores = overconfident()
    found = recalibration.fit(scores, "intercept")
    expected = model(scores.labels, np.ones((len(scores), 1)), logit(scores)).params[0]
    assert (found.intercept, found.slope) == (pytest.approx(expected, abs=1e-8), 1)
    assert found(scores.probabilities).mean() == pytest.approx(scores.labels.mean(), abs=1e-9)


def test_logistic_is_the_regression_on_the_logit():
    scores = overconfident()
    found = recalibration.fit(scores, "logistic")
    fitted = model(scores.labels, api.add_constant(logit(scores)))
    assert [found.intercept, found.slope] == pytest.approx(fitted.params.tolist(), abs=1e-6)
    np.testing.assert_allclose(found(scores.probabilities), fitted.fittedvalues, rtol=0, atol=1e-8)
    after = assess(Scores(scores.labels, found(scores.probabilities)), Bootstrap(0)).values
    assert after["calibration_slope"] == pytest.approx(1) and after["calibration_intercept"] == pytest.approx(
        0, abs=1e-7
    )


def test_isotonic_is_that_of_scikit_learn():
    scores = overconfident()
    found = recalibration.fit(scores, "isotonic")
    expected = IsotonicRegression(out_of_bounds="clip").fit(scores.probabilities, scores.labels)
    points = np.linspace(0, 1, 101)
    least = 0.5 / len(scores)
    np.testing.assert_allclose(found(points), np.clip(expected.predict(points), least, 1 - least), atol=least)
    assert found(points).min() >= least and (np.diff(found(points)) >= 0).all()


def test_types_and_ends_stay():
    shift = recalibration.Recalibration("intercept", 1.0)
    found = shift(np.array([0, 0.5, 1], np.float32))
    assert found.dtype == np.float32 and found[1] == pytest.approx(1 / (1 + math.exp(-1)))
    assert 0 < found[0] < 1e-6 and 1 - 1e-6 < found[2] <= 1


@pytest.mark.parametrize("method", recalibration.METHODS)
def test_one_class_is_refused(method):
    with pytest.raises(InputError, match="the labels are all 1"):
        recalibration.fit(Scores([1, 1], [0.2, 0.4]), method)


def test_a_model_that_ranks_wrongly_is_not_turned_round():
    scores = overconfident()
    turned = Scores(scores.labels, 1 - scores.probabilities)
    with pytest.raises(InputError, match="calibration slope is -0"):
        recalibration.fit(turned, "logistic")
    assert recalibration.fit(turned, "intercept").slope == 1


def test_the_command_offers_these_methods():
    assert options.METHODS == recalibration.METHODS


# The smooth curve.


def harrell(x, knots):
    """The bent column of Harrell's restricted cubic spline, written out as in his book."""
    (t1, t2, t3), positive = knots, lambda values: np.where(values > 0, values, 0) ** 3
    bent = positive(x - t1) - positive(x - t2) * (t3 - t1) / (t3 - t2) + positive(x - t3) * (t2 - t1) / (t3 - t2)
    return bent / (t3 - t1) ** 2


@pytest.mark.parametrize("seed", range(3))
def test_the_curve_and_its_distances_are_those_of_statsmodels(seed):
    scores = overconfident(seed)
    x = logit(scores)
    knots = np.percentile(x, [10, 50, 90])
    fitted = model(scores.labels, np.column_stack([np.ones_like(x), x, harrell(x, knots)])).fittedvalues
    tally = Sample(scores).tally()
    order = np.argsort(scores.probabilities)
    np.testing.assert_allclose(measures.smooth_shares(tally), fitted[order], rtol=0, atol=1e-6)
    errors = np.abs(fitted - scores.probabilities)
    found = assess(scores, Bootstrap(0)).values
    expected = [errors.mean(), np.median(errors), np.percentile(errors, 90), errors.max()]
    assert [found[name] for name in ("eavg", "e50", "e90", "emax")] == pytest.approx(expected, abs=1e-6)


def test_two_probabilities_make_a_straight_line_through_their_shares():
    """1 of 4 at 0.5 and 3 of 4 at 0.8: distances 0.25 and 0.05."""
    scores = Scores([1, 0, 0, 0, 1, 1, 1, 0], [0.5] * 4 + [0.8] * 4)
    found = assess(scores, Bootstrap(0)).values
    assert [found[name] for name in ("eavg", "e50", "emax")] == pytest.approx([0.15, 0.15, 0.25])


def test_no_curve_where_no_line_fits():
    found = assess(Scores([0, 1, 0, 1], [0.5] * 4), Bootstrap(0))
    assert all(np.isnan(found.values[name]) for name in ("eavg", "e50", "e90", "emax"))
    assert "calibration_smooth" not in curves.curves(Scores([0, 1, 0, 1], [0.5] * 4))


def test_a_resample_counts_a_patient_as_often_as_drawn():
    scores = overconfident(rows=80)
    drawn = np.random.default_rng(1).integers(0, 3, 80)
    repeated = Scores(np.repeat(scores.labels, drawn), np.repeat(scores.probabilities, drawn))
    found = measures.measure(Sample(scores).tally(drawn))
    np.testing.assert_allclose(found, measures.measure(Sample(repeated).tally()), rtol=1e-7, atol=1e-7)


def test_scaled_brier_by_hand():
    """Half of the labels are 1, so a constant has 0.25; 0.1 for all four is 0.01."""
    assert assess(Scores([1, 0, 1, 0], [0.9, 0.1, 0.9, 0.1]), Bootstrap(0)).values["scaled_brier"] == pytest.approx(
        0.96
    )
    assert assess(Scores([1, 0, 1, 0], [0.5] * 4), Bootstrap(0)).values["scaled_brier"] == pytest.approx(0)
    assert np.isnan(assess(Scores([1, 1], [0.9, 0.1]), Bootstrap(0)).values["scaled_brier"])


def test_points_of_the_curve():
    points = curves.curves(overconfident())["calibration_smooth"]
    assert len(points["x"]) == curves.SMOOTH_POINTS and (np.diff(points["x"]) > 0).all()
    assert ((points["y"] > 0) & (points["y"] < 1)).all()
