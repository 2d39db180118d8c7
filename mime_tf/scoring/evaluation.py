"""Evaluation of a model of one outcome on a set of patients, beside its yardsticks."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mime_tf.assess import measures, subgroups, text, thresholds
from mime_tf.assess.bootstrap import Bootstrap, Progress
from mime_tf.assess.group_differences import Difference, group_differences
from mime_tf.assess.measures import Assessment
from mime_tf.assess.scores import Scores
from mime_tf.assess.subgroups import Subgroup
from mime_tf.data.cohort import Cohort
from mime_tf.runs.mean_model import MeanModel
from mime_tf.scoring import mean, yardsticks
from mime_tf.scoring.mean import PatientSet, ScoredSet
from mime_tf.scoring.prediction import Predictions
from mime_tf.scoring.substitution import Substitution
from mime_tf.scoring.yardsticks import Yardstick


@dataclasses.dataclass(frozen=True)
class Asked:
    """Choices of an evaluation.

    Attributes:
        set_name: set of patients, `"test"`, `"valid"`, `"train"` or `"all"`.
        thresholds: probabilities from which on a row is alerted.
        alert_rates: shares of the rows to alert.
        groups: rows of the cohort in each subgroup, of `mime_tf.assess.subgroups.read`.
        ancestors: whether codes that training did not hold are scored as ancestors that it held.
        yardsticks: fit simpler models to the same patients.
    """

    set_name: str
    thresholds: Sequence[float] = ()
    alert_rates: Sequence[float] = ()
    groups: Mapping[str, Mapping[str, np.ndarray]] = dataclasses.field(default_factory=dict)
    ancestors: bool = False
    yardsticks: bool = True


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The measures of a set of patients.

    Attributes:
        scores: labels and probabilities of the set.
        assessment: measures of the whole set.
        points: operating points, of the thresholds first, then of the alert rates.
        subgroups: measures of each subgroup.
        differences: of the subgroups from the largest of their column.
        yardsticks: simpler models on the same patients, if these are test.
        unknown: number of rows of whom the model knows no code.
        before: measures before recalibration, without intervals, or None for a model that is not recalibrated.
    """

    scores: Scores
    assessment: Assessment
    points: list[dict[str, Any]]
    subgroups: list[Subgroup]
    differences: list[Difference]
    yardsticks: list[Yardstick]
    unknown: int
    before: Assessment | None

    def lines(self, bootstrap: Bootstrap) -> Iterator[str]:
        """Yields the number of patients, and the measures, as printed lines."""
        assessment = self.assessment
        rows = "" if assessment.patients == assessment.rows else f" in {assessment.rows:,} rows"
        share = assessment.ones / assessment.rows
        yield f"{assessment.patients:,} patients{rows}, {assessment.ones:,} of label 1 ({share:.2%})"
        yield from text.lines(assessment, bootstrap)
        if self.before is not None:
            yield from text.before_lines(self.before)
        yield from text.yardstick_lines(self.yardsticks)
        yield from text.point_lines(self.points)
        yield from text.subgroup_lines(self.subgroups)
        yield from text.difference_lines(self.differences)

    def record(self, asked: Asked) -> dict[str, Any]:
        """Returns the measures as metrics.json has them."""
        options: list[dict[str, float]] = [{"threshold": value} for value in asked.thresholds]
        options += [{"alert_rate": rate} for rate in asked.alert_rates]
        points = zip(self.points, options, strict=True)
        return {
            **{name: getattr(self.assessment, name) for name in ("rows", "patients", "ones")},
            "nothing_known": self.unknown,
            "metrics": text.estimates(self.assessment),
            "before_recalibration": None if self.before is None else self.before.values,
            "yardsticks": [yardstick.record() for yardstick in self.yardsticks],
            "operating_points": [text.point_record(*pair) for pair in points],
            "subgroups": [text.subgroup_record(group) for group in self.subgroups],
            "subgroup_differences": [difference.record() for difference in self.differences],
        }


