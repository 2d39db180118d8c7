"""Which patients are used, which of them train, validate and test, and which codes a model of them knows."""

import dataclasses

import numpy as np

from mime_tf.data.store import CODE_KINDS, Store, offsets
from mime_tf.errors import InputError
from mime_tf.splits import division


@dataclasses.dataclass(frozen=True)
class Part:
    """One of the three sets of a split, sorted by number of visits (stable).

    It holds no patients of its own, so that the parts of all splits together cost little more than the input.

    Attributes:
        rows: int64, the patients' row numbers in the input.
        store: Store of the whole input.
        labels: int64 of 0 and 1, one a patient of the part.
        known: the codes that are kept, as in `Split`, or None for all.
    """

    rows: np.ndarray
    store: Store
    labels: np.ndarray
    known: dict | None = None

    def __len__(self):
        return len(self.rows)

    def patients(self, start=0, end=None):
        """Returns the part's patients from `start` to before `end` as a Store, without the codes that are not known."""
        selected = self.store.select(self.rows[start:end])
        return selected.keep_known(self.known) if self.known else selected

    def scored(self, batch_size, drop_remainder):
        """Returns the patients whose scores count: all, or without the last partial batch of `batch_size`."""
        return self.head(len(self) - len(self) % batch_size) if drop_remainder else self

    def head(self, count):
        """Returns the first `count` patients."""
        return Part(self.rows[:count], self.store, self.labels[:count], self.known)


@dataclasses.dataclass(frozen=True)
class Split:
    """The three sets of one split, and the codes that its training set holds.

    Attributes:
        train, valid, test: Part. Valid and test hold known codes only.
        known: dict of boolean arrays `"dx"`, `"rx"`, `"pr"`: does training hold this code?
    """

    train: Part
    valid: Part
    test: Part
    known: dict


def eligible(store, min_threshold=1, max_threshold=200, association_threshold=0.0):
    """Returns the rows of the patients that the thresholds admit, in input order.

    Args:
        store: Store.
        min_threshold: least number of visits.
        max_threshold: the number of visits from which on a patient is left out.
        association_threshold: at least this share of a patient's visits holds two or more Dx-objects that carry
            an order.

    Returns:
        int64 array of row numbers.

    Raises:
        InputError: no patient is left.
    """
    visits = store.visit_counts
    admitted = (visits >= min_threshold) & (visits < max_threshold)
    if association_threshold > 0:
        admitted &= _association(store) >= association_threshold
    rows = np.flatnonzero(admitted)
    if not len(rows):
        raise InputError(
            f"no patient is left of {len(store)}: none has {min_threshold} <= visits < {max_threshold} and an "
            f"association share of at least {association_threshold:g}; visits run from {visits.min()} to "
            f"{visits.max()}, so set min_threshold, max_threshold or association_threshold accordingly"
        )
    return rows


def _association(store):
    """The share of each patient's visits in which two or more Dx-objects carry an order."""
    with_order = (np.diff(store.rx_offsets) > 0) | (np.diff(store.pr_offsets) > 0)
    associated = np.diff(offsets(with_order)[store.dxobjs]) >= 2
    return np.diff(offsets(associated)[store.visits]) / np.maximum(store.visit_counts, 1)


def split(store, labels, rows, seed, *, test_fraction=0.4, valid_fraction=0.4, train_ratio=1.0, folds=0, groups=None):
    """Makes one split: divide, shorten training, drop unseen codes from valid and test, sort by visits.

    Args:
        store: Store of the whole cohort.
        labels: array of 0 and 1, one a patient of `store`.
        rows: the rows to divide, from `eligible`.
        seed: the split seed; with `folds` the number of the fold that is test, from 0.
        test_fraction: the share of the patients in test; not used with `folds`.
        valid_fraction: the share in valid; training has the rest.
        train_ratio: the share of the training patients that is kept, the first ones of the draw.
        folds: how many stratified folds the patients are divided into; 0 for the authors' random split.
        groups: array, one value a patient of `store`, equal for rows that stay on one side; None where each row is by
            itself. Fractions are then shares of the groups.

    Returns:
        Split.

    Raises:
        InputError: a set would be empty, or the labels are not one a patient.
    """
    labels = np.asarray(labels, np.int64)
    if labels.shape != (len(store),):
        raise InputError(f"labels have shape {labels.shape}; there are {len(store)} patients, and one label for each")
    if not 0 < train_ratio <= 1:
        raise InputError(f"train_ratio: found {train_ratio}; must be more than 0 and at most 1")
    drawn = division.divide(
        labels[rows],
        seed,
        test_fraction=test_fraction,
        valid_fraction=valid_fraction,
        train_ratio=train_ratio,
        folds=folds,
        groups=None if groups is None else groups[rows],
    )
    train, valid, test = (rows[positions] for positions in drawn)
    train = _part(store, labels, train)
    known = _known_to(train)
    return Split(train, _part(store, labels, valid, known), _part(store, labels, test, known), known)


def known_codes(store):
    """Returns which codes `store` holds: boolean arrays `"dx"`, `"rx"`, `"pr"`, each up to its largest code."""
    return {kind: np.bincount(getattr(store, kind)).astype(bool) for kind in CODE_KINDS}


_BLOCK = 50_000  # patients looked at together, so that a large training set is never copied whole


def _known_to(part):
    """The codes that a part holds, as `known_codes` has them."""
    blocks = (part.patients(start, start + _BLOCK) for start in range(0, len(part), _BLOCK))
    found = [known_codes(block) for block in blocks]
    known = {}
    for kind in CODE_KINDS:
        known[kind] = np.zeros(max(len(codes[kind]) for codes in found), bool)
        for codes in found:
            known[kind][: len(codes[kind])] |= codes[kind]
    return known


def _part(store, labels, rows, known=None):
    rows = rows[np.argsort(store.visit_counts[rows], kind="stable")]
    return Part(rows, store, labels[rows], known)
