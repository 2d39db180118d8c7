"""Batches hold the patients they are cut from, each visit and Dx-object once, and start where the reference's do."""

import cohorts
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mime_tf import batching, cohort, records, shapes
from mime_tf.batching import DIMENSIONS, Batcher
from mime_tf.distinct import distinct_rows
from mime_tf.errors import InputError


def table_rows(table):
    """The rows of a padded table as lists, without the padding."""
    return [[int(value) for value in row if value >= 0] for row in table]


def dx_objects_of(batch):
    """The Dx-objects of a batch's tables as `[dx, [rx ...], [pr ...]]`, padding left out."""
    rows = zip(batch["dx"].tolist(), table_rows(batch["rx"]), table_rows(batch["pr"]), strict=True)
    return [list(row) for row in rows if row[0] >= 0]


def expand(batch):
    """The nested lists that a batch's tables stand for."""
    dx_objects = dx_objects_of(batch)
    visits = [[dx_objects[row] for row in members] for members in table_rows(batch["dxobjs"])]
    return [[visits[row] for row in references] for references in table_rows(batch["visits"])]


def sizes_of(batch):
    """The sizes of a batch's tables, by dimension."""
    shape = (*batch["visits"].shape, *batch["dxobjs"].shape, *batch["rx"].shape, batch["pr"].shape[1])
    return dict(zip(DIMENSIONS, shape, strict=True))


def distinct(items):
    """The different ones among nested lists, in the order of their first occurrence."""
    return [item for place, item in enumerate(items) if item not in items[:place]]


def widened(extra):
    """A `choose_shape` that adds `extra`, a dict, to what is needed."""
    return lambda needed: {name: size + extra.get(name, 0) for name, size in needed.items()}


@settings(deadline=None, max_examples=150)
@given(cohorts.cohorts(), st.data())
def test_a_batch_expands_to_its_patients(patients, data):
    rows = data.draw(st.lists(st.integers(0, len(patients) - 1), min_size=1, max_size=6))
    batch = Batcher(records.from_lists(patients)).batch(rows)
    assert expand(batch) == [patients[row] for row in rows]
    assert {array.dtype for array in batch.values()} == {np.dtype(np.int32)}


@settings(deadline=None, max_examples=150)
@given(cohorts.cohorts())
def test_what_is_repeated_stands_in_the_tables_once(patients):
    batch = Batcher(records.from_lists(patients)).batch(np.arange(len(patients)))
    visits = distinct([visit for patient in patients for visit in patient])
    dx_objects = distinct([dx_object for visit in visits for dx_object in visit])
    # An empty table still has one row, all padding.
    assert len(batch["dx"]) == max(len(dx_objects), 1)
    assert sorted(dx_objects_of(batch)) == sorted(dx_objects)
    assert sorted(table_rows(batch["dxobjs"])) == sorted(distinct(table_rows(batch["dxobjs"])))
    assert len(batch["dxobjs"]) == len(visits)


@settings(deadline=None, max_examples=100)
@given(cohorts.cohorts(), st.fixed_dictionaries({name: st.integers(0, 3) for name in DIMENSIONS}))
def test_more_padding_changes_nothing_but_the_sizes(patients, extra):
    batcher, rows = Batcher(records.from_lists(patients)), np.arange(len(patients))
    tight, padded = batcher.batch(rows), batcher.batch(rows, widened(extra))
    assert sizes_of(padded) == {name: size + extra[name] for name, size in sizes_of(tight).items()}
    assert expand(padded) == patients + [[]] * extra["B"]
    for name, table in tight.items():
        corner = tuple(slice(0, size) for size in table.shape)
        np.testing.assert_array_equal(padded[name][corner], table)
        assert np.count_nonzero(padded[name] >= 0) == np.count_nonzero(table >= 0)


def test_tables_by_hand():
    flu, pneumonia = [7, [], [2, 2]], [3, [5], []]
    patients = [[[flu]], [[pneumonia, flu], [], [flu]]]
    batch = Batcher(records.from_lists(patients)).batch(np.array([1, 0, 1]))
    # Three different visits ([pneumonia, flu], [] and [flu]) of two different Dx-objects; patients of 3, 1, 3 visits.
    assert sizes_of(batch) == {"B": 3, "T": 3, "V": 3, "D": 2, "N": 2, "R": 1, "P": 2}
    assert batch["visits"][0].tolist() == batch["visits"][2].tolist()
    assert batch["visits"][1].tolist() == [batch["visits"][0, 2], -1, -1]
    assert sorted(batch["dx"].tolist()) == [3, 7]
    at_flu = batch["dx"].tolist().index(7)
    assert batch["rx"].tolist()[at_flu] == [-1]
    assert batch["rx"].tolist()[1 - at_flu] == [5]
    assert batch["pr"].tolist()[at_flu] == [2, 2]
    assert batch["pr"].tolist()[1 - at_flu] == [-1, -1]
    assert batch["dxobjs"][batch["visits"][0]].tolist() == [[1 - at_flu, at_flu], [-1, -1], [at_flu, -1]]