class Evaluator:
    """A set of patients that is ready to be scored: all that may be wrong with the input is found.

    Args:
        model: the model.
        cohort: the patients.
        asked: the choices.

    Attributes:
        notes: remarks on the rows to be scored.

    Raises:
        InputError: codes mean something else than in training, or the set can't be made again.
    """

    def __init__(self, model: MeanModel, cohort: Cohort, asked: Asked):
        self._model, self._cohort, self._asked = model, cohort, asked
        model.check_codes(cohort)
        self.notes: list[str] = []
        cohorts = [cohort] * len(model.splits)
        if asked.ancestors:
            substitutions = [Substitution.of(split, cohort) for split in model.splits]
            self._model = dataclasses.replace(model, splits=tuple(each.fitted for each in substitutions))
            cohorts = [each.apply(cohort) for each in substitutions]
            counts = (each.count(cohort.store) for each in substitutions)
            notes = (f"scored as an ancestor: {of.sum():,} codes of {(of > 0).sum():,} patients" for of in counts)
            self.notes += dict.fromkeys(notes)
        self._set = PatientSet(self._model, cohorts, asked.set_name)

    def evaluate(self, bootstrap: Bootstrap, progress: Progress, notes: list[str]) -> Evaluation:
        """Scores and measures the set.

        Args:
            bootstrap: the resamples behind the intervals.
            progress: called with a line of text now and then.
            notes: is added to.
        """
        model, asked, scored = self._model, self._asked, self._set.score(progress)
        predictions, ids = scored.predictions, self._cohort.patient_ids
        scores = Scores(scored.labels, predictions.probabilities, None if ids is None else ids[scored.rows])
        notes += self._remarks(scored)
        before = None
        if predictions.before is not None:
            earlier = dataclasses.replace(scores, probabilities=predictions.before)
            before = measures.assess(earlier, Bootstrap(0))
        alerts = [thresholds.alert_threshold(scores.probabilities, rate) for rate in asked.alert_rates]
        points = thresholds.operating_points(scores, [*asked.thresholds, *alerts], bootstrap, progress)
        points = thresholds.with_unknown(points, scores.probabilities, predictions.empty)
        divided = {
            column: {name: rows[scored.rows] for name, rows in named.items()} for column, named in asked.groups.items()
        }
        fits = []
        if asked.set_name == "test" and asked.yardsticks and len(model.splits) == 1:
            (split,) = model.splits
            fits = yardsticks.beside(split, self._cohort, scored.rows, scores, bootstrap, progress)
        return Evaluation(
            scores,
            measures.assess(scores, bootstrap, progress),
            points,
            subgroups.assess_groups(scores, divided, bootstrap, progress),
            group_differences(scores, divided, [*asked.thresholds, *alerts], bootstrap, progress),
            fits,
            int(predictions.empty.sum()),
            before,
        )

    def _remarks(self, scored: ScoredSet) -> Iterator[str]:
        """Yields notes on who scored the rows, on unknown codes, and on simpler models that are left out."""
        if by := mean.who_scored(self._model, scored, self._asked.set_name, len(self._cohort)):
            yield by
        yield from unknown(scored.predictions, self._model)
        if self._asked.set_name == "test" and self._asked.yardsticks and len(self._model.splits) > 1:
            yield "no simpler models: they are fitted to the training patients of one split; give one split"


def unknown(predictions: Predictions, model: MeanModel) -> Iterator[str]:
    """Yields notes on the codes that the model was not shown, and on how patients were scored of whom it knows none."""
    dropped, empty = predictions.dropped, predictions.empty
    yield from model.recalibrations()
    if dropped.any():
        share = 1 - dropped.sum() / np.maximum(predictions.codes.sum(), 1)
        yield (
            f"dropped, because training did not hold them: {dropped.sum():,} codes of {(dropped > 0).sum():,} "
            f"patients; the model knew {share:.1%} of all codes"
        )
    if empty.any():
        yield f"nothing is known of {empty.sum():,} rows ({empty.mean():.1%}): scored {model.rule}"
