"""Columns of codes and linked pairs, by hand and against a slow reading of the patients."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cohorts import cohorts

from mime_tf.data import pickled
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.regression import columns as columns_module
from mime_tf.regression.columns import ALL, WINDOWS, Columns, code_key, codes_of, key_name, pair_key

# Three visits: gout (4) with drug 1 twice and cast 0; gout alone and flu (2); gout with drug 1.
ANN = [[[4, [1, 1], [0]]], [[4, [], []], [2, [], []]], [[4, [1], []]]]
BOB = [[[2, [1], []]]]
EVE = [[[4, [], []]], []]  # her last visit is empty, and is a visit
ROWS = np.arange(3)


def store_of(*patients):
    return pickled.from_lists(list(patients))


# By hand.


def test_keys_that_enough_training_patients_have():
    store = store_of(ANN, BOB, EVE)
    columns = Columns.learn(store, ROWS, windows=(ALL,), least=2)
    assert [codes_of(key) for key in columns.keys[0].tolist()] == [(("rx", 1),), (("dx", 4),), (("dx", 2),)]
    every = Columns.learn(store, ROWS, windows=(ALL,), least=1)
    assert sorted(map(codes_of, every.keys[0].tolist())) == sorted(
        [
            *((("dx", 2),), (("dx", 4),), (("rx", 1),), (("pr", 0),)),
            *((("dx", 4), ("rx", 1)), (("dx", 4), ("pr", 0)), (("dx", 2), ("rx", 1))),
        ]
    )
    assert Columns.learn(store, ROWS, windows=(ALL,), links=False, least=1).keys[0].tolist() == [
        *(code_key("pr", 0), code_key("rx", 1), code_key("dx", 4), code_key("dx", 2))
    ]
    assert len(Columns.learn(store, ROWS).keys[0]) == 0  # no code is in three patients


def test_only_training_patients_make_columns():
    columns = Columns.learn(store_of(ANN, BOB, EVE), np.array([2]), windows=(ALL,), least=1)
    assert columns.keys[0].tolist() == [code_key("dx", 4)]


def test_values_by_hand():
    """Drug 1, gout, flu, and drug 1 because of gout; in all visits, then in the last one."""
    keys = np.array([code_key("rx", 1), code_key("dx", 4), code_key("dx", 2), pair_key(4, "rx", 1)])
    columns = Columns((ALL, 1), (keys, keys))
    values = columns.matrix(store_of(ANN, BOB, EVE), np.array([2, 0, 1])).toarray()
    eve = [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]
    ann = [1, 1, 1, 1], [3, 3, 1, 3], [1, 1, 0, 1], [1, 1, 0, 1]
    bob = [1, 0, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0]
    for row, (ever, times, ever_last, times_last) in zip(values, (eve, ann, bob), strict=True):
        np.testing.assert_allclose(row, np.concatenate([ever, np.log1p(times), ever_last, np.log1p(times_last)]))


def test_windows_of_days_by_hand():
    """Ann's visits are 400, 30 and 29 days before the prediction; the last 30 days hold two of them."""
    store = store_of(ANN, BOB, EVE).with_days(np.array([400, 30, 29, 31, 365, 0], np.int32))
    keys = np.array([code_key("rx", 1), code_key("dx", 4), code_key("dx", 2), pair_key(4, "rx", 1)])
    columns = Columns((-30, -365), (keys, keys))
    eve = [0, 0, 0, 0], [0, 1, 0, 0]  # her gout is 365 days old
    ann = [1, 2, 1, 1], [1, 2, 1, 1]
    bob = [0, 0, 0, 0], [1, 0, 1, 0]
    rows = np.array([2, 0, 1])
    for row, (month, year) in zip(columns.matrix(store, rows).toarray(), (eve, ann, bob), strict=True):
        expected = [np.sign(month), np.log1p(month), np.sign(year), np.log1p(year)]
        np.testing.assert_allclose(row, np.concatenate(expected))
    with pytest.raises(ValueError, match="needs the days"):
        columns.matrix(store.with_days(None), rows)
    assert columns.names(None)[0] == "rx 1, ever, last 30 days"


def test_windows_of_days_are_learned_where_the_days_are_known():
    """Parts to choose from: all visits, the windows of visits, and all windows."""
    store = store_of(ANN, BOB, EVE).with_days(np.array([400, 30, 29, 31, 365, 0], np.int32))
    columns = Columns.learn(store, ROWS, least=2)
    assert columns.windows == (ALL, 3, 1, -30, -365)
    assert [part.windows for part in columns.parts()] == [(ALL,), WINDOWS, columns.windows]
    assert [codes_of(key) for key in columns.keys[-1].tolist()] == [(("rx", 1),), (("dx", 4),), (("dx", 2),)]
    assert len(columns.keys[-2]) == 0  # of Ann alone
    assert Columns.learn(store.with_days(None), ROWS, least=2).windows == WINDOWS


