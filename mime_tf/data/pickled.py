"""Patients and labels in pickles that can hold nothing else: read, checked, flattened and written.

A patient is a list of visits, a visit a list of Dx-objects, a Dx-object `[dx, [rx ...], [pr ...]]` with 0-based
codes. Every check of the data is made here, a whole level at a time, and every complaint is one `InputError` that
tells the place (positions count from 0), the value found there, and the right one.
"""

import contextlib
import gc
import io
import itertools
import os
import pickle
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np

from mime_tf.data import pickles
from mime_tf.data.places import Level
from mime_tf.data.store import Store, offsets
from mime_tf.errors import InputError, show
from mime_tf.terminal import bounds, files

MAX_CODE = 2**31 - 1


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Keeps the garbage collector from going through millions of new lists, none of them garbage, again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def read(prefix: str | os.PathLike) -> tuple[Store, np.ndarray]:
    """Reads the patients and labels of a cohort.

    Args:
        prefix: of the names of the two files; `.seqs` and `.labels` are appended to it as strings.

    Returns:
        The patients, and their labels as `read_labels` has them.

    Raises:
        InputError: a file is missing or bad, or they differ in length.
    """
    prefix = os.fspath(prefix)
    store, labels = read_seqs(f"{prefix}.seqs"), read_labels(f"{prefix}.labels")
    _check_counts(store, labels, f"{prefix}.labels")
    return store, labels


@_no_collection()
def read_seqs(path: str | os.PathLike) -> Store:
    """Reads a pickled list of patients.

    Args:
        path: of a pickle of protocol 0 to 2 from Python 2, or of any protocol from Python 3.

    Raises:
        InputError: the file can't be read, or holds anything else.
    """
    patients = pickles.load(path, "a pickled list of patients")
    return _flattened(patients, os.fspath(path), bounds.Budget(path, os.path.getsize(path)))


def read_labels(path: str | os.PathLike) -> np.ndarray:
    """Reads a pickled list of labels.

    Args:
        path: of a pickle, as for `read_seqs`.

    Returns:
        0 and 1: int64 (patients,), or uint8 (patients, outcomes) if each label is a list of outcomes.

    Raises:
        InputError: the file can't be read, or holds anything else.
    """
    labels = pickles.load(path, "a pickled list of labels")
    return _labels(labels, os.fspath(path), bounds.Budget(path, os.path.getsize(path)))


def from_lists(patients: Sequence, source: str = "patients") -> Store:
    """Checks patients and flattens them.

    Args:
        patients: nested lists or tuples, `patients[i][j][k]` being the Dx-object `[dx, [rx ...], [pr ...]]`. A code
            may be of any integer type, or a float that holds a whole number.
        source: name of the data in a complaint.

    Raises:
        InputError: a value is wrong; the message names it and its place.
    """
    return _flattened(patients, source, None)


def _flattened(patients: Any, source: str, budget: bounds.Budget | None) -> Store:
    """Checks patients and flattens them; what they take in memory counts against the budget of their file."""
    _check_list(patients, source, "a list of patients")
    if not patients:
        raise InputError(f"{source}: no patient; at least one is needed")
    blocks = [
        _flatten_patients(patients[first : first + _BLOCK], Level(source, first), budget)
        for first in range(0, len(patients), _BLOCK)
    ]
    visits, dxobjs, dx, rx_counts, rx, pr_counts, pr = map(np.concatenate, zip(*blocks, strict=True))
    return Store(offsets(visits), offsets(dxobjs), dx, offsets(rx_counts), rx, offsets(pr_counts), pr)


@_no_collection()
def to_lists(store: Store) -> list:
    """Returns the patients of a Store as nested lists of ints, such that `from_lists` of them equals the Store."""
    rx, pr = _cut(store.rx.tolist(), store.rx_offsets), _cut(store.pr.tolist(), store.pr_offsets)
    dxobjects = list(map(list, zip(store.dx.tolist(), rx, pr, strict=True)))
    return _cut(_cut(dxobjects, store.dxobjs), store.visits)


