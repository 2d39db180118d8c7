"""The points behind the plots, the decision curve among them."""

import numpy as np
import pytest
from support.scores import random_set

from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.curves import curves, decision_curve
from mime_tf.assess.measures import assess
from mime_tf.assess.scores import Scores

LABELS, PROBABILITIES = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]


def test_curves_by_hand():
    points = curves(Scores(LABELS, PROBABILITIES))
    roc, pr, calibration = (points[name] for name in ("roc", "precision_recall", "calibration"))
    assert roc["x"].tolist() == [0, 0, 0.5, 0.5, 1]
    assert roc["y"].tolist() == [0, 0.5, 0.5, 1, 1]
    np.testing.assert_array_equal(roc["threshold"], [np.nan, 0.8, 0.4, 0.35, 0.1])
    assert roc["count"].tolist() == [0, 1, 2, 3, 4]
    last = {name: values[-2:].tolist() for name, values in pr.items()}
    assert last["x"] == [0.5, 0] and last["y"] == [1, 1] and last["count"] == [1, 0]
    assert calibration["x"].tolist() == [0.1, 0.35, 0.4, 0.8]
    assert calibration["y"].tolist() == [0, 1, 0, 1]
    assert calibration["threshold"].tolist() == [0.1, 0.35, 0.4, 0.8]
    assert calibration["count"].tolist() == [1, 1, 1, 1]


def test_calibration_points_average_to_the_whole():
    labels, probabilities = random_set(4)
    scores = Scores(labels, probabilities)
    points = curves(scores)["calibration"]
    assert points["count"].sum() == len(labels)
    assert points["count"] @ points["y"] == pytest.approx(labels.sum())
    assert points["count"] @ points["x"] == pytest.approx(probabilities.sum())
    error = points["count"] @ np.abs(points["x"] - points["y"]) / len(labels)
    assert assess(scores, Bootstrap(0)).values["expected_calibration_error"] == pytest.approx(error)


def test_net_benefit_by_hand():
    points = decision_curve(Scores(LABELS, PROBABILITIES), [0.25, 0.5])
    benefit, treated = points["model"]
    assert benefit == pytest.approx([(2 - 1 / 3) / 4, (1 - 0) / 4])
    assert treated.tolist() == [3, 1]
    assert points["all"][0] == pytest.approx([(2 - 2 / 3) / 4, (2 - 2) / 4])
    assert points["all"][1].tolist() == [4, 4]
    assert points["none"][0].tolist() == [0, 0] and points["none"][1].tolist() == [0, 0]


def test_decision_curve_treats_from_the_threshold_on():
    """At the lowest score the model treats everybody, and above the highest nobody."""
    labels, probabilities = random_set(3)
    points = decision_curve(Scores(labels, probabilities), [probabilities.min(), 0.99])
    assert points["model"][0][0] == pytest.approx(points["all"][0][0]) and points["model"][1][0] == len(labels)
    assert points["model"][0][1] == 0


def test_curves_hold_the_decision_curve_and_the_scores():
    labels, probabilities = random_set(3)
    points = curves(Scores(labels, probabilities))
    half = points["net_benefit_model"]["x"].tolist().index(0.5)
    tp, fp = ((probabilities >= 0.5) & (labels == label) for label in (1, 0))
    assert points["net_benefit_model"]["y"][half] == pytest.approx((tp.sum() - fp.sum()) / len(labels))
    for label in (0, 1):
        scores = points[f"scores_{label}"]
        assert scores["count"].sum() == (labels == label).sum() and scores["y"].sum() == pytest.approx(1)
        above = scores["count"][scores["threshold"] >= scores["threshold"][10]].sum()
        assert above == (probabilities[labels == label] >= probabilities.max() / 2).sum()
