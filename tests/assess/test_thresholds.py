"""Operating points: counts and shares of the alerts from a threshold on."""

import numpy as np
import pytest
from sklearn import metrics
from statsmodels.stats.proportion import proportion_confint
from support.scores import random_set

from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.scores import Scores
from mime_tf.assess.thresholds import COUNTS, SHARES, alert_threshold, operating_points, with_unknown
from mime_tf.errors import InputError

NONE = Bootstrap(0)


def test_operating_point_by_hand():
    (point,) = operating_points(Scores([0, 0, 0, 1, 1], [0.1, 0.4, 0.6, 0.4, 0.8]), [0.4], NONE)
    intervals = point.pop("intervals")
    assert point == {
        **{"threshold": 0.4, "alerts": 4, "alert_rate": 0.8, "tp": 2, "fp": 2, "tn": 1, "fn": 0},
        **{"sensitivity": 1.0, "specificity": pytest.approx(1 / 3), "ppv": 0.5, "npv": 1.0},
    }
    assert set(intervals) == {*COUNTS, *SHARES} and np.isnan(list(intervals.values())).all()


def test_operating_points_at_the_ends():
    low, between, high = operating_points(Scores([0, 1], [0.1, 0.2]), [0.0, 0.15, 0.5], NONE)
    assert (low["tp"], low["fp"], low["tn"], low["fn"]) == (1, 1, 0, 0) and np.isnan(low["npv"])
    assert (between["tp"], between["fp"], between["tn"], between["fn"]) == (1, 0, 1, 0)
    assert (high["tp"], high["fp"], high["tn"], high["fn"]) == (0, 0, 1, 1) and np.isnan(high["ppv"])


def test_no_operating_points():
    assert operating_points(Scores([0, 1], [0.1, 0.2]), [], Bootstrap(3)) == []


def test_intervals_of_operating_points_are_of_the_same_resamples():
    labels, probabilities = random_set(1, rows=60)
    first, second = operating_points(Scores(labels, probabilities), [0.5, 0.7], Bootstrap(40, seed=3))
    stream, expected = (
        np.random.default_rng(3),
        {"sensitivity": [], "specificity": [], "ppv": [], "npv": [], "alerts": []},
    )
    for _ in range(40):
        drawn = stream.integers(0, 60, 60)
        (tn, fp), (fn, tp) = metrics.confusion_matrix(labels[drawn], probabilities[drawn] >= 0.7)
        shares = (tp / (tp + fn), tn / (tn + fp), tp / (tp + fp), tn / (tn + fn), tp + fp)
        for values_of, value in zip(expected.values(), shares, strict=True):
            values_of.append(value)
    for name, values_of in expected.items():
        assert second["intervals"][name] == pytest.approx(np.percentile(values_of, [2.5, 97.5]))
    assert first["intervals"]["alerts"] != second["intervals"]["alerts"]


def test_operating_points_draw_a_patient_with_all_rows():
    labels, probabilities = random_set(2, rows=50)
    (once,) = operating_points(Scores(labels, probabilities), [0.5], Bootstrap(30))
    patients = np.tile([f"p{number:02}" for number in range(50)], 2)
    (twice,) = operating_points(Scores(np.tile(labels, 2), np.tile(probabilities, 2), patients), [0.5], Bootstrap(30))
    for name in SHARES:
        assert twice["intervals"][name] == pytest.approx(once["intervals"][name])


def test_a_threshold_that_is_no_number():
    with pytest.raises(InputError, match="threshold"):
        operating_points(Scores([0, 1], [0.1, 0.2]), [np.nan])


@pytest.mark.parametrize(("rate", "alerts"), [(0.25, 1), (0.49, 1), (0.5, 1), (0.74, 1), (0.75, 3), (1.0, 4), (0.1, 0)])
def test_alert_rate_is_not_exceeded(rate, alerts):
    probabilities = [0.2, 0.5, 0.5, 0.9]
    threshold = alert_threshold(probabilities, rate)
    assert sum(value >= threshold for value in probabilities) == alerts


def test_alert_rate_that_is_no_binary_fraction():
    assert alert_threshold(np.arange(30) / 30, 0.1) == 27 / 30


@pytest.mark.parametrize("rate", [0, -0.1, 1.1, np.nan])
def test_wrong_alert_rate(rate):
    with pytest.raises(InputError, match="alert_rate"):
        alert_threshold([0.5], rate)


def test_a_share_of_none_or_all_is_not_certain():
    """Of 10 alerts none is right, and of 5 cases none is found: Wilson's intervals, by hand in statsmodels."""
    scores = Scores([1] * 5 + [0] * 20, [0.1] * 5 + [0.9] * 10 + [0.2] * 10)
    (point,) = operating_points(scores, [0.5], Bootstrap(50))
    for name, count, total in (("ppv", 0, 10), ("sensitivity", 0, 5)):
        assert point[name] == 0
        expected = proportion_confint(count, total, method="wilson")
        assert point["intervals"][name] == pytest.approx(expected, abs=1e-9)
    low, high = point["intervals"]["specificity"]  # 10 of 20, by the resamples
    assert 0 < low < 0.5 < high < 1


def test_rows_of_one_patient_count_once_in_such_an_interval():
    scores = Scores([0] * 10 + [1] * 4, [0.9] * 10 + [0.1] * 4, ["a"] * 5 + ["b"] * 5 + ["c", "d", "e", "f"])
    (point,) = operating_points(scores, [0.5], Bootstrap(20))
    assert point["intervals"]["ppv"][1] == pytest.approx(0.6576, abs=1e-4)  # 0 of 2 patients


def test_alerts_of_patients_of_whom_nothing_is_known_are_counted():
    probabilities, empty = np.array([0.1, 0.4, 0.4, 0.8]), np.array([True, True, False, False])
    points = operating_points(Scores([0, 0, 1, 1], probabilities), [0.05, 0.4, 0.5], NONE)
    assert [point["unknown"] for point in with_unknown(points, probabilities, empty)] == [2, 1, 0]
