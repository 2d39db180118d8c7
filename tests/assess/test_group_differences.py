"""Differences between subgroups: values by hand, intervals by a bootstrap and a formula of the test's own."""

import numpy as np
import pytest

from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.group_differences import group_differences
from mime_tf.assess.scores import Scores

# Women: 20 cases, of whom 12 are alerted at 0.5, and 40 controls, of whom 8. Men: 10 cases, 9 alerted; 20 controls, 10.
COUNTS = {"F": ((12, 8), (8, 32)), "M": ((9, 1), (10, 10))}
LABELS, PROBABILITIES, SEX = [], [], []
for sex, of_labels in COUNTS.items():
    for label, (high, low) in zip((1, 0), of_labels, strict=True):
        LABELS += [label] * (high + low)
        PROBABILITIES += [0.75] * high + [0.25] * low
        SEX += [sex] * (high + low)
SEX = np.array(SEX)
DIVIDED = {"sex": {"M": SEX == "M", "F": SEX == "F"}}


def test_values_by_hand():
    found = group_differences(Scores(LABELS, PROBABILITIES), DIVIDED, [0.5], Bootstrap(0))
    assert {(each.group, each.reference) for each in found} == {("M", "F")}
    values = {each.measure: (each.value, each.reference_value, each.difference.value) for each in found}
    assert values["sensitivity"] == pytest.approx((0.9, 0.6, 0.3))
    assert values["false_positive_rate"] == pytest.approx((0.5, 0.2, 0.3))
    men, women = 10 / (19 * 0.75 + 11 * 0.25), 20 / (20 * 0.75 + 40 * 0.25)
    assert values["observed_to_expected"] == pytest.approx((men, women, men - women))
    assert all(np.isnan(each.difference.low) for each in found)


def test_intervals_by_another_bootstrap():
    """Rows of one patient, here a man's and a woman's record, are drawn together."""
    rows, times = len(LABELS), 60
    patients = np.arange(rows) % 70
    found = group_differences(Scores(LABELS, PROBABILITIES, patients), DIVIDED, [0.5], Bootstrap(times, 3))
    stream, labels, alerted = np.random.default_rng(3), np.array(LABELS), np.array(PROBABILITIES) >= 0.5
    differences = []
    for _ in range(times):
        chosen = [np.flatnonzero(patients == patient) for patient in stream.integers(0, 70, 70)]
        drawn = np.concatenate(chosen)
        shares = [alerted[drawn][(labels[drawn] == 0) & (SEX[drawn] == sex)].mean() for sex in "MF"]
        differences.append(shares[0] - shares[1])
    (rate,) = [each.difference for each in found if each.measure == "false_positive_rate"]
    assert (rate.low, rate.high) == pytest.approx(tuple(np.percentile(differences, [2.5, 97.5])))


def test_a_share_of_1_has_a_width():
    """All men's cases are alerted at 0.1, and all women's: a bootstrap would say that they differ by exactly 0."""
    found = group_differences(Scores(LABELS, PROBABILITIES), DIVIDED, [0.1], Bootstrap(20))
    (sensitivity,) = [each.difference for each in found if each.measure == "sensitivity"]
    # Wilson's lower end of n of n is n / (n + z^2).
    z = 1.959963984540054**2
    assert (sensitivity.value, sensitivity.low, sensitivity.high) == pytest.approx((0, -z / (10 + z), z / (20 + z)))


def test_groups_that_can_not_be_measured_are_compared_with_nobody():
    few = np.arange(90) < 5
    divided = {
        "ward": {"A": few, "B": ~few},
        "age": {"not known": ~few, "old": few},
        "none": {"all": np.ones(90, bool)},
    }
    assert group_differences(Scores(LABELS, PROBABILITIES), divided, [0.5], Bootstrap(0)) == []


def test_the_largest_known_group_is_the_reference():
    divided = {"sex": {"not known": SEX == "F", "M": SEX == "M"}}
    found = group_differences(Scores(LABELS, PROBABILITIES), divided, (), Bootstrap(0))
    assert [(each.group, each.reference) for each in found] == [("not known", "M")]
