"""Patients of a model: which are used, which of them train, validate and test it, and which codes it knows."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mime_tf.data.store import CODE_KINDS, Store, offsets
from mime_tf.errors import InputError
from mime_tf.splits import division

if TYPE_CHECKING:  # it describes splits
    from mime_tf.splits.times import Times


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Part:
    """One of the three sets of a split, sorted by number of visits (stable).

    It holds no patients of its own, so that the parts of all splits together cost little more than the cohort.

    Attributes:
        rows: int64, the patients' positions in the cohort.
        store: the whole cohort.
        labels: 0 and 1: int64 (patients,), or uint8 (patients, outcomes) where a patient has several.
        known: the codes that are kept, as in `Split`, or None for all.
        attributes: float32 (patients, attributes), numbers beside the codes such as a standardized age, or None.
    """

    rows: np.ndarray
    store: Store
    labels: np.ndarray
    known: Mapping[str, np.ndarray] | None = None
    attributes: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"Part({len(self):,} patients, {int(self.labels.sum()):,} of label 1)"

    @property
    def visit_counts(self) -> np.ndarray:
        """Number of visits of each patient, int64."""
        return self.store.visit_counts[self.rows]

    def patients(self, start: int = 0, end: int | None = None) -> Store:
        """Returns the part's patients from `start` to before `end`, without the codes that are not known."""
        selected = self.store.select(self.rows[start:end])
        return selected.keep_known(self.known) if self.known else selected

    def scored(self, batch_size: int, drop_remainder: bool) -> "Part":
        """Returns the patients whose scores count: all, or without the last partial batch of `batch_size`."""
        return self.head(len(self) - len(self) % batch_size) if drop_remainder else self

    def head(self, count: int) -> "Part":
        """Returns the first `count` patients."""
        return self.at(np.arange(min(count, len(self))))

    def at(self, indices: np.ndarray) -> "Part":
        """Returns the patients at `indices` (integers) of the part, in that order."""
        attributes = None if self.attributes is None else self.attributes[indices]
        return Part(self.rows[indices], self.store, self.labels[indices], self.known, attributes)

    def with_attributes(self, attributes: np.ndarray) -> "Part":
        """Returns the part with attributes, given those of all patients of the cohort, (rows, attributes)."""
        return dataclasses.replace(self, attributes=attributes[self.rows].astype(np.float32))

    def with_days(self, days: np.ndarray | None) -> "Part":
        """Returns the part with the days of all visits of the cohort, (visits,), or without."""
        return dataclasses.replace(self, store=self.store.with_days(days))


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Split:
    """The three sets of one split, and the codes that its training set holds.

    Attributes:
        train, valid, test: the sets. Valid and test hold known codes only.
        known: dict of boolean arrays `"dx"`, `"rx"`, `"pr"`: does training hold this code?
    """

    train: Part
    valid: Part
    test: Part
    known: Mapping[str, np.ndarray]

    def __repr__(self) -> str:
        codes = ", ".join(f"{int(self.known[kind].sum()):,} {kind}" for kind in CODE_KINDS)
        return f"Split({len(self.train):,} train, {len(self.valid):,} valid, {len(self.test):,} test; known: {codes})"

    def with_attributes(self, attributes: np.ndarray) -> "Split":
        """Returns the split with attributes of its patients, as `Part.with_attributes` has them."""
        train, valid, test = (part.with_attributes(attributes) for part in (self.train, self.valid, self.test))
        return Split(train, valid, test, self.known)

    def with_days(self, days: np.ndarray | None) -> "Split":
        """Returns the split with the days of all visits of the cohort, (visits,), or without."""
        train, valid, test = (part.with_days(days) for part in (self.train, self.valid, self.test))
        return Split(train, valid, test, self.known)


def eligible(
    store: Store, min_threshold: int = 1, max_threshold: int = 200, association_threshold: float = 0.0
) -> np.ndarray:
    """Returns the rows of the patients that the thresholds admit, in the cohort's order.

    Args:
        store: the cohort.
        min_threshold: least number of visits.
        max_threshold: number of visits from which on a patient is left out.
        association_threshold: least share of a patient's visits with two or more Dx-objects that carry an order.

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


def _association(store: Store) -> np.ndarray:
    """Returns the share of each patient's visits in which two or more Dx-objects carry an order."""
    with_order = (np.diff(store.rx_offsets) > 0) | (np.diff(store.pr_offsets) > 0)
    associated = np.diff(offsets(with_order)[store.dxobjs]) >= 2
    return np.diff(offsets(associated)[store.visits]) / np.maximum(store.visit_counts, 1)


