"""Patients and labels: pickles that can do nothing but hold them, checked, flattened and written.

A patient is a list of visits, a visit a list of Dx-objects, a Dx-object `[dx, [rx ...], [pr ...]]` with 0-based
codes. Every check of the data is made here, a whole level at a time, and every complaint is one `InputError` that
says where (positions count from 0), what was found and what would be right.
"""

import contextlib
import gc
import itertools
import os
import pickle

import numpy as np

from mime_tf.data import pickles
from mime_tf.data.places import place
from mime_tf.data.store import Store, offsets
from mime_tf.errors import InputError, show
from mime_tf.terminal import files

MAX_CODE = 2**31 - 1


@contextlib.contextmanager
def _no_collection():
    """Keeps the garbage collector from going through millions of new lists, none of them garbage, again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def read(prefix):
    """Reads the patients and labels of a cohort.

    Args:
        prefix: what the names of the two files start with; `.seqs` and `.labels` are appended to it as strings.

    Returns:
        The patients as a Store, and an int64 array of shape (patients,) of 0 and 1.

    Raises:
        InputError: a file is missing or bad, or they differ in length.
    """
    prefix = os.fspath(prefix)
    store, labels = read_seqs(f"{prefix}.seqs"), read_labels(f"{prefix}.labels")
    _check_counts(store, labels, f"{prefix}.labels")
    return store, labels


@_no_collection()
def read_seqs(path):
    """Reads a pickled list of patients.

    Args:
        path: a pickle of protocol 0 to 2 from Python 2, or of any protocol from Python 3.

    Returns:
        A Store.

    Raises:
        InputError: the file can't be read, or holds anything else.
    """
    return from_lists(pickles.load(path, "a pickled list of patients"), os.fspath(path))


def read_labels(path):
    """Reads a pickled list of labels.

    Args:
        path: a pickle, as for `read_seqs`.

    Returns:
        An int64 array of shape (patients,) of 0 and 1.

    Raises:
        InputError: the file can't be read, or holds anything else.
    """
    return _labels(pickles.load(path, "a pickled list of labels"), os.fspath(path))


def from_lists(patients, source="patients"):
    """Checks patients and flattens them.

    Args:
        patients: nested lists or tuples, `patients[i][j][k]` being the Dx-object `[dx, [rx ...], [pr ...]]`. A code
            may be of any integer type, or a float that holds a whole number.
        source: what to call the data in a complaint.

    Returns:
        A Store.

    Raises:
        InputError: something is wrong; the message says what, and where.
    """
    _check_list(patients, source, "a list of patients")
    if not patients:
        raise InputError(f"{source}: no patient; at least one is needed")
    blocks = [
        _flatten_patients(patients[first : first + _BLOCK], (source, first))
        for first in range(0, len(patients), _BLOCK)
    ]
    visits, dxobjs, dx, rx_counts, rx, pr_counts, pr = map(np.concatenate, zip(*blocks, strict=True))
    return Store(offsets(visits), offsets(dxobjs), dx, offsets(rx_counts), rx, offsets(pr_counts), pr)


@_no_collection()
def to_lists(store):
    """Turns a Store back into nested lists.

    Args:
        store: a Store.

    Returns:
        The patients, of plain lists and ints: `from_lists` of it is equal to `store`.
    """
    rx, pr = _cut(store.rx.tolist(), store.rx_offsets), _cut(store.pr.tolist(), store.pr_offsets)
    dxobjects = list(map(list, zip(store.dx.tolist(), rx, pr, strict=True)))
    return _cut(_cut(dxobjects, store.dxobjs), store.visits)


@_no_collection()
def write(prefix, patients, labels=None):
    """Checks a cohort and writes it; a file is either whole or not there.

    Args:
        prefix: what the names of the two files start with, as for `read`.
        patients: a Store, or nested lists as for `from_lists`.
        labels: 0 or 1 for each patient, a list or an array of shape (patients,); None writes no `.labels`.

    Raises:
        InputError: the patients or the labels are not right; nothing is written.
    """
    prefix = os.fspath(prefix)
    store = patients if isinstance(patients, Store) else from_lists(patients)
    if labels is not None:
        labels = _labels(labels.tolist() if isinstance(labels, np.ndarray) else labels, "labels")
        _check_counts(store, labels, "labels")
    with contextlib.ExitStack() as both:
        _dump(to_lists(store), both.enter_context(files.replacing(f"{prefix}.seqs")))
        if labels is not None:
            _dump(labels.tolist(), both.enter_context(files.replacing(f"{prefix}.labels")))


def _dump(lists, file):
    """Pickles nested lists in protocol 2."""
    pickler = pickle.Pickler(file, protocol=2)
    pickler.fast = True  # nothing is shared, so nothing need be remembered: a third of the bytes, a tenth of the time
    pickler.dump(lists)


# Checks, each of a whole level at a time.


def _check_counts(store, labels, source):
    """Raises InputError unless there is one label a patient."""
    if len(store) != len(labels):
        raise InputError(f"{source}: {len(labels)} labels for {len(store)} patients; one label a patient is needed")


def _check_list(value, source, expected):
    """Raises InputError unless `value` is a list or a tuple."""
    if not isinstance(value, (list, tuple)):
        raise InputError(f"{source}: found {show(value)}; {expected} is needed")


_BLOCK = 200  # patients: few enough to stay in the cache from level to level, which is 3 times as fast
_MOST = 2**25  # items of a level in a block: more than that are a list that holds itself, or that is shared wildly


def _flatten_patients(patients, where):
    """Checks a block of patients and returns the columns of a Store, counts in place of offsets.

    Here and below, `where` is the name of the data and the position of the block's first patient; `levels` are the
    counts of the levels above the one that is checked, outermost first.
    """
    visit_lists, visits = _flatten(patients, where, [], "a patient is a list of visits")
    _check(visits > 0, patients, where, [], "a patient has at least one visit")
    dxobj_lists, dxobjs = _flatten(visit_lists, where, [visits], "a visit is a list of Dx-objects")
    levels, expected = [visits, dxobjs], "a Dx-object is [dx, [rx ...], [pr ...]]"
    parts, part_counts = _flatten(dxobj_lists, where, levels, expected)
    _check(part_counts == 3, dxobj_lists, where, levels, expected)
    dx = _codes(parts[::3], where, levels, "diagnosis (dx)")
    rx, rx_counts = _flatten(parts[1::3], where, levels, "medications (rx) are a list of codes")
    rx = _codes(rx, where, [*levels, rx_counts], "medication (rx)")
    pr, pr_counts = _flatten(parts[2::3], where, levels, "procedures (pr) are a list of codes")
    pr = _codes(pr, where, [*levels, pr_counts], "procedure (pr)")
    return visits, dxobjs, dx, rx_counts, rx, pr_counts, pr


def _flatten(lists, where, levels, expected):
    """Checks that the rows of a level are lists, and returns their items as one list, and the count of each."""
    if not all(issubclass(kind, (list, tuple)) for kind in set(map(type, lists))):
        _check(np.array([isinstance(row, (list, tuple)) for row in lists]), lists, where, levels, expected)
    counts = np.fromiter(map(len, lists), np.int64, len(lists))
    if counts.sum() > _MOST:
        source, first = where
        raise InputError(f"{source}: patient {first} and on: found {counts.sum()} items at one level; {expected}")
    return list(itertools.chain.from_iterable(lists)), counts


def _codes(values, where, levels, name):
    """Checks a column of codes and returns it as int32."""
    numbers = _numbers(values)
    good = (numbers >= 0) & (numbers <= MAX_CODE) & (numbers == np.floor(numbers))
    _check(good, values, where, levels, f"a {name} is a whole number from 0 to {MAX_CODE}")
    return numbers.astype(np.int32)


def _check(good, values, where, levels, expected):
    """Raises InputError at the first of `values`, the rows of a level, that is not `good`."""
    if not good.all():
        source, first = where
        index = int(np.argmin(good))
        owner = place(index, [offsets(counts) for counts in levels], first)
        raise InputError(f"{source}: {owner}: found {show(values[index])}; {expected}")


def _labels(values, source):
    """Checks labels and returns them as int64."""
    _check_list(values, source, "a list of labels")
    if not values:
        raise InputError(f"{source}: no label; at least one is needed")
    numbers = _numbers(values)
    bad = np.flatnonzero((numbers != 0) & (numbers != 1))
    if len(bad):
        raise InputError(f"{source}: row {bad[0]}: found {show(values[bad[0]])}; a label is 0 or 1")
    return numbers.astype(np.int64)


_NUMBERS = (int, float, np.integer, np.floating, np.bool_)


def _numbers(values):
    """Returns `values` as float64, which holds every code exactly; NaN is what is no number, inf what is too large."""
    if all(issubclass(kind, _NUMBERS) for kind in set(map(type, values))):
        with contextlib.suppress(OverflowError):
            return np.fromiter(values, np.float64, len(values))
    return np.array([_number(value) for value in values])


def _number(value):
    """One value of `_numbers`."""
    try:
        return float(value) if isinstance(value, _NUMBERS) else np.nan
    except OverflowError:
        return np.inf


def _cut(items, ends):
    """Cuts a list at the offsets `ends`."""
    return [items[start:end] for start, end in itertools.pairwise(ends.tolist())]
