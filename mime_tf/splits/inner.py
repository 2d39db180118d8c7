"""Folds inside a training set, so that every training patient is predicted by a model that did not see the patient."""

import numpy as np

from mime_tf.errors import InputError
from mime_tf.splits.split import Part, Split


def inner_folds(train: Part, folds: int, seed: int, groups: np.ndarray | None = None) -> np.ndarray:
    """Draws stratified folds of a training set.

    Args:
        train: the training set.
        folds: number of folds, 2 or more.
        seed: seed of the draw.
        groups: group of each row of the cohort, or None; rows of one group are in one fold.

    Returns:
        int64 (patients,), the fold of each patient of `train`.

    Raises:
        InputError: a label has fewer patients, or groups, than there are folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    units = np.arange(len(train)) if groups is None else groups[train.rows]
    for label in (0, 1):
        count = len(np.unique(units[train.labels == label]))
        if count < folds:
            raise InputError(
                f"members: found {folds}; label {label} has {count} patients in train, and every fold needs one of them"
            )
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    drawn = kind(folds, shuffle=True, random_state=seed)
    drawn = drawn.split(train.labels, train.labels, None if groups is None else units)
    result = np.empty(len(train), np.int64)
    for number, (_, held_out) in enumerate(drawn):
        result[held_out] = number
    return result


def without_fold(split: Split, folds: np.ndarray, fold: int, shuffled: int | None = None) -> Split:
    """Returns a split whose train lacks a fold of that of `split`, and whose test is that fold.

    Args:
        split: the split.
        folds: int64, the fold of each patient of its train.
        fold: the fold to leave out.
        shuffled: seed of a random order of train; None leaves it sorted by visits.
    """
    train, kept = split.train, np.flatnonzero(folds != fold)
    if shuffled is not None:
        kept = np.random.default_rng(shuffled).permutation(kept)
    return Split(train.at(kept), split.valid, train.at(np.flatnonzero(folds == fold)), split.known)
