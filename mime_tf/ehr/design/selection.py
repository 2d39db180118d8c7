"""The rows of a cohort: patients at prediction times, with their windows and labels."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Selection:
    """Rows sorted by patient and time. A patient has one row, or several at different times.

    Attributes:
        patient: int64, (rows,): the patient's number.
        time: int64, (rows,): the prediction time; MISSING in a cohort without prediction times.
        since, until: int64, (rows,): the visits used start in [since, until), and nothing of them that was recorded at
            or after `until` may be used.
        label: int64 of 0 and 1, (rows,); None without an outcome and without a label file.
        flow: patients and rows that each step kept and lost, as `mime_tf.ehr.design.candidates` counts them.
        case: int64, (rows,): the number of the case that the row is matched to, its own for a case; None unless the
            design is case-control.
    """

    patient: np.ndarray
    time: np.ndarray
    since: np.ndarray
    until: np.ndarray
    label: np.ndarray | None
    flow: dict[str, dict[str, int]]
    case: np.ndarray | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.patient)

    def keep(self, chosen: np.ndarray) -> "Selection":
        """Returns the rows that a boolean array chooses, with the same flow."""
        arrays = ("patient", "time", "since", "until", "label", "case")
        kept = {name: values[chosen] for name in arrays if (values := getattr(self, name)) is not None}
        return dataclasses.replace(self, **kept)
