"""Which patients are used and how they are split: the reference's own splits, and small cases by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cohorts

from mime_tf.data import pickled
from mime_tf.errors import InputError
from mime_tf.splits import division
from mime_tf.splits import split as split_module
from mime_tf.splits.split import Part, eligible, known_codes, make_split

ORDERED, BARE = [0, [1], []], [1, [], []]


def rows_of(patients, **thresholds):
    return eligible(pickled.from_lists(patients), **thresholds).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_splits_are_the_reference_s(reference_cohort, seed):
    store, labels = reference_cohort.store, reference_cohort.labels
    split = make_split(store, labels, eligible(store), seed)
    expected = reference_cohort.splits[seed]
    for name in ("train", "valid", "test"):
        part = getattr(split, name)
        assert part.store is store, name
        assert pickled.to_lists(part.patients()) == expected[f"{name}_seqs"], name
        assert part.labels.tolist() == expected[f"{name}_labels"], name


def test_the_default_split_seeds_differ(reference_cohort):
    """So that the test above is five tests."""
    firsts = [str(split["train_seqs"]) for split in reference_cohort.splits.values()]
    assert len(set(firsts)) == 5


# Who is eligible.


def test_thresholds_by_hand():
    patients = [[[]] * visits for visits in (1, 2, 3, 4, 2)]
    assert rows_of(patients) == [0, 1, 2, 3, 4]
    assert rows_of(patients, min_threshold=2) == [1, 2, 3, 4]
    assert rows_of(patients, max_threshold=4) == [0, 1, 2, 4]  # 4 visits are one too many
    assert rows_of(patients, min_threshold=2, max_threshold=3) == [1, 4]


def test_association_by_hand():
    associated = [ORDERED, BARE, [2, [], [0]]]  # two Dx-objects with an order: a medication, a procedure
    alone = [ORDERED, BARE, BARE]  # one
    patients = [[associated], [alone], [associated, alone, []], [associated, associated, alone]]
    # Shares 1, 0, 1/3, 2/3.
    assert rows_of(patients, association_threshold=0.0) == [0, 1, 2, 3]
    assert rows_of(patients, association_threshold=0.3) == [0, 2, 3]
    assert rows_of(patients, association_threshold=1 / 3) == [0, 2, 3]
    assert rows_of(patients, association_threshold=0.5) == [0, 3]
    assert rows_of(patients, association_threshold=1.0) == [0]
    # An object with a medication and a procedure is one Dx-object with an order.
    assert rows_of([[associated], [[[0, [1], [1]], BARE]]], association_threshold=1.0) == [0]


@settings(max_examples=150)
@given(cohorts.cohorts(), st.integers(1, 3), st.integers(2, 8), st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0]))
def test_eligible_equals_a_loop(patients, min_threshold, max_threshold, association_threshold):
    def admitted(patient):
        ordered = [sum(bool(rx or pr) for _, rx, pr in visit) for visit in patient]
        share = sum(count >= 2 for count in ordered) / len(patient)
        return min_threshold <= len(patient) < max_threshold and share >= association_threshold

    expected = [row for row, patient in enumerate(patients) if admitted(patient)]
    store = pickled.from_lists(patients)
    if expected:
        assert eligible(store, min_threshold, max_threshold, association_threshold).tolist() == expected
    else:
        with pytest.raises(InputError):
            eligible(store, min_threshold, max_threshold, association_threshold)


def test_nobody_left_is_one_clear_line():
    with pytest.raises(InputError) as error:
        rows_of([[[]], [[], [], []]], min_threshold=5, max_threshold=7)
    message = str(error.value)
    assert message.startswith("no patient is left of 2: none has 5 <= visits < 7 and ")
    assert "visits run from 1 to 3" in message
    assert len(message.splitlines()) == 1
    with pytest.raises(InputError, match=r"association share of at least 0\.5"):
        rows_of([[[BARE]]], association_threshold=0.5)


# How they are divided.


def test_train_ratio_keeps_the_first_of_the_draw():
    rows = np.arange(100, 150)
    train, _, _ = division.partition(rows, seed=3)
    store = pickled.from_lists([[[[row, [], []]]] for row in range(150)])
    labels = np.arange(150) % 2
    # int(10 * 0.39) = 3 of the 10 training patients; all have one visit, so sorting keeps the draw's order.
    split = make_split(store, labels, rows, 3, train_ratio=0.39)
    assert split.train.rows.tolist() == train[:3].tolist()
    # Training knows the codes that the three of them hold, so no Dx-object of the others is left.
    assert np.flatnonzero(split.known["dx"]).tolist() == sorted(train[:3].tolist())
    assert {len(part.patients().dx) for part in (split.valid, split.test)} == {0}
    assert {len(split.known[kind]) for kind in ("rx", "pr")} == {0}


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, [10, 20, 20]),
        ({"test_fraction": 0.2, "valid_fraction": 0.2}, [30, 10, 10]),
        ({"test_fraction": 0.1, "valid_fraction": 0.3}, [30, 15, 5]),
    ],
)
def test_fractions_give_the_sizes(options, sizes):
    parts = division.partition(np.arange(50), 0, **options)
    assert [len(part) for part in parts] == sizes
    assert sorted(np.concatenate(parts).tolist()) == list(range(50))


def test_too_few_patients_to_divide():
    with pytest.raises(InputError, match=r"^2 patients cannot be divided into train, valid and test with"):
        division.partition(np.arange(2), 0)
    store = pickled.from_lists([[[]]] * 10)
    with pytest.raises(InputError, match=r"^train_ratio 0\.1 leaves no training patient"):
        make_split(store, np.zeros(10), np.arange(10), 0, train_ratio=0.1)


# Contents of a split.


@settings(max_examples=60)
@given(cohorts.labelled(min_patients=8, max_patients=20), st.integers(0, 10), st.data())
def test_a_split_holds_the_input_s_rows_and_known_codes(patients_and_labels, seed, data):
    patients, labels = patients_and_labels
    store, rows = pickled.from_lists(patients), np.array([row for row in range(len(patients)) if row != 2])
    split = make_split(store, labels, rows, seed)
    parts = [split.train, split.valid, split.test]
    assert sorted(np.concatenate([part.rows for part in parts]).tolist()) == rows.tolist()
    trained = [patients[row] for row in split.train.rows]
    dx_objects = [dx_object for patient in trained for visit in patient for dx_object in visit]
    known = {
        "dx": {dx for dx, _, _ in dx_objects},
        "rx": {code for _, rx, _ in dx_objects for code in rx},
        "pr": {code for _, _, pr in dx_objects for code in pr},
    }
    assert {kind: set(np.flatnonzero(split.known[kind]).tolist()) for kind in known} == known
    for part in parts:
        assert part.store is store  # none has a copy of the patients
        expected = cohorts.keep_known([patients[row] for row in part.rows], known)
        assert pickled.to_lists(part.patients()) == expected
        start, end = data.draw(st.tuples(st.integers(0, len(part)), st.integers(0, len(part) + 2)))
        assert pickled.to_lists(part.patients(start, end)) == expected[start:end]
        assert pickled.to_lists(part.patients(start)) == expected[start:]
        assert part.labels.tolist() == [labels[row] for row in part.rows]
        assert len(part) == len(part.rows)
    assert pickled.to_lists(store) == patients


@settings(max_examples=60)
@given(cohorts.cohorts(min_patients=8, max_patients=20), st.integers(0, 10))
def test_parts_are_sorted_by_visits_and_stable(patients, seed):
    store = pickled.from_lists(patients)
    rows = np.arange(len(patients))
    split = make_split(store, np.zeros(len(patients)), rows, seed)
    drawn = division.partition(rows, seed)
    for part, order in zip((split.train, split.valid, split.test), drawn, strict=True):
        assert part.rows.tolist() == sorted(order.tolist(), key=lambda row: len(patients[row]))


def test_a_visit_emptied_of_unknown_codes_stays():
    # Training holds diagnosis 0 only, so a patient with diagnosis 1 keeps an empty visit.
    store = pickled.from_lists([[[[0, [], []]]]] * 10 + [[[[1, [], []]], [[0, [3], []]]]])
    rows = np.arange(11)
    seed = next(seed for seed in range(20) if 10 not in division.partition(rows, seed)[0])
    split = make_split(store, np.zeros(11), rows, seed)
    part = split.valid if 10 in split.valid.rows else split.test
    assert part.rows[-1] == 10
    assert pickled.to_lists(part.patients())[-1] == [[], [[0, [], []]]]


@pytest.fixture
def some_part():
    """The patients at rows 3, 1 and 2 of four, of whose codes medication 1 is not known."""
    store = pickled.from_lists([[[BARE, BARE]], [[ORDERED]], [[]], [[BARE], [ORDERED]]])
    known = {"dx": np.array([True, True]), "rx": np.array([True]), "pr": np.array([], bool)}
    return Part(np.array([3, 1, 2]), store, np.array([1, 0, 1]), known)


def test_patients_by_hand(some_part):
    everyone = [[[BARE], [[0, [], []]]], [[[0, [], []]]], [[]]]
    assert pickled.to_lists(some_part.patients()) == everyone
    assert pickled.to_lists(some_part.patients(1, 3)) == everyone[1:]
    assert pickled.to_lists(some_part.patients(0, 1)) == everyone[:1]
    assert len(some_part.patients(2, 2)) == 0
    all_codes = Part(some_part.rows, some_part.store, some_part.labels)
    assert pickled.to_lists(all_codes.patients(0, 2)) == [[[BARE], [ORDERED]], [[ORDERED]]]


def test_head(some_part):
    head = some_part.head(2)
    assert head.rows.tolist() == [3, 1]
    assert head.labels.tolist() == [1, 0]
    assert head.store is some_part.store
    assert pickled.to_lists(head.patients()) == [[[BARE], [[0, [], []]]], [[[0, [], []]]]]
    assert len(some_part.head(0)) == 0


@pytest.mark.parametrize("block", [1, 3, 50_000])
def test_known_codes_are_gathered_in_blocks_of_patients(monkeypatch, block):
    """Each patient has a diagnosis of its own, every other one a medication too."""
    monkeypatch.setattr(split_module, "_BLOCK", block)
    store = pickled.from_lists([[[[row, [row] * (row % 2), []]]] for row in range(20)])
    split = make_split(store, np.zeros(20), np.arange(20), 0, test_fraction=0.2, valid_fraction=0.3)
    trained = sorted(split.train.rows.tolist())
    assert len(trained) == 10
    assert np.flatnonzero(split.known["dx"]).tolist() == trained
    assert np.flatnonzero(split.known["rx"]).tolist() == [row for row in trained if row % 2]
    assert split.known["pr"].tolist() == []


def test_representations_are_one_line():
    store = pickled.from_lists([[[[row, [0], []]]] for row in range(20)])
    split = make_split(store, np.arange(20) % 2, np.arange(20), 0, test_fraction=0.2, valid_fraction=0.3)
    assert repr(split) == "Split(10 train, 6 valid, 4 test; known: 10 dx, 1 rx, 0 pr)"
    assert repr(split.test) == f"Part(4 patients, {split.test.labels.sum()} of label 1)"


def test_known_codes_by_hand():
    store = pickled.from_lists([[[[1, [2], []]]], [[[3, [1, 1], []], [0, [], []]]]])
    known = known_codes(store, np.array([1]))
    assert {kind: codes.tolist() for kind, codes in known.items()} == {
        "dx": [True, False, False, True],
        "rx": [False, True, False],
        "pr": [],
    }