def test_kinds_of_codes_do_not_mix():
    """Code 5 of each kind, and diagnosis 5 with medication 5 and with procedure 5, are five keys."""
    keys = [*(code_key(kind, 5) for kind in ("dx", "rx", "pr")), pair_key(5, "rx", 5), pair_key(5, "pr", 5)]
    assert len(set(keys)) == 5
    assert [codes_of(key) for key in keys[3:]] == [(("dx", 5), ("rx", 5)), (("dx", 5), ("pr", 5))]


@given(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1), st.sampled_from(["rx", "pr"]))
def test_keys_of_any_codes_fit_int64_and_are_read_again(dx, code, kind):
    key = pair_key(dx, kind, code)
    assert 0 <= key < 2**63 and codes_of(key) == (("dx", dx), (kind, code))
    for each in ("dx", kind):
        assert -(2**63) <= code_key(each, code) < 0 and codes_of(code_key(each, code)) == ((each, code),)


def test_the_largest_codes_of_a_store_are_found():
    largest = 2**31 - 1
    store = store_of([[[largest, [largest], [largest]]]])
    columns = Columns.learn(store, np.array([0]), windows=(ALL,), least=1)
    assert len(columns.keys[0]) == 5
    np.testing.assert_allclose(columns.matrix(store, np.array([0])).toarray(), [[1] * 5 + [math.log(2)] * 5])


def test_no_columns_and_no_patients():
    store = store_of(ANN)
    none = Columns.learn(store, np.array([0]))
    assert len(none) == 0 and none.matrix(store, np.array([0])).shape == (1, 0)
    assert Columns((), ()).matrix(store, np.array([0, 0])).shape == (2, 0)
    columns = Columns.learn(store, np.array([0]), windows=(ALL,), least=1)
    assert columns.matrix(store, np.zeros(0, np.int64)).shape == (0, 2 * 6)


def test_names_for_people():
    rows = [{"kind": "dx", "index": "4", "system": "I", "code": "M10", "display": "Gout"}]
    vocabulary = Vocabulary(rows, {("dx", 4): rows[0]})
    assert key_name(pair_key(4, "rx", 1), vocabulary) == "rx 1 because of Gout (M10)"
    columns = Columns((ALL, 3), (np.array([code_key("dx", 4)]), np.array([pair_key(4, "pr", 0)])))
    assert columns.names(vocabulary) == [
        "Gout (M10), ever, all visits",
        "Gout (M10), how often, all visits",
        "pr 0 because of Gout (M10), ever, last 3 visits",
        "pr 0 because of Gout (M10), how often, last 3 visits",
    ]


# Against a slow reading.


def keys_in(visits):
    """The keys of visits of nested lists, each as often as it occurs."""
    keys = []
    for visit in visits:
        for dx, *orders in visit:
            keys.append(code_key("dx", dx))
            for kind, codes in zip(("rx", "pr"), orders, strict=True):
                for code in codes:
                    keys += [code_key(kind, code), pair_key(dx, kind, code)]
    return keys


@given(cohorts(), st.integers(1, 3), st.data())
def test_equality_with_a_slow_reading(patients, least, data):
    store = pickled.from_lists(patients)
    rows = st.lists(st.integers(0, len(patients) - 1), max_size=10).map(lambda rows: np.array(rows, np.int64))
    train, others = np.unique(data.draw(rows)), data.draw(rows)
    columns = Columns.learn(store, train, least=least)
    expected = []
    for window, keys in zip(WINDOWS, columns.keys, strict=True):
        inside = [keys_in(patient[-window:]) for patient in patients]
        having = [key for row in train for key in set(inside[row])]
        assert keys.tolist() == sorted({key for key in having if having.count(key) >= least})
        times = np.array([[inside[row].count(key) for key in keys.tolist()] for row in others])
        times = times.reshape(len(others), len(keys))
        expected += [times > 0, np.log1p(times)]
    matrix = columns.matrix(store, others)
    np.testing.assert_allclose(matrix.toarray(), np.hstack(expected))
    assert matrix.shape == (len(others), len(columns)) and len(columns.names(None)) == len(columns)
    np.testing.assert_allclose(matrix[:, columns.counts].toarray(), np.hstack(expected[1::2]))
    first, whole = columns.parts()
    np.testing.assert_allclose(first.matrix(store, others).toarray(), matrix[:, : len(first)].toarray())
    assert whole.windows == columns.windows and (whole.matrix(store, others) != matrix).nnz == 0
    again = Columns.from_arrays(columns.arrays())
    assert again.windows == columns.windows and (again.matrix(store, others) != matrix).nnz == 0


def test_blocks_of_patients_make_no_difference(monkeypatch):
    """Five patients in blocks of two; a key of three patients is found although no block has three."""
    store, rows = store_of(ANN, BOB, EVE, ANN, BOB), np.array([4, 0, 2, 3, 1])
    whole = Columns.learn(store, rows, least=3)
    expected = whole.matrix(store, rows)
    monkeypatch.setattr(columns_module, "_BLOCK", 2)
    divided = Columns.learn(store, rows, least=3)
    assert [keys.tolist() for keys in divided.keys] == [keys.tolist() for keys in whole.keys]
    assert code_key("dx", 4) in divided.keys[0]
    assert (divided.matrix(store, rows) != expected).nnz == 0