@_no_collection()
def write(
    prefix: str | os.PathLike, patients: Store | Sequence, labels: Sequence[int] | np.ndarray | None = None
) -> None:
    """Checks a cohort and writes it; a file is either whole or not there.

    Args:
        prefix: of the names of the two files, as for `read`.
        patients: a Store, or nested lists as for `from_lists`.
        labels: 0 or 1 for each patient, or as many outcomes of 0 or 1 for each; lists, or an array of shape (patients,)
            or (patients, outcomes). None writes no `.labels`.

    Raises:
        InputError: the patients or the labels are not right; nothing is written.
    """
    prefix = os.fspath(prefix)
    store = patients if isinstance(patients, Store) else from_lists(patients)
    if labels is not None:
        labels = _labels(labels.tolist() if isinstance(labels, np.ndarray) else labels, "labels")
        _check_counts(store, labels, "labels")
    with contextlib.ExitStack() as both:
        _write_patients(store, both.enter_context(files.replacing(f"{prefix}.seqs")))
        if labels is not None:
            both.enter_context(files.replacing(f"{prefix}.labels")).write(_pickle(labels.tolist()))


_BATCH = 1000  # items that a pickler appends to a list at once
_BEGIN, _END = b"\x80\x02]", b"."  # of the pickle of a list in protocol 2


def _write_patients(store: Store, file: BinaryIO) -> None:
    """Writes the bytes of `_pickle` of the patients, few of whom are lists at a time."""
    file.write(_BEGIN)
    starts = list(range(0, len(store) - 1, _BATCH))  # a last one alone goes with those before it, as in a pickle
    for start, end in itertools.pairwise([*(starts or [0]), len(store)]):
        patients = to_lists(store.select(np.arange(start, end)))
        file.write(_pickle(patients).removeprefix(_BEGIN).removesuffix(_END))
    file.write(_END)


def _pickle(lists: list) -> bytes:
    """Pickles nested lists in protocol 2."""
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, protocol=2)
    pickler.fast = True  # no list is shared, so none need be remembered: a third of the bytes, a tenth of the time
    pickler.dump(lists)
    return buffer.getvalue()


# Checks, each of a whole level at a time.


def _check_counts(store: Store, labels: np.ndarray, source: str) -> None:
    """Raises InputError unless there is one label per patient."""
    if len(store) != len(labels):
        raise InputError(f"{source}: {len(labels)} labels for {len(store)} patients; one label per patient is needed")


def _check_list(value: Any, source: str, expected: str) -> None:
    """Raises InputError unless `value` is a list or a tuple."""
    if not isinstance(value, (list, tuple)):
        raise InputError(f"{source}: found {show(value)}; {expected} is needed")


_BLOCK = 200  # patients: few enough to stay in the cache from level to level, which is 3 times as fast
_MOST = 2**25  # items of a level in a block; more are a list that holds itself, or that is shared wildly
_ITEM = 8  # bytes of an item in a list, while its block is flattened; in the columns it takes as many at most


def _flatten_patients(patients: Sequence, level: Level, budget: bounds.Budget | None) -> tuple[np.ndarray, ...]:
    """Checks a block of patients and returns the columns of a Store, counts in place of offsets."""

    def flatten(lists: Sequence, level: Level, expected: str) -> tuple[list, np.ndarray]:
        return _flatten(lists, level, expected, budget)

    visit_lists, visits = flatten(patients, level, "a patient is a list of visits")
    _check(visits > 0, patients, level, "a patient has at least one visit")
    level = level.below(visits)
    dxobj_lists, dxobjs = flatten(visit_lists, level, "a visit is a list of Dx-objects")
    level, expected = level.below(dxobjs), "a Dx-object is [dx, [rx ...], [pr ...]]"
    parts, part_counts = flatten(dxobj_lists, level, expected)
    _check(part_counts == 3, dxobj_lists, level, expected)
    dx = _codes(parts[::3], level, "diagnosis (dx)")
    medications, rx_counts = flatten(parts[1::3], level, "medications (rx) are a list of codes")
    rx = _codes(medications, level.below(rx_counts), "medication (rx)")
    procedures, pr_counts = flatten(parts[2::3], level, "procedures (pr) are a list of codes")
    pr = _codes(procedures, level.below(pr_counts), "procedure (pr)")
    return visits, dxobjs, dx, rx_counts, rx, pr_counts, pr


