"""Probabilities of new patients, and of the sets that a model was trained and judged on."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from mime_tf.batches import datasets
from mime_tf.data.cohort import Cohort
from mime_tf.data.frames import frame
from mime_tf.data.known_codes import count_codes
from mime_tf.errors import InputError, show
from mime_tf.runs import attributes, visit_days
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.runs.provenance import GROUPS, TIMES
from mime_tf.runs.refit import splits_of, without_test
from mime_tf.scoring.scorer import Scorer
from mime_tf.scoring.substitution import Substitution
from mime_tf.splits.groups import digest, group_numbers
from mime_tf.splits.split import Part, Split, eligible, make_split
from mime_tf.splits.times import Times

SETS = ("test", "valid", "train", "all")
Progress = Callable[[str], object]
Count = Callable[[str, int], object]  # of a verb and a number of patients


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Predictions:
    """Scores of the patients of a cohort, in their order.

    Attributes:
        probabilities: float32, (patients,), adjusted as `mime_tf.runs.adjustment` says; or (patients, outcomes) of a
            model of several outcomes, not adjusted.
        codes: int64, (patients,): number of codes of each patient.
        dropped: int64, (patients,): number of these that the model was not shown, because training did not hold them
            or because they were orders of a diagnosis that it did not hold.
        by_ancestor: int64, (patients,): number of codes in place of which the model was shown an ancestor, or None if
            it was not to be.
        patient_ids: (patients,), as in `mime_tf.data.cohort.Cohort`, or None.
        before: float32, (patients,), the probabilities before recalibration; None for a model without one.
    """

    probabilities: np.ndarray
    codes: np.ndarray
    dropped: np.ndarray
    patient_ids: np.ndarray | None = None
    before: np.ndarray | None = None
    by_ancestor: np.ndarray | None = None

    @property
    def empty(self) -> np.ndarray:
        """Patients of whom nothing is known, bool (patients,): the model was shown none of their codes."""
        return self.dropped == self.codes

    @property
    def known_share(self) -> np.ndarray:
        """Share of each patient's codes that the model was shown, float64 (patients,); nan for no codes."""
        shown = np.full(len(self), np.nan)
        return np.divide(self.codes - self.dropped, self.codes, out=shown, where=self.codes > 0)

    def __len__(self) -> int:
        """Number of patients."""
        return len(self.probabilities)

    def __repr__(self) -> str:
        return f"Predictions({len(self):,} patients, mean probability {self.probabilities.mean():.4f})"

    def to_frame(self) -> Any:
        """Returns a `pandas.DataFrame` with a row per patient, in the cohort's order."""
        ids = {} if self.patient_ids is None else {"patient_id": self.patient_ids}
        shown = {"dropped_codes": self.dropped, "known_share": self.known_share, "empty": self.empty}
        shown |= {} if self.by_ancestor is None else {"ancestor_codes": self.by_ancestor}
        scores = {"probability": self.probabilities}
        if self.probabilities.ndim > 1:
            scores = {f"outcome_{index}": values for index, values in enumerate(self.probabilities.T)}
        return frame(ids | scores | shown)


def predict(
    fitted: FittedSplit,
    cohort: Cohort,
    batch_size: int = 200,
    progress: Progress | None = None,
    unknown_codes: str = "drop",
) -> Predictions:
    """Scores every patient of a cohort.

    Args:
        fitted: the fitted split.
        cohort: the patients; their labels are ignored.
        batch_size: most patients in a batch.
        progress: function that is called with a text now and then, such as `Console.progress`.
        unknown_codes: `"drop"`, or `"ancestor"` to show the model the nearest ancestors that it knows in place of a
            code that it does not.

    Raises:
        InputError: `batch_size` is less than 1, the cohort's codes mean something else than in training, no table has
            the ancestors, or the model's weights give no numbers.
    """
    (predictions,) = predict_parts(fitted, len(cohort), [cohort], batch_size, progress, unknown_codes)
    return predictions


def predict_parts(
    fitted: FittedSplit,
    patients: int,
    parts: Iterable[Cohort],
    batch_size: int = 200,
    progress: Progress | None = None,
    unknown_codes: str = "drop",
) -> Iterator[Predictions]:
    """Scores a cohort that may be larger than memory, one part after another.

    Args:
        fitted: the fitted split.
        patients: number of patients of the cohort.
        parts: the parts of the cohort, as `Cohort.open_parts` returns them. Patients of one part share batches.
        batch_size: as for `predict`.
        progress: as for `predict`.
        unknown_codes: as for `predict`.

    Yields:
        The predictions of each part.

    Raises:
        InputError: as for `predict`, perhaps after some parts.
    """
    scorer, done = CohortScorer(fitted, batch_size, unknown_codes), 0
    for cohort in parts:
        predictions = scorer(cohort, counting(progress, done, patients))
        yield predictions
        done += len(predictions)


