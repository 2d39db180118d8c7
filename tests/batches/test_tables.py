"""Batches hold the patients they are cut from, each history, visit and Dx-object once, in a few padded shapes."""

import itertools
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cohorts

from mime_tf.batches import shapes
from mime_tf.batches.distinct import distinct_rows
from mime_tf.batches.tables import DIMENSIONS, Batch, block_bounds, window_starts
from mime_tf.data import pickled
from mime_tf.errors import InputError
from mime_tf.splits.split import Part


def table_rows(table):
    """The rows of a padded table as lists, without the padding."""
    return [[int(value) for value in row if value >= 0] for row in table]


def levels(batch):
    """The Dx-objects as `[dx, [rx ...], [pr ...]]`, the visits and the histories that a batch's tables hold."""
    rows = zip(batch["dx"].tolist(), table_rows(batch["rx"]), table_rows(batch["pr"]), strict=True)
    dx_objects = [list(row) for row in rows if row[0] >= 0]
    visits = [[dx_objects[row] for row in members] for members in table_rows(batch["dxobjs"])]
    return dx_objects, visits, [[visits[row] for row in references] for references in table_rows(batch["visits"])]


def expand(batch):
    """The nested lists of patients that a batch's tables stand for."""
    histories = levels(batch)[-1]
    return [histories[row] for row in batch["patients"].tolist() if row >= 0]


def sizes_of(batch):
    """The sizes of a batch's tables, by dimension."""
    names = ("patients", "visits", "dxobjs", "rx")
    shape = [size for name in names for size in batch[name].shape]
    return dict(zip(DIMENSIONS, (*shape, batch["pr"].shape[1]), strict=True))


def distinct(items):
    """The different ones among nested lists, in the order of their first occurrence."""
    return [item for index, item in enumerate(items) if item not in items[:index]]


def distinct_levels(patients):
    """The different Dx-objects, visits and histories of nested lists of patients."""
    visits = distinct([visit for patient in patients for visit in patient])
    return distinct([dx_object for visit in visits for dx_object in visit]), visits, distinct(patients)


def sizes_needed(patients):
    """Least sizes of the tables of a batch of these patients; a table that would be empty has one row of padding."""

    def longest(lists):
        return max([1, *map(len, lists)])

    dx_objects, visits, histories = distinct_levels(patients)
    return {
        **{"B": len(patients), "S": len(histories), "T": longest(histories), "V": len(visits), "D": longest(visits)},
        **{"N": max(len(dx_objects), 1), "R": longest(rx for _, rx, _ in dx_objects)},
        "P": longest(pr for _, _, pr in dx_objects),
    }


def widened(size, extra):
    """The sizes `size` and `extra` more, a dict by dimension."""
    return {name: value + extra.get(name, 0) for name, value in size.items()}


@settings(max_examples=150)
@given(cohorts.cohorts())
def test_a_batch_expands_to_its_patients(patients):
    batch = Batch(pickled.from_lists(patients)).tables()
    assert expand(batch) == patients
    assert {array.dtype for array in batch.values()} == {np.dtype(np.int32)}


@settings(max_examples=150)
@given(cohorts.cohorts())
def test_repeated_items_are_in_the_tables_once(patients):
    """Whole histories too."""
    batch = Batch(pickled.from_lists(patients)).tables()
    for level, wanted in zip(levels(batch), distinct_levels(patients), strict=True):
        assert sorted(level) == sorted(wanted)


@settings(max_examples=150)
@given(cohorts.cohorts())
def test_the_tables_are_as_large_as_needed(patients):
    batch = Batch(pickled.from_lists(patients))
    assert batch.size == sizes_needed(patients) == sizes_of(batch.tables())
    assert {type(size) for size in batch.size.values()} == {int}


@settings(max_examples=100)
@given(cohorts.cohorts(), st.fixed_dictionaries({name: st.integers(0, 3) for name in DIMENSIONS}))
def test_more_padding_changes_nothing_but_the_sizes(patients, extra):
    batch = Batch(pickled.from_lists(patients))
    tight, padded = batch.tables(), batch.tables(widened(batch.size, extra))
    assert sizes_of(padded) == widened(sizes_of(tight), extra)
    assert expand(padded) == patients
    for name, table in tight.items():
        corner = tuple(slice(0, size) for size in table.shape)
        np.testing.assert_array_equal(padded[name][corner], table)
        assert np.count_nonzero(padded[name] >= 0) == np.count_nonzero(table >= 0)
        assert padded[name].min(initial=0) >= -1


