"""Explanations of patients' scores: contributions to the logit by visit, Dx-object, diagnosis and order, with names.

`mime_tf.explain.attribution` has the method. Here its numbers are put where they belong in a patient's record;
`mime_tf.explain.pairs` has the pairs that matter most among many patients.
"""

import dataclasses
import math

from mime_tf.data.frames import frame
from mime_tf.data.vocabulary import code_name
from mime_tf.errors import InputError, show
from mime_tf.explain import attribution


@dataclasses.dataclass(frozen=True)
class Order:
    """An order, with the contribution of its pair with its diagnosis.

    Attributes:
        kind: `"rx"` or `"pr"`.
        code: int.
        name: str, of `mime_tf.data.vocabulary.code_name`.
        contribution: float, log-odds.
    """

    kind: str
    code: int
    name: str
    contribution: float


@dataclasses.dataclass(frozen=True)
class DxObject:
    """A diagnosis with its orders.

    Attributes:
        code, name: of the diagnosis.
        alone: float, log-odds, contribution of the diagnosis without its orders.
        orders: tuple of Order, medications first, in the order of the record.
    """

    code: int
    name: str
    alone: float
    orders: tuple

    @property
    def contribution(self):
        """Contribution of the Dx-object: the sum over its diagnosis and its pairs."""
        return self.alone + sum(order.contribution for order in self.orders)


@dataclasses.dataclass(frozen=True)
class Dropped:
    """A code that the model was not shown, because training did not hold it or its diagnosis.

    Attributes:
        kind, code, name: as in Order; the kind may also be `"dx"`.
    """

    kind: str
    code: int
    name: str


@dataclasses.dataclass(frozen=True)
class Visit:
    """A visit.

    Attributes:
        dxobjects: tuple of DxObject, those that the model was shown.
        dropped: tuple of Dropped.
    """

    dxobjects: tuple
    dropped: tuple

    @property
    def contribution(self):
        """Contribution of the visit: the sum over its Dx-objects."""
        return sum(dxobject.contribution for dxobject in self.dxobjects)


@dataclasses.dataclass(frozen=True, repr=False)
class Explanation:
    """Contributions to a patient's score. Those of the visits add up to `logit - empty_logit`, but for `gap`.

    A notebook shows it with its picture.

    Attributes:
        row: the patient's index in the cohort.
        patient: str, the patient's id where the cohort has ids, else such as `row 17`.
        probability: float, of label 1.
        empty_logit: float, the logit of as many visits with nothing in them.
        dx_logit: float, the logit of the diagnoses without any order.
        logit: float, the logit of the whole record, `log(probability / (1 - probability))`.
        gap: float, by how much the contributions may fail to add up.
        visits: tuple of Visit, in the order of time.
    """

    row: int
    patient: str
    probability: float
    empty_logit: float
    dx_logit: float
    logit: float
    gap: float
    visits: tuple

    def to_frame(self):
        """Returns the contributions as a `pandas.DataFrame` with a row for each diagnosis alone and each order.

        Columns: `visit_index`, `dxobject_index` within the visit, `kind` (dx, rx or pr), `code`, `name`,
        `contribution`. The codes that the model was not shown are left out.
        """
        names = ("visit_index", "dxobject_index", "kind", "code", "name", "contribution")
        rows = list(self._contributions())
        return frame({name: [row[index] for row in rows] for index, name in enumerate(names)})

    def _contributions(self):
        for visit_index, visit in enumerate(self.visits):
            for dxobject_index, dxobject in enumerate(visit.dxobjects):
                yield visit_index, dxobject_index, "dx", dxobject.code, dxobject.name, dxobject.alone
                for order in dxobject.orders:
                    yield visit_index, dxobject_index, order.kind, order.code, order.name, order.contribution

    def __repr__(self):
        return f"Explanation({self.patient}: probability {self.probability:.3f}, visits: {len(self.visits)})"

    def _repr_html_(self):
        from mime_tf.explain.page import notebook_html

        return notebook_html(self)


def explain(fitted, cohort, rows, tolerance=attribution.TOLERANCE, progress=None):
    """Explains the scores of patients.

    Args:
        fitted: `mime_tf.runs.fitted_split.FittedSplit`.
        cohort: `mime_tf.data.cohort.Cohort`; its labels are not used.
        rows: the patients' indices in the cohort.
        tolerance: log-odds, the largest gap to accept; see `mime_tf.explain.attribution.contributions`.
        progress: function that is given a text now and then, such as `Console.progress`.

    Returns:
        List of Explanation, one for each of `rows`.

    Raises:
        InputError: there is no such row, the cohort's codes mean something else than in training, or the contributions
            do not add up within the tolerance.
    """
    for row in rows:
        if not 0 <= row < len(cohort.store):
            raise InputError(f"row: found {show(row)}; the cohort has the rows 0 to {len(cohort.store) - 1}")
    fitted.check_codes(cohort)
    records = _Records(fitted, cohort.store.select(rows), tolerance, progress)
    explanations = []
    for patient_index, row in enumerate(rows):
        name = f"row {row}" if cohort.patient_ids is None else str(cohort.patient_ids[row])
        explanations.append(records.explanation(patient_index, int(row), name))
    return explanations


class _Records:
    """The records of the patients to explain, as they are and as the model was shown them, and the contributions."""

    def __init__(self, fitted, store, tolerance, progress):
        self._vocabulary, self._usable = fitted.vocabulary, fitted.usable
        self._store, self._known = store, store.keep_known(fitted.usable)
        self._contributions = attribution.contributions(fitted.model, self._known, tolerance, progress)

    def explanation(self, patient_index, row, name):
        """Returns the Explanation of a patient, whose index in the cohort is `row`."""
        logits = self._contributions
        logit = float(logits.logits[patient_index])
        visits = range(self._store.visits[patient_index], self._store.visits[patient_index + 1])
        return Explanation(
            row=row,
            patient=name,
            probability=1 / (1 + math.exp(min(-logit, 700))),
            empty_logit=float(logits.empty_logits[patient_index]),
            dx_logit=float(logits.dx_logits[patient_index]),
            logit=logit,
            gap=float(logits.gaps[patient_index]),
            visits=tuple(map(self._visit, visits)),
        )

    def _visit(self, visit_index):
        dxobjects = range(self._known.dxobjs[visit_index], self._known.dxobjs[visit_index + 1])
        return Visit(tuple(map(self._dxobject, dxobjects)), tuple(self._dropped(visit_index)))

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