def make_split(
    store: Store,
    labels: np.ndarray,
    rows: np.ndarray,
    seed: int,
    *,
    test_fraction: float = 0.4,
    valid_fraction: float = 0.4,
    train_ratio: float = 1.0,
    folds: int = 0,
    groups: np.ndarray | None = None,
    times: "Times | None" = None,
) -> Split:
    """Makes one split: divides, shortens training, drops unseen codes from valid and test, and sorts by visits.

    Args:
        store: the whole cohort.
        labels: array of 0 and 1, one per patient of `store`, or uint8 (patients, outcomes), by which folds are not
            stratified.
        rows: the rows to divide, from `eligible`.
        seed: the split seed; with `folds` the number of the fold that is test, from 0.
        test_fraction: share of the patients in test; ignored with `folds`.
        valid_fraction: share in valid; training has the rest.
        train_ratio: share of the training patients that is kept, the first of the draw.
        folds: number of stratified folds that the patients are divided into; 0 for the authors' random split.
        groups: array, one value per patient of `store`, equal for rows that stay on one side; None if each row is
            by itself. Fractions are then shares of the groups.
        times: `mime_tf.splits.times.Times` of the cohort, to divide by time in place of a draw; or None.

    Raises:
        InputError: a set would be empty, or the number of labels is not that of the patients.
    """
    labels = np.asarray(labels)
    labels = labels.astype(np.int64) if labels.ndim == 1 else labels
    if labels.shape[:1] != (len(store),):
        raise InputError(f"labels have shape {labels.shape}; there are {len(store)} patients, and one label for each")
    if not 0 < train_ratio <= 1:
        raise InputError(f"train_ratio: found {train_ratio}; must be more than 0 and at most 1")
    if times is not None:
        return split_of_rows(store, labels, *times.divide(rows, valid_fraction, test_fraction))
    drawn = division.divide(
        labels[rows] if labels.ndim == 1 else np.zeros(len(rows), np.int64),
        seed,
        test_fraction=test_fraction,
        valid_fraction=valid_fraction,
        train_ratio=train_ratio,
        folds=folds,
        groups=None if groups is None else groups[rows],
    )
    return split_of_rows(store, labels, *(rows[positions] for positions in drawn))


def split_of_rows(
    store: Store, labels: np.ndarray, train_rows: np.ndarray, valid_rows: np.ndarray, test_rows: np.ndarray
) -> Split:
    """Returns the split of three sets of rows, the first of which is not empty.

    Args:
        store: the whole cohort.
        labels: int64 (patients,), or uint8 (patients, outcomes).
        train_rows: int64, rows of the cohort.
        valid_rows: int64.
        test_rows: int64.
    """
    known = known_codes(store, train_rows)
    sets = _part(store, labels, valid_rows, known), _part(store, labels, test_rows, known)
    return Split(_part(store, labels, train_rows), *sets, known)


_BLOCK = 50_000  # patients looked at together, so that the codes of a large training set are never copied whole


def known_codes(store: Store, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Returns which codes some patients have.

    Args:
        store: the whole cohort.
        rows: int64, the patients.

    Returns:
        Dict of boolean arrays `"dx"`, `"rx"`, `"pr"`, each up to the largest code of the store.
    """
    known = {kind: np.zeros(store.vocabulary_size(kind), bool) for kind in CODE_KINDS}
    rows = np.sort(rows)  # as they are in memory
    for start in range(0, len(rows), _BLOCK):
        for kind in CODE_KINDS:
            codes, _ = store.codes_of(rows[start : start + _BLOCK], kind)
            known[kind][codes] = True
    return known


def _part(store: Store, labels: np.ndarray, rows: np.ndarray, known: Mapping[str, np.ndarray] | None = None) -> Part:
    rows = rows[np.argsort(store.visit_counts[rows], kind="stable")]
    return Part(rows, store, labels[rows], known)
