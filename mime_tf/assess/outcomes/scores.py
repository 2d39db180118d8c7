"""Labels and probabilities of a set whose rows have several outcomes each."""

import dataclasses

import numpy as np

from mime_tf.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class OutcomeScores:
    """Labels and probabilities of several outcomes per row, checked once.

    Attributes:
        labels: uint8 (rows, outcomes), 0 or 1.
        probabilities: float (rows, outcomes), from 0 to 1.
        patients: (rows,), the patient of each row, in any values that can be sorted; None if each row is a patient of
            its own.

    Raises:
        InputError: there are no rows, the shapes differ, or a label or a probability is out of bounds or not finite.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    patients: np.ndarray | None = None

    def __post_init__(self) -> None:
        labels, probabilities = np.asarray(self.labels), np.asarray(self.probabilities)
        if labels.ndim != 2 or labels.shape != probabilities.shape or not len(labels):
            raise InputError(
                f"found labels of shape {labels.shape} and probabilities of shape {probabilities.shape}; needed is one "
                "of each per row and outcome, and one row or more"
            )
        if not np.isin(labels, (0, 1)).all():
            raise InputError("labels: found others than 0 and 1")
        if not ((probabilities >= 0) & (probabilities <= 1)).all():
            raise InputError("probabilities: found others than 0 to 1")
        if self.patients is not None and len(self.patients) != len(labels):
            raise InputError(f"patients: found {len(self.patients)} for {len(labels)} rows; one for each is needed")
        object.__setattr__(self, "labels", labels.astype(np.uint8))  # the dataclass is frozen
        object.__setattr__(self, "probabilities", probabilities)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.labels)

    def __repr__(self) -> str:
        return f"OutcomeScores({len(self):,} rows of {self.outcomes:,} outcomes, {self.labels.sum():,} of label 1)"

    @property
    def outcomes(self) -> int:
        """Number of outcomes per row."""
        return self.labels.shape[1]

    @property
    def patient_index(self) -> np.ndarray:
        """int64 (rows,), the index of each row's patient, from 0."""
        if self.patients is None:
            return np.arange(len(self))
        return np.unique(self.patients, return_inverse=True)[1]