# Numbering of distinct rows.


def number_by_dict(columns):
    """A number for each row of nested-list columns, equal exactly where rows are."""
    numbers = {}
    return [numbers.setdefault(str(row), len(numbers)) for row in zip(*columns, strict=True)]


def same_grouping(numbers, others):
    """Do two numberings give two rows one number exactly when the other does?"""
    pairs = set(zip(list(numbers), list(others), strict=True))
    return len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})


def ragged(column):
    """Nested lists as offsets and values."""
    lengths = [len(row) for row in column]
    values = [value for row in column for value in row]
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), np.array(values, np.int32)


ragged_columns = st.integers(1, 3).flatmap(
    lambda width: st.lists(
        st.tuples(*[st.lists(st.integers(0, 2) | st.integers(0, 2**31 - 1), max_size=3)] * width), min_size=1
    ).map(lambda rows: [list(column) for column in zip(*rows, strict=True)])
)


@settings(deadline=None, max_examples=200)
@given(ragged_columns)
def test_distinct_rows_equal_a_dict(columns):
    assert same_grouping(distinct_rows([ragged(column) for column in columns]), number_by_dict(columns))


def test_a_value_may_not_move_between_rows_places_or_columns():
    first, second = [[0], [0, 0], [1, 2], [], [0]], [[], [], [3], [0], []]
    assert same_grouping(distinct_rows([ragged(first), ragged(second)]), [0, 1, 2, 3, 0])
    assert same_grouping(distinct_rows([ragged([[1, 2], [2, 1], [1, 2, 0]])]), [0, 1, 2])


def test_offsets_may_start_within_the_values():
    # The rows are [7, 8], [7, 8] and [8]; the leading 9 belongs to none.
    assert same_grouping(distinct_rows([(np.array([1, 3, 5, 6]), np.array([9, 7, 8, 7, 8, 8]))]), [0, 0, 1])


def test_rows_that_share_a_hash_are_told_apart(monkeypatch):
    from mime_tf import distinct as module

    hashes, salts = module._run_hashes, []

    def colliding_at_first(offsets, values, salt):
        salts.append(salt)
        return hashes(offsets, values, salt) * np.uint64(len(salts) > 1)

    monkeypatch.setattr(module, "_run_hashes", colliding_at_first)
    # The second starts as the first does, and the third is empty: only their lengths tell.
    assert same_grouping(distinct_rows([ragged([[1, 2], [1], [], [1, 2], [2, 1]])]), [0, 1, 2, 0, 3])
    assert len(salts) == 2


# Shapes.


def in_windows(patients, batch_size):
    """A batcher of the patients sorted by visits, and a window's rows for each start."""
    patients = sorted(patients, key=len)
    batcher = Batcher(records.from_lists(patients))
    return batcher, [np.arange(start, start + batch_size) for start in range(len(patients) - batch_size + 1)]


def cost(size):
    """What the plan counts a batch's step as: Dx-objects, and the recurrence's patients and steps."""
    return size["N"] + 3 * size["B"] * size["T"] + 30 * size["T"]


@settings(deadline=None, max_examples=150)
@given(cohorts.cohorts(), st.data())
def test_window_sizes_are_what_each_window_needs(patients, data):
    batch_size = data.draw(st.integers(1, len(patients)))
    batcher, windows = in_windows(patients, batch_size)
    needed = [list(sizes_of(batcher.batch(rows)).values()) for rows in windows]
    assert shapes.window_sizes(batcher, batch_size).tolist() == needed


@settings(deadline=None, max_examples=150)
@given(cohorts.cohorts(max_patients=12), st.integers(1, 5), st.data())
def test_planned_shapes_fit_are_few_and_cost_no_more_than_one(patients, most_shapes, data):
    batch_size = data.draw(st.integers(1, min(len(patients), 4)))
    batcher, windows = in_windows(patients, batch_size)
    table = shapes.window_sizes(batcher, batch_size)
    choose_shape = shapes.plan(table, most_shapes)
    chosen = []
    for rows in windows:
        needed = sizes_of(batcher.batch(rows))
        batch = batcher.batch(rows, choose_shape)
        chosen.append(sizes_of(batch))
        assert all(chosen[-1][name] >= needed[name] for name in DIMENSIONS)
        assert expand(batch) == expand(batcher.batch(rows))
    assert len({tuple(size.values()) for size in chosen}) <= most_shapes
    largest = dict(zip(DIMENSIONS, table.max(axis=0).tolist(), strict=True))
    assert sum(map(cost, chosen)) <= len(windows) * cost(largest)


