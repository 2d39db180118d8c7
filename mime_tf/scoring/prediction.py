"""Probabilities of new patients, and of the sets that a model was trained and judged on."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from mime_tf.batches import datasets
from mime_tf.data.cohort import Cohort
from mime_tf.data.frames import frame
from mime_tf.data.store import Store
from mime_tf.errors import InputError, show
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.runs.provenance import GROUPS
from mime_tf.scoring.scorer import Scorer
from mime_tf.splits.groups import digest, group_numbers
from mime_tf.splits.split import Part, Split, eligible, make_split

SETS = ("test", "valid", "train", "all")
Progress = Callable[[str], object]
Count = Callable[[str, int], object]  # of a verb and a number of patients
_BLOCK = 50_000  # patients whose codes are looked at together


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Predictions:
    """Scores of the patients of a cohort, in their order.

    Attributes:
        probabilities: float32, (patients,); or (patients, outcomes) of a model of several outcomes.
        dropped: int64, (patients,): number of codes that the model was not shown, because training did not hold them
            or because they were orders of a diagnosis that it did not hold.
        empty: bool, (patients,): the model was shown no code at all, so that the probability tells of nothing but the
            number of visits.
        patient_ids: (patients,), as in `mime_tf.data.cohort.Cohort`, or None.
    """

    probabilities: np.ndarray
    dropped: np.ndarray
    empty: np.ndarray
    patient_ids: np.ndarray | None = None

    def __len__(self) -> int:
        """Number of patients."""
        return len(self.probabilities)

    def __repr__(self) -> str:
        return f"Predictions({len(self):,} patients, mean probability {self.probabilities.mean():.4f})"

    def to_frame(self) -> Any:
        """Returns a `pandas.DataFrame` with a row per patient, in the cohort's order."""
        ids = {} if self.patient_ids is None else {"patient_id": self.patient_ids}
        scores = {"probability": self.probabilities}
        if self.probabilities.ndim > 1:
            scores = {f"outcome_{index}": values for index, values in enumerate(self.probabilities.T)}
        return frame(ids | scores | {"dropped_codes": self.dropped, "empty": self.empty})


def predict(
    fitted: FittedSplit, cohort: Cohort, batch_size: int = 200, progress: Progress | None = None
) -> Predictions:
    """Scores every patient of a cohort.

    Args:
        fitted: the fitted split.
        cohort: the patients; their labels are ignored.
        batch_size: most patients in a batch.
        progress: function that is called with a text now and then, such as `Console.progress`.

    Raises:
        InputError: `batch_size` is less than 1, the cohort's codes mean something else than in training, or the
            model's weights give no numbers.
    """
    (predictions,) = predict_parts(fitted, len(cohort), [cohort], batch_size, progress)
    return predictions


def predict_parts(
    fitted: FittedSplit, patients: int, parts: Iterable[Cohort], batch_size: int = 200, progress: Progress | None = None
) -> Iterator[Predictions]:
    """Scores a cohort that may be larger than memory, one part after another.

    Args:
        fitted: the fitted split.
        patients: number of patients of the cohort.
        parts: the parts of the cohort, as `Cohort.open_parts` returns them. Patients of one part share batches.
        batch_size: as for `predict`.
        progress: as for `predict`.

    Yields:
        The predictions of each part.

    Raises:
        InputError: as for `predict`, perhaps after some parts.
    """
    scorer, done = Scorer(fitted.model), 0
    for cohort in parts:
        report = _counting(progress, done, patients)
        part = part_of(fitted, cohort, "all")
        scores = _score(scorer, fitted.folder, part, batch_size, report)
        probabilities = np.empty_like(scores)
        probabilities[part.rows] = scores
        yield Predictions(probabilities, *count_dropped(cohort.store, fitted.usable, report), cohort.patient_ids)
        done += len(part)


def _counting(progress: Progress | None, before: int, patients: int) -> Count | None:
    """Returns a function that reports so many patients of a part, `before` of them lying in the parts before it."""
    if progress is None:
        return None
    return lambda verb, done: progress(f"{verb} {before + done:,} of {patients:,} patients")


