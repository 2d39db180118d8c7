"""Results of a fitted split, read from its folder without opening its model."""

import csv
import dataclasses
import functools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from mime_tf.assess.scores import Scores
from mime_tf.assess.summary import RESULTS
from mime_tf.data.frames import frame
from mime_tf.errors import InputError, show
from mime_tf.runs.adjustment import Adjustment
from mime_tf.runs.configuration import Configuration, is_whole
from mime_tf.runs.folder import HISTORY, METRICS, PREDICTIONS
from mime_tf.runs.refit import splits_of, without_test
from mime_tf.runs.subject import Subject
from mime_tf.terminal import files, reading

_PLAIN = Adjustment()
_LARGEST = 1e15  # more is no number of a run, and pictures and tables have no room for it


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class SavedPredictions:
    """Predictions of a set of patients, as a run left them.

    Attributes:
        rows: int64 (rows,), the position in the cohort of each.
        output: their labels and the output of the model, and the ids that are stored with the cohort, if there are any.
        empty: bool (rows,), whether the model knows no code of the patient.
        adjustment: of the output to the probabilities that commands give; by default none.
    """

    rows: np.ndarray
    output: Scores
    empty: np.ndarray
    adjustment: Adjustment = _PLAIN

    @functools.cached_property
    def scores(self) -> Scores:
        """Labels and adjusted probabilities."""
        return self._adjusted(self.adjustment)

    @functools.cached_property
    def before(self) -> Scores | None:
        """Labels and probabilities before recalibration, or None if the split is not recalibrated."""
        return None if self.adjustment.before is None else self._adjusted(self.adjustment.before)

    def _adjusted(self, adjustment: Adjustment) -> Scores:
        return dataclasses.replace(self.output, probabilities=adjustment(self.output.probabilities, self.empty))

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.rows)

    def __repr__(self) -> str:
        return f"SavedPredictions({len(self):,} rows, {self.scores.labels.sum():,} of label 1)"

    def to_frame(self) -> Any:
        """Returns the predictions as a `pandas.DataFrame` with the columns of their file."""
        scores = self.scores
        patients = {} if scores.patients is None else {"patient_id": scores.patients}
        columns = {"row": self.rows, "label": scores.labels, "probability": scores.probabilities, "empty": self.empty}
        return frame(patients | columns)


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class SplitResults:
    """Results of a finished split.

    Attributes:
        folder: path of the fitted split.
        configuration: its `Configuration`.
        metrics: dict of the results at the best evaluation, whose model was kept, and their `"iteration"`.
        history: dict from a column of history.csv to float64 (evaluations,), nan where it is empty; without columns
            for an imported model, which has no such file.
        valid, test: SavedPredictions.
        subject: which outcome the split predicts, of whom.
    """

    folder: str
    configuration: Configuration
    metrics: dict[str, Any]
    history: dict[str, np.ndarray]
    valid: SavedPredictions
    test: SavedPredictions
    subject: Subject

    @classmethod
    def read(cls, folder: str | os.PathLike) -> "SplitResults":
        """Reads the results in a fitted split's folder.

        Raises:
            InputError: a file is missing, or is not as training writes it.
        """
        configuration, metrics = Configuration.read(folder), read_metrics(folder)
        if metrics is None or type(metrics.get("iteration")) is not int:
            value = "nothing" if metrics is None else show(metrics)
            raise InputError(f"{os.path.join(folder, METRICS)}: found {value}; the results of a split are needed")
        if splits := splits_of(metrics):
            raise InputError(without_test(os.fspath(folder), splits))
        subject = Subject.read(folder, configuration.input)
        adjustment = Adjustment.read(folder, subject.population)
        valid, test = (
            read_predictions(os.path.join(folder, PREDICTIONS[name]), adjustment) for name in ("valid", "test")
        )
        return cls(os.fspath(folder), configuration, metrics, read_history(folder), valid, test, subject)

    def __repr__(self) -> str:
        loss = self.metrics.get("valid_loss")
        return f"SplitResults({self.folder!r}, iteration {self.iteration:,}, valid_loss {loss})"

    @property
    def adjustment(self) -> Adjustment:
        """Adjustment of the model's output to the probabilities of `valid` and `test`."""
        return self.test.adjustment

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The parts of a blend, each with its `"name"` and `"weight"`; none of a single network."""
        parts = self.metrics.get("parts")
        return [
            part
            for part in (parts if isinstance(parts, list) else ())
            if isinstance(part, dict) and isinstance(part.get("name"), str) and type(part.get("weight")) in (int, float)
        ]

    @property
    def is_blend(self) -> bool:
        """Whether the model is a blend of several parts."""
        return bool(self.parts)

    @property
    def iteration(self) -> int:
        """Iteration of the best evaluation."""
        return self.metrics["iteration"]

    @property
    def name(self) -> str:
        """Name of the split: its folder's."""
        return os.path.basename(os.path.abspath(self.folder))


