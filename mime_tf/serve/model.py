"""The model that a server keeps: scores of patients as JSON, and of cohorts."""

import itertools
import os
import threading
from collections.abc import Sequence

import numpy as np

from mime_tf.data import pickled
from mime_tf.data.cohort import Cohort
from mime_tf.data.patient_table import PatientTable
from mime_tf.data.store import CODE_KINDS
from mime_tf.errors import InputError
from mime_tf.export.service import AMBIGUOUS, UNKNOWN, codes_by_name
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.scoring.prediction import CohortScorer, Predictions
from mime_tf.serve.forms import Patient

_BATCH = 200  # patients
_OF_PATIENT = ("age", "sex")
DAYS = "days_before"


class ServedModel:
    """A fitted split, opened once; calls from several threads wait for one another.

    Args:
        fitted: the fitted split.
        title: name of the outcome, in place of the one that the run has; or None.

    Attributes:
        fitted: the fitted split.
        name: name of its folder.
        predicts: the outcome that the probability is of.
        reads: inputs of the model beside visits: fields of `Patient`.
    """

    def __init__(self, fitted: FittedSplit, title: str | None = None):
        self.fitted = fitted
        self.name = os.path.basename(os.path.normpath(fitted.folder))
        self.predicts = fitted.subject.titled(title).question
        of_patient = _OF_PATIENT if getattr(fitted.model, "attributes", None) else ()
        self.reads = (*of_patient, *((DAYS,) if getattr(fitted.model, "reads_days", False) else ()))
        self._numbers = {kind: codes_by_name(fitted, kind) for kind in CODE_KINDS}
        self._scorer = CohortScorer(fitted, _BATCH, "drop")
        self._lock = threading.Lock()

    def score(self, patients: Sequence[Patient]) -> Predictions:
        """Scores patients.

        Raises:
            InputError: a name is of several codes, a field is given that the model does not read, or days are not one
                per visit, or rise.
        """
        lists = [
            [
                [self._dxobject(dxobject, f"patients.{row}.visits.{number}") for dxobject in visit]
                for number, visit in enumerate(patient.visits)
            ]
            for row, patient in enumerate(patients)
        ]
        for name in (*_OF_PATIENT, DAYS):
            given = next((row for row, each in enumerate(patients) if getattr(each, name) is not None), None)
            if given is not None and name not in self.reads:
                raise InputError(f"patients.{given}.{name}: the model does not read it; leave it out")
        table, days = None, None
        if set(_OF_PATIENT) <= set(self.reads):
            columns = {
                "age": ["" if patient.age is None else repr(patient.age) for patient in patients],
                "sex": [patient.sex or "" for patient in patients],
            }
            table = PatientTable("the request", columns)
        if DAYS in self.reads:
            days = np.concatenate([self._days(patient, row) for row, patient in enumerate(patients)])
        return self.score_cohort(Cohort(pickled.from_lists(lists)).with_tables(table, days))

    def score_cohort(self, cohort: Cohort) -> Predictions:
        """Scores the patients of a cohort with the model's codes."""
        with self._lock:
            return self._scorer(cohort)

    def _days(self, patient, row):
        """Returns the days before the prediction time of a patient's visits, int32 (visits,)."""
        days = patient.days_before
        if days is None or len(days) != len(patient.visits):
            raise InputError(f"patients.{row}.{DAYS}: must be one number per visit, {len(patient.visits)}")
        if any(later > earlier for earlier, later in itertools.pairwise(days)):
            raise InputError(f"patients.{row}.{DAYS}: must not rise from a visit to the next, which is later")
        return np.array(days, np.int32)

    def _dxobject(self, dxobject, where):
        """Returns a Dx-object in the numbers of its codes; names that nothing has are a number that nothing has."""
        numbers = [
            [self._number(kind, name, where) for name in names]
            for kind, names in zip(CODE_KINDS, ([dxobject.dx], dxobject.rx, dxobject.pr), strict=True)
        ]
        return [numbers[0][0], *numbers[1:]]

    def _number(self, kind, name, where):
        number = self._numbers[kind].get(name, UNKNOWN)
        if number == AMBIGUOUS:
            raise InputError(f"{where}: {kind}: a name of several codes; must be SYSTEM|CODE")
        return number
