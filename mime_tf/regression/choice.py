"""The choices behind a regression, kept in a run, so that it can be fitted to other patients in the same way."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mime_tf.data.patient_table import PatientTable
from mime_tf.data.store import Store
from mime_tf.regression import linear
from mime_tf.regression.attributes import Attributes
from mime_tf.regression.columns import Columns
from mime_tf.regression.lineage import Lineage
from mime_tf.regression.linear import Linear
from mime_tf.regression.sequences import Sequences


@dataclasses.dataclass(frozen=True)
class Choice:
    """The choices behind a regression.

    Attributes:
        penalty, strength: as of `Linear`.
        windows: of its columns.
        fading: number of these that fade, the last ones.
        ancestors: whether columns are of ancestors of codes too.
        sequences: whether pairs of diagnoses are among the columns.
        patients: number of patients that it was fitted to.
    """

    penalty: str
    strength: float
    windows: tuple[int, ...]
    fading: int
    ancestors: bool
    sequences: bool
    patients: int

    @classmethod
    def of(cls, fitted: Linear, patients: int) -> "Choice":
        """Returns the choices of a regression on columns that was fitted to so many patients."""
        columns = fitted.columns
        assert columns is not None
        has = columns.lineage is not None, fitted.sequences is not None
        return cls(fitted.penalty, fitted.strength, columns.windows, columns.fading, *has, patients)

    def record(self) -> dict[str, Any]:
        """Returns the choices as JSON has them."""
        return dataclasses.asdict(self) | {"windows": list(self.windows)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Choice":
        """Returns the choices of a `record`."""
        return cls(**{**record, "windows": tuple(record["windows"])})

    @classmethod
    def of_most(cls, choices: Sequence["Choice"]) -> "Choice":
        """Returns the choice that most of several have made, the first of equally many.

        Its strength per patient is the geometric mean over those who made it.
        """

        def kind(choice: "Choice") -> tuple:
            return choice.penalty, choice.windows, choice.fading, choice.ancestors, choice.sequences

        ((commonest, _),) = collections.Counter(map(kind, choices)).most_common(1)
        alike = [choice for choice in choices if kind(choice) == commonest]
        if not alike[0].strength:  # of a constant
            return alike[0]
        per_patient = np.exp(np.mean([np.log(choice.strength * choice.patients) for choice in alike]))
        return dataclasses.replace(alike[0], strength=float(per_patient) / alike[0].patients)

    def fit(
        self,
        store: Store,
        labels: np.ndarray,
        patients: np.ndarray,
        attributes: Attributes | None,
        table: PatientTable | None,
        lineage: Lineage | None,
        seed: int,
    ) -> Linear:
        """Fits such a regression to patients; the penalty per patient stays the same.

        Args:
            store: the cohort, with the days of visits if windows are of days.
            labels: 0 or 1, one per patient of `store`.
            patients: int64, rows of `store`.
            attributes: age and sex, or None.
            table: the patients.csv beside the cohort, for the attributes.
            lineage: the ancestors of the codes, if the columns are of them too.
            seed: seed of scikit-learn's solver.
        """
        plain = len(self.windows) - self.fading
        windows, halvings = self.windows[:plain], self.windows[plain:]
        columns = Columns.learn(store, patients, windows=windows, lineage=lineage, halvings=halvings)
        sequences = Sequences.learn(store, patients) if self.sequences else None
        empty = Linear(columns, sequences, attributes, np.zeros(0), 0.0, self.penalty, self.strength, np.nan)
        return linear.refit(empty, store, labels, patients, len(patients) / self.patients, seed, table)
