"""The rows that are watched: when they were predicted, and which of their outcomes are known by now."""

import dataclasses
import datetime

import numpy as np

from mime_tf.data.cohort import Cohort
from mime_tf.data.origin import Origin, origin_of
from mime_tf.errors import InputError
from mime_tf.splits.times import prediction_days


@dataclasses.dataclass(frozen=True, eq=False)
class Watch:
    """The rows that are watched.

    Attributes:
        cohort: the patients, with labels or without.
        days: int64 (rows,), the day of each row's prediction time, counted from 0001-01-01 as 1.
        among: bool (rows,), the rows that were predicted since the day that was asked for.
        known: bool (rows,), the rows whose outcomes are known.
        notes: remarks.
    """

    cohort: Cohort
    days: np.ndarray
    among: np.ndarray
    known: np.ndarray
    notes: list[str]

    @classmethod
    def of(cls, cohort: Cohort, since: datetime.date | None, known_until: datetime.date | None) -> "Watch":
        """Reads the prediction times of a cohort.

        Args:
            cohort: the patients.
            since: earlier rows are left out; None for none.
            known_until: labels of rows of this day or later are not used, because their outcomes are not known yet.
                None for the end of the export less the horizon, where `convert` has left both beside the cohort, else
                for all labels that are there.

        Raises:
            InputError: a row has no prediction time, or none was predicted since that day.
        """
        days = prediction_days(cohort, "by which periods are made")
        among = np.full(len(days), True) if since is None else days >= since.toordinal()
        if not among.any():
            last = datetime.date.fromordinal(int(days.max()))
            raise InputError(f"since: found {since}; the last of the data was predicted on {last}")
        if cohort.labels is None:
            return cls(
                cohort, days, among, np.full(len(days), False), ["the data have no labels: drift alone is measured"]
            )
        origin, notes = origin_of(cohort.conversion), []
        until = _by_horizon(origin) if known_until is None else known_until
        known = np.full(len(days), True) if until is None else days < until.toordinal()
        if not known[among].all():
            left = int((among & ~known).sum())
            why = "as --known_until says" if known_until else "the last event of the export less the horizon"
            notes.append(f"outcomes are known of rows predicted before {until}, {why}; labels of {left:,} are not used")
            if origin is not None and origin.rules.get("censoring") == "exclude":
                notes.append(
                    "convert has left out patients whose outcomes are not known yet, so that cases are too many among "
                    "the latest rows; --censoring negative keeps all of them for this command"
                )
        return cls(cohort, days, among, known, notes)


def _by_horizon(origin: Origin | None) -> datetime.date | None:
    """Returns the first day whose horizon reaches past the last event of the export, or None where it is not known."""
    rules = {} if origin is None else origin.rules
    if origin is None or (rules.get("design"), rules.get("target")) != ("cohort", "outcome"):
        return None
    horizon = rules.get("horizon_days")
    try:
        last = datetime.date.fromisoformat(origin.last_event)
        return last + datetime.timedelta(1 - horizon) if type(horizon) is int else None
    except (ValueError, OverflowError):
        return None
