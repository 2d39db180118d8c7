"""Division of patients by prediction time: train before valid, valid before test."""

import dataclasses
import datetime
import hashlib
import re
from collections.abc import Iterator

import numpy as np

from mime_tf.config import TIME, TrainConfig
from mime_tf.data.cohort import PATIENT_ID, Cohort
from mime_tf.errors import InputError, show
from mime_tf.splits.division import numbered
from mime_tf.splits.groups import group_numbers
from mime_tf.splits.split import Split

COLUMN = "prediction_time"
SETS = ("train", "valid", "test")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Times:
    """The days of prediction of a cohort's rows, and how to divide by them.

    A group, the rows of one patient, is in the set of its last row, and its rows in the time of an earlier set are
    left out: so no group is on two sides, and every row is predicted in the time of its set.

    Attributes:
        days: int64 (rows,), the day of each row's prediction time, counted from 0001-01-01 as 1.
        groups: int64 (rows,), the group of each row.
        dates: the first days of valid and of test, or None to choose them by the fractions.
    """

    days: np.ndarray
    groups: np.ndarray
    dates: tuple[int, int] | None = None

    @classmethod
    def of(cls, cohort: Cohort, config: TrainConfig) -> "Times | None":
        """Reads the times of a cohort, or returns None if its patients are not divided by time.

        Groups are those of `group_column`, else the rows of one `patient_id`.

        Raises:
            InputError: as `prediction_days`.
        """
        if config.split_by != TIME:
            return None
        groups = group_numbers(cohort, config.group_column)
        if groups is None and cohort.patient_ids is not None:
            groups = group_numbers(cohort, PATIENT_ID)
        days = prediction_days(cohort, "by which --split_by=time divides")
        dates = [datetime.date.fromisoformat(date).toordinal() for date in config.split_dates]
        groups = np.arange(len(days)) if groups is None else groups
        return cls(days, groups, (dates[0], dates[1]) if dates else None)

    @property
    def digest(self) -> str:
        """SHA-256 of the days and of the groups."""
        columns = np.stack([self.days, numbered(self.groups)])
        return hashlib.sha256(columns.astype("<i8").tobytes()).hexdigest()

    def divide(self, rows: np.ndarray, valid_fraction: float, test_fraction: float) -> tuple[np.ndarray, ...]:
        """Divides rows into train, valid and test.

        Args:
            rows: int64, rows of the cohort.
            valid_fraction: share of the groups in valid, as near as the days allow, unless the dates are given.
            test_fraction: share in test, likewise.

        Returns:
            Three int64 arrays of rows, ascending.

        Raises:
            InputError: a set would be empty.
        """
        groups, days = numbered(self.groups[rows]), self.days[rows]
        last = np.zeros(groups.max() + 1, np.int64)
        np.maximum.at(last, groups, days)
        bounds = np.array(self.dates or _chosen(last, valid_fraction, test_fraction))
        sets = np.searchsorted(bounds, last, side="right")
        for number, name in enumerate(SETS):
            if number not in sets:
                raise InputError(
                    f"split_dates: found {','.join(map(_iso, bounds))}; no patient is in {name}: prediction times run "
                    f"from {_iso(days.min())} to {_iso(days.max())}"
                )
        own = np.searchsorted(bounds, days, side="right") == sets[groups]
        return tuple(rows[own & (sets[groups] == number)] for number in range(len(SETS)))

    def periods(self, split: Split) -> dict[str, tuple[str, str]]:
        """Returns the first and the last day of the predictions of train, valid and test, such as 2019-05-03."""
        days = {name: self.days[getattr(split, name).rows] for name in SETS}
        return {name: (_iso(of_set.min()), _iso(of_set.max())) for name, of_set in days.items()}

    def lines(self, split: Split, rows: np.ndarray) -> Iterator[str]:
        """Yields the lines to print about a split.

        Args:
            split: made by these times.
            rows: int64, the rows that were divided.
        """
        used = 0
        for name, (first, last) in self.periods(split).items():
            part = getattr(split, name)
            used += len(part)
            yield f"{name}: {len(part):,} rows, {int(part.labels.sum()):,} of label 1, predicted from {first} to {last}"
        if used < len(rows):
            yield f"left out: {len(rows) - used:,} rows of patients who are in a later set by their last row"


def prediction_days(cohort: Cohort, purpose: str) -> np.ndarray:
    """Returns the day of each row's prediction time, counted from 0001-01-01 as 1: int64 (rows,).

    Args:
        cohort: the patients.
        purpose: ends the message of an error, such as `"by which --split_by=time divides"`.

    Raises:
        InputError: no patients.csv has the column prediction_time, or a value of it is no time.
    """
    days = np.empty(len(cohort), np.int64)
    for row, text in enumerate(cohort.attribute(COLUMN)):
        try:
            if not _TIME.fullmatch(text.strip()):
                raise ValueError
            days[row] = datetime.date.fromisoformat(text.strip()[:10]).toordinal()
        except ValueError:
            assert cohort.attributes is not None  # it has the column
            raise InputError(
                f"{cohort.attributes.path}: row {row}, column {COLUMN}: found {show(text)}; must be a time such as "
                f"2019-05-03, {purpose}"
            ) from None
    return days


def _chosen(last: np.ndarray, valid_fraction: float, test_fraction: float) -> tuple[int, int]:
    """Returns the first days of valid and of test, so that the shares of groups are as near as can be.

    Args:
        last: int64 (groups,), the last day of each.
        valid_fraction: share in valid.
        test_fraction: share in test.

    Raises:
        InputError: fewer than three days.
    """
    days, counts = np.unique(last, return_counts=True)
    if len(days) < len(SETS):
        raise InputError(
            f"split_by: found {TIME}; the patients' last prediction times are of {len(days)} "
            f"day{'s' if len(days) > 1 else ''}, and three or more are needed"
        )
    from_day_on = np.cumsum(counts[::-1])[::-1] / len(last)  # share of groups on each day or later
    of_test = 2 + int(np.argmin(np.abs(from_day_on[2:] - test_fraction)))
    of_valid = from_day_on[1:of_test] - from_day_on[of_test]
    return int(days[1 + int(np.argmin(np.abs(of_valid - valid_fraction)))]), int(days[of_test])


def _iso(day: int) -> str:
    return datetime.date.fromordinal(int(day)).isoformat()
