"""Drift of scores and codes: by hand, against statsmodels, and without any drift."""

import numpy as np
import pytest
from scipy import special
from statsmodels.stats.proportion import confint_proportions_2indep

from mime_tf.assess import drift
from mime_tf.assess.drift import ScoreBins


def test_stability_index_by_hand():
    bins = ScoreBins(np.arange(1, 21) / 40)  # ten bins of two, with half a row added to each: 2.5 of 25
    assert bins.count == 10
    assert bins.index(np.array([0.0, 0.05, 0.06, 1.0])).tolist() == [0, 0, 1, 9]
    counts = np.zeros(10)
    counts[0] = 20
    expected = (20.5 / 25 - 0.1) * np.log(8.2) + 9 * (0.5 / 25 - 0.1) * np.log(0.2)
    assert bins.stability_index(counts) == pytest.approx(expected)
    assert bins.stability_index(np.full(10, 2)) == 0.0


def test_equal_probabilities_of_the_reference_make_fewer_bins():
    bins = ScoreBins(np.array([0.2] * 10 + [0.7] * 10))
    assert bins.count == 3 and bins.stability_index(np.array([10, 10, 0])) == pytest.approx(0, abs=1e-12)
    assert ScoreBins(np.array([0.5])).stability_index(np.array([1, 0])) == pytest.approx(0, abs=1e-12)


def test_distance_by_hand():
    assert drift.distance(np.array([0.2, 0.0]), np.array([0.0, 0.7])) == 1.0
    assert drift.distance(np.array([0.2, 0.3]), np.array([0.2, 0.3])) == 0.0
    assert drift.distance(np.array([0.4, 0.1]), np.array([0.2, 0.3])) == pytest.approx(0.4)
    assert np.isnan(drift.distance(np.zeros(2), np.zeros(2)))


def test_differences_of_shares_against_statsmodels():
    low, high = drift.share_differences(np.array([0.3, 0.0]), 40, np.array([0.1, 0.05]), 200)
    for index, counts in enumerate(((12, 40, 20, 200), (0, 40, 10, 200))):
        expected = confint_proportions_2indep(*counts, method="newcomb", compare="diff")
        assert (low[index], high[index]) == pytest.approx(expected)


def test_what_chance_adds_is_taken_off():
    """Ten patients of the very population are no drift, though the distance of so few is large."""
    stream = np.random.default_rng(0)
    bins = ScoreBins(special.expit(stream.normal(size=100_000)))
    plain, estimates = [], []
    for _ in range(200):
        rows = bins.index(special.expit(stream.normal(size=50)))
        value = bins.stability_index(np.bincount(rows, minlength=10))
        resampled = [bins.stability_index(np.bincount(stream.choice(rows, 50), minlength=10)) for _ in range(60)]
        plain.append(value)
        estimates.append(drift.corrected(value, np.array(resampled)))
    assert np.mean(plain) > 0.12
    assert np.mean([each.value for each in estimates]) < 0.05
    assert np.mean([each.low > 0 for each in estimates]) < 0.05


def test_corrected_by_hand():
    estimate = drift.corrected(0.5, np.array([0.6, 0.7, 0.8]))
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((0.3, 1 - 0.795, 1 - 0.605))
    assert drift.corrected(0.1, np.array([0.4, 0.4])).high == 0.0
    assert np.isnan(drift.corrected(0.1, np.array([])).low) and drift.corrected(0.1, np.array([])).value == 0.1
