"""Selecting patients and dropping unknown codes, against the same on nested lists."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cohorts

from mime_tf.data import pickled
from mime_tf.data.store import distinct, offsets, ranges

runs = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6)), max_size=8)


def as_arrays(known, sizes=None):
    """Sets of known codes as boolean arrays, each up to its largest code unless `sizes` says how long."""
    lengths = sizes or {kind: max(codes, default=-1) + 1 for kind, codes in known.items()}
    return {kind: np.isin(np.arange(lengths[kind]), list(codes)) for kind, codes in known.items()}


@given(runs)
def test_ranges_are_concatenated_aranges(pairs):
    starts, lengths = (np.array([pair[index] for pair in pairs], np.int64) for index in (0, 1))
    expected = [value for start, length in pairs for value in range(start, start + length)]
    assert ranges(starts, lengths).tolist() == expected


@given(st.lists(st.integers(-3, 9)))
def test_distinct_values_ascend(values):
    assert distinct(np.array(values, np.int64)).tolist() == sorted(set(values))


def test_offsets_by_hand():
    assert offsets(np.array([2, 0, 3])).tolist() == [0, 2, 2, 5]
    assert offsets(np.array([], np.int64)).tolist() == [0]
    assert offsets(np.array([True, False, True])).tolist() == [0, 1, 1, 2]


@settings(max_examples=150)
@given(cohorts.cohorts(), st.data())
def test_select_is_indexing(patients, data):
    rows = data.draw(st.lists(st.integers(0, len(patients) - 1), max_size=10))
    selected = pickled.from_lists(patients).select(rows)
    assert len(selected) == len(rows)
    assert pickled.to_lists(selected) == [patients[row] for row in rows]
    assert selected.visit_counts.tolist() == [len(patients[row]) for row in rows]


@given(cohorts.cohorts(), st.data())
def test_codes_of_patients_are_those_of_their_records(patients, data):
    rows = data.draw(st.lists(st.integers(0, len(patients) - 1), max_size=10))
    store = pickled.from_lists(patients)
    for position, kind in enumerate(("dx", "rx", "pr")):
        expected = [
            [code for visit in patients[row] for dxobj in visit for code in np.atleast_1d(dxobj[position]).tolist()]
            for row in rows
        ]
        codes, counts = store.codes_of(np.array(rows, np.int64), kind)
        assert counts.tolist() == list(map(len, expected))
        assert codes.tolist() == [code for of_patient in expected for code in of_patient]
        assert store.vocabulary_size(kind) == max(getattr(store, kind).tolist(), default=-1) + 1


@settings(max_examples=150)
@given(cohorts.cohorts(), cohorts.known_codes(), st.booleans())
def test_keep_known_is_filtering(patients, known, full_length):
    sizes = {"dx": cohorts.NUM_DX, "rx": cohorts.NUM_RX, "pr": cohorts.NUM_PR}
    store = pickled.from_lists(patients)
    kept = store.keep_known(as_arrays(known, sizes if full_length else None))
    assert pickled.to_lists(kept) == cohorts.keep_known(patients, known)
    assert pickled.to_lists(store) == patients


@settings(max_examples=60)
@given(cohorts.cohorts(), cohorts.known_codes())
def test_selected_or_kept_patients_are_a_store_like_any_other(patients, known):
    """Its columns have the types and lengths that reading the same patients gives."""
    store = pickled.from_lists(patients)
    for derived in (store.select(np.arange(len(patients))[::-1]), store.keep_known(as_arrays(known))):
        read = pickled.from_lists(pickled.to_lists(derived))
        for name, expected in read.records.items():
            got = getattr(derived, name)
            assert got.dtype == expected.dtype, name
            assert got.tolist() == expected.tolist(), name


def test_days_stay_with_their_visits():
    store = pickled.from_lists([[[[0, [], []]], []], [[]], [[], []]]).with_days(np.array([9, 8, 7, 6, 5], np.int32))
    assert store.select([2, 0]).days.tolist() == [6, 5, 9, 8]
    assert store.keep_known({kind: np.zeros(1, bool) for kind in ("dx", "rx", "pr")}).days.tolist() == [9, 8, 7, 6, 5]
    assert store.without_last_visits().days.tolist() == [9, 6]
    assert store.with_days(None).select([0]).days is None


def test_keep_known_by_hand():
    patients = [[[[0, [0, 1, 1], [2]], [1, [0], []]], [[1, [], []]]]]
    known = {"dx": np.array([True, False]), "rx": np.array([False, True]), "pr": np.array([True])}
    # Diagnosis 1 goes whole, medication 0 and procedure 2 (past the array's end) go alone; both visits stay.
    assert pickled.to_lists(pickled.from_lists(patients).keep_known(known)) == [[[[0, [1, 1], []]], []]]
