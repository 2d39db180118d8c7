"""Division of patients into train, valid and test: the authors' random splits, or folds; of rows, or of groups of rows.

All functions work on positions, 0 to n - 1. The draw is of *units*: a unit is a row or, with groups, all rows of one
group. Rows follow their unit, so that no group is ever on two sides.
"""

from collections.abc import Sequence

import numpy as np

from mime_tf.data.store import offsets, ranges
from mime_tf.errors import InputError
from mime_tf.terminal import unneeded

# The first of the default split seeds; it shuffles the folds, and draws valid from the patients outside a fold.
FOLD_SEED = 0


def divide(
    labels: np.ndarray,
    number: int,
    *,
    test_fraction: float = 0.4,
    valid_fraction: float = 0.4,
    train_ratio: float = 1.0,
    folds: int = 0,
    groups: np.ndarray | None = None,
) -> tuple[np.ndarray, ...]:
    """Divides rows into train, valid and test.

    Args:
        labels: int array of 0 and 1, (rows,).
        number: seed of a random split, or number of the fold that is test.
        test_fraction: share of the units in test; ignored with folds.
        valid_fraction: share of the units in valid; training has the rest.
        train_ratio: share of the training units that is kept, the first of the draw.
        folds: number of folds, or 0 for a random split.
        groups: array (rows,), equal for rows of one group; None if each row is by itself. A group's label is 1 if any
            of its rows has label 1: by it folds are stratified.

    Returns:
        Three int64 arrays of positions, in the order the draw left them, the rows of a group in input order.

    Raises:
        InputError: a set would be empty, or a label has fewer units than there are folds.
    """
    labels = np.asarray(labels, np.int64)
    units = np.arange(len(labels)) if groups is None else numbered(groups)
    count = units.max(initial=-1) + 1
    if folds:
        unit_labels = np.zeros(count, np.int64)
        np.maximum.at(unit_labels, units, labels)
        train, valid, test = fold(unit_labels, number, folds, valid_fraction)
    else:
        train, valid, test = partition(np.arange(count), number, test_fraction, valid_fraction)
    train = train[: int(len(train) * train_ratio)]
    if not len(train):
        raise InputError(f"train_ratio {train_ratio:g} leaves no training patient; a larger one would")
    return tuple(_rows(units, drawn) for drawn in (train, valid, test))


def partition(
    rows: Sequence | np.ndarray, seed: int, test_fraction: float = 0.4, valid_fraction: float = 0.4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Divides `rows` into train, valid and test exactly as the authors' program does.

    scikit-learn's `train_test_split` sets valid and test aside together, and a second call with the same seed
    divides them.

    Returns:
        Three arrays of rows, in the order the draw left them.

    Raises:
        InputError: one of the three would be empty.
    """
    # Imported here: it takes a second, and reading or batching a cohort does not need it.
    with unneeded.hidden(*unneeded.OF_SKLEARN):
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


def fold(
    labels: np.ndarray, number: int, folds: int, valid_fraction: float = 0.4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Divides patients so that one of several stratified folds is test.

    The folds are scikit-learn's `StratifiedKFold`, shuffled with `FOLD_SEED`; valid is a stratified share of the
    patients outside the fold, drawn with the same seed.

    Args:
        labels: int array of 0 and 1, (patients,).
        number: number of the fold that is test, from 0.
        folds: number of folds.
        valid_fraction: share of all patients in valid.

    Returns:
        Three int64 arrays of positions, train, valid and test.

    Raises:
        InputError: a label has fewer patients than there are folds, or no patient is left to train or validate on.
    """
    with unneeded.hidden(*unneeded.OF_SKLEARN):
        from sklearn.model_selection import StratifiedKFold, train_test_split

    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        if count < folds:
            raise InputError(
                f"folds: found {folds}; label {label} has {count} patients, and every fold needs one of them"
            )
    drawn = list(StratifiedKFold(folds, shuffle=True, random_state=FOLD_SEED).split(labels, labels))
    outside, test = drawn[number]
    share = round(valid_fraction * len(labels) / len(outside), 12)
    try:
        train, valid = train_test_split(outside, test_size=share, stratify=labels[outside], random_state=FOLD_SEED)
    except ValueError as error:
        raise InputError(
            f"{len(outside)} patients outside fold {number} cannot be divided into train and valid with valid_fraction "
            f"{valid_fraction:g} of {len(labels)}: {error}"
        ) from error
    return train, valid, test


def numbered(values: np.ndarray) -> np.ndarray:
    """Numbers values in the order in which they first appear.

    >>> numbered(np.array(["b", "a", "b", "c"])).tolist()
    [0, 1, 0, 2]
    """
    _, first, indices = np.unique(values, return_index=True, return_inverse=True)
    ranks = np.empty(len(first), np.int64)
    ranks[np.argsort(first)] = np.arange(len(first))
    return ranks[indices.reshape(-1)]


def _rows(units: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Returns the positions of the rows of the units in `drawn`, unit after unit; `units` has the unit of each row."""
    by_unit, bounds = np.argsort(units, kind="stable"), offsets(np.bincount(units))
    return by_unit[ranges(bounds[drawn], np.diff(bounds)[drawn])]