def test_tables_by_hand():
    flu, pneumonia = [7, [], [2, 2]], [3, [5], []]
    often = [[pneumonia, flu], [], [flu]]
    batch = Batch(pickled.from_lists([often, [[flu]], often])).tables()
    # Two different histories of 3 and 1 visits, three different visits ([pneumonia, flu], [] and [flu]) and two
    # different Dx-objects.
    assert sizes_of(batch) == {"B": 3, "S": 2, "T": 3, "V": 3, "D": 2, "N": 2, "R": 1, "P": 2}
    at_often, at_once, last = batch["patients"].tolist()
    assert sorted([at_often, at_once]) == [0, 1]
    assert last == at_often
    assert sorted(batch["visits"][at_often].tolist()) == [0, 1, 2]
    assert batch["visits"][at_once].tolist() == [batch["visits"][at_often, 2], -1, -1]
    assert sorted(batch["dx"].tolist()) == [3, 7]
    at_flu = batch["dx"].tolist().index(7)
    assert batch["rx"].tolist()[at_flu] == [-1]
    assert batch["rx"].tolist()[1 - at_flu] == [5]
    assert batch["pr"].tolist()[at_flu] == [2, 2]
    assert batch["pr"].tolist()[1 - at_flu] == [-1, -1]
    assert batch["dxobjs"][batch["visits"][at_often]].tolist() == [[1 - at_flu, at_flu], [-1, -1], [at_flu, -1]]


def test_histories_in_another_order_or_of_another_length_are_not_shared():
    one, other = [[0, [], []]], [[1, [], []]]
    patients = [[one, other], [other, one], [one], [one, one], [one, []], [[]], [one, other]]
    assert Batch(pickled.from_lists(patients)).size["S"] == 6


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


def numbers_of(columns):
    """The numbers that `distinct_rows` gives, checked to run from 0 up, each with the first row that has it."""
    first, numbers = map(np.ndarray.tolist, distinct_rows(columns))
    assert sorted(set(numbers)) == list(range(len(first)))
    assert first == [numbers.index(number) for number in range(len(first))]
    return numbers


@settings(max_examples=200)
@given(ragged_columns)
def test_distinct_rows_equal_a_dict(columns):
    assert same_grouping(numbers_of([ragged(column) for column in columns]), number_by_dict(columns))


def test_no_rows_have_no_numbers():
    assert numbers_of([ragged([]), ragged([])]) == []


def test_a_value_may_not_move_between_rows_places_or_columns():
    first, second = [[0], [0, 0], [1, 2], [], [0]], [[], [], [3], [0], []]
    assert same_grouping(numbers_of([ragged(first), ragged(second)]), [0, 1, 2, 3, 0])
    assert same_grouping(numbers_of([ragged([[1, 2], [2, 1], [1, 2, 0]])]), [0, 1, 2])


def test_offsets_may_start_within_the_values():
    # The rows are [7, 8], [7, 8] and [8]; the leading 9 belongs to none.
    assert same_grouping(numbers_of([(np.array([1, 3, 5, 6]), np.array([9, 7, 8, 7, 8, 8]))]), [0, 0, 1])


def test_rows_that_share_a_hash_are_told_apart(monkeypatch):
    from mime_tf.batches import distinct as module

    hashes, salts = module._slice_hashes, []

    def colliding_at_first(offsets, values, salt):
        salts.append(salt)
        return hashes(offsets, values, salt) * np.uint64(len(salts) > 1)

    monkeypatch.setattr(module, "_slice_hashes", colliding_at_first)
    # The second starts as the first does, and the third is empty: only their lengths tell.
    assert same_grouping(numbers_of([ragged([[1, 2], [1], [], [1, 2], [2, 1]])]), [0, 1, 2, 0, 3])
    assert len(salts) == 2


# Shapes.


