"""Predictions of a cross-validation in one file: each patient's by the one model that was tested on the patient."""

import os
from collections.abc import Sequence

import numpy as np

from mime_tf.runs.folder import PREDICTIONS
from mime_tf.runs.results import read_predictions
from mime_tf.terminal import files, reading


def write(path: str, folders: Sequence[str], outcomes: int = 1) -> None:
    """Writes the test predictions of finished folds, in the cohort's order, atomically.

    The columns are `row`, `patient_id` if the cohort has ids, `fold`, `label`, `probability` and `empty`; of several
    outcomes `fold` and those of the folds' own files.

    Args:
        path: of the file.
        folders: the folders of the folds, in their order.
        outcomes: number of outcomes per patient.
    """
    if outcomes > 1:
        _write_outcomes(path, folders)
        return
    folds = [read_predictions(os.path.join(folder, PREDICTIONS["test"])) for folder in folders]
    scores = [fold.scores for fold in folds]
    patients = [each.patients for each in scores if each.patients is not None]
    columns = {"row": np.concatenate([fold.rows for fold in folds])}
    if len(patients) == len(folds):
        columns["patient_id"] = np.concatenate(patients)
    columns |= {
        "fold": np.repeat(np.arange(len(folds)), [len(fold) for fold in folds]),
        "label": np.concatenate([each.labels for each in scores]),
        "probability": np.concatenate([each.probabilities for each in scores]),
        "empty": np.concatenate([fold.empty for fold in folds]).astype(int),
    }
    order = np.argsort(columns["row"])
    files.write_table(path, columns, zip(*(column[order].tolist() for column in columns.values()), strict=True))


def _write_outcomes(path: str, folders: Sequence[str]) -> None:
    """Writes the outcomes of all folds that their files list, in the order of the rows."""
    tables = [
        [fields for _, fields in reading.csv_rows(os.path.join(folder, PREDICTIONS["test"]))] for folder in folders
    ]
    header = tables[0][0]
    row = header.index("row")
    listed = [(int(fields[row]), fold, fields) for fold, (_, *rows) in enumerate(tables) for fields in rows]
    listed.sort(key=lambda item: item[0])
    files.write_table(path, ("fold", *header), ((fold, *fields) for _, fold, fields in listed))
