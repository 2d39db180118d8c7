"""Evaluation of a model of several outcomes per patient, beside its yardsticks."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mime_tf.assess import measures as single
from mime_tf.assess.bootstrap import Bootstrap, Progress, Sample
from mime_tf.assess.outcomes import measures, text
from mime_tf.assess.outcomes.scores import OutcomeScores
from mime_tf.assess.scores import Scores
from mime_tf.config import NEXT_VISIT
from mime_tf.data.cohort import Cohort
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.scoring import outcome_yardsticks, prediction
from mime_tf.splits.split import Part, Split

COLUMNS = ("outcome", "name", "cases_in_train", "cases", "mean_probability", "auc")
_MODEL = "model"


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class OutcomeEvaluation:
    """A model of several outcomes, measured on a set.

    Attributes:
        model: the fitted split.
        part: the patients, with their labels (patients, outcomes).
        split: the split, or None where the set is all patients of any cohort.
        predictions: of the model, with probabilities (patients, outcomes).
        comparison: measures of the model and of its yardsticks.
    """

    model: FittedSplit
    part: Part
    split: Split | None
    predictions: prediction.Predictions
    comparison: measures.Comparison

    def lines(self, bootstrap: Bootstrap) -> Iterator[str]:
        """Yields the measures as printed lines."""
        labels = self.part.labels
        count = f"{labels.sum() / len(labels):.2f} of {labels.shape[1]:,} outcomes each"
        yield f"{self.comparison.patients:,} patients, {count}"
        yield from text.lines(self.comparison, outcome_yardsticks.NAMES, bootstrap)

    def record(self) -> dict[str, Any]:
        """Returns the measures as metrics.json has them."""
        return {"task": self.model.config.task, **text.record(self.comparison)}

    def rows(self) -> Iterator[tuple]:
        """Yields a row for each outcome, with the columns `COLUMNS`."""
        labels, train = self.part.labels, None if self.split is None else self.split.train
        cases, in_train = labels.sum(axis=0), None if train is None else train.labels.sum(axis=0)
        for index, values in enumerate(self.predictions.probabilities.T):
            auc = float(single.auc(Sample(Scores(labels[:, index], values)).tally()))
            count = None if in_train is None else int(in_train[index])
            shown = None if np.isnan(auc) else auc
            yield index, self.model.outcome_name(index), count, int(cases[index]), float(values.mean()), shown


def left_out(model: FittedSplit, cohort: Cohort) -> Iterator[str]:
    """Yields notes on the patients that the task of a model leaves out of a cohort, as it was read."""
    if model.config.task != NEXT_VISIT:
        return
    single_visits = int((cohort.store.visit_counts == 1).sum())
    if single_visits:
        yield f"left out: {single_visits:,} patients of one visit, which nothing precedes"
    unknown = int((cohort.store.last_diagnoses()[1] >= model.sizes["num_dx"]).sum())
    if unknown:
        yield f"left out: {unknown:,} diagnoses of last visits, of codes that the model has no room for"


def evaluate(
    model: FittedSplit,
    part: Part,
    split: Split | None,
    patients: np.ndarray | None,
    recall_at: Sequence[int],
    bootstrap: Bootstrap,
    progress: Progress,
    with_yardsticks: bool = True,
) -> OutcomeEvaluation:
    """Scores and measures a set.

    Args:
        model: the fitted split.
        part: the patients, from `mime_tf.scoring.prediction.part_of` a cohort with the labels of the task.
        split: that which the set is of, or None for all patients of any cohort.
        patients: id of each patient of the part, or None.
        recall_at: the k of recall at k.
        bootstrap: the resamples behind the intervals.
        progress: called with a line of text now and then.
        with_yardsticks: measure the yardsticks too, which takes the split.
    """
    predictions = prediction.score(model, part, model.config.eval_batch_size, progress)
    probabilities, groups = {_MODEL: predictions.probabilities}, None
    if split is not None:
        groups = measures.frequency_groups(split.train.labels.sum(axis=0))
        for yardstick in outcome_yardsticks.available(model.config.task) if with_yardsticks else ():
            probabilities[yardstick] = outcome_yardsticks.probabilities(yardstick, split, part)
    models = {key: OutcomeScores(part.labels, values, patients) for key, values in probabilities.items()}
    comparison = measures.compare(models, recall_at, groups, bootstrap, progress)
    return OutcomeEvaluation(model, part, split, predictions, comparison)
