"""Yardsticks of the next visit, worked out by hand."""

import numpy as np
import pytest

from mime_tf.data import pickled, tasks
from mime_tf.data.cohort import Cohort
from mime_tf.scoring import outcome_yardsticks
from mime_tf.splits.split import Part, Split

# Histories of patient 0: diagnosis 0 twice in the first visit, 1 in the second; of patient 1: 2; then last visits.
PATIENTS = [
    [[[0, [], []], [0, [1], []]], [[1, [], []]], [[2, [], []]]],
    [[[2, [], []]], [[2, [], []], [0, [], []]]],
]


def split():
    posed = tasks.pose(Cohort(pickled.from_lists(PATIENTS)), "next_visit", 4)
    whole = Part(np.array([0, 1]), posed.store, posed.labels)
    return Split(whole, whole, whole, {})


def test_frequency_is_that_of_train():
    made = split()
    values = outcome_yardsticks.probabilities("frequency", made, made.test)
    assert values.tolist() == [[0.5, 0, 1, 0]] * 2


def test_the_latest_diagnoses_come_first():
    made = split()
    values = outcome_yardsticks.probabilities("repeated", made, made.test)
    # Patient 0: 1 in the last visit of the history, 0 one visit before; then 2, for its share in train.
    np.testing.assert_allclose(values[0], [(1 / 2 + 0.5e-6) / 2, 1 / 2, 1e-6 / 2, 0])
    np.testing.assert_allclose(values[1], [0.5e-6 / 2, 0, (1 + 1e-6) / 2, 0])


def test_own_share_counts_a_visit_once_and_valid_chooses_how_far_it_shrinks():
    made = split()
    values = outcome_yardsticks.probabilities("own_share", made, made.test)
    # The history never tells the last visit here, so that the strongest shrinking, 100 visits, is best.
    np.testing.assert_allclose(values[0], [(1 + 50) / 102, 1 / 102, 100 / 102, 0])
    np.testing.assert_allclose(values[1], [50 / 101, 0, (1 + 100) / 101, 0])


def test_unknown_diagnoses_are_dropped_as_for_a_model():
    made = split()
    known = {"dx": np.array([True, False]), "rx": np.array([], bool), "pr": np.array([], bool)}
    part = Part(made.test.rows, made.test.store, made.test.labels, known)
    values = outcome_yardsticks.probabilities("repeated", made, part)
    assert values[0, 1] == 0 and values[0, 0] > 0.2


@pytest.mark.parametrize(
    ("task", "expected"), [("label", ("frequency",)), ("next_visit", tuple(outcome_yardsticks.NAMES))]
)
def test_a_history_is_repeated_where_diagnoses_are_predicted(task, expected):
    assert outcome_yardsticks.available(task) == expected