class CohortScorer:
    """Scores cohorts, such as the parts of one, with a fitted split whose graph is traced once.

    Args:
        fitted: the fitted split.
        batch_size: as for `predict`.
        unknown_codes: as for `predict`.
    """

    def __init__(self, fitted: FittedSplit, batch_size: int, unknown_codes: str):
        self._fitted, self._batch_size, self._unknown_codes = fitted, batch_size, unknown_codes
        self._scorer = Scorer(fitted.model)
        self._substitution: Substitution | None = None

    def __call__(self, cohort: Cohort, report: Count | None = None) -> Predictions:
        """Returns the predictions of a cohort; `report` is called with a verb and a number of patients."""
        fitted, by_ancestor = self._fitted, None
        if self._unknown_codes == "ancestor":
            if self._substitution is None:
                fitted.check_codes(cohort)
                self._substitution = Substitution.of(fitted, cohort)
                self._scorer = Scorer(self._substitution.fitted.model)
            fitted = self._substitution.fitted
            by_ancestor, cohort = self._substitution.count(cohort.store), self._substitution.apply(cohort)
        part = part_of(fitted, cohort, "all")
        scores = _output(self._scorer, fitted.folder, part, self._batch_size, report)
        output = np.empty_like(scores)
        output[part.rows] = scores
        codes, dropped = count_codes(cohort.store, fitted.usable, count=_of_codes(report))
        probabilities = fitted.adjustment(output, codes == dropped)
        return Predictions(probabilities, codes, dropped, cohort.patient_ids, by_ancestor=by_ancestor)


def counting(progress: Progress | None, before: int, patients: int) -> Count | None:
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
        InputError: the split can't be made again, the cohort's codes mean something else than in training, or it lacks
            age, sex or days of visits, which the model reads.
        ValueError: `name` is none of these.
    """
    if name not in SETS:
        raise ValueError(f"`name` must be one of {SETS}. Received: {name=}")
    fitted.check_codes(cohort)
    if name == "all":
        rows = np.argsort(cohort.store.visit_counts, kind="stable")
        rows = rows[cohort.store.visit_counts[rows] > 0]  # a patient whose one visit was taken away has no history
        labels = np.zeros(len(cohort), np.int64) if cohort.labels is None else cohort.labels  # a Part has labels
        part = Part(rows, cohort.store, labels[rows], fitted.usable)
    else:
        config, part = fitted.config, getattr(split_of(fitted, cohort), name)
        if name != "train":
            part = part.scored(config.batch_size, config.eval_drop_remainder)
    days = visit_days.read(fitted, cohort)
    part = part if days is None else part.with_days(days)
    of_patients = attributes.read(fitted, cohort)
    return part if of_patients is None else part.with_attributes(of_patients)


def split_of(fitted: FittedSplit, cohort: Cohort) -> Split:
    """Makes a fitted split's division again.

    Raises:
        InputError: the model is a refit, the run was of another version, or the data are others.
    """
    if splits := splits_of(fitted.metrics):
        raise InputError(without_test(fitted.folder, splits))
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
    times = Times.of(cohort, config)
    if times is not None and times.digest != (fitted.data or {}).get(TIMES):
        raise InputError(
            f"{fitted.folder}: divided by other prediction times, or other patients, than those of these data; all "
            "patients can be scored"
        )
    rows = eligible(store, config.min_threshold, config.max_threshold, config.association_threshold)
    split = make_split(store, cohort.require_labels(), rows, number, **config.division, groups=groups, times=times)
    for kind, known in (fitted.known or {}).items():
        if not np.array_equal(np.flatnonzero(known), np.flatnonzero(split.known[kind])):
            raise InputError(
                f"{fitted.folder}: its split, made again, trains on other {kind} codes than the run did; the data are "
                "others, or scikit-learn divides differently in this version; all patients can be scored"
            )
    return split


def score(fitted: FittedSplit, part: Part, batch_size: int = 200, progress: Progress | None = None) -> Predictions:
    """Scores the patients of a part, in its order; the predictions have no ids.

    Args:
        fitted: the fitted split.
        part: the patients, from `part_of`.
        batch_size: most patients in a batch.
        progress: as for `predict`.

    Raises:
        InputError: `batch_size` is less than 1, or the model's weights give no numbers.
    """
    output = model_output(fitted, part, batch_size, progress)
    codes, dropped = count_codes(part.store, part.known, part.rows)
    adjustment, is_empty = fitted.adjustment, codes == dropped
    before = None if adjustment.before is None else adjustment.before(output, is_empty)
    return Predictions(adjustment(output, is_empty), codes, dropped, before=before)


def empty(part: Part) -> np.ndarray:
    """Returns of which patients of a part the model knows no code: bool (patients,)."""
    codes, dropped = count_codes(part.store, part.known, part.rows)
    return codes == dropped


def model_output(
    fitted: FittedSplit, part: Part, batch_size: int = 200, progress: Progress | None = None
) -> np.ndarray:
    """Returns the output of the model for the patients of a part, before any adjustment: float32, (patients,).

    Args and errors are those of `score`.
    """
    return _output(Scorer(fitted.model), fitted.folder, part, batch_size, counting(progress, 0, len(part)))


def _of_codes(count: Count | None) -> Callable[[int], object] | None:
    """Returns a function that reports the number of patients whose codes are counted."""
    return None if count is None else lambda done: count("counted the codes of", done)


def _output(scorer: Scorer, folder: str, part: Part, batch_size: int, count: Count | None) -> np.ndarray:
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
