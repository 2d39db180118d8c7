"""Dividing patients into train, valid and test: the authors' random splits, or folds; of rows, or of groups of rows.

All of it works on positions, 0 to n - 1. What is drawn is a *unit*: a row, or where there are groups all rows of one
group. Units are drawn, and their rows follow, so that no group is ever on two sides.
"""

import numpy as np

from mime_tf.data.store import offsets, ranges
from mime_tf.errors import InputError

# Folds are shuffled, and valid is taken from what a fold leaves, with the first of the default split seeds.
FOLD_SEED = 0


def divide(labels, number, *, test_fraction=0.4, valid_fraction=0.4, train_ratio=1.0, folds=0, groups=None):
    """Divides rows into train, valid and test.

    Args:
        labels: int array of 0 and 1, (rows,).
        number: the seed of a random split, or the fold that is test.
        test_fraction: share of the units in test; not used where there are folds.
        valid_fraction: share of the units in valid; training has the rest.
        train_ratio: share of the training units that is kept, the first ones of the draw.
        folds: 0 for a random split, or how many folds there are.
        groups: array (rows,), equal where rows are of one group; None where each row is by itself. A group's label is
            1 where any of its rows has label 1: by it folds are stratified.

    Returns:
        Three int64 arrays of positions, in the order the draw left them, the rows of a group in input order.

    Raises:
        InputError: a set would be empty, or a label has fewer units than there are folds.
    """
    labels = np.asarray(labels, np.int64)
    units = np.arange(len(labels)) if groups is None else numbered(groups)
    count = units.max(initial=-1) + 1
    if folds:
        of_units = np.zeros(count, np.int64)
        np.maximum.at(of_units, units, labels)
        train, valid, test = fold(of_units, number, folds, valid_fraction)
    else:
        train, valid, test = partition(np.arange(count), number, test_fraction, valid_fraction)
    train = train[: int(len(train) * train_ratio)]
    if not len(train):
        raise InputError(f"train_ratio {train_ratio:g} leaves no training patient; a larger one would")
    return tuple(_rows(units, drawn) for drawn in (train, valid, test))


def partition(rows, seed, test_fraction=0.4, valid_fraction=0.4):
    """Divides `rows` into train, valid and test exactly as the authors' program does.

    scikit-learn's `train_test_split` sets valid and test aside together, and a second call with the same seed
    divides them.

    Returns:
        Three arrays of rows, in the order the draw left them.

    Raises:
        InputError: one of the three would be empty.
    """
    # Imported here: it takes a second, and reading or batching a cohort does not need it.
    from sklearn.model_selection import train_test_split

    # Rounded, because scikit-learn rounds up the number of rows: 0.1 + 0.2 is a little more than 0.3.
    held_fraction = round(test_fraction + valid_fraction, 12)
    try:
        train, held = train_test_split(rows, test_size=held_fraction, random_state=seed)
        valid, test = train_test_split(held, test_size=round(test_fraction / held_fraction, 12), random_state=seed)
    except ValueError as error:
        raise InputError(
            f"{len(rows)} patients cannot be divided into train, valid and test with valid_fraction "
            f"{valid_fraction:g} and test_fraction {test_fraction:g}: {error}"
        ) from error
    return train, valid, test


def fold(labels, number, folds, valid_fraction=0.4):
    """Divides patients so that one of several stratified folds is test.

    The folds are scikit-learn's `StratifiedKFold`, shuffled with `FOLD_SEED`; valid is a stratified share of the
    patients outside the fold, of the same seed.

    Args:
        labels: int array of 0 and 1, (patients,).
        number: which fold is test, from 0.
        folds: how many there are.
        valid_fraction: share of all patients in valid.

    Returns:
        Three int64 arrays of positions, train, valid and test.

    Raises:
        InputError: a label has fewer patients than there are folds, or no patient is left to train or validate on.
    """
    from sklearn.model_selection import StratifiedKFold, train_test_split

    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        if count < folds:
            raise InputError(
                f"folds: found {folds}; label {label} has {count} patients, and every fold needs one of them"
            )
    drawn = list(StratifiedKFold(folds, shuffle=True, random_state=FOLD_SEED).split(labels, labels))
    left, test = drawn[number]
    share = round(valid_fraction * len(labels) / len(left), 12)
    try:
        train, valid = train_test_split(left, test_size=share, stratify=labels[left], random_state=FOLD_SEED)
    except ValueError as error:
        raise InputError(
            f"{len(left)} patients outside fold {number} cannot be divided into train and valid with valid_fraction "
            f"{valid_fraction:g} of {len(labels)}: {error}"
        ) from error
    return train, valid, test


def numbered(values):
    """Numbers values in the order in which they first appear.

    >>> numbered(np.array(["b", "a", "b", "c"])).tolist()
    [0, 1, 0, 2]
    """
    _, first, which = np.unique(values, return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    return place[which.reshape(-1)]


def _rows(units, drawn):
    """The positions of the rows of the units in `drawn`, unit after unit; `units` has the unit of each row."""
    by_unit, bounds = np.argsort(units, kind="stable"), offsets(np.bincount(units))
    return by_unit[ranges(bounds[drawn], np.diff(bounds)[drawn])]
