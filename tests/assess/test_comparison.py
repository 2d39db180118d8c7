"""Models compared on the same patients."""

import numpy as np
import pytest
from sklearn import metrics

from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.comparison import compare
from mime_tf.assess.scores import Scores
from mime_tf.errors import InputError

LABELS = np.array([0, 1, 0, 1])
RIGHT, WRONG = np.array([0.1, 0.9, 0.2, 0.8]), np.array([0.9, 0.1, 0.8, 0.2])


def random_model(rows=60, seed=0, shift=1.0):
    """Labels and the probabilities of a model that is the better, the larger the shift."""
    stream = np.random.default_rng(seed)
    labels = (np.arange(rows) % 3 == 0).astype(int)
    return labels, 1 / (1 + np.exp(-stream.normal(size=rows).round(1) - shift * labels))


def numbers(estimate):
    return estimate.value, estimate.low, estimate.high


def test_by_hand():
    """The wrong model ranks both zeros first: its precision at the ones is 1/3 and 2/4."""
    right, wrong = (Scores(LABELS, probabilities, np.arange(4)) for probabilities in (RIGHT, WRONG))
    comparison = compare({"right": [right, right], "wrong": [wrong, right]}, Bootstrap(50))
    expected = {"average_precision": pytest.approx((1 / 3 + 1 / 2) / 2), "auc": 0.0}
    assert comparison.splits == {
        "right": [{"average_precision": 1, "auc": 1}] * 2,
        "wrong": [expected, comparison.splits["right"][0]],
    }
    assert numbers(comparison.means["right"]["auc"]) == (1, 1, 1)
    assert numbers(comparison.means["wrong"]["auc"]) == (0.5, 0.5, 0.5)
    assert comparison.means["wrong"]["average_precision"].value == pytest.approx((5 / 12 + 1) / 2)
    assert list(comparison.differences) == ["wrong"]
    assert numbers(comparison.differences["wrong"]["auc"]) == (0.5, 0.5, 0.5)


def test_intervals_are_those_of_scikit_learn_with_weights():
    labels, first = random_model()
    _, second = random_model(seed=1, shift=0.3)
    comparison = compare({"first": [Scores(labels, first)], "second": [Scores(labels, second)]}, Bootstrap(40, seed=5))
    stream, expected = np.random.default_rng(5), []
    for _ in range(40):
        times = np.bincount(stream.integers(0, 60, 60), minlength=60)
        expected.append(
            [
                [measure(labels, model, sample_weight=times) for model in (first, second)]
                for measure in (metrics.average_precision_score, metrics.roc_auc_score)
            ]
        )
    expected = np.array(expected)
    for values, name in zip(np.moveaxis(expected, 1, 0), ("average_precision", "auc"), strict=True):
        bounds = np.percentile(values, [2.5, 97.5], axis=0).T
        assert numbers(comparison.means["first"][name])[1:] == pytest.approx(bounds[0])
        assert numbers(comparison.means["second"][name])[1:] == pytest.approx(bounds[1])
        difference = np.percentile(values[:, 0] - values[:, 1], [2.5, 97.5])
        assert numbers(comparison.differences["second"][name])[1:] == pytest.approx(difference)


def test_a_model_does_not_differ_from_itself():
    scores = Scores(*random_model())
    comparison = compare({"first": [scores], "same": [scores]}, Bootstrap(20))
    assert numbers(comparison.differences["same"]["auc"]) == (0, 0, 0)


def test_a_patient_is_drawn_in_all_splits_at_once():
    """Two equal splits tell no more than one; drawn split by split they would seem to."""
    labels, probabilities = random_model()
    first = Scores(labels, probabilities, np.arange(60))
    second = Scores(labels, random_model(seed=1)[1], np.arange(60))
    once = compare({"first": [first], "second": [second]}, Bootstrap(50))
    twice = compare({"first": [first, first], "second": [second, second]}, Bootstrap(50))
    assert numbers(twice.differences["second"]["auc"]) == pytest.approx(numbers(once.differences["second"]["auc"]))


def test_rows_of_a_patient_are_drawn_together():
    labels, probabilities = random_model()
    names = np.array([f"p{row:02}" for row in range(60)], object)
    rows = np.repeat(np.arange(60), 2)
    once, twice, alone = (
        compare({"model": [scores]}, Bootstrap(50)).means["model"]["auc"]
        for scores in (
            Scores(labels, probabilities, names),
            Scores(labels[rows], probabilities[rows], names[rows]),
            Scores(labels[rows], probabilities[rows]),
        )
    )
    assert numbers(twice) == pytest.approx(numbers(once))
    assert alone.low > once.low  # as if there were twice as many patients


def test_resamples_without_both_labels_are_left_out():
    comparison = compare({"model": [Scores([1, 0, 0], [0.9, 0.1, 0.5])]}, Bootstrap(60))
    assert numbers(comparison.means["model"]["auc"]) == (1, 1, 1)


def test_progress_is_reported():
    lines = []
    compare({"model": [Scores(LABELS, RIGHT)]}, Bootstrap(2), lines.append)
    assert lines == ["resampled 1 of 2 times", "resampled 2 of 2 times"]


SPLIT, OTHER = Scores(LABELS, RIGHT, np.arange(4)), Scores(LABELS, WRONG, np.arange(4))


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ([OTHER], "other: found 1 splits; first has 2"),
        (
            [OTHER, Scores(1 - LABELS, RIGHT, np.arange(4))],
            "other: found other labels or patients in split 1",
        ),
        ([Scores(LABELS, RIGHT, [0, 1, 2, 2]), OTHER], "other: found other labels or patients in split 0"),
        ([Scores(LABELS, RIGHT), OTHER], "other: found other labels or patients in split 0"),
        ([Scores(LABELS[:3], RIGHT[:3], np.arange(3)), OTHER], "other: found other labels or patients in split 0"),
    ],
)
def test_models_of_different_rows_are_refused(other, says):
    with pytest.raises(InputError, match=says):
        compare({"first": [SPLIT, SPLIT], "other": other}, Bootstrap(2))


def test_several_splits_need_patients():
    scores = Scores(LABELS, RIGHT)
    with pytest.raises(InputError, match="patients: found none in a split"):
        compare({"model": [scores, scores]}, Bootstrap(2))


def test_a_comparison_without_resamples_has_no_intervals():
    models = {"model": [SPLIT], "other": [SPLIT]}
    compared, resampled = compare(models, Bootstrap(0)), compare(models, Bootstrap(2))
    for estimate in (compared.means["other"]["auc"], compared.differences["other"]["auc"]):
        assert np.isnan([estimate.low, estimate.high]).all()
    assert compared.means["other"]["auc"].value == resampled.means["other"]["auc"].value
    assert compared.differences["other"]["auc"].value == 0
