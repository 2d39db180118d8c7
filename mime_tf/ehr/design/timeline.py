"""Patients and their visits in time, as arrays.

Times are whole seconds since 1970-01-01T00:00:00 UTC, int64. Patients are numbered from 0 in the order of their ids.
"""

import dataclasses

import numpy as np

from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.seconds import END_OF_TIME, MISSING, YEAR
from mime_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Timeline:
    """The visits of all patients, sorted by patient, start and the visit's id.

    Attributes:
        patient: int64, (visits,): the patient's number.
        start: int64, (visits,): start of the visit.
        known: int64, (visits,): when the first of its Dx-objects was recorded, at the start or later. MISSING for a
            visit without Dx-objects, which may be a prediction time but holds nothing to predict from.
    """

    patient: np.ndarray
    start: np.ndarray
    known: np.ndarray


@dataclasses.dataclass(frozen=True)
class Patients:
    """Attributes of the patients, in the order of their numbers.

    Attributes:
        ids: (patients,), str as objects, sorted.
        birth, death: int64, (patients,), or MISSING.
        sex: (patients,), str as objects, `""` where it is unknown.
        end: int64, (patients,): end of the record, death included; never MISSING.
        outcome: int64, (patients,): when the outcome is first recorded, or MISSING; None if no outcome is asked for.
    """

    ids: np.ndarray
    birth: np.ndarray
    sex: np.ndarray
    death: np.ndarray
    end: np.ndarray
    outcome: np.ndarray | None = None


def age_years(birth: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Returns ages in years of 365.25 days, float64; nan where the birth or the time is MISSING.

    At a birthday it is off by at most a day.

    >>> age_years(np.array([0, MISSING]), np.array([40 * YEAR, 0])).tolist()
    [40.0, nan]
    """
    missing = (birth == MISSING) | (time == MISSING)
    return np.where(missing, np.nan, (np.where(missing, 0, time) - np.where(missing, 0, birth)) / YEAR)


def first_index_at(patients: np.ndarray, times: np.ndarray, patient: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Finds where patients' entries reach a time, in entries that are sorted by patient and time.

    Args:
        patients: int64, (entries,): the patients' numbers.
        times: int64, (entries,).
        patient: int64, (queries,): patient of each query.
        time: int64, (queries,): time of each query.

    Returns:
        int64, (queries,): index of the patient's first entry at `time` or later, else the end of the patient's entries.

    Raises:
        InputError: the times span too much to be searched together with so many patients.
    """
    if not len(times):
        return np.zeros(np.shape(patient), np.int64)
    low, high = int(times.min()), int(times.max())
    span = high - low + 2  # patient and time as one number, to search for both at once
    if (max(int(patients[-1]), int(np.max(patient, initial=0))) + 1) * span > END_OF_TIME:
        raise InputError(f"visits: found times {high - low:,} seconds apart; must be days that can be true")
    return np.searchsorted(patients * span + (times - low), patient * span + (np.clip(time, low, high + 1) - low))


def visits_in_window(timeline: Timeline, patient: np.ndarray, time: np.ndarray, rules: Rules) -> np.ndarray:
    """Counts the visits that rows would use.

    A visit is used by the rows whose window contains its start and ends after its first Dx-object is known. These are
    consecutive rows of the patient, so that each visit adds 1 at the first of them and subtracts it after the last.

    Args:
        timeline: the visits.
        patient: int64, (rows,): sorted.
        time: int64, (rows,): the prediction times, sorted within each patient.
        rules: for its window.

    Returns:
        int64, (rows,).
    """
    since, until = rules.window(time)
    usable = timeline.known != MISSING
    visit_patient, start, known = timeline.patient[usable], timeline.start[usable], timeline.known[usable]
    first = first_index_at(patient, until, visit_patient, known + 1)
    if rules.observation_days is None:
        end = np.searchsorted(patient, visit_patient, "right")
    else:
        end = np.maximum(first, first_index_at(patient, since, visit_patient, start + 1))
    steps = np.bincount(first, minlength=len(patient) + 1) - np.bincount(end, minlength=len(patient) + 1)
    return np.cumsum(steps)[: len(patient)]


def visit_times(timeline: Timeline) -> tuple[np.ndarray, np.ndarray]:
    """Returns the patients and times at which a visit starts, each once, however many visits start together."""
    first = np.ones(len(timeline.start), bool)
    first[1:] = (np.diff(timeline.patient) != 0) | (np.diff(timeline.start) != 0)
    return timeline.patient[first], timeline.start[first]
