"""Pairs of diagnoses as columns: by hand, against a slow reading, and found among many by the regression."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.cohorts import cohorts

from mime_tf.data import pickled
from mime_tf.regression import linear
from mime_tf.regression.columns import ALL, Columns
from mime_tf.regression.sequences import Sequences

# Ann has gout (4), then flu (2) and gout; Bob flu, then gout; Eve both in one visit; Tim flu alone.
ANN = [[[4, [], []]], [[2, [], []], [4, [], []]]]
BOB = [[[2, [1], []]], [], [[4, [], [0]]]]
EVE = [[[4, [], []], [2, [], []]]]
TIM = [[[2, [], []], [2, [], []]]]
STORE = pickled.from_lists([ANN, BOB, EVE, TIM])


def test_values_by_hand():
    sequences = Sequences.learn(STORE, np.arange(4), least=3)
    assert sequences.pairs.tolist() == [[2, 4]] and len(sequences) == 2
    assert sequences.matrix(STORE, np.arange(4)).toarray().tolist() == [[1, -1], [1, 1], [1, 0], [0, 0]]
    assert sequences.names(None) == ["dx 2 and dx 4", "dx 2 before dx 4"]
    assert Sequences.learn(STORE, np.arange(4), least=4).pairs.tolist() == []


def test_no_pairs_and_no_patients():
    none = Sequences.learn(STORE, np.array([3]), least=1)
    assert none.matrix(STORE, np.arange(4)).shape == (4, 0) and none.names(None) == []
    sequences = Sequences.learn(STORE, np.arange(4), least=1)
    assert sequences.matrix(STORE, np.zeros(0, np.int64)).shape == (0, 2)
    empty = pickled.from_lists([[[]], [[]]])
    assert len(Sequences.learn(empty, np.arange(2))) == 0
    assert sequences.matrix(empty, np.arange(2)).toarray().tolist() == [[0, 0], [0, 0]]


@given(cohorts(), st.integers(1, 3), st.data())
def test_equality_with_a_slow_reading(patients, least, data):
    store = pickled.from_lists(patients)
    rows = st.lists(st.integers(0, len(patients) - 1), max_size=10).map(lambda rows: np.array(rows, np.int64))
    train, others = np.unique(data.draw(rows)), data.draw(rows)
    sequences = Sequences.learn(store, train, least=least)

    def firsts(row):
        visits = {}
        for number, visit in enumerate(patients[row]):
            for dx, *_ in visit:
                visits.setdefault(dx, number)
        return visits

    having = [(a, b) for visits in map(firsts, train) for a in visits for b in visits if a < b]
    pairs = sorted({pair for pair in having if having.count(pair) >= least})
    assert sequences.pairs.tolist() == [list(pair) for pair in pairs]
    expected = np.zeros((len(others), 2 * len(pairs)))
    for index, visits in enumerate(map(firsts, others)):
        for column, (a, b) in enumerate(pairs):
            if a in visits and b in visits:
                expected[index, [column, len(pairs) + column]] = 1, np.sign(visits[b] - visits[a])
    np.testing.assert_array_equal(sequences.matrix(store, others).toarray(), expected)
    again = Sequences.from_arrays(sequences.arrays())
    np.testing.assert_array_equal(again.matrix(store, others).toarray(), expected)


def test_the_regression_finds_the_pairs_that_matter():
    """Risk from two diagnoses together, and from which of two came first; each diagnosis alone tells nothing."""
    rng = np.random.default_rng(0)
    present, early = rng.random((2, 3000, 12)) < 0.5
    patients = [
        [[[dx, [], []] for dx in np.flatnonzero(has & first)], [[dx, [], []] for dx in np.flatnonzero(has & ~first)]]
        for has, first in zip(present, early, strict=True)
    ]
    store = pickled.from_lists([[[[int(dx), [], []] for dx, *_ in visit] for visit in visits] for visits in patients])
    together = (present[:, 0] - 0.5) * (present[:, 1] - 0.5) * 4
    order = present[:, 2] * present[:, 3] * (early[:, 2].astype(int) - early[:, 3].astype(int))
    labels = (rng.random(3000) < 1 / (1 + np.exp(-2 * together - 3 * order))).astype(int)
    train, valid, test = np.split(np.arange(3000), [2000, 2500])
    columns, sequences = Columns.learn(store, train, windows=(ALL,)), Sequences.learn(store, train)
    without = linear.fit(store, labels, train, valid, columns=columns)
    with_pairs = linear.with_sequences(without, sequences, store, labels, train, valid)
    assert without.sequences is None and with_pairs.penalty == "L1" and "pairs of diagnoses" in with_pairs.choice()
    losses = [linear.log_loss(labels[test], fitted.logits(store, test)) for fitted in (without, with_pairs)]
    assert losses[1] < losses[0] - 0.15
    weights = dict(zip(with_pairs.names(), with_pairs.weights, strict=True))
    assert weights["dx 0 and dx 1"] > 0.5 and weights["dx 2 before dx 3"] > 0.5
    again = linear.Linear.from_arrays(with_pairs.arrays())
    np.testing.assert_array_equal(again.logits(store, test), with_pairs.logits(store, test))
    refitted = linear.refit(with_pairs, store, labels, train, 1.0, 0)
    np.testing.assert_allclose(refitted.logits(store, test), with_pairs.logits(store, test), atol=0.05)