def part_of(patients, known=None):
    """The patients as a set of a split, sorted by visits, and its contents as lists; `known` is sets of codes."""
    store = pickled.from_lists(patients)
    arrays = known and {kind: np.isin(np.arange(9), list(codes)) for kind, codes in known.items()}
    part = Part(np.argsort(store.visit_counts, kind="stable"), store, np.zeros(len(patients), int), arrays)
    patients = sorted(patients, key=len)
    return part, cohorts.keep_known(patients, known) if known else patients


def windows(patients, batch_size):
    """Every run of `batch_size` patients."""
    return [patients[start : start + batch_size] for start in range(len(patients) - batch_size + 1)]


def cost(size):
    """The cost of a batch in the plan: the products of Dx-objects and of visits, and a fortieth of the rows read."""
    read = size["N"] * (size["R"] + size["P"]) + size["V"] * size["D"] + 3 * size["S"] * size["T"]
    return size["N"] + 1.5 * size["V"] + read / 40


def fits(size, needed):
    return all(size[name] >= needed[name] for name in DIMENSIONS)


several_sets = st.lists(st.tuples(cohorts.cohorts(min_patients=2, max_patients=12), cohorts.known_codes() | st.none()),
                        min_size=1, max_size=3)  # fmt: skip


@settings(max_examples=100)
@given(cohorts.cohorts(), cohorts.known_codes() | st.none(), st.data())
def test_window_sizes_are_the_least_of_each_window(patients, known, data):
    batch_size = data.draw(st.integers(1, len(patients)))
    part, patients = part_of(patients, known)
    starts = data.draw(st.lists(st.integers(0, len(patients) - batch_size), min_size=1, max_size=5))
    needed = [list(sizes_needed(windows(patients, batch_size)[start]).values()) for start in starts]
    assert shapes.window_sizes(part, batch_size, starts).tolist() == needed


@settings(max_examples=150)
@given(cohorts.cohorts(), cohorts.known_codes() | st.none(), st.data())
def test_no_window_exceeds_the_largest_sizes(patients, known, data):
    batch_size = data.draw(st.integers(1, len(patients) + 2))
    part, patients = part_of(patients, known)
    largest = dict(zip(DIMENSIONS, shapes.largest_sizes(part, batch_size).tolist(), strict=True))
    assert largest["B"] == batch_size
    # The last ones are shorter, as the last batch in scoring is.
    for start in range(len(patients)):
        assert fits(largest, sizes_needed(patients[start : start + batch_size]))


def test_largest_sizes_by_hand():
    """As if nothing were repeated: 1, 3 and 2 visits, of 2, 3 and 0 Dx-objects."""
    flu, pneumonia = [7, [], [2, 2]], [3, [5], []]
    part, _ = part_of([[[flu, flu]], [[pneumonia, flu], [], [flu]], [[], []]])
    by_batch_size = {
        1: {"B": 1, "S": 1, "T": 3, "V": 3, "D": 2, "N": 3, "R": 1, "P": 2},
        2: {"B": 2, "S": 2, "T": 3, "V": 5, "D": 2, "N": 3, "R": 1, "P": 2},  # sorted by visits: 2, 0 and 3
        3: {"B": 3, "S": 3, "T": 3, "V": 6, "D": 2, "N": 5, "R": 1, "P": 2},
    }
    for batch_size, expected in by_batch_size.items():
        assert shapes.largest_sizes(part, batch_size).tolist() == [expected[name] for name in DIMENSIONS]
    nothing, _ = part_of([[[]]])
    assert shapes.largest_sizes(nothing, 1).tolist() == [1] * 8


