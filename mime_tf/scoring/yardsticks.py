"""Yardsticks beside a fitted split: simpler models fitted to the same patients, and the lead of the model over each."""

import dataclasses
from typing import Any

import numpy as np

from mime_tf.assess.bootstrap import Bootstrap, Progress
from mime_tf.assess.comparison import Estimate, compare
from mime_tf.assess.scores import Scores
from mime_tf.data.cohort import Cohort
from mime_tf.regression import yardsticks
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.scoring import prediction
from mime_tf.splits.split import Part

SHOWN = ("pairs", "pairs_ancestors", "age_sex", "pairs_age_sex")
_MODEL = "model"


@dataclasses.dataclass(frozen=True)
class Yardstick:
    """A yardstick on the patients on whom a model was tested.

    Attributes:
        name: of `mime_tf.regression.yardsticks.NAMES`.
        choice: the choice by valid, in words.
        auc: its ROC AUC.
        lead: ROC AUC of the model less that of the yardstick.
    """

    name: str
    choice: str
    auc: Estimate
    lead: Estimate

    @property
    def title(self) -> str:
        """Name for people."""
        return yardsticks.NAMES[self.name]

    def record(self) -> dict[str, Any]:
        """Returns the yardstick as metrics.json has it."""
        return dataclasses.asdict(self)


def beside(
    fitted: FittedSplit,
    cohort: Cohort,
    rows: np.ndarray,
    scores: Scores,
    bootstrap: Bootstrap,
    progress: Progress,
) -> list[Yardstick]:
    """Fits the yardsticks of `SHOWN` to training, chosen on valid, and tests them on the patients of a model's scores.

    Args:
        fitted: the fitted split.
        cohort: the cohort that it was trained on.
        rows: int64, rows of the cohort, patients of test.
        scores: the model's scores of these rows.
        bootstrap: the resamples behind the intervals.
        progress: called with a line of text now and then.

    Raises:
        InputError: the split can't be made again, or an age is no number.
    """
    split, table = prediction.split_of(fitted, cohort), yardsticks.table_of(cohort)
    test = Part(rows, cohort.store, scores.labels)
    models: dict[str, list[Scores]] = {_MODEL: [scores]}
    choices: dict[str, str] = {}
    lineage, days = yardsticks.lineage_of(cohort), cohort.visit_days
    for name in yardsticks.available(table, lineage):
        if name in SHOWN:
            progress(f"fitting {yardsticks.NAMES[name]}")
            model = yardsticks.fit(name, split, table, lineage=lineage, days=days)
            choices[name] = model.choice()
            values = yardsticks.probabilities(model, test, table, days)
            models[name] = [dataclasses.replace(scores, probabilities=values)]
    compared = compare(models, bootstrap, progress)
    return [
        Yardstick(name, choice, compared.means[name]["auc"], compared.differences[name]["auc"])
        for name, choice in choices.items()
    ]
