"""The model that a server keeps: scores of patients as JSON, and of cohorts."""

import os
import threading
from collections.abc import Sequence

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


class ServedModel:
    """A fitted split, opened once; calls from several threads wait for one another.

    Args:
        fitted: the fitted split.
        title: what the model predicts, in place of what the run knows of it.

    Attributes:
        fitted: the fitted split.
        name: name of its folder.
        predicts: what the probability is of.
        reads_attributes: whether the model reads age and sex.
    """

    def __init__(self, fitted: FittedSplit, title: str | None = None):
        self.fitted = fitted
        self.name = os.path.basename(os.path.normpath(fitted.folder))
        self.predicts = fitted.subject.titled(title).question
        self.reads_attributes = bool(getattr(fitted.model, "attributes", None))
        self._numbers = {kind: codes_by_name(fitted, kind) for kind in CODE_KINDS}
        self._scorer = CohortScorer(fitted, _BATCH, "drop")
        self._lock = threading.Lock()

    def score(self, patients: Sequence[Patient]) -> Predictions:
        """Scores patients.

        Raises:
            InputError: a name is of several codes, or age or sex is given to a model that does not read them.
        """
        lists = [
            [
                [self._dxobject(dxobject, f"patients.{row}.visits.{number}") for dxobject in visit]
                for number, visit in enumerate(patient.visits)
            ]
            for row, patient in enumerate(patients)
        ]
        cohort = Cohort(pickled.from_lists(lists))
        for name in ("age", "sex"):
            values = [getattr(patient, name) for patient in patients]
            given = next((row for row, value in enumerate(values) if value is not None), None)
            if given is not None and not self.reads_attributes:
                raise InputError(f"patients.{given}.{name}: the model does not read it; leave it out")
        if self.reads_attributes:
            columns = {
                "age": ["" if patient.age is None else repr(patient.age) for patient in patients],
                "sex": [patient.sex or "" for patient in patients],
            }
            cohort = cohort.with_attributes(PatientTable("the request", columns))
        return self.score_cohort(cohort)

    def score_cohort(self, cohort: Cohort) -> Predictions:
        """Scores the patients of a cohort with the model's codes."""
        with self._lock:
            return self._scorer(cohort)

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