@settings(max_examples=100)
@given(several_sets, st.integers(1, 4), st.integers(1, 2), st.data())
def test_planned_shapes_fit_are_few_and_cost_no_more_than_one(sets, most_shapes, batch_size, data):
    """Where every window that is drawn was looked at."""
    sets = [part_of(*each) for each in sets]
    drawn = [st.lists(st.integers(0, len(part) - batch_size), min_size=1, max_size=12) for part, _ in sets]
    starts = [np.array(data.draw(of_part)) for of_part in drawn]
    choose_shape = shapes.plan([part for part, _ in sets], starts, batch_size, most_shapes)
    needed, chosen = [], []
    for (part, patients), of_part in zip(sets, starts, strict=True):
        for start in of_part.tolist():
            window = patients[start : start + batch_size]
            batch = Batch(part.patients(start, start + batch_size))
            tables = batch.tables(choose_shape(batch.size))
            assert expand(tables) == window
            needed.append(sizes_needed(window))
            chosen.append(sizes_of(tables))
            assert fits(chosen[-1], needed[-1])
    assert len({tuple(size.values()) for size in chosen}) <= most_shapes
    shape = {name: max(size[name] for size in needed) for name in DIMENSIONS}
    assert sum(map(cost, chosen)) <= len(chosen) * cost(shape) * (1 + 1e-9)


@settings(max_examples=100)
@given(several_sets, st.integers(1, 4), st.integers(1, 2))
def test_windows_that_were_not_looked_at_fit_too(sets, most_shapes, batch_size):
    """Two windows of each set are looked at, and there is one shape more at most."""
    sets = [part_of(*each) for each in sets]
    with mock.patch.object(shapes, "WINDOWS", 2 * len(sets)):
        starts = [np.arange(len(part) - batch_size + 1) for part, _ in sets]
        choose_shape = shapes.plan([part for part, _ in sets], starts, batch_size, most_shapes)
    needed = [sizes_needed(window) for _, patients in sets for window in windows(patients, batch_size)]
    chosen = [choose_shape(size) for size in needed]
    assert all(fits(*pair) for pair in zip(chosen, needed, strict=True))
    assert len({tuple(size.values()) for size in chosen}) <= most_shapes + 1


def test_the_last_resort_by_hand(monkeypatch):
    """The first window and the last are looked at, and the one between them holds two Dx-objects more."""
    monkeypatch.setattr(shapes, "WINDOWS", 2)
    a, b, c = ([dx, [], []] for dx in range(3))
    part, _ = part_of([[[a]], [[a, b, c]], [[b]]])
    choose_shape = shapes.plan([part], [np.arange(3)], 1)
    small = dict.fromkeys(DIMENSIONS, 1)
    assert choose_shape(small) == small
    assert choose_shape({**small, "D": 2}) == choose_shape({**small, "N": 3}) == {**small, "D": 3, "N": 3}


def test_an_even_sample_of_the_drawn_windows_is_looked_at(monkeypatch):
    looked_at, window_sizes = [], shapes.window_sizes

    def seen(part, batch_size, starts):
        looked_at.append(starts.tolist())
        return window_sizes(part, batch_size, starts)

    monkeypatch.setattr(shapes, "window_sizes", seen)
    monkeypatch.setattr(shapes, "WINDOWS", 6)
    part, _ = part_of([[[]]] * 10)
    shapes.plan([part, part], [np.array([5, 1, 9, 1, 3, 7, 3]), np.array([4, 2, 4])], 1)
    # Three of each, among them the first and the last; where there are fewer, all.
    assert looked_at == [[1, 5, 9], [2, 4]]


def sizes_table(dx_objects):
    """Sizes of windows that differ in N only; every other size is 1."""
    return np.array([[1, 1, 1, 1, 1, count, 1, 1] for count in dx_objects])


def test_best_shapes_by_hand():
    # Two shapes for N = 1, 1, 2, 9: {1, 1, 2} and {9} pad one Dx-object twice; any other division pads more.
    table = sizes_table([9, 1, 2, 1])
    assert np.array(shapes.best_shapes(table, 2)).tolist() == sizes_table([2, 9]).tolist()
    assert np.array(shapes.best_shapes(table, 1)).tolist() == sizes_table([9]).tolist()
    assert {shape[5] for shape in shapes.best_shapes(table, 4)} == {1, 2, 9}