def read_metrics(folder: str | os.PathLike) -> dict[str, Any] | None:
    """Returns the content of metrics.json, or None where a split is not finished.

    Raises:
        InputError: the file is not as training writes it.
    """
    path = os.path.join(folder, METRICS)
    metrics = files.read_json(path)
    if metrics is None:
        return None
    if not isinstance(metrics, dict):
        raise InputError(f"{path}: found {show(metrics)}; the results of a split are needed")
    for name in set(RESULTS) & set(metrics):
        if metrics[name] is not None and not (type(metrics[name]) in (int, float) and abs(metrics[name]) < _LARGEST):
            raise InputError(f"{path}: {name}: found {show(metrics[name])}; must be a finite number or null")
    if not is_whole(metrics.get("iteration", 0), 0) or metrics.get("iteration", 0) > _LARGEST:
        raise InputError(f"{path}: iteration: found {show(metrics['iteration'])}; must be a whole number from 0")
    return metrics


def read_history(folder: str | os.PathLike) -> dict[str, np.ndarray]:
    """Returns the columns of history.csv, or no columns where an imported model has no such file.

    Raises:
        InputError: the file is not as training writes it.
    """
    path = os.path.join(folder, HISTORY)
    if not os.path.exists(path):
        return {}
    table = _read_table(path, ("iteration", "valid_loss"))
    history = {name: _numbers(path, name, table) for name in table}
    if not (abs(history["iteration"]) < _LARGEST).all():  # nan as well
        raise InputError(f"{path}: column iteration: must be whole numbers")
    # The losses of a split that diverged may be infinite; a picture leaves them out, as it does nan.
    return {name: np.where(abs(values) < _LARGEST, values, np.nan) for name, values in history.items()}


def read_predictions(path: str, adjustment: Adjustment = _PLAIN) -> SavedPredictions:
    """Reads a table of predictions: of a set of a split, or of a cross-validation out of fold.

    Args:
        path: of the table, which has the output of the model.
        adjustment: of the output, by default none.

    Raises:
        InputError: the file is missing, or is not as training writes it.
    """
    table = _read_table(path, ("row", "label", "probability"))
    if "outcome" in table:
        raise InputError(f"{path}: has several outcomes per patient; needed here is a run of one outcome")
    needed = ("row", "label", "probability", "empty")
    table = _read_table(path, needed)
    rows, labels, probabilities, empty = (_numbers(path, name, table) for name in needed)
    if not (len(rows) and ((rows >= 0) & (rows < _LARGEST)).all() and (rows % 1 == 0).all()):
        raise InputError(f"{path}: column row: needs a position from 0 for each patient, and one patient or more")
    if not np.isin(empty, (0, 1)).all():
        raise InputError(f"{path}: column empty: must be 0 or 1")
    patients = np.array(table["patient_id"], object) if "patient_id" in table else None
    try:
        return SavedPredictions(rows.astype(np.int64), Scores(labels, probabilities, patients), empty == 1, adjustment)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _read_table(path: str, needed: Sequence[str]) -> dict[str, list[str]]:
    """Returns the columns of a CSV file."""
    try:
        header, *rows = (fields for _, fields in reading.csv_rows(path))
        if missing := [name for name in needed if name not in header]:
            raise InputError(f"{path}: damaged: found the columns {', '.join(header)}; {missing[0]} is needed")
        for number, fields in enumerate(rows, 2):
            if len(fields) != len(header):
                raise InputError(f"{path}: damaged: row {number}: {len(fields)} fields; the header has {len(header)}")
        return {name: [fields[index] for fields in rows] for index, name in enumerate(header)}
    except FileNotFoundError:
        raise InputError(f"{path}: missing; a finished split has it") from None
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: damaged: not a table as training writes it: {error}") from error


def _numbers(path: str, name: str, table: dict[str, list[str]]) -> np.ndarray:
    """Returns a column as float64, nan where it is empty."""
    try:
        return np.array([float(value) if value else np.nan for value in table[name]], np.float64)
    except ValueError as error:
        raise InputError(f"{path}: column {name}: {error}; must be numbers") from error
