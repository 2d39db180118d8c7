"""Patients and their visits on a line of time, as arrays, and what is cut out of it for a row of the cohort.

Times are whole seconds since 1970-01-01T00:00:00 UTC, int64. Patients are numbered from 0 in the order of their ids.
"""

import dataclasses

import numpy as np

from mime_tf.errors import InputError

MISSING = np.iinfo(np.int64).min
BEGINNING, END_OF_TIME = np.iinfo(np.int64).min, np.iinfo(np.int64).max
DAY = 86_400
YEAR = 31_557_600  # 365.25 days


@dataclasses.dataclass(frozen=True)
class Timeline:
    """The visits of all patients, sorted by patient, start and the visit's id.

    Attributes:
        patient: int64, (visits,): the patient's number.
        start: int64, (visits,): when the visit started.
        known: int64, (visits,): when the first of its Dx-objects was recorded, at the start or later; MISSING for a
            visit without any, which is a moment at which one may predict but holds nothing to predict from.
    """

    patient: np.ndarray
    start: np.ndarray
    known: np.ndarray


@dataclasses.dataclass(frozen=True)
class People:
    """What is known of the patients, in the order of their numbers.

    Attributes:
        ids: (patients,), str as objects, sorted.
        birth, death: int64, (patients,), or MISSING.
        sex: (patients,), str as objects, `""` where it is not known.
        end: int64, (patients,): when the record ends, death included; never MISSING.
        outcome: int64, (patients,): when the outcome is first recorded, or MISSING; None where no outcome is asked for.
    """

    ids: np.ndarray
    birth: np.ndarray
    sex: np.ndarray
    death: np.ndarray
    end: np.ndarray
    outcome: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows of a cohort, sorted by patient and time. A patient has one row, or several at different times.

    Attributes:
        patient: int64, (rows,): the patient's number.
        time: int64, (rows,): the prediction time; MISSING where there is none.
        since, until: int64, (rows,): the visits used start in [since, until), and nothing of them that was recorded at
            or after `until` may be used.
        label: int64 of 0 and 1, (rows,); None where there is neither an outcome nor a label file.
        counts: who was left at each step and who was not, as `mime_tf.ehr.design.candidates` has it.
        case: int64, (rows,): the number of the case that the row is matched to, its own for a case; None unless the
            design is case-control.
    """

    patient: np.ndarray
    time: np.ndarray
    since: np.ndarray
    until: np.ndarray
    label: np.ndarray | None
    counts: dict
    case: np.ndarray | None = None


def age_years(birth, time):
    """Returns ages in years of 365.25 days, float64; nan where the birth or the time is MISSING.

    At a birthday it is off by at most a day.

    >>> age_years(np.array([0, MISSING]), np.array([40 * YEAR, 0])).tolist()
    [40.0, nan]
    """
    missing = (birth == MISSING) | (time == MISSING)
    return np.where(missing, np.nan, (np.where(missing, 0, time) - np.where(missing, 0, birth)) / YEAR)


def first_at(patients, times, patient, time):
    """Finds where each patient's entries reach a time, in entries that are sorted by patient and time.

    Args:
        patients: int64, (entries,): the patients' numbers.
        times: int64, (entries,).
        patient: int64, (queries,): whose entries to look at.
        time: int64, (queries,): the time to look for.

    Returns:
        Positions: the first entry of the patient at `time` or later, else the end of the patient's entries.

    Raises:
        InputError: the times are too far apart to be told apart for so many patients.
    """
    if not len(times):
        return np.zeros(np.shape(patient), np.int64)
    low, high = int(times.min()), int(times.max())
    span = high - low + 2  # patient and time as one number, to search for both at once
    if (max(int(patients[-1]), int(np.max(patient, initial=0))) + 1) * span > END_OF_TIME:
        raise InputError(f"visits: found times {high - low:,} seconds apart; must be days that can be true")
    return np.searchsorted(patients * span + (times - low), patient * span + (np.clip(time, low, high + 1) - low))


def visits_in_window(timeline, patient, time, rules):
    """Counts the visits that rows would use.

    A visit is used by the rows whose window it starts in and that come after what it has to say: a run of the
    patient's rows. So each visit adds 1 where its run starts and takes it away where the run ends.

    Args:
        timeline: Timeline.
        patient: int64, (rows,): sorted.
        time: int64, (rows,): the prediction times, sorted within each patient.
        rules: `mime_tf.ehr.design.rules.Rules`, for its window.

    Returns:
        int64, (rows,).
    """
    since, until = rules.window(time)
    usable = timeline.known != MISSING
    of, start, known = timeline.patient[usable], timeline.start[usable], timeline.known[usable]
    begin = first_at(patient, until, of, known + 1)
    if rules.observation_days is None:
        end = np.searchsorted(patient, of, "right")
    else:
        end = np.maximum(begin, first_at(patient, since, of, start + 1))
    steps = np.bincount(begin, minlength=len(patient) + 1) - np.bincount(end, minlength=len(patient) + 1)
    return np.cumsum(steps)[: len(patient)]


def moments(timeline):
    """Returns the patients and times at which a visit starts, each once: visits that start together are one moment."""
    first = np.ones(len(timeline.start), bool)
    first[1:] = (np.diff(timeline.patient) != 0) | (np.diff(timeline.start) != 0)
    return timeline.patient[first], timeline.start[first]
