"""Measures of several outcomes, worked out by hand."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics

from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.outcomes import text
from mime_tf.assess.outcomes.measures import compare, enough_cases, frequency_groups, recall
from mime_tf.assess.outcomes.ranking import highest, ranks
from mime_tf.assess.outcomes.scores import OutcomeScores
from mime_tf.errors import InputError

# Four patients with four outcomes. In the order of their probabilities: 3 2 1 0; 0 1 2 3; 1 3 0 2; 2 0 1 3 (a tie).
PROBABILITIES = np.array([[0.1, 0.2, 0.3, 0.4], [0.9, 0.5, 0.4, 0.1], [0.3, 0.8, 0.1, 0.6], [0.5, 0.5, 0.7, 0.2]])
LABELS = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0]])


def of(labels=LABELS, probabilities=PROBABILITIES, patients=None):
    return OutcomeScores(labels, probabilities, patients)


def test_ranks_by_hand():
    assert ranks(PROBABILITIES).tolist() == [[4, 3, 2, 1], [1, 2, 3, 4], [3, 1, 4, 2], [2, 3, 1, 4]]


def test_recall_by_hand():
    # At 1: of 0 and 3, 3 is first: 1/2; of 1, none: 0; the third has no true outcome; of 0, 1 and 2, 2: 1/3.
    np.testing.assert_allclose(recall(LABELS, ranks(PROBABILITIES), 1), [1 / 2, 0, np.nan, 1 / 3])
    np.testing.assert_allclose(recall(LABELS, ranks(PROBABILITIES), 2), [1 / 2, 1, np.nan, 2 / 3])
    np.testing.assert_allclose(recall(LABELS, ranks(PROBABILITIES), 9), [1, 1, np.nan, 1])
    values = compare({"model": of()}, (1, 2), bootstrap=Bootstrap(0)).values["model"]
    assert values["recall_at_1"].value == pytest.approx(5 / 18)
    assert values["recall_at_2"].value == pytest.approx(13 / 18)


def test_micro_auc_by_hand():
    """Over all pairs: the true outcomes have .1 .4 .5 .5 .5 .7, the others .2 .3 .9 .4 .1 .3 .8 .1 .6 .2."""
    won = sum(
        (one > zero) + (one == zero) / 2
        for one in (0.1, 0.4, 0.5, 0.5, 0.5, 0.7)
        for zero in (0.2, 0.3, 0.9, 0.4, 0.1, 0.3, 0.8, 0.1, 0.6, 0.2)
    )
    value = compare({"model": of()}, (1,), bootstrap=Bootstrap(0)).values["model"]["micro_auc"].value
    # Won by .1: 2 ties; by .4: 6 and a tie with .4; by each .5: 7; by .7: 8.
    assert won == 1 + 6.5 + 3 * 7 + 8 == 36.5
    assert value == pytest.approx(won / 60)


def test_macro_auc_is_a_mean_over_outcomes_with_enough_cases():
    rng = np.random.default_rng(0)
    probabilities = rng.random((60, 4)).astype(np.float32)
    labels = (rng.random((60, 4)) < [0.5, 0.1, 0.6, 0.97]).astype(int)
    labels[:, 1], labels[:9, 1] = 0, 1  # 9 cases: one too few
    labels[:, 3], labels[:9, 3] = 1, 0  # 9 controls
    assert enough_cases(labels).tolist() == [0, 2]
    aucs = [metrics.roc_auc_score(labels[:, k], probabilities[:, k]) for k in (0, 2)]
    comparison = compare({"model": of(labels, probabilities)}, (1,), bootstrap=Bootstrap(0))
    assert comparison.values["model"]["macro_auc"].value == pytest.approx(np.mean(aucs))
    assert (comparison.enough, comparison.outcomes, comparison.rows, comparison.with_outcome) == (2, 4, 60, 60)


def test_recall_of_groups_by_hand():
    values = compare({"model": of()}, (2,), np.array([0, 0, 3, 4]), Bootstrap(0)).values["model"]
    found = [values[f"recall_at_2_group_{group}"].value for group in range(5)]
    # Cases of group 0: 0 of patient 0 (rank 4), 1 of patient 1 (rank 2), 0 and 1 of patient 3 (ranks 2 and 3).
    np.testing.assert_allclose(found, [2 / 4, np.nan, np.nan, 1, 1])


def test_frequency_groups_by_hand():
    assert frequency_groups(np.array([5, 0, 3, 9, 1])).tolist() == [3, 0, 2, 4, 1]
    assert frequency_groups(np.array([4, 4, 4, 4, 4, 4, 4, 4, 9, 1])).tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 0]


def test_leads_are_paired_and_patients_are_drawn_whole():
    worse = np.full(LABELS.shape, 0.5)
    patients = np.array(["a", "a", "b", "b"])
    models = {"model": of(patients=patients), "even": of(probabilities=worse, patients=patients)}
    comparison = compare(models, (1,), bootstrap=Bootstrap(200, 3))
    assert comparison.patients == 2
    # At even odds the first outcome ranks first: recall 1/2, 0, -, 1/3, which is the model's on every resample.
    lead = comparison.leads["even"]["recall_at_1"]
    assert (lead.value, lead.low, lead.high) == (0, 0, 0)
    # A resample of a alone has (1/2 + 0) / 2, of b alone 1/3, of both 5/18; nothing else is possible.
    interval = comparison.values["model"]["recall_at_1"]
    assert (interval.low, interval.high) == pytest.approx((1 / 4, 1 / 3))


def test_other_labels_cannot_be_compared():
    with pytest.raises(InputError, match="other: found other labels than model was tested on"):
        compare({"model": of(), "other": of(labels=1 - LABELS)}, (1,))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"labels": LABELS[:, 0]}, r"found labels of shape \(4,\) and probabilities of shape \(4, 4\)"),
        ({"labels": LABELS + 1}, "labels: found others than 0 and 1"),
        ({"probabilities": PROBABILITIES * 2}, "probabilities: found others than 0 to 1"),
        ({"probabilities": PROBABILITIES * np.nan}, "probabilities: found others than 0 to 1"),
        ({"patients": [1, 2]}, "patients: found 2 for 4 rows"),
    ],
)
def test_bad_scores(arguments, expected):
    with pytest.raises(InputError, match=expected):
        of(**arguments)


def test_the_highest_and_the_true_are_listed():
    assert list(highest(PROBABILITIES[:1], 2)) == [(0, 3, 1), (0, 2, 2)]
    # Outcome 0 came true, at the last rank.
    assert list(highest(PROBABILITIES[:1], 1, LABELS[:1])) == [(0, 3, 1), (0, 0, 4)]
    assert list(highest(PROBABILITIES[1:3], 1, LABELS[1:3])) == [(0, 0, 1), (0, 1, 2), (1, 1, 1)]


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=3, max_size=3), min_size=1, max_size=4))
def test_ranks_are_those_of_sorting(rows):
    for row, ranked in zip(rows, ranks(np.array(rows)), strict=True):
        assert sorted(range(3), key=lambda k: (-row[k], k)) == np.argsort(ranked).tolist()


def test_lines_name_the_measures():
    models = {"model": of(), "even": of(probabilities=np.full(LABELS.shape, 0.5))}
    comparison = compare(models, (1, 2), np.array([0, 0, 3, 4]), Bootstrap(3))
    lines = list(text.lines(comparison, {"even": "one half for all"}, Bootstrap(3)))
    for start in (
        "recall at 1 ",
        "  at 2, group 5 of 5",
        "beside it: one half for all",
        "  the model less it",
        "micro",
    ):
        assert any(line.startswith(start) for line in lines), start
    assert "recall: mean over the 3 rows with a true outcome" in "\n".join(lines)
    assert text.record(comparison)["values"]["model"]["recall_at_1"]["value"] == pytest.approx(5 / 18)
