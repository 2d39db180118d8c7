"""The predictions of a cross-validation in one file: each patient's by the one model that was tested on it."""

import csv
import heapq
import os

from mime_tf.runs.folder import PREDICTIONS
from mime_tf.terminal import files


def write(path, folders):
    """Writes the test predictions of finished folds, in input order, atomically.

    The columns are `row`, `patient_id` where the cohort has them, `fold`, `label` and `probability`.

    Args:
        path: the file.
        folders: the folders of the folds, in their order.
    """
    named = all(_columns(folder)[0] == "patient_id" for folder in folders)
    names = ("row", *(["patient_id"] if named else []), "fold", "label", "probability")
    rows = (_rows(fold, folder) for fold, folder in enumerate(folders))
    # Each file is in input order, so no more than a row of each is in memory.
    files.write_table(path, names, heapq.merge(*rows, key=lambda row: int(row[0])))


def _columns(folder):
    with open(_predictions(folder), encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


def _rows(fold, folder):
    """Yields the rows of a fold's test predictions as they are written here."""
    with open(_predictions(folder), encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        for *patient_id, row, label, probability in reader:
            yield row, *patient_id, fold, label, probability


def _predictions(folder):
    return os.path.join(folder, PREDICTIONS["test"])
