"""Writing the files of a fitted split, each whole or not at all."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mime_tf.assess.outcomes import ranking
from mime_tf.data.cohort import Cohort
from mime_tf.data.known_codes import count_codes
from mime_tf.runs.code_counts import CodeCounts
from mime_tf.runs.configuration import VOCABULARY_SIZES
from mime_tf.runs.folder import CODES, HIERARCHY, HISTORY, METRICS, MODEL, PREDICTIONS, VOCABULARY
from mime_tf.runs.population import Population
from mime_tf.splits.split import Part, Split
from mime_tf.terminal import files

OUTCOME_COLUMNS = ("row", "outcome", "rank", "label", "probability")


def write_names(folder: str, cohort: Cohort) -> None:
    """Writes the names and the ancestors of the codes, as far as the cohort has them, into a fitted split's folder."""
    if cohort.vocabulary:
        cohort.vocabulary.write(os.path.join(folder, VOCABULARY))
    if cohort.hierarchy:
        cohort.hierarchy.write(os.path.join(folder, HIERARCHY))


def write_codes(folder: str, sizes: Mapping[str, int], known: Mapping[str, np.ndarray] | None) -> None:
    """Writes the vocabulary sizes and the codes that training holds.

    Args:
        folder: of the fitted split.
        sizes: dict of the resolved sizes.
        known: as in `mime_tf.splits.split.Split`, or None if it is not known which codes training held.
    """
    codes = {kind: np.flatnonzero(known[kind]).tolist() for kind in known} if known else None
    content = {name: sizes[name] for name in VOCABULARY_SIZES} | {"known": codes}
    files.write_json(os.path.join(folder, CODES), content)


def write_subject(
    folder: str, cohort: Cohort, rows: np.ndarray, split: Split, periods: Mapping[str, tuple[str, str]] | None = None
) -> None:
    """Writes the facts about a model's patients that pages tell: their numbers, and `convert`'s account of them.

    Args:
        folder: of the fitted split.
        cohort: the patients.
        rows: int64, the rows of the cohort that the run admits.
        split: the split.
        periods: first and last day of the predictions of each set of a split by time, or None.
    """
    if cohort.outcomes == 1:  # cases are those of one outcome
        Population.of(cohort, rows, split, periods).write(folder)
        CodeCounts.of(cohort, split.train.rows).write(folder)
    if cohort.conversion is not None:
        cohort.conversion.write(folder)


def write_model(folder: str, model: Any) -> None:
    """Saves a Keras model as the fitted split's."""
    with files.beside(os.path.join(folder, MODEL), ".keras") as temporary:
        model.save(temporary)


def write_history(folder: str, history: Sequence[Mapping[str, float]]) -> None:
    """Writes the evaluations of a split, a row each, as the columns that the first of them has."""
    files.write_table(os.path.join(folder, HISTORY), history[0], (row.values() for row in history))


def write_predictions(
    folder: str, name: str, part: Part, probabilities: np.ndarray, patient_ids: np.ndarray | None = None
) -> None:
    """Writes the output of a model for a set's patients with their row numbers in the cohort, in its order.

    The column `empty` is 1 for patients of whom the model knows no code; `mime_tf.runs.adjustment` has their scores.

    Of several outcomes those of the highest probabilities and those of label 1 are written, a row each, with the rank
    of each among the patient's outcomes.

    Args:
        folder: of the fitted split.
        name: of the set, `"valid"` or `"test"`.
        part: the set.
        probabilities: of its first patients, as many as there are probabilities.
        patient_ids: ids of the cohort's patients, one column more, or None.
    """
    order = np.argsort(part.rows[: len(probabilities)])
    rows = part.rows[order]
    if probabilities.ndim > 1:
        listed = _highest(rows, part.labels[order], probabilities[order], patient_ids)
        names = OUTCOME_COLUMNS if patient_ids is None else ("patient_id", *OUTCOME_COLUMNS)
        files.write_table(os.path.join(folder, PREDICTIONS[name]), names, listed)
        return
    given, dropped = count_codes(part.store, part.known, rows)
    columns = {
        "row": rows,
        "label": part.labels[order],
        "probability": probabilities[order],
        "empty": (given == dropped).astype(int),
    }
    if patient_ids is not None:
        columns = {"patient_id": patient_ids[rows]} | columns
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    files.write_table(os.path.join(folder, PREDICTIONS[name]), columns, values)


def _highest(
    rows: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, patient_ids: np.ndarray | None
) -> Iterator[tuple]:
    """Yields the table of `write_predictions` where a patient has several outcomes."""
    for index, outcome, rank in ranking.highest(probabilities, labels=labels):
        row = int(rows[index])
        values = (row, outcome, rank, int(labels[index, outcome]), float(probabilities[index, outcome]))
        yield values if patient_ids is None else (patient_ids[row], *values)


def write_metrics(folder: str, metrics: Mapping[str, Any]) -> None:
    """Writes the results, which say that the split is finished, so they are written last."""
    files.write_json(os.path.join(folder, METRICS), metrics)
