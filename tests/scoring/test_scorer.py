"""Scoring, and the figures that are reported of a set."""

import keras
import numpy as np
import pytest

from mime_tf import MiME
from mime_tf.assess.summary import log_loss, results, summarize
from mime_tf.batches import datasets
from mime_tf.data import pickled
from mime_tf.scoring.scorer import Scorer
from mime_tf.splits.split import Part


@pytest.fixture(scope="module")
def part():
    """Seventeen patients of one to four visits."""
    rng = np.random.default_rng(3)
    patients = [[[[int(rng.integers(4)), [1], []]] for _ in range(1 + row % 4)] for row in range(17)]
    return Part(np.arange(17), pickled.from_lists(patients), np.arange(17) % 2)


def test_the_scorer_equals_predict(part):
    model = MiME(4, 2, 1, emb_size=3, dxobj_emb_size=3, rnn_size=3)
    scorer = Scorer(model)
    batches = datasets.scoring_batches(part, 5)
    for scale in (1.0, 2.0):  # it sees weights that have changed since it was first called
        model.set_weights([scale * value for value in model.get_weights()])
        scores = scorer(batches)
        assert scores.shape == (17,)
        assert scores.dtype == np.float32
        expected = model.predict(batches, verbose=0)[:, 0]
        assert len(np.unique(expected)) > 3
        np.testing.assert_allclose(scores, expected, atol=1e-6)


@pytest.mark.parametrize(("batch_size", "dropped"), [(17, 0), (5, 2), (8, 1), (18, 17)])
def test_scored_patients(part, batch_size, dropped):
    """17 patients, of which the last partial batch is dropped when that is asked for."""
    assert len(part.scored(batch_size, drop_remainder=False)) == 17
    kept = part.scored(batch_size, drop_remainder=True)
    assert kept.rows.tolist() == part.rows[: 17 - dropped].tolist()
    assert pickled.to_lists(kept.patients()) == pickled.to_lists(part.patients())[: 17 - dropped]


def test_results_are_named_in_the_printed_order():
    valid, test = {"loss": 1.0, "auc": 2.0, "aucpr": 3.0}, {"loss": 4.0, "auc": 5.0, "aucpr": 6.0}
    assert list(results(valid, test).items()) == [
        ("valid_loss", 1.0),
        ("test_loss", 4.0),
        ("valid_auc", 2.0),
        ("test_auc", 5.0),
        ("valid_aucpr", 3.0),
        ("test_aucpr", 6.0),
    ]


def test_log_loss_by_hand():
    # -ln 3/4, -ln(1 - 1/2) and, at a certain error, 10 ln 10: their mean.
    expected = (-np.log(0.75) + np.log(2) + 10 * np.log(10)) / 3
    assert log_loss([1, 0, 1], [0.75, 0.5, 0.0]) == pytest.approx(expected, rel=1e-9)


def test_log_loss_is_the_one_trained_with(part):
    from mime_tf import LogLoss

    probabilities = np.random.default_rng(0).random(17).astype(np.float32)
    trained = float(LogLoss()(part.labels.astype(np.float32), probabilities[:, None]))
    assert log_loss(part.labels, probabilities) == pytest.approx(trained, rel=1e-5)


def test_summary_by_hand():
    # By falling probability the labels are 1 0 1 0. Of the 2*2 pairs of a 1 and a 0, 3 are in the right order.
    # Precision at the first 1 is 1/1, at the second 2/3; each adds half of the recall: (1 + 2/3)/2.
    labels, probabilities = np.array([0, 1, 0, 1]), np.array([0.25, 0.875, 0.75, 0.5], np.float32)
    got = summarize(labels, probabilities)
    assert got["auc"] == pytest.approx(0.75, abs=1e-12)
    assert got["aucpr"] == pytest.approx(5 / 6, abs=1e-12)
    expected = -np.log([0.75, 0.875, 0.25, 0.5]).mean()
    assert got["loss"] == pytest.approx(expected, rel=1e-8)
    assert {type(value) for value in got.values()} == {float}


def test_ties_count_half():
    got = summarize(np.array([0, 1, 0, 1]), np.full(4, 0.5))
    assert got["auc"] == 0.5
    assert got["aucpr"] == 0.5


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_no_rank(label, recwarn):
    got = summarize(np.full(3, label), np.array([0.5, 0.5, 0.5]))
    assert got["loss"] == pytest.approx(np.log(2), rel=1e-6)
    assert np.isnan(got["auc"])
    assert np.isnan(got["aucpr"])
    # The one warning of a run is the console's, not one of scikit-learn's at every evaluation.
    assert not [warning for warning in recwarn if "sklearn" in str(warning.category.__module__)]


def test_a_probability_that_is_no_number():
    got = summarize(np.array([0, 1, 1]), np.array([0.5, np.nan, 0.2]))
    assert all(np.isnan(value) for value in got.values())


def test_the_auc_is_keras_s_up_to_its_grid():
    rng = np.random.default_rng(5)
    labels, probabilities = rng.integers(0, 2, 400), rng.random(400).astype(np.float32)
    metric = keras.metrics.AUC(num_thresholds=2000)
    metric.update_state(labels, probabilities)
    assert summarize(labels, probabilities)["auc"] == pytest.approx(float(metric.result()), abs=2e-3)
