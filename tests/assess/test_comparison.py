"""Models compared on the same patients."""

import numpy as np
import pytest
from sklearn import metrics

from mime_tf.assess.comparison import TestSet, compare
from mime_tf.errors import InputError

LABELS = np.array([0, 1, 0, 1])
RIGHT, WRONG = np.array([0.1, 0.9, 0.2, 0.8]), np.array([0.9, 0.1, 0.8, 0.2])


def drawn(rows=60, seed=0, shift=1.0):
    """Labels and the probabilities of a model that is the better, the larger the shift."""
    stream = np.random.default_rng(seed)
    labels = (np.arange(rows) % 3 == 0).astype(int)
    return labels, 1 / (1 + np.exp(-stream.normal(size=rows).round(1) - shift * labels))


def numbers(estimate):
    return estimate.value, estimate.low, estimate.high


def test_by_hand():
    """Wrong ranks both zeros first: its precision at the ones is 1/3 and 2/4."""
    test = TestSet(np.arange(4), LABELS)
    found = compare([test, test], {"right": [RIGHT, RIGHT], "wrong": [WRONG, RIGHT]}, bootstrap=50)
    wrong = {"average_precision": pytest.approx((1 / 3 + 1 / 2) / 2), "auc": 0.0}
    assert found.splits == {
        "right": [{"average_precision": 1, "auc": 1}] * 2,
        "wrong": [wrong, found.splits["right"][0]],
    }
    assert numbers(found.means["right"]["auc"]) == (1, 1, 1)
    assert numbers(found.means["wrong"]["auc"]) == (0.5, 0.5, 0.5)
    assert found.means["wrong"]["average_precision"].value == pytest.approx((5 / 12 + 1) / 2)
    assert list(found.differences) == ["wrong"]
    assert numbers(found.differences["wrong"]["auc"]) == (0.5, 0.5, 0.5)


def test_intervals_are_those_of_scikit_learn_with_weights():
    labels, one = drawn()
    _, other = drawn(seed=1, shift=0.3)
    found = compare([TestSet(np.arange(60), labels)], {"one": [one], "other": [other]}, bootstrap=40, seed=5)
    stream, expected = np.random.default_rng(5), []
    for _ in range(40):
        times = np.bincount(stream.integers(0, 60, 60), minlength=60)
        expected.append(
            [
                [of(labels, model, sample_weight=times) for model in (one, other)]
                for of in (metrics.average_precision_score, metrics.roc_auc_score)
            ]
        )
    expected = np.array(expected)
    for values, name in zip(np.moveaxis(expected, 1, 0), ("average_precision", "auc"), strict=True):
        bounds = np.percentile(values, [2.5, 97.5], axis=0).T
        assert numbers(found.means["one"][name])[1:] == pytest.approx(bounds[0])
        assert numbers(found.means["other"][name])[1:] == pytest.approx(bounds[1])
        difference = np.percentile(values[:, 0] - values[:, 1], [2.5, 97.5])
        assert numbers(found.differences["other"][name])[1:] == pytest.approx(difference)


def test_a_model_does_not_differ_from_itself():
    labels, one = drawn()
    found = compare([TestSet(np.arange(60), labels)], {"one": [one], "same": [one]}, bootstrap=20)
    assert numbers(found.differences["same"]["auc"]) == (0, 0, 0)


def test_a_patient_is_drawn_in_all_splits_at_once():
    """So a split that is there twice tells no more than once; drawn split by split it would seem to."""
    labels, one = drawn()
    other = drawn(seed=1)[1]
    test = TestSet(np.arange(60), labels)
    once = compare([test], {"one": [one], "other": [other]}, bootstrap=50)
    twice = compare([test, test], {"one": [one, one], "other": [other, other]}, bootstrap=50)
    assert numbers(twice.differences["other"]["auc"]) == pytest.approx(numbers(once.differences["other"]["auc"]))


def test_rows_of_a_patient_are_drawn_together():
    labels, one = drawn()
    names = np.array([f"p{row:02}" for row in range(60)], object)
    once = compare([TestSet(names, labels)], {"one": [one]}, bootstrap=50)
    rows = np.repeat(np.arange(60), 2)
    twice = compare([TestSet(names[rows], labels[rows])], {"one": [one[rows]]}, bootstrap=50)
    alone = compare([TestSet(np.arange(120), labels[rows])], {"one": [one[rows]]}, bootstrap=50)
    assert numbers(twice.means["one"]["auc"]) == pytest.approx(numbers(once.means["one"]["auc"]))
    assert alone.means["one"]["auc"].low > once.means["one"]["auc"].low  # as if there were twice as many patients


def test_resamples_without_both_labels_are_left_out():
    found = compare([TestSet(np.arange(3), np.array([1, 0, 0]))], {"one": [np.array([0.9, 0.1, 0.5])]}, bootstrap=60)
    assert numbers(found.means["one"]["auc"]) == (1, 1, 1)


def test_progress_is_told():
    lines = []
    compare([TestSet(np.arange(4), LABELS)], {"one": [RIGHT]}, bootstrap=2, progress=lines.append)
    assert lines == ["resampled 1 of 2 times", "resampled 2 of 2 times"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"bootstrap": 0}, "bootstrap: found 0; must be at least 1"),
        ({"seed": -1}, "seed: found -1; must be at least 0"),
        ({"models": {"one": [RIGHT[:3]]}}, r"have shapes \(4,\), \(4,\) and \(3,\); one of each a row is needed"),
    ],
)
def test_refusals(changes, says):
    asked = {"tests": [TestSet(np.arange(4), LABELS)], "models": {"one": [RIGHT]}, "bootstrap": 2} | changes
    with pytest.raises(InputError, match=says):
        compare(**asked)
