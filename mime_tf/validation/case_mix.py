"""Case mix: how unlike the data of the model's training the patients of a site are."""

import dataclasses
from typing import Any

import numpy as np

from mime_tf.data.cohort import Cohort
from mime_tf.runs.population import Count, Population, quartiles, summary
from mime_tf.scoring.prediction import Predictions

Quartiles = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class CaseMix:
    """Numbers of a group of patients, none of them a patient's own.

    Attributes:
        count: number of rows and of cases.
        visits: quartiles of the number of visits of a row.
        unknown_codes: share of all codes that the model was not shown; None for training, whose codes it knows.
        nothing_known: share of the rows of whom it knows no code; None for training.
        age: quartiles of age, or None where it is not known.
        sexes: dict from each sex to its share of the rows where it is known.
        years: first and last year of the prediction times, or None.
    """

    count: Count
    visits: Quartiles
    unknown_codes: float | None
    nothing_known: float | None
    age: Quartiles | None
    sexes: dict[str, float]
    years: tuple[int, int] | None

    @classmethod
    def of_site(cls, cohort: Cohort, rows: np.ndarray, predictions: Predictions) -> "CaseMix":
        """Returns the case mix of the rows of a cohort that were scored."""
        table = cohort.attributes.columns if cohort.attributes else {}
        columns = {
            name: summary([table[name][row] for row in rows.tolist()])
            for name in ("age", "sex", "prediction_time")
            if name in table
        }
        labels = cohort.require_labels()[rows]
        codes = int(predictions.codes.sum())
        return cls(
            Count(len(rows), int(labels.sum())),
            quartiles(cohort.store.visit_counts[rows]),
            int(predictions.dropped.sum()) / codes if codes else 0.0,
            float(predictions.empty.mean()),
            *_of_columns(columns),
        )

    @classmethod
    def of_training(cls, population: Population) -> "CaseMix":
        """Returns the case mix of the data that a run was divided from, as the run holds it."""
        return cls(population.counts["all"], population.visits, None, None, *_of_columns(population.columns))


def _of_columns(columns: dict[str, dict[str, Any]]) -> tuple[Any, Any, Any]:
    """Returns age, sexes and years from summaries of columns."""
    age = columns.get("age", {}).get("quartiles")
    values = columns.get("sex", {}).get("values", {})
    years = columns.get("prediction_time", {}).get("years")
    total = sum(values.values())
    sexes = {name: number / total for name, number in values.items()} if total else {}
    return age and tuple(age), sexes, years and tuple(years)
