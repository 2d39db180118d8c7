"""Patients at times that may become rows of a cohort, narrowed step by step, with the numbers that each step loses."""

import dataclasses

import numpy as np

from mime_tf.ehr.design.rules import Rules, parse_age
from mime_tf.ehr.design.selection import Selection
from mime_tf.ehr.design.timeline import Patients, Timeline, age_years, visits_in_window
from mime_tf.ehr.seconds import MISSING
from mime_tf.errors import InputError, show


class NobodyLeftError(InputError):
    """A step of the design has left no patient."""


@dataclasses.dataclass
class Candidates:
    """Pairs of a patient and a time, sorted by both.

    Attributes:
        patient, time: int64, (rows,).
        flow: from each step, in words, to the `patients` and `rows` that were left after it, and the `patients_out` and
            `rows_out` that it lost.
        prefix: beginning of the names of the steps.
    """

    patient: np.ndarray
    time: np.ndarray
    flow: dict[str, dict[str, int]]
    prefix: str = ""

    def count(self, step: str) -> None:
        """Counts the present candidates as a step; raises InputError if nobody is left."""
        self.replace(step, self.patient, self.time)

    def keep(self, step: str, chosen: np.ndarray) -> None:
        """Keeps some candidates and counts those who leave.

        Args:
            step: condition that the chosen ones meet, in words.
            chosen: bool, (rows,), or their indices in rising order.

        Raises:
            InputError: nobody is left.
        """
        self.replace(step, self.patient[chosen], self.time[chosen])

    def replace(self, step: str, patient: np.ndarray, time: np.ndarray) -> None:
        """Replaces the candidates and counts the difference.

        Args:
            step: description of the new candidates, in words.
            patient: int64, (rows,), sorted.
            time: int64, (rows,), sorted within each patient.

        Raises:
            InputError: nobody is left.
        """
        patients_before, rows_before = self._size()
        self.patient, self.time = patient, time
        patients, rows = self._size()
        if not patients:
            before = f", of {patients_before:,} before that step" if patients_before else ""
            raise NobodyLeftError(f'no patient is left: none is "{self.prefix}{step}"{before}')
        lost = {"patients_out": patients_before - patients, "rows_out": max(rows_before - rows, 0)}
        self.flow[self.prefix + step] = {"patients": patients, "rows": rows, **lost}

    def keep_sex(self, patients: Patients, rules: Rules) -> None:
        """Keeps patients of the sex that is asked for, if one is.

        Raises:
            InputError: no patient has that sex, or nobody is left.
        """
        if rules.sex is None:
            return
        sexes = patients.sex[self.patient]
        values = set(sexes.tolist())
        if rules.sex not in values:
            raise InputError(f"sex: found {rules.sex}; must be a sex that a patient has: {show(sorted(values))}")
        self.keep(f"of sex {rules.sex}", sexes == rules.sex)

    def keep_eligible(self, timeline: Timeline, patients: Patients, rules: Rules) -> None:
        """Keeps candidates of the right age and with enough visits at their time. Uses nothing recorded later.

        Raises:
            InputError: nobody is left.
        """
        if rules.age is not None:
            low, high = parse_age(rules.age)
            years = np.floor(age_years(patients.birth[self.patient], self.time))
            self.keep(f"aged {rules.age} at the prediction time", (years >= low) & (years <= high))
        visits = visits_in_window(timeline, self.patient, self.time, rules)
        self.keep(least_visits(rules), visits >= rules.min_visits)

    def keep_alive(self, patients: Patients) -> None:
        """Keeps candidates who have not died by their time."""
        death = patients.death[self.patient]
        self.keep("alive at the prediction time", (death == MISSING) | (death > self.time))

    def selection(self, rules: Rules, label: np.ndarray | None) -> Selection:
        """Returns the candidates as rows of a cohort.

        Args:
            rules: for the window.
            label: int64 of 0 and 1, (rows,), or None.
        """
        since, until = rules.window(self.time)
        return Selection(self.patient, self.time, since, until, label, self.flow)

    def _size(self):
        """Numbers of patients and of rows."""
        return int(np.count_nonzero(np.diff(self.patient)) + (len(self.patient) > 0)), len(self.patient)


def least_visits(rules: Rules) -> str:
    """Returns the step that asks for visits, in words."""
    return f"with {rules.min_visits} visit{'s' * (rules.min_visits > 1)} or more to look at"


def flow_table(flow: dict[str, dict[str, int]]) -> list[str]:
    """Returns the lines of a table of the patients and rows that were left after each step.

    >>> for line in flow_table({"with the outcome": {"patients": 9, "rows": 9, "patients_out": 1, "rows_out": 1}}):
    ...     print(line)
                         patients        out         rows        out
    with the outcome            9          1            9          1
    """
    width = max(map(len, flow), default=0)
    names = ("patients", "patients_out", "rows", "rows_out")
    lines = [f"{'':{width}}  {'patients':>11}{'out':>11}  {'rows':>11}{'out':>11}"]
    for step, count in flow.items():
        patients, patients_out, rows, rows_out = (f"{count[name]:,}" for name in names)
        lines.append(f"{step:{width}}  {patients:>11}{patients_out:>11}  {rows:>11}{rows_out:>11}")
    return lines
