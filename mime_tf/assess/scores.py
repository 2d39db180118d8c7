"""Scores: the labels of a set and the probabilities that a model gives them."""

import dataclasses
import functools
from typing import Any

import numpy as np

from mime_tf.data.frames import frame
from mime_tf.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Scores:
    """Labels and probabilities of a set, checked once.

    Attributes:
        labels: int64 (rows,), 0 or 1.
        probabilities: float64 (rows,), from 0 to 1.
        patients: (rows,), the patient of each row, in any values that can be sorted; None if each row is a patient of
            its own.

    Raises:
        InputError: there are no rows, the lengths differ, or a label or a probability is out of bounds or not finite.

    Example:
    >>> Scores([0, 1, 1], [0.2, 0.7, 0.4], ["p1", "p1", "p2"])
    Scores(3 rows of 2 patients, 2 of label 1)
    """

    labels: np.ndarray
    probabilities: np.ndarray
    patients: np.ndarray | None = None

    def __post_init__(self) -> None:
        labels, probabilities = np.asarray(self.labels), np.asarray(self.probabilities, np.float64)
        if labels.ndim != 1 or labels.shape != probabilities.shape or not len(labels):
            raise InputError(
                f"found labels of shape {labels.shape} and probabilities of shape {probabilities.shape}; needed is one "
                "of each per row, and one row or more"
            )
        if not np.isin(labels, (0, 1)).all():
            raise InputError("labels: found others than 0 and 1")
        if not ((probabilities >= 0) & (probabilities <= 1)).all():
            raise InputError("probabilities: found others than 0 to 1")
        patients = None if self.patients is None else np.asarray(self.patients)
        if patients is not None and patients.shape != labels.shape:
            raise InputError(f"patients: found shape {patients.shape}; must be {labels.shape}, one for each row")
        checked = {"labels": labels.astype(np.int64), "probabilities": probabilities, "patients": patients}
        for name, value in checked.items():
            object.__setattr__(self, name, value)  # the dataclass is frozen

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Scores({len(self):,} rows of {self.num_patients:,} patients, {self.labels.sum():,} of label 1)"

    @functools.cached_property
    def patient_index(self) -> np.ndarray:
        """int64 (rows,), the index of each row's patient, from 0."""
        if self.patients is None:
            return np.arange(len(self))
        return np.unique(self.patients, return_inverse=True)[1]

    @property
    def num_patients(self) -> int:
        """Number of patients."""
        return int(self.patient_index.max()) + 1

    def select(self, rows: np.ndarray) -> "Scores":
        """Returns the scores of some rows, given as indices or as a mask (rows,)."""
        patients = None if self.patients is None else self.patients[rows]
        return Scores(self.labels[rows], self.probabilities[rows], patients)

    def to_frame(self) -> Any:
        """Returns a pandas DataFrame of `label` and `probability`, after `patient_id` if there are patients."""
        ids = {} if self.patients is None else {"patient_id": self.patients}
        return frame(ids | {"label": self.labels, "probability": self.probabilities})
