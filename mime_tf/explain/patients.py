"""Explanations of patients' scores.

`mime_tf.explain.attribution` has the method. Here its numbers are put where they belong in a patient's record;
`mime_tf.explain.pairs` has the pairs that matter most among many patients.
"""

import math

import numpy as np

from mime_tf.data.vocabulary import code_name
from mime_tf.errors import InputError, show
from mime_tf.explain.attribution import TOLERANCE
from mime_tf.explain.explanation import Among, Dropped, DxObject, Explanation, Order, Visit
from mime_tf.explain.parts import contributions
from mime_tf.runs import attributes, visit_days

# A patient's own probability in the run's predictions is not higher than the one that is computed here.
_ROUNDING = 1e-6


def explain_patients(fitted, cohort, rows, tolerance=TOLERANCE, progress=None, title=None):
    """Explains the scores of patients.

    Args:
        fitted: `mime_tf.runs.fitted_split.FittedSplit`.
        cohort: `mime_tf.data.cohort.Cohort`; its labels are not used.
        rows: the patients' indices in the cohort.
        tolerance: log-odds, the largest gap to accept; see `mime_tf.explain.attribution.contributions`.
        progress: function that is given a text now and then, such as `Console.progress`.
        title: name of the outcome, in place of the one that the run has; or None.

    Returns:
        List of Explanation, one for each of `rows`.

    Raises:
        InputError: the cohort has no such row, its codes mean something else than in training, or the contributions do
            not add up within the tolerance.
    """
    for row in rows:
        if not 0 <= row < len(cohort.store):
            raise InputError(f"row: found {show(row)}; the cohort has the rows 0 to {len(cohort.store) - 1}")
    fitted.check_codes(cohort)
    of_cohort = attributes.read(fitted, cohort)
    of_patients = None if of_cohort is None else of_cohort[np.asarray(rows, np.int64)]
    visit_days.read(fitted, cohort)  # which a model may need; to be shown they are read where they are known
    store = cohort.store.with_days(cohort.visit_days).select(rows)
    records = _Records(fitted, store, of_patients, tolerance, progress)
    subject = fitted.subject.titled(title).title
    explanations = []
    for patient_index, row in enumerate(rows):
        name = f"row {row}" if cohort.patient_ids is None else str(cohort.patient_ids[row])
        explanations.append(records.explanation(patient_index, int(row), name, subject))
    return explanations


class _Records:
    """The records of the patients to explain, as they are and as the model was shown them, and the contributions."""

    def __init__(self, fitted, store, attributes, tolerance, progress):
        self._adjustment = fitted.adjustment
        self._vocabulary, self._usable = fitted.vocabulary, fitted.usable
        self._store, self._known = store, store.keep_known(fitted.usable)
        test = fitted.predictions("test")
        self._of_test = np.zeros(0) if test is None else test.scores.probabilities
        self._contributions = contributions(fitted.model, self._known, tolerance, progress, attributes)
        self._has_attributes, self._reads_days = attributes is not None, getattr(fitted.model, "reads_days", False)

    def explanation(self, patient_index, row, name, subject):
        """Returns the Explanation of a patient, whose index in the cohort is `row`."""
        logits = self._contributions
        logit = float(logits.logits[patient_index])
        visits = range(self._store.visits[patient_index], self._store.visits[patient_index + 1])
        empty = self._known.dxobjs[visits.start] == self._known.dxobjs[visits.stop]
        output = 1 / (1 + math.exp(min(-logit, 700)))
        probability = float(self._adjustment(np.array([output]), np.array([empty]))[0])
        return Explanation(
            row=row,
            patient=name,
            probability=probability,
            empty_logit=float(logits.empty_logits[patient_index]),
            dx_logit=float(logits.dx_logits[patient_index]),
            logit=logit,
            gap=float(logits.gaps[patient_index]),
            visits=tuple(map(self._visit, visits)),
            subject=subject,
            remarks=tuple(self._remarks(empty)),
            among=None if empty else self._among(probability),
        )

    def _among(self, probability):
        """Returns where a probability is among those of the test patients, or None."""
        count = len(self._of_test)
        if not count:
            return None
        return Among(int((self._of_test > probability + _ROUNDING).sum()), count, float(self._of_test.mean()))

    def _remarks(self, empty):
        """Yields the remarks to read before the numbers."""
        if empty:
            yield (
                "Nothing is known of this patient: the model knows none of the codes. The patient is scored "
                f"{self._adjustment.rule}; this tells nothing about the patient, and there is nothing to explain."
            )
        if self._has_attributes and not empty:
            yield "Age and sex are in the first step: the log-odds of a patient of this age and sex with empty visits."
        if self._reads_days and not empty:
            yield "The visits with nothing in them, of the first step, are at the times of the patient's own."
        if not empty and self._adjustment.recalibration is not None:
            yield (
                f"The probability is recalibrated ({self._adjustment.recalibration.method}). The contributions add up "
                "to the log-odds of the model before that."
            )

    def _visit(self, visit_index):
        dxobjects = range(self._known.dxobjs[visit_index], self._known.dxobjs[visit_index + 1])
        days = None if self._store.days is None else int(self._store.days[visit_index])
        return Visit(tuple(map(self._dxobject, dxobjects)), tuple(self._dropped(visit_index)), days)

    def _dxobject(self, dxobject_index):
        code = int(self._known.dx[dxobject_index])
        alone = float(self._contributions.dx[dxobject_index])
        return DxObject(code, self._name("dx", code), alone, tuple(self._orders(dxobject_index)))

    def _orders(self, dxobject_index):
        """Yields the Orders of a Dx-object."""
        for kind in ("rx", "pr"):
            start, end = getattr(self._known, f"{kind}_offsets")[dxobject_index : dxobject_index + 2]
            codes = getattr(self._known, kind)[start:end].tolist()
            for code, contribution in zip(codes, getattr(self._contributions, kind)[start:end].tolist(), strict=True):
                yield Order(kind, code, self._name(kind, code), contribution)

    def _dropped(self, visit_index):
        """Yields the codes of a visit that the model was not shown, by the rule of `Store.keep_known`."""
        for dxobject_index in range(self._store.dxobjs[visit_index], self._store.dxobjs[visit_index + 1]):
            dx = int(self._store.dx[dxobject_index])
            if not self._is_known("dx", dx):
                yield Dropped("dx", dx, self._name("dx", dx))
            for kind in ("rx", "pr"):
                start, end = getattr(self._store, f"{kind}_offsets")[dxobject_index : dxobject_index + 2]
                for code in getattr(self._store, kind)[start:end].tolist():
                    if not (self._is_known("dx", dx) and self._is_known(kind, code)):
                        yield Dropped(kind, code, self._name(kind, code))

    def _is_known(self, kind, code):
        return code < len(self._usable[kind]) and self._usable[kind][code]

    def _name(self, kind, code):
        return code_name(self._vocabulary, kind, code)