@settings(max_examples=150)
@given(st.lists(st.lists(st.integers(1, 9), min_size=8, max_size=8), min_size=1, max_size=7), st.integers(1, 4))
def test_best_shapes_are_the_cheapest_division(rows, most_shapes):
    """Of the windows in the order of their cost, into runs padded to their largest."""

    def named(row):
        return dict(zip(DIMENSIONS, row, strict=True))

    rows = sorted(rows, key=lambda row: cost(named(row)))
    count = len(rows)
    totals = []
    for inner in itertools.combinations(range(1, count), min(most_shapes, count) - 1):
        runs = [rows[start:end] for start, end in itertools.pairwise([0, *inner, count])]
        totals.append(sum(len(run) * cost(named(np.max(run, axis=0))) for run in runs))
    chosen = shapes.best_shapes(np.array(rows), most_shapes)
    assert len(chosen) <= most_shapes
    # Each window in the cheapest shape that it fits costs no more than in its run.
    each = [min(cost(named(shape)) for shape in chosen if (shape >= row).all()) for row in rows]
    assert sum(each) <= min(totals) * (1 + 1e-9)


def test_plan_of_many_windows_fits_them_all(reference_cohort):
    """More windows than the plan has candidates, and sizes that differ in every dimension."""
    store = reference_cohort.store
    part = Part(np.argsort(store.visit_counts, kind="stable"), store, reference_cohort.labels)
    starts = np.arange(len(part) - 2)
    assert len(starts) > shapes.CANDIDATES
    choose_shape = shapes.plan([part], [starts], 3)
    table = shapes.window_sizes(part, 3, starts)
    needed = [dict(zip(DIMENSIONS, row, strict=True)) for row in table.tolist()]
    chosen = [choose_shape(size) for size in needed]
    assert all(fits(*pair) for pair in zip(chosen, needed, strict=True))
    assert len({tuple(size.values()) for size in chosen}) == shapes.MOST_SHAPES
    # Several shapes cost less than one.
    shape = dict(zip(DIMENSIONS, table.max(axis=0).tolist(), strict=True))
    assert sum(map(cost, chosen)) < 0.9 * len(chosen) * cost(shape)


# Which patients form a batch.


def test_window_starts_are_the_reference_s(reference_cohort):
    config = reference_cohort.config
    sizes = [len(reference_cohort.splits[seed]["train_seqs"]) for seed in range(5)]
    starts = window_starts(0, sizes, config["train"]["batch_size"], config["run"]["num_iter"] + 1)
    for seed, of_split in enumerate(starts):
        np.testing.assert_array_equal(of_split, reference_cohort.starts[seed])


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(4, 2000), min_size=1, max_size=4), st.integers(1, 50))
def test_window_starts_are_scalar_draws_of_one_stream(seed, train_sizes, steps):
    stream = np.random.RandomState(seed)
    expected = [[stream.randint(0, size - 4 + 1) for _ in range(steps)] for size in train_sizes]
    assert [of_split.tolist() for of_split in window_starts(seed, train_sizes, 4, steps)] == expected


def test_a_training_set_smaller_than_a_batch():
    assert window_starts(0, [4], 4, 3)[0].tolist() == [0, 0, 0]
    with pytest.raises(InputError, match=r"^batch_size is 4; a training set has 3 patients"):
        window_starts(0, [9, 3], 4, 3)


# Datasets.


@pytest.fixture
def some_part(reference_cohort):
    """Some patients of a parity cohort in another order, without some codes, and the same as lists."""
    store = reference_cohort.store
    rows = np.random.default_rng(1).permutation(len(store))[:110]
    known = {"dx": np.arange(40) % 5 > 0, "rx": np.arange(40) % 3 > 0, "pr": np.arange(40) % 2 > 0}
    part = Part(rows, store, reference_cohort.labels[rows], known)
    return part, pickled.to_lists(store.select(rows).keep_known(known))


