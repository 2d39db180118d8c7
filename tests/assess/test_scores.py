"""Scores and the bootstrap: checks, patients, resamples."""

import numpy as np
import pytest

from mime_tf.assess.bootstrap import Bootstrap, Sample, interval
from mime_tf.assess.scores import Scores
from mime_tf.errors import InputError


def test_scores_are_arrays_of_known_types():
    scores = Scores([0, True, 1.0], np.array([0, 0.5, 1], np.float32), ["b", "a", "b"])
    assert (scores.labels.dtype, scores.probabilities.dtype) == (np.int64, np.float64)
    assert scores.labels.tolist() == [0, 1, 1]
    assert scores.patients.tolist() == ["b", "a", "b"] and scores.patient_index.tolist() == [1, 0, 1]
    assert (len(scores), scores.num_patients) == (3, 2)


def test_without_patients_each_row_is_one():
    scores = Scores([0, 1], [0.5, 0.5])
    assert scores.patients is None and scores.patient_index.tolist() == [0, 1] and scores.num_patients == 2


def test_repr_is_short():
    assert repr(Scores([0, 1] * 5000, [0.5] * 10000)) == "Scores(10,000 rows of 10,000 patients, 5,000 of label 1)"


@pytest.mark.parametrize("rows", [np.array([False, True, True]), [1, 2]])
def test_select(rows):
    scores = Scores([0, 1, 1], [0.1, 0.2, 0.3], ["b", "a", "b"]).select(rows)
    assert scores.labels.tolist() == [1, 1] and scores.probabilities.tolist() == [0.2, 0.3]
    assert scores.patients.tolist() == ["a", "b"]
    assert Scores([0, 1, 1], [0.1, 0.2, 0.3]).select(rows).patients is None


def test_to_frame():
    pytest.importorskip("pandas")
    frame = Scores([0, 1], [0.25, 0.5], ["p1", "p2"]).to_frame()
    assert frame.to_dict("list") == {"patient_id": ["p1", "p2"], "label": [0, 1], "probability": [0.25, 0.5]}
    assert list(Scores([0, 1], [0.25, 0.5]).to_frame()) == ["label", "probability"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([], []), "one row or more"),
        (([0, 1], [0.5]), r"labels of shape \(2,\) and probabilities of shape \(1,\)"),
        (([[0, 1]], [[0.5, 0.5]]), "shape"),
        (([0, 2], [0.5, 0.5]), "labels: found others than 0 and 1"),
        (([0, np.nan], [0.5, 0.5]), "labels"),
        (([0, 1], [0.5, np.nan]), "probabilities: found others than 0 to 1"),
        (([0, 1], [0.5, np.inf]), "probabilities"),
        (([0, 1], [0.5, 1.5]), "probabilities"),
        (([0, 1], [0.5, -0.5]), "probabilities"),
        (([0, 1], [0.5, 0.5], [0]), r"patients: found shape \(1,\); must be \(2,\), one for each row"),
    ],
)
def test_wrong_scores(arguments, says):
    with pytest.raises(InputError, match=says):
        Scores(*arguments)


@pytest.mark.parametrize(("times", "seed", "says"), [(-1, 0, "bootstrap: found -1"), (1, -1, "seed: found -1")])
def test_wrong_bootstraps(times, seed, says):
    with pytest.raises(InputError, match=f"{says}; must be 0 or more"):
        Bootstrap(times, seed)


def test_draws_are_patients_with_replacement():
    """As many as there are, each about once on average; the same seed draws the same."""
    drawn = np.array(list(Bootstrap(400, seed=3).draws(20)))
    assert drawn.shape == (400, 20) and (drawn.sum(axis=1) == 20).all()
    assert abs(drawn.mean(axis=0) - 1).max() < 0.25  # the standard deviation of the mean is 0.05
    stream = np.random.default_rng(3)
    assert drawn[0].tolist() == np.bincount(stream.integers(0, 20, 20), minlength=20).tolist()
    assert np.array_equal(drawn, list(Bootstrap(400, seed=3).draws(20)))
    assert not np.array_equal(drawn, list(Bootstrap(400, seed=4).draws(20)))


def test_no_draws_without_resamples():
    assert list(Bootstrap(0).draws(20)) == []


def test_tallies_by_hand():
    sample = Sample(Scores([0, 1, 1, 0], [0.5, 0.2, 0.5, 0.5], ["a", "b", "a", "c"]))
    tally, drawn = sample.tally(), sample.tally(np.array([2, 0, 1]))
    assert tally.values.tolist() == [0.2, 0.5]
    assert (tally.ones.tolist(), tally.zeros.tolist()) == ([1, 1], [0, 2])
    assert (drawn.ones.tolist(), drawn.zeros.tolist()) == ([0, 2], [0, 3])
    assert drawn.total.tolist() == [0, 5] and not drawn.one_class
    assert sample.tally(np.array([0, 1, 0])).one_class


def test_interval_leaves_nan_out():
    assert interval(np.array([np.nan, *range(101)])) == (2.5, 97.5)
    assert np.isnan(interval(np.array([np.nan]))).all() and np.isnan(interval(np.zeros(0))).all()
