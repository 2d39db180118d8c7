"""An explanation of a patient's score: contributions to the logit by visit, Dx-object, diagnosis and order, with names.

`mime_tf.explain.patients` makes it, `mime_tf.explain.lines` and `mime_tf.explain.picture` show it.
"""

import dataclasses
import math

from mime_tf.data.frames import frame


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
        days_before: int, whole days from the visit to the prediction time, or None.
    """

    dxobjects: tuple
    dropped: tuple
    days_before: int | None = None

    @property
    def contribution(self):
        """Contribution of the visit: the sum over its Dx-objects."""
        return sum(dxobject.contribution for dxobject in self.dxobjects)


@dataclasses.dataclass(frozen=True)
class Among:
    """A probability among those of the test patients of the run.

    Attributes:
        higher: number of these patients with a higher probability.
        patients: number of all.
        mean: float, mean of their probabilities.
    """

    higher: int
    patients: int
    mean: float


@dataclasses.dataclass(frozen=True, repr=False)
class Explanation:
    """Contributions to a patient's score. Those of the visits add up to `logit - empty_logit`, but for `gap`.

    A notebook shows it with its picture.

    Attributes:
        row: the patient's index in the cohort.
        patient: str, the patient's id where the cohort has ids, else such as `row 17`.
        probability: float, of label 1, adjusted as `mime_tf.runs.adjustment` says.
        empty_logit: float, the logit of as many visits with nothing in them.
        dx_logit: float, the logit of the diagnoses without any order.
        logit: float, the logit of the whole record, which is that of the probability unless it was adjusted.
        gap: float, by how much the contributions may fail to add up.
        visits: tuple of Visit, in the order of time.
        subject: str, the outcome, and the number of patients.
        remarks: tuple of str, to be read before the numbers.
        among: Among, or None where nothing is known of the patient or the run has no predictions for test patients.
    """

    row: int
    patient: str
    probability: float
    empty_logit: float
    dx_logit: float
    logit: float
    gap: float
    visits: tuple
    subject: str = ""
    remarks: tuple = ()
    among: Among | None = None

    @property
    def model_probability(self):
        """Output of the model, before any adjustment."""
        return 1 / (1 + math.exp(min(-self.logit, 700)))

    def to_frame(self):
        """Returns the contributions as a `pandas.DataFrame` with a row for each diagnosis alone and each order.

        Columns: `visit_index`, `days_before` of the visit, `dxobject_index` within it, `kind` (dx, rx or pr), `code`,
        `name`, `contribution`. The codes that the model was not shown are left out.
        """
        names = ("visit_index", "days_before", "dxobject_index", "kind", "code", "name", "contribution")
        rows = list(self._contributions())
        return frame({name: [row[index] for row in rows] for index, name in enumerate(names)})

    def _contributions(self):
        for visit_index, visit in enumerate(self.visits):
            for dxobject_index, dxobject in enumerate(visit.dxobjects):
                where = visit_index, visit.days_before, dxobject_index
                yield *where, "dx", dxobject.code, dxobject.name, dxobject.alone
                for order in dxobject.orders:
                    yield *where, order.kind, order.code, order.name, order.contribution

    def __repr__(self):
        return f"Explanation({self.patient}: probability {self.probability:.3f}, visits: {len(self.visits)})"

    def _repr_html_(self):
        from mime_tf.explain.page import notebook_html

        return notebook_html(self)
