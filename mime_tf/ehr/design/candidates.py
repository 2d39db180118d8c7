"""Patients and times that may become rows of a cohort, narrowed step by step, with a count of who leaves at each."""

import dataclasses

import numpy as np

from mime_tf.ehr.design import rules as options
from mime_tf.ehr.design.timeline import MISSING, age_years, visits_in_window
from mime_tf.errors import InputError


@dataclasses.dataclass
class Candidates:
    """Pairs of a patient and a time, sorted by both.

    Attributes:
        patient, time: int64, (rows,).
        counts: dict from each step, in words, to a dict of `patients` and `rows` that were left after it, and
            `patients_out` and `rows_out` that left by it.
        whose: what the names of the steps start with.
    """

    patient: np.ndarray
    time: np.ndarray
    counts: dict
    whose: str = ""

    def start(self, step):
        """Counts those that are there.

        Raises:
            InputError: nobody is.
        """
        self.become(step, self.patient, self.time)

    def keep(self, step, those):
        """Keeps some, and counts who leaves.

        Args:
            step: what is asked of them, in words.
            those: bool, (rows,), or the positions of the rows in rising order.

        Raises:
            InputError: nobody is left.
        """
        self.become(step, self.patient[those], self.time[those])

    def become(self, step, patient, time):
        """Puts others in the place of those that are there, and counts the difference.

        Args:
            step: what they are, in words.
            patient: int64, (rows,), sorted.
            time: int64, (rows,), sorted within each patient.

        Raises:
            InputError: they are nobody.
        """
        before = self._size()
        self.patient, self.time = patient, time
        patients, rows = self._size()
        if not patients:
            of = f", of {before[0]:,} before that step" if before[0] else ""
            raise InputError(f'no patient is left: none is "{self.whose}{step}"{of}')
        out = {"patients_out": before[0] - patients, "rows_out": max(before[1] - rows, 0)}
        self.counts[self.whose + step] = {"patients": patients, "rows": rows, **out}

    def admit(self, timeline, people, rules):
        """Keeps those who, at the time, are of the right age and have visits to look back at. Looks at the past only.

        Args:
            timeline: Timeline.
            people: People.
            rules: Rules.

        Raises:
            InputError: nobody is left.
        """
        if rules.age is not None:
            low, high = options.parse_age(rules.age)
            years = np.floor(age_years(people.birth[self.patient], self.time))
            self.keep(f"aged {rules.age} at the prediction time", (years >= low) & (years <= high))
        visits = visits_in_window(timeline, self.patient, self.time, rules)
        self.keep(least_visits(rules), visits >= rules.min_visits)

    def alive(self, people):
        """Keeps those who have not died by the time."""
        death = people.death[self.patient]
        self.keep("alive at the prediction time", (death == MISSING) | (death > self.time))

    def _size(self):
        return int(np.count_nonzero(np.diff(self.patient)) + (len(self.patient) > 0)), len(self.patient)


def least_visits(rules):
    """Says in words how many visits are asked for."""
    return f"with {rules.min_visits} visit{'s' * (rules.min_visits > 1)} or more to look at"


def flow_table(counts):
    """Returns the lines of a table of who was left at each step.

    >>> for line in flow_table({"with the outcome": {"patients": 9, "rows": 9, "patients_out": 1, "rows_out": 1}}):
    ...     print(line)
                         patients        out         rows        out
    with the outcome            9          1            9          1
    """
    width = max(map(len, counts), default=0)
    names = ("patients", "patients_out", "rows", "rows_out")
    lines = [f"{'':{width}}  {'patients':>11}{'out':>11}  {'rows':>11}{'out':>11}"]
    for step, count in counts.items():
        patients, patients_out, rows, rows_out = (f"{count[name]:,}" for name in names)
        lines.append(f"{step:{width}}  {patients:>11}{patients_out:>11}  {rows:>11}{rows_out:>11}")
    return lines