def _flatten(lists: Sequence, level: Level, expected: str, budget: bounds.Budget | None) -> tuple[list, np.ndarray]:
    """Checks that the items of a level are lists, and returns their items as one list, and the count of each."""
    if not all(issubclass(kind, (list, tuple)) for kind in set(map(type, lists))):
        _check(np.array([isinstance(item, (list, tuple)) for item in lists]), lists, level, expected)
    counts = np.fromiter(map(len, lists), np.int64, len(lists))
    if counts.sum() > _MOST:
        count = f"found {counts.sum()} items at one level"
        raise InputError(f"{level.source}: patient {level.first_patient} and on: {count}; {expected}")
    if budget is not None:
        budget.take(_ITEM * int(counts.sum()))
    return list(itertools.chain.from_iterable(lists)), counts


def _codes(values: list, level: Level, name: str) -> np.ndarray:
    """Checks a column of codes and returns it as int32."""
    floats = _floats(values)
    good = (floats >= 0) & (floats <= MAX_CODE) & (floats == np.floor(floats))
    _check(good, values, level, f"a {name} is a whole number from 0 to {MAX_CODE}")
    return floats.astype(np.int32)


def _check(good: np.ndarray, values: Sequence, level: Level, expected: str) -> None:
    """Raises InputError at the first of `values`, the items of a level, that is not `good`."""
    if not good.all():
        index = int(np.argmin(good))
        raise level.error(index, show(values[index]), expected)


def _labels(values: Any, source: str, budget: bounds.Budget | None = None) -> np.ndarray:
    """Checks labels and returns them as int64, or as uint8 if they are lists of outcomes."""
    _check_list(values, source, "a list of labels")
    if not values:
        raise InputError(f"{source}: no label; at least one is needed")
    if isinstance(values[0], (list, tuple)):
        return _outcomes(values, source, budget)
    floats = _floats(values)
    bad = np.flatnonzero((floats != 0) & (floats != 1))
    if len(bad):
        raise InputError(f"{source}: row {bad[0]}: found {show(values[bad[0]])}; a label is 0 or 1")
    return floats.astype(np.int64)


def _outcomes(rows: Sequence, source: str, budget: bounds.Budget | None) -> np.ndarray:
    """Checks lists of outcomes and returns them as uint8, (rows, outcomes)."""
    width = len(rows[0])
    if width < 2:
        raise InputError(f"{source}: row 0: found {show(rows[0])}; a label is 0, 1 or a list of two outcomes or more")
    for index, row in enumerate(rows):
        if not isinstance(row, (list, tuple)) or len(row) != width:
            value = f"{len(row)} outcomes" if isinstance(row, (list, tuple)) else show(row)
            raise InputError(f"{source}: row {index}: found {value}; row 0 has {width} outcomes, and so has every row")
    if budget is not None:
        budget.take(width * len(rows))
    labels = np.empty((len(rows), width), np.uint8)
    for index, row in enumerate(rows):
        floats = _floats(row)
        bad = np.flatnonzero((floats != 0) & (floats != 1))
        if len(bad):
            value = show(row[bad[0]])
            raise InputError(f"{source}: row {index}, outcome {bad[0]}: found {value}; an outcome is 0 or 1")
        labels[index] = floats
    return labels


_NUMBERS = (int, float, np.integer, np.floating, np.bool_)


def _floats(values: Sequence) -> np.ndarray:
    """Returns `values` as float64, which holds every code exactly: nan for all but numbers, inf for one too large."""
    if all(issubclass(kind, _NUMBERS) for kind in set(map(type, values))):
        with contextlib.suppress(OverflowError):
            return np.fromiter(values, np.float64, len(values))
    return np.array([_float(value) for value in values])


def _float(value: Any) -> float:
    try:
        return float(value) if isinstance(value, _NUMBERS) else np.nan
    except OverflowError:
        return np.inf


def _cut(items: list, bounds: np.ndarray) -> list[list]:
    """Cuts a list at the offsets `bounds`."""
    return [items[start:end] for start, end in itertools.pairwise(bounds.tolist())]
