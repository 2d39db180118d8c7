"""Days of visits: visits.csv beside a cohort, with a row for each visit of each of its rows.

Days are counted back from the prediction time, so that no date of a patient is in the file.
"""

import csv
import dataclasses
from collections.abc import Iterator

import numpy as np

from mime_tf.data.store import Store, offsets
from mime_tf.errors import InputError, show
from mime_tf.terminal import files, reading

FILE = "visits.csv"
COLUMNS = ("row", "visit", "days_before")


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class VisitDays:
    """A visits.csv.

    Attributes:
        path: of the file.
        visits: int64, (rows + 1,): row `i` of the cohort owns the entries `visits[i]:visits[i + 1]` of `days`.
        days: int32, (visits,): whole days from the visit to the prediction time, falling within a row.
    """

    path: str
    visits: np.ndarray
    days: np.ndarray

    @classmethod
    def read(cls, path: str, rows: int, cohort_name: str) -> "VisitDays":
        """Reads a file with the columns `COLUMNS`, and any others.

        Args:
            path: of the file.
            rows: number of rows of the cohort.
            cohort_name: name of the cohort in a message.

        Raises:
            InputError: the file is no such table, or is of another number of rows.
        """
        try:
            lines = ((line, fields) for line, fields in reading.csv_rows(path) if fields)
            header = next(lines, (0, []))[1]
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                found = ", ".join(header) or "nothing"
                raise InputError(f"{path}: no column {missing[0]}; found {found}; needed {', '.join(COLUMNS)}")
            entries = np.fromiter(_entries(path, header, lines), np.dtype((np.int32, 2)))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{path}: not readable as CSV in UTF-8: {reason}") from error
        counts = np.bincount(entries[:, 0])
        if len(counts) != rows:
            raise InputError(f"{path}: visits of {len(counts)} rows; must be {rows}, those of {cohort_name}")
        return cls(path, offsets(counts), np.ascontiguousarray(entries[:, 1]))

    def of(self, store: Store, start: int, cohort_name: str) -> np.ndarray:
        """Returns the days of the visits of a store, int32 (visits,).

        Args:
            store: consecutive rows of the cohort.
            start: index of the first of them.
            cohort_name: name of the cohort in a message.

        Raises:
            InputError: a row has another number of visits.
        """
        visits = self.visits[start : start + len(store) + 1]
        wrong = np.flatnonzero(np.diff(visits) != store.visit_counts)
        if len(wrong):
            row, found, right = wrong[0], np.diff(visits)[wrong[0]], store.visit_counts[wrong[0]]
            raise InputError(f"{self.path}: row {start + row}: {found} visits; must be {right}, as in {cohort_name}")
        return self.days[visits[0] : visits[-1]]


def _entries(path: str, header: list[str], lines: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, int]]:
    """Yields row and days of the checked lines."""
    order = [header.index(name) for name in COLUMNS]
    row, visit, days = -1, 0, 0
    for line, fields in lines:
        if len(fields) != len(header):
            raise InputError(f"{path}: line {line}: {len(fields)} fields; one for each of the header's {len(header)}")
        texts = [fields[index] for index in order]
        for name, text in zip(COLUMNS, texts, strict=True):
            if not (text.isascii() and text.isdigit() and len(text) < 10):
                raise InputError(f"{path}: line {line}: found {name} {show(text)}; must be a whole number from 0")
        new = int(texts[0]), int(texts[1])
        if new not in ((row, visit + 1), (row + 1, 0)) or (row < 0 and new != (0, 0)):
            right = f"row {row}, visit {visit + 1}, or row {row + 1}, visit 0" if row >= 0 else "row 0, visit 0"
            raise InputError(f"{path}: line {line}: found row {new[0]}, visit {new[1]}; must be {right}")
        if new[0] == row and int(texts[2]) > days:
            raise InputError(
                f"{path}: line {line}: found {texts[2]} days_before; must be at most {days}, that of the visit before"
            )
        (row, visit), days = new, int(texts[2])
        yield row, days


def write(path: str, store: Store, days: np.ndarray) -> None:
    """Writes the file, atomically.

    Args:
        path: of the file.
        store: the cohort's rows.
        days: int, (visits,): whole days from each visit to the prediction time.
    """
    counts = store.visit_counts
    rows = np.repeat(np.arange(len(store)), counts)
    numbers = np.arange(len(days)) - np.repeat(store.visits[:-1], counts)
    files.write_table(path, COLUMNS, zip(rows.tolist(), numbers.tolist(), days.tolist(), strict=True))
