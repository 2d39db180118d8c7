"""Attributes of a cohort's patients: patients.csv beside the cohort, with a row for each of its rows."""

import csv
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from mime_tf.data.frames import frame
from mime_tf.errors import InputError
from mime_tf.terminal import reading

FILE = "patients.csv"


@dataclasses.dataclass(frozen=True, repr=False)
class PatientTable:
    """A patients.csv.

    Attributes:
        path: of the file.
        columns: dict from the name of a column to its values, a list of str in the cohort's order.
    """

    path: str
    columns: dict[str, list[str]]

    @classmethod
    def read(cls, path: str, rows: int, cohort_name: str) -> "PatientTable":
        """Reads a table.

        Args:
            path: of the file.
            rows: number of rows of the cohort.
            cohort_name: name of the cohort in a message.

        Raises:
            InputError: the file is no such table, or has another number of rows.
        """
        header, *lines = _lines(path) or [[]]
        if not header or len(set(header)) != len(header):
            fault = "a column twice" if header else "no header"
            raise InputError(f"{path}: found {fault}; needs a header of names")
        for number, line in enumerate(lines, 2):
            if len(line) != len(header):
                raise InputError(
                    f"{path}: line {number}: {len(line)} fields; one for each of the header's {len(header)}"
                )
        if len(lines) != rows:
            raise InputError(f"{path}: {len(lines)} rows; must be {rows}, one for each row of {cohort_name}")
        return cls(path, {name: [line[index] for line in lines] for index, name in enumerate(header)})

    def __repr__(self) -> str:
        rows = len(next(iter(self.columns.values())))
        return f"PatientTable({self.path!r}, {rows:,} rows of {', '.join(self.columns)})"

    def column(self, name: str) -> list[str]:
        """Returns the values of a column.

        Raises:
            InputError: the table has no such column.
        """
        if name not in self.columns:
            raise InputError(f"{self.path}: no column {name}; found {', '.join(self.columns)}")
        return self.columns[name]

    def select(self, rows: Sequence[int] | np.ndarray) -> "PatientTable":
        """Returns the table of the rows at `rows` (integers), in that order."""
        selected = {name: [values[row] for row in rows] for name, values in self.columns.items()}
        return PatientTable(self.path, selected)

    def to_frame(self) -> Any:
        """Returns the table as a `pandas.DataFrame` of str."""
        return frame(self.columns)


def _lines(path: str) -> list[list[str]]:
    """Returns the fields of each line of a CSV file."""
    try:
        return [fields for _, fields in reading.csv_rows(path)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not readable as CSV in UTF-8: {error}") from error
