"""Probabilities by the mean of fitted splits, in such a way that no patient is scored by a split that trained on him.

New patients are scored by all splits. Of the data that the splits were divided from only test is scored, each patient
by the splits that had the patient in test: by one if they are folds, by a few if they are random splits.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from mime_tf.data.cohort import Cohort
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.runs.mean_model import MeanModel
from mime_tf.scoring import prediction
from mime_tf.scoring.prediction import CohortScorer, Count, Predictions, Progress
from mime_tf.splits.split import Part


def predict_parts(
    model: MeanModel,
    patients: int,
    parts: Iterable[Cohort],
    batch_size: int = 200,
    progress: Progress | None = None,
    unknown_codes: str = "drop",
) -> Iterator[Predictions]:
    """Scores a cohort part by part with every split, and yields the mean of each part.

    Args and errors are those of `mime_tf.scoring.prediction.predict_parts`.
    """
    scorers, done = [CohortScorer(split, batch_size, unknown_codes) for split in model.splits], 0
    for cohort in parts:
        report = prediction.counting(progress, done, patients)
        of_splits = [
            scorer(cohort, _of(split, model, report)) for scorer, split in zip(scorers, model.splits, strict=True)
        ]
        yield average(of_splits)
        done += len(cohort)


def average(of_splits: Sequence[Predictions]) -> Predictions:
    """Returns the mean of several splits' predictions of the same patients.

    The number of dropped codes is that of the split that knew most of the patient's codes, so that a patient is empty
    if no split knows anything of the patient. One split's predictions are returned as they are.
    """
    first = of_splits[0]
    if len(of_splits) == 1:
        return first
    dropped = np.min([each.dropped for each in of_splits], axis=0)
    by_ancestor = None
    if first.by_ancestor is not None:
        by_ancestor = np.max([each.by_ancestor for each in of_splits if each.by_ancestor is not None], axis=0)
    before = None
    if any(each.before is not None for each in of_splits):
        before = _mean([each.probabilities if each.before is None else each.before for each in of_splits])
    probabilities = _mean([each.probabilities for each in of_splits])
    return Predictions(probabilities, first.codes, dropped, first.patient_ids, before, by_ancestor)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ScoredSet:
    """A set of patients and their scores.

    Attributes:
        rows: int64 (rows,), positions in the cohort; in the order of the part for one split, ascending for several.
        labels: int64 (rows,).
        predictions: of these rows.
        scored_by: int64 (rows,), number of splits that scored each row.
    """

    rows: np.ndarray
    labels: np.ndarray
    predictions: Predictions
    scored_by: np.ndarray


class PatientSet:
    """A set of a cohort as each split takes it; nothing is scored yet, and all that may be wrong with it is found.

    Args:
        model: the splits.
        cohorts: the patients, as each split is shown them.
        name: `"all"`, scored by every split; or `"test"`, `"valid"` or `"train"` of one split; or `"test"` of several,
            scored by the splits that had the patient in test.
        among: bool (rows of the cohort,), the rows that may be in the set; all by default.

    Raises:
        InputError: as `mime_tf.scoring.prediction.part_of`.
    """

    def __init__(self, model: MeanModel, cohorts: Sequence[Cohort], name: str, among: np.ndarray | None = None):
        self._model = model
        self.parts: list[Part] = [
            prediction.part_of(split, cohort, name) for split, cohort in zip(model.splits, cohorts, strict=True)
        ]
        if among is not None:
            self.parts = [part.at(np.flatnonzero(among[part.rows])) for part in self.parts]
        self._size = len(cohorts[0])

    @property
    def rows(self) -> np.ndarray:
        """int64 (rows,), the rows of the set."""
        if len(self.parts) == 1:
            return self.parts[0].rows
        return np.unique(np.concatenate([part.rows for part in self.parts]))

    def score(self, progress: Progress) -> ScoredSet:
        """Scores the set.

        Raises:
            InputError: a model's weights give no numbers.
        """
        scored = [
            (part, prediction.score(split, part, split.config.eval_batch_size, _named(split, self._model, progress)))
            for split, part in zip(self._model.splits, self.parts, strict=True)
            if len(part)  # rows that may be in the set need not be in every split's
        ]
        rows = self.rows
        if len(self.parts) == 1:
            ((part, predictions),) = scored
            return ScoredSet(rows, part.labels, predictions, np.ones(len(rows), np.int64))
        return self._merged(rows, scored)

    def _merged(self, rows: np.ndarray, scored: Sequence[tuple[Part, Predictions]]) -> ScoredSet:
        """Returns the mean over the splits that scored each row."""
        index = np.full(self._size, -1)
        index[rows] = np.arange(len(rows))
        count, labels = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
        codes, dropped = np.zeros(len(rows), np.int64), np.full(len(rows), np.iinfo(np.int64).max)
        total, before = np.zeros(len(rows)), np.zeros(len(rows))
        for part, each in scored:
            place = index[part.rows]
            count[place] += 1
            total[place] += each.probabilities
            before[place] += each.probabilities if each.before is None else each.before
            labels[place], codes[place] = part.labels, each.codes
            dropped[place] = np.minimum(dropped[place], each.dropped)
        recalibrated = any(each.before is not None for _, each in scored)
        mean = Predictions(total / count, codes, dropped, before=before / count if recalibrated else None)
        return ScoredSet(rows, labels, mean, count)


def who_scored(model: MeanModel, scored: ScoredSet, name: str, cohort_rows: int) -> str:
    """Returns which splits scored the rows of a set, in words; empty for a model of one split."""
    if len(model.splits) == 1:
        return ""
    if name == "all":
        return f"scored by the {model.described}: {model.names}"
    least, most = int(scored.scored_by.min()), int(scored.scored_by.max())
    count = f"{least}" if least == most else f"{least} to {most}"
    text = f"each row is scored by the splits that had it in test alone: {count} of {len(model.splits)}"
    left = cohort_rows - len(scored.rows)
    return text + (f"; {left:,} rows that no split tested are left out" if left else "")


def _mean(values: Sequence[np.ndarray]) -> np.ndarray:
    """Returns the mean over splits, computed in float64 and of the splits' own type."""
    return np.mean(values, axis=0, dtype=np.float64).astype(values[0].dtype)


def _of(split: FittedSplit, model: MeanModel, report: Count | None) -> Count | None:
    """Returns a report that names the split, where there are several."""
    if report is None or len(model.splits) == 1:
        return report
    return lambda verb, done: report(f"{split.name}: {verb}", done)


def _named(split: FittedSplit, model: MeanModel, progress: Progress) -> Progress:
    return progress if len(model.splits) == 1 else lambda text: progress(f"{split.name}: {text}")
