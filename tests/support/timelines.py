"""Patients and visits by the day, for tests of cohort designs."""

import numpy as np

from mime_tf.ehr.design.timeline import Patients, Timeline
from mime_tf.ehr.seconds import DAY, MISSING

NEVER = None


def days(values):
    return np.array([MISSING if value is None else round(value * DAY) for value in values], np.int64)


def timeline(*patients):
    """A Timeline of visits, each the day of its start, or that and the day it is `known` (None: never)."""
    visits = [(p, *(v if isinstance(v, tuple) else (v, v))) for p, visits in enumerate(patients) for v in visits]
    patient, start, known = zip(*visits, strict=True) if visits else ((), (), ())
    return Timeline(np.array(patient, np.int64), days(start), days(known))


def make_patients(count, outcome=None, end=10_000, **columns):
    """Patients born on day 0, women, alive, of whom `outcome` are the days of the outcome."""
    values = {"birth": [0] * count, "death": [None] * count, "end": [end] * count} | columns
    sex = np.array(values.pop("sex", ["F"] * count), object)
    ids = np.array([f"p{number}" for number in range(count)], object)
    return Patients(
        ids,
        sex=sex,
        outcome=None if outcome is None else days(outcome),
        **{name: days(v) for name, v in values.items()},
    )


def rows_of(rows):
    """(patient, day, label) of each row."""
    label = [None] * len(rows.patient) if rows.label is None else rows.label.tolist()
    return list(zip(rows.patient.tolist(), (rows.time / DAY).tolist(), label, strict=True))
