"""Yardsticks: regression and boosting find what there is, see what they may, and choose on valid."""

import dataclasses

import numpy as np
import pytest
from scipy import special
from sklearn import metrics

from mime_tf.assess import summary
from mime_tf.data import pickled
from mime_tf.data.cohort import Cohort
from mime_tf.data.patient_table import PatientTable
from mime_tf.regression import linear, trees, yardsticks
from mime_tf.regression.columns import ALL, Columns
from mime_tf.splits.split import Split, make_split

PATIENTS = 600
STREAM = np.random.default_rng(0)
LABELS = STREAM.integers(0, 2, PATIENTS)
NOISE = STREAM.integers(10, 20, (PATIENTS, 4)).tolist()


def split_of(patients, labels=LABELS):
    return make_split(
        pickled.from_lists(patients), labels, np.arange(len(labels)), 0, test_fraction=0.3, valid_fraction=0.2
    )


def linked_risk():
    """Every patient has diagnoses 0 and 1 and drugs 0 and 1; at label 1 drug 0 is for diagnosis 0, else for 1."""
    return [
        [[[0, [0] if label else [1], []], [1, [1] if label else [0], []]], [[code, [], []] for code in noise]]
        for label, noise in zip(LABELS, NOISE, strict=True)
    ]


def auc(fitted, split, table=None):
    return metrics.roc_auc_score(split.test.labels, yardsticks.probabilities(fitted, split.test, table))


def test_only_yardsticks_that_see_links_find_risk_in_links():
    split = split_of(linked_risk())
    found = {name: auc(yardsticks.fit(name, split), split) for name in yardsticks.available(None)}
    assert list(found) == ["codes", "pairs", "boosting"]
    assert found["pairs"] == found["boosting"] == 1
    assert found["codes"] == pytest.approx(0.5, abs=0.12)


def test_a_window_is_chosen_if_the_last_visit_tells():
    """Diagnosis 0 occurs in every record; in the last visit at label 1 only."""
    seen, other = [[0, [], []]], [[1, [], []]]
    split = split_of([[other, seen] if label else [seen, other] for label in LABELS])
    fitted = yardsticks.fit("codes", split)
    assert len(fitted.columns.windows) == 3 and auc(fitted, split) == 1
    assert "all visits and last 3 visits and last visit" in fitted.choice()


def test_days_are_a_window_if_they_are_known():
    """Diagnosis 0 is in the visit before the last at any label; at label 1 in the last 30 days."""
    split = split_of([[[[0, [], []]], [[1, [], []]]] for _ in LABELS])
    days = np.concatenate([[20 if label else 200, 5] for label in LABELS]).astype(np.int32)
    fitted = yardsticks.fit("pairs", split, days=days)
    assert "last 30 days and last 365 days" in fitted.choice()
    assert metrics.roc_auc_score(split.test.labels, yardsticks.probabilities(fitted, split.test, days=days)) == 1
    assert auc(yardsticks.fit("pairs", split), split) == 0.5


def test_the_constant_is_chosen_where_nothing_is_to_be_learned():
    split = split_of([[[[code, [], []] for code in noise]] for noise in NOISE])
    fitted = yardsticks.fit("codes", split)
    share = (split.train.labels.sum() + 0.5) / (len(split.train) + 1)
    if fitted.penalty == "none":
        np.testing.assert_allclose(yardsticks.probabilities(fitted, split.test), share)
    assert fitted.valid_loss <= summary.log_loss(split.valid.labels, np.full(len(split.valid), share))


@pytest.mark.parametrize("name", ["pairs", "boosting"])
def test_labels_of_test_do_not_matter(name):
    """All choices are made on valid: with the labels of test reversed the same model is fitted."""
    split = split_of(linked_risk())
    reversed_test = dataclasses.replace(split.test, labels=1 - split.test.labels)
    other = Split(split.train, split.valid, reversed_test, split.known)
    one, same = (yardsticks.probabilities(yardsticks.fit(name, each), split.test) for each in (split, other))
    np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize("name", ["codes", "boosting"])
def test_no_columns_give_the_share_of_training(name):
    """No code occurs in three patients."""
    labels = np.array([0, 1] * 10)
    split = split_of([[[[row, [], []]]] for row in range(20)], labels)
    fitted = yardsticks.fit(name, split)
    share = (split.train.labels.sum() + 0.5) / (len(split.train) + 1)
    np.testing.assert_allclose(yardsticks.probabilities(fitted, split.test), share)