@pytest.mark.parametrize("bound", [{}, {"VISITS_KEPT": 0}, {"BYTES_KEPT": 300}], ids=["kept", "visits", "bytes"])
@pytest.mark.parametrize("padding", [{}, {name: 2 for name in DIMENSIONS if name != "B"}], ids=["tight", "padded"])
@pytest.mark.parametrize("kind", ["training", "divided", "scoring"])
def test_datasets_hold_the_batches_and_the_labels(some_part, kind, padding, bound, monkeypatch):
    from mime_tf.batches import datasets

    for name, value in bound.items():
        monkeypatch.setattr(datasets, name, value)
    part, patients = some_part

    def choose_shape(needed):
        return widened(needed, padding)

    if kind == "training":
        groups = [range(3, 7), range(0, 4), range(3, 7)]
        dataset = datasets.training_batches(part, [3, 0, 3], 4, choose_shape)
    elif kind == "divided":
        groups = [range(3, 5), range(5, 7), range(0, 2), range(2, 4)]
        dataset = datasets.training_batches(part, [3, 0], 4, choose_shape, replicas=2)
    else:
        groups = [range(0, 50), range(50, 100), range(100, 110)]
        padding = {}
        dataset = datasets.scoring_batches(part, 50)
    assert dataset.element_spec[0] == datasets.INPUTS
    # With autotuning, dropping the iterator blocks for as long as it has run.
    assert dataset.options().autotune.enabled is False
    assert int(dataset.cardinality()) == len(groups)
    for rows, (inputs, targets) in zip(groups, dataset.as_numpy_iterator(), strict=True):
        wanted = [patients[row] for row in rows]
        assert expand(inputs) == wanted
        assert sizes_of(inputs) == widened(sizes_needed(wanted), padding)
        assert targets.dtype == np.float32
        assert targets.tolist() == part.labels[rows].tolist()


@pytest.mark.parametrize(
    ("bound", "cuts"), [({}, 2), ({"VISITS_KEPT": 0}, 6), ({"BYTES_KEPT": 300}, 1 + 6)], ids=["kept", "visits", "bytes"]
)
def test_windows_that_come_again_are_cut_once_where_they_are_small(some_part, bound, cuts, monkeypatch):
    from mime_tf.batches import datasets

    made = []

    def batch(store):
        made.append(store)
        return Batch(store)

    monkeypatch.setattr(datasets, "Batch", batch)
    for name, value in bound.items():
        monkeypatch.setattr(datasets, name, value)
    dataset = datasets.training_batches(some_part[0], [3, 0, 3], 20)
    for _ in range(2):
        assert len(list(dataset)) == 3
    assert len(made) == cuts


@pytest.mark.parametrize(("visits", "is_list"), [(1 << 19, True), (3 * 128, False)])
def test_a_small_set_that_is_scored_again_is_a_list(some_part, visits, is_list, monkeypatch):
    from mime_tf.batches import datasets

    monkeypatch.setattr(datasets, "VISITS_KEPT", visits)
    batches = datasets.kept_scoring_batches(some_part[0], 50)
    assert isinstance(batches, list) == is_list
    assert [len(labels) for _, labels in batches] == [50, 50, 10]


def test_long_histories_are_scored_in_smaller_batches(some_part, monkeypatch):
    from mime_tf.batches import datasets

    part, patients = some_part
    order = np.argsort(part.store.visit_counts[part.rows], kind="stable")
    part = Part(part.rows[order], part.store, part.labels[order], part.known)
    monkeypatch.setattr(datasets, "MOST_VISITS", 40)
    batches = [expand(inputs) for inputs, _ in datasets.scoring_batches(part, 12).as_numpy_iterator()]
    assert list(itertools.chain(*batches)) == [patients[row] for row in order]
    assert len({len(batch) for batch in batches}) > 2
    for batch in batches:
        assert len(batch) <= 12
        assert len(batch) == 1 or len(batch) * max(map(len, batch)) <= 40


@given(
    st.lists(st.integers(0, 9), max_size=30).map(sorted),
    st.integers(1, 8),
    st.integers(1, 30),
)
def test_runs_are_as_long_as_they_may_be(counts, most_patients, most_visits):
    bounds = block_bounds(np.array(counts, np.int64), most_patients, most_visits).tolist()
    assert (bounds[0], bounds[-1]) == (0, len(counts))

    def fits(start, end):
        return end - start == 1 or (end - start <= most_patients and (end - start) * counts[end - 1] <= most_visits)

    for start, end in itertools.pairwise(bounds):
        assert start < end and fits(start, end)
        assert end == len(counts) or not fits(start, end + 1)


def test_a_window_that_can_t_be_divided_among_the_replicas(some_part):
    from mime_tf.batches import datasets

    with pytest.raises(ValueError, match=r"^`batch_size` must be a multiple of `replicas`. Received: batch_size=4, re"):
        datasets.training_batches(some_part[0], [0], 4, replicas=3)