def sizes_table(steps):
    """Sizes of windows of 2 patients that differ in T only; every other size is 1."""
    return np.array([[2, count, 1, 1, 1, 1, 1] for count in steps])


def test_plan_by_hand():
    # Only T differs, and it costs 3*2 + 30 = 36 a step. Two shapes for T = 1, 1, 2, 9: {1, 1, 2} and {9} pad one step
    # twice; any other division pads more.
    choose_shape = shapes.plan(sizes_table([9, 1, 2, 1]), most_shapes=2)
    needed = [dict(zip(DIMENSIONS, row, strict=True)) for row in sizes_table([1, 2, 9]).tolist()]
    assert [choose_shape(size)["T"] for size in needed] == [2, 2, 9]
    one_shape = shapes.plan(sizes_table([9, 1, 2, 1]), most_shapes=1)
    assert [one_shape(size)["T"] for size in needed] == [9, 9, 9]


def test_a_batch_that_fits_no_planned_shape_gets_what_it_needs():
    choose_shape = shapes.plan(sizes_table([3, 4]))
    needed = dict(zip(DIMENSIONS, [2, 5, 1, 1, 1, 1, 1], strict=True))
    assert choose_shape(needed) == needed


def test_plan_of_many_windows_fits_them_all(reference_cohort):
    """More windows than the plan has candidates, and sizes that differ in every dimension."""
    store = reference_cohort.store
    batcher = Batcher(store.select(np.argsort(store.visit_counts, kind="stable")))
    table = shapes.window_sizes(batcher, 3)
    assert len(table) > shapes.CANDIDATES
    choose_shape = shapes.plan(table)
    chosen = [choose_shape(dict(zip(DIMENSIONS, row, strict=True))) for row in table.tolist()]
    assert all((np.array(list(size.values())) >= row).all() for size, row in zip(chosen, table, strict=True))
    assert len({tuple(size.values()) for size in chosen}) <= shapes.MOST_SHAPES


# Which patients form a batch.


def test_window_starts_are_the_reference_s(reference_cohort):
    config = reference_cohort.config
    sizes = [len(reference_cohort.splits[seed]["train_seqs"]) for seed in range(5)]
    starts = batching.window_starts(0, sizes, config["train"]["batch_size"], config["run"]["num_iter"] + 1)
    for seed, of_split in enumerate(starts):
        np.testing.assert_array_equal(of_split, reference_cohort.starts[seed])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(4, 2000), min_size=1, max_size=4), st.integers(1, 50))
def test_window_starts_are_scalar_draws_of_one_stream(seed, train_sizes, steps):
    stream = np.random.RandomState(seed)
    expected = [[stream.randint(0, size - 4 + 1) for _ in range(steps)] for size in train_sizes]
    assert [of_split.tolist() for of_split in batching.window_starts(seed, train_sizes, 4, steps)] == expected


def test_a_training_set_smaller_than_a_batch():
    assert batching.window_starts(0, [4], 4, 3)[0].tolist() == [0, 0, 0]
    with pytest.raises(InputError, match=r"^batch_size is 4; a training set has 3 patients"):
        batching.window_starts(0, [9, 3], 4, 3)


@pytest.mark.parametrize("kind", ["training", "scoring"])
def test_datasets_hold_the_batches_and_the_labels(reference_cohort, kind):
    from mime_tf import pipeline

    store, labels = reference_cohort.store, reference_cohort.labels
    part = cohort.Part(np.arange(len(store)), store, labels)
    if kind == "training":
        groups = [[3, 4, 5, 6], [0, 1, 2, 3], [3, 4, 5, 6]]
        dataset = pipeline.training_batches(part, [3, 0, 3], 4)
    else:
        groups = [list(range(start, min(start + 50, len(store)))) for start in range(0, len(store), 50)]
        dataset = pipeline.scoring_batches(part, 50)
    assert int(dataset.cardinality()) == len(groups)
    patients = records.to_lists(store)
    for rows, (inputs, targets) in zip(groups, dataset.as_numpy_iterator(), strict=True):
        assert expand(inputs) == [patients[row] for row in rows]
        assert targets.dtype == np.float32
        assert targets.tolist() == labels[rows].tolist()