def test_labels_all_alike():
    labels = np.zeros(30, np.int64)
    split = split_of([[[[0, [], []], [row % 2, [1], []]]] for row in range(30)], labels)
    for name in ("pairs", "boosting"):
        values = yardsticks.probabilities(yardsticks.fit(name, split), split.test)
        np.testing.assert_allclose(values, 0.5 / (len(split.train) + 1))


# Age and sex.


def aged(labels=LABELS):
    """Patients of label 1 are older; nothing but age and sex is on record for them."""
    ages = np.where(labels == 1, 70, 40) + STREAM.integers(-5, 6, len(labels))
    return PatientTable("patients.csv", {"age": [str(age) for age in ages], "sex": list("FM" * (len(labels) // 2))})


def test_age_and_sex_alone_and_added():
    split, table = split_of([[[[0, [], []]]] for _ in LABELS]), aged()
    assert yardsticks.available(table) == [name for name in yardsticks.NAMES if name != "pairs_ancestors"]
    for name in ("age_sex", "pairs_age_sex"):
        fitted = yardsticks.fit(name, split, table)
        assert auc(fitted, split, table) == 1
        assert fitted.weights[fitted.names().index("age, standardized")] > 0
    assert fitted.names()[0] == "dx 0, ever, all visits" and len(fitted.names()) == len(fitted.weights)
    assert np.unique(yardsticks.probabilities(yardsticks.fit("pairs", split, table), split.test)).size == 1


def test_a_table_counts_only_with_age_or_sex(tmp_path):
    cohort = Cohort(pickled.from_lists([[[[0, [], []]]]]))
    assert yardsticks.table_of(cohort) is None
    for header, expected in (("site,ward", False), ("age,ward", True), ("site,sex", True)):
        pickled.write(tmp_path / "c", [[[[0, [], []]]]])
        (tmp_path / "patients.csv").write_text(f"{header}\n1,2\n")
        table = yardsticks.table_of(Cohort.open(tmp_path / "c", labelled=False))
        assert (table is not None) == expected


# The regression.


def test_logits_by_hand():
    """Weights 2 of presence and 3 of log(1 + count), intercept -1, of diagnosis 7."""
    store = pickled.from_lists([[[[7, [], []], [7, [], []]]], [[[8, [], []]]]])
    columns = Columns.learn(store, np.array([0]), windows=(ALL,), least=1)
    fitted = linear.Linear(columns, None, None, np.array([2.0, 3.0]), -1.0, "L2", 0.5, 0.1)
    np.testing.assert_allclose(fitted.logits(store, np.array([1, 0])), [-1, -1 + 2 + 3 * np.log(3)])
    assert fitted.choice() == "L2, C 0.5, all visits"


def test_valid_loss_is_that_of_the_logits_and_the_least_of_the_penalties():
    split = split_of(linked_risk(), labels=np.where(STREAM.random(PATIENTS) < 0.2, 1 - LABELS, LABELS))
    for fitted in (yardsticks.fit("pairs", split), yardsticks.fit("boosting", split)):
        values = yardsticks.probabilities(fitted, split.valid)
        assert fitted.valid_loss == pytest.approx(summary.log_loss(split.valid.labels, values))
        share = split.train.labels.mean()
        assert fitted.valid_loss < summary.log_loss(split.valid.labels, np.full(len(split.valid), share)) - 0.05


def test_a_path_ends_after_the_best():
    """The third of seven is the best on valid; two worse ones end the path, and the others are not fitted."""
    labels, taken = np.array([1, 0]), []

    def path():
        for step, weight in enumerate([0.0, 1.0, 2.0, -3.0, -4.0, 9.0, 9.0]):
            taken.append(step)
            yield float(step), np.array([weight]), 0.0

    values = np.array([[1.0], [-1.0]])
    strength, weights, intercept, loss = linear._least_loss(path(), values, labels, labels)
    assert (strength, weights.tolist(), intercept) == (2.0, [2.0], 0.0)
    assert loss == pytest.approx(np.log1p(np.exp(-2)))
    assert taken == [0, 1, 2, 3, 4]


def test_a_path_waits_for_a_first_gain():
    """The first columns that L1 lets in may do harm; after eight strengths without any gain it ends."""
    labels, values = np.array([1, 0]), np.array([[1.0], [-1.0]])

    def best(weights):
        path = ((float(step), np.array([weight]), 0.0) for step, weight in enumerate(weights))
        return linear._least_loss(path, values, labels, labels)[0]

    assert best([0.0, -1.0, -1.0, -1.0, 1.0, 2.0, 0.5, 0.5, 9.0]) == 5
    assert best([0.0, *[-1.0] * 8, 9.0]) == 0


@pytest.mark.parametrize("name", ["pairs", "age_sex", "pairs_age_sex"])
def test_arrays_make_the_regression_again(name, tmp_path):
    split, table = split_of(linked_risk()), aged()
    fitted = yardsticks.fit(name, split, table)
    np.savez(tmp_path / "r.npz", **fitted.arrays())
    with np.load(tmp_path / "r.npz", allow_pickle=False) as arrays:
        again = linear.Linear.from_arrays(dict(arrays))
    store, rows = split.test.store, split.test.rows
    np.testing.assert_array_equal(again.logits(store, rows, table), fitted.logits(store, rows, table))
    assert (again.choice(), again.names()) == (fitted.choice(), fitted.names())


def test_the_same_seed_gives_the_same_fit():
    split = split_of(linked_risk(), labels=np.where(STREAM.random(PATIENTS) < 0.3, 1 - LABELS, LABELS))
    for name in ("pairs", "boosting"):
        one, same = (yardsticks.probabilities(yardsticks.fit(name, split, seed=3), split.test) for _ in range(2))
        np.testing.assert_array_equal(one, same)


# Boosting.


@pytest.mark.parametrize("engine", [trees.LIGHTGBM, trees.SCIKIT_LEARN])
def test_trees_find_an_interaction(engine, monkeypatch):
    """Risk at exactly one of diagnoses 0 and 1: no sum of the two tells it."""
    if engine == trees.LIGHTGBM:
        pytest.importorskip("lightgbm")
    both = STREAM.integers(0, 2, (PATIENTS, 2))
    patients = [
        [[[code, [], []] for code in (0, 1) if has[code]] + [[5, [], []]], [[code, [], []] for code in noise]]
        for has, noise in zip(both, NOISE, strict=True)
    ]
    split = split_of(patients, labels=both.sum(axis=1) % 2)
    monkeypatch.setattr(trees, "installed", lambda: engine)
    fitted = yardsticks.fit("boosting", split)
    assert fitted.engine == engine and engine in fitted.choice()
    assert auc(fitted, split) > 0.95
    assert auc(yardsticks.fit("codes", split), split) < 0.65


def test_scikit_learn_gets_the_densest_columns_and_says_so(monkeypatch):
    """Diagnoses 0 to 3 in falling number of patients; with room for two columns 0 and 1 are kept."""
    monkeypatch.setattr(trees, "DENSEST", 2)
    patients = [[[[code, [], []] for code in range(4) if row % (code + 1) == 0]] for row in range(PATIENTS)]
    split = split_of(patients)
    columns = Columns.learn(split.train.store, split.train.rows, windows=(ALL,))
    fitted = trees.fit(
        split.train.store, LABELS, split.train.rows, split.valid.rows, columns=columns, engine=trees.SCIKIT_LEARN
    )
    assert [columns.names(None)[column] for column in fitted.kept] == [
        "dx 1, how often, all visits",
        "dx 0, how often, all visits",
    ]
    assert fitted.choice().startswith("scikit-learn on the 2 densest columns, ")


def test_the_engine_is_what_is_installed(monkeypatch):
    for found, engine in ((object(), trees.LIGHTGBM), (None, trees.SCIKIT_LEARN)):
        monkeypatch.setattr(trees.importlib.util, "find_spec", lambda name, found=found: found)
        assert trees.installed() == engine


def test_probabilities_are_of_the_logits():
    split = split_of(linked_risk())
    fitted = yardsticks.fit("pairs", split)
    logits = fitted.logits(split.test.store, split.test.rows)
    np.testing.assert_allclose(yardsticks.probabilities(fitted, split.test), special.expit(logits))
