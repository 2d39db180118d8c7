"""Age and sex of patients as columns, from the patients.csv beside a cohort."""

import dataclasses
import re
from collections.abc import Mapping, Sequence

import numpy as np

from mime_tf.data.patient_table import PatientTable
from mime_tf.errors import InputError, show

AGE, SEX = "age", "sex"
OLDEST = 150  # more is a code for an age that is not known, such as 999
_NUMBER = re.compile(r"[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+\.")
# Least number of training patients of a sex for it to be a column.
_LEAST_PATIENTS = 3
# Most of these columns; more different values are no sexes.
MOST_SEXES = 100


@dataclasses.dataclass(frozen=True, eq=False)
class Attributes:
    """Columns of age, if the table has it, and of sex.

    Age is standardized by the known ages of training, 0 if it is not known, with an indicator of that beside it. Each
    sex of at least 3 training patients has an indicator, "not known" among them.

    Attributes:
        age: float64 (2,), mean and standard deviation of age in training; (0,) if the table has no ages.
        sexes: str array, ascending; `""` is not known.
    """

    age: np.ndarray
    sexes: np.ndarray

    @classmethod
    def learn(cls, table: PatientTable, patients: np.ndarray) -> "Attributes | None":
        """Learns the columns of training patients; None if the table has neither age nor sex of any of them.

        Args:
            table: a patients.csv.
            patients: int64, its rows that train.

        Raises:
            InputError: an age is no number, or the sexes are more than `MOST_SEXES`.
        """
        age, sexes = np.zeros(0), np.zeros(0, str)
        if AGE in table.columns:
            ages = _ages(table)[patients]
            ages = ages[np.isfinite(ages)]
            if len(ages):
                age = np.array([ages.mean(), ages.std() or 1.0])
        if SEX in table.columns:
            values, counts = np.unique(_sexes(table)[patients], return_counts=True)
            sexes = values[counts >= _LEAST_PATIENTS]
            if len(sexes) > MOST_SEXES:
                right = f"at most {MOST_SEXES} that {_LEAST_PATIENTS} patients or more have"
                raise InputError(f"{table.path}: column {SEX}: found {len(sexes)} different values; must be {right}")
            if len(sexes) < 2:  # one alone tells no patients apart
                sexes = sexes[:0]
        return cls(age, sexes) if len(age) or len(sexes) else None

    def __len__(self) -> int:
        """Number of columns."""
        return len(self.age) + len(self.sexes)

    def matrix(self, table: PatientTable, patients: np.ndarray) -> np.ndarray:
        """Returns the values of patients, float64 (patients, columns).

        Raises:
            InputError: an age is no number, or the table lacks a column.
        """
        ages, sexes = np.full(len(patients), np.nan), np.full(len(patients), "")
        if len(self.age):
            table.column(AGE)
            ages = _ages(table)[patients]
        if len(self.sexes):
            table.column(SEX)
            sexes = _sexes(table)[patients]
        return self.values(ages, sexes)

    def names(self) -> list[str]:
        """Returns a name of each column for people."""
        ages = ["age, standardized", "age not known"] if len(self.age) else []
        return ages + [f"sex {sex or 'not known'}" for sex in self.sexes]

    def config(self) -> dict[str, list]:
        """Returns the columns as JSON can hold them."""
        return {"age": self.age.tolist(), "sexes": self.sexes.tolist()}

    @classmethod
    def from_config(cls, config: Mapping[str, Sequence]) -> "Attributes":
        """Returns the columns of `config`."""
        return cls(np.array(config["age"], np.float64), np.array(config["sexes"], str))

    def unknown(self, patients: int) -> np.ndarray:
        """Returns the values of patients of whom neither age nor sex is known, float64 (patients, columns)."""
        return self.values(np.full(patients, np.nan), np.full(patients, ""))

    def values(self, ages: np.ndarray, sexes: np.ndarray) -> np.ndarray:
        """Returns the values of patients, float64 (patients, columns).

        Args:
            ages: float64 (patients,), nan or below 0 where not known.
            sexes: str (patients,), empty where not known.
        """
        columns = []
        if len(self.age):
            known, (mean, deviation) = np.isfinite(ages) & (ages >= 0), self.age
            columns += [np.where(known, (ages - mean) / deviation, 0.0), ~known]
        columns += [sexes == sex for sex in self.sexes]
        return np.column_stack([np.asarray(column, np.float64) for column in columns])

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns arrays for an archive of NumPy, from which `from_arrays` makes the columns again."""
        return {"age": self.age, "sexes": self.sexes}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Attributes":
        """Returns the columns of `arrays`."""
        return cls(arrays["age"], arrays["sexes"])


def _ages(table: PatientTable) -> np.ndarray:
    """Returns the ages, float64 (rows,), nan where not known."""
    ages = np.full(len(table.columns[AGE]), np.nan)
    for row, text in enumerate(table.columns[AGE]):
        if text.strip():
            if _NUMBER.fullmatch(text.strip()):
                ages[row] = float(text)
            if not 0 <= ages[row] <= OLDEST:
                expected = f"years from 0 to {OLDEST}, or nothing where the age is not known"
                raise InputError(f"{table.path}: row {row}, column {AGE}: found {show(text)}; {expected}")
    return ages


def _sexes(table: PatientTable) -> np.ndarray:
    return np.array([text.strip() for text in table.columns[SEX]], str)