def part_of(fitted: FittedSplit, cohort: Cohort, name: str) -> Part:
    """Returns a set of patients as a model takes them: sorted by visits, without the codes it does not know.

    Args:
        fitted: the fitted split.
        cohort: the patients.
        name: `"all"`, every patient of any cohort who has a visit; or `"train"`, `"valid"` or `"test"` of the split,
            which is made again, so that the cohort has to be the one the model was trained on
            (`FittedSplit.trained_on`). Valid and test lack their last, partial batch if the run left it out
            (`eval_drop_remainder`).

    Raises:
        InputError: the split can't be made again, or the cohort's codes mean something else than in training.
        ValueError: `name` is none of these.
    """
    if name not in SETS:
        raise ValueError(f"`name` must be one of {SETS}. Received: {name=}")
    fitted.check_codes(cohort)
    if name == "all":
        rows = np.argsort(cohort.store.visit_counts, kind="stable")
        rows = rows[cohort.store.visit_counts[rows] > 0]  # a patient whose one visit was taken away has no history
        labels = np.zeros(len(cohort), np.int64) if cohort.labels is None else cohort.labels  # a Part has labels
        return Part(rows, cohort.store, labels[rows], fitted.usable)
    config, part = fitted.config, getattr(split_of(fitted, cohort), name)
    return part if name == "train" else part.scored(config.batch_size, config.eval_drop_remainder)


def split_of(fitted: FittedSplit, cohort: Cohort) -> Split:
    """Makes a fitted split's division again.

    Raises:
        InputError: the run was of another version, or the data are others.
    """
    if fitted.unknown_flags:
        raise InputError(
            f"{fitted.folder}: written by another version, with the flag {show(fitted.unknown_flags[0])}, so its split "
            "can't be made again; all patients can be scored"
        )
    config, store, number = fitted.config, cohort.store, fitted.split_seed
    if config.folds and number >= config.folds:
        raise InputError(f"{fitted.folder}: is of fold {number} of {config.folds}, counted from 0; damaged")
    groups = group_numbers(cohort, config.group_column)
    if groups is not None and digest(groups) != (fitted.data or {}).get(GROUPS):
        raise InputError(
            f"{fitted.folder}: divided by a {config.group_column} that put other rows together than that of these "
            "data; all patients can be scored"
        )
    rows = eligible(store, config.min_threshold, config.max_threshold, config.association_threshold)
    split = make_split(store, cohort.require_labels(), rows, number, **config.division, groups=groups)
    for kind, known in (fitted.known or {}).items():
        if not np.array_equal(np.flatnonzero(known), np.flatnonzero(split.known[kind])):
            raise InputError(
                f"{fitted.folder}: its split, made again, trains on other {kind} codes than the run did; the data are "
                "others, or scikit-learn divides differently in this version; all patients can be scored"
            )
    return split


def score(fitted: FittedSplit, part: Part, batch_size: int = 200, progress: Progress | None = None) -> np.ndarray:
    """Returns the probabilities of the patients of a part, in its order: float32 (patients,) or (patients, outcomes).

    Args:
        fitted: the fitted split.
        part: the patients, from `part_of`.
        batch_size: most patients in a batch.
        progress: as for `predict`.

    Raises:
        InputError: `batch_size` is less than 1, or the model's weights give no numbers.
    """
    return _score(Scorer(fitted.model), fitted.folder, part, batch_size, _counting(progress, 0, len(part)))


def _score(scorer: Scorer, folder: str, part: Part, batch_size: int, count: Count | None) -> np.ndarray:
    if batch_size < 1:
        raise InputError(f"batch_size: found {batch_size}; must be at least 1")
    probabilities = scorer(_counted(datasets.scoring_batches(part, batch_size), count))
    if np.isnan(probabilities).any():
        raise InputError(f"{folder}: {np.isnan(probabilities).sum()} probabilities are not numbers; bad weights")
    return probabilities


def _counted(batches: Iterable[tuple], count: Count | None) -> Iterator[tuple]:
    """Yields the batches, and reports the number of patients in them so far."""
    done = 0
    for inputs, labels in batches:
        yield inputs, labels
        done += len(labels)
        if count:
            count("scored", done)


def count_dropped(
    store: Store, known: Mapping[str, np.ndarray], count: Count | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Counts the codes that patients lose when unknown ones are dropped.

    Args:
        store: the patients.
        known: dict of boolean arrays, as for `Store.keep_known`.
        count: function that is called with the verb "counted the codes of" and a number of patients now and then.

    Returns:
        int64 (patients,), the number of codes lost: diagnoses, medications and procedures, the orders of a lost
        diagnosis included; and bool (patients,), whether nothing is left.
    """
    dropped, empty = np.empty(len(store), np.int64), np.empty(len(store), bool)
    for start in range(0, len(store), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(store)))
        before = store.select(rows)
        left = _code_counts(before.keep_known(known))
        dropped[rows], empty[rows] = _code_counts(before) - left, left == 0
        if count:
            count("counted the codes of", int(rows[-1]) + 1)
    return dropped, empty


def _code_counts(store: Store) -> np.ndarray:
    """Returns the number of codes of each patient."""
    dxobjs = store.dxobjs[store.visits]
    return np.diff(dxobjs) + np.diff(store.rx_offsets[dxobjs]) + np.diff(store.pr_offsets[dxobjs])
