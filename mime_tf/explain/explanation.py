"""Why a model scored patients as it did: what moved the logit, by the names of the codes.

`mime_tf.explain.attribution` has the method. Here its numbers are put where they belong in a patient's record;
`mime_tf.explain.pairs` has the pairs that matter most among many patients.
"""

import dataclasses
import math

from mime_tf.data.vocabulary import code_name
from mime_tf.errors import InputError, show
from mime_tf.explain import attribution


@dataclasses.dataclass(frozen=True)
class Order:
    """An order and what its pair with its diagnosis adds to the logit.

    Attributes:
        kind: `"rx"` or `"pr"`.
        code: int.
        name: str, as `mime_tf.data.vocabulary.code_name` has it.
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
        alone: float, what the diagnosis adds to the logit without its orders.
        orders: tuple of Order, medications first, in the order of the record.
    """

    code: int
    name: str
    alone: float
    orders: tuple

    @property
    def contribution(self):
        """What the Dx-object adds to the logit: its diagnosis and its pairs."""
        return self.alone + sum(order.contribution for order in self.orders)


@dataclasses.dataclass(frozen=True)
class Dropped:
    """A code that the model was not shown, because training did not hold it or its diagnosis.

    Attributes:
        kind, code, name: as those of Order; the kind may be `"dx"`.
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
        """What the visit adds to the logit: the sum over its Dx-objects."""
        return sum(dxobject.contribution for dxobject in self.dxobjects)


@dataclasses.dataclass(frozen=True)
class Explanation:
    """How a patient's score came about. The visits' contributions add up to `logit - empty_logit`, but for `gap`.

    Attributes:
        row: position in the cohort, from 0.
        patient: str, what to call the patient: the id where the cohort has ids, else such as `row 17`.
        probability: float, of label 1.
        empty_logit: float, the logit of as many visits with nothing in them.
        dx_logit: float, that of the diagnoses without any order.
        logit: float, that of the whole record, `log(probability / (1 - probability))`.
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


def explain(run, cohort, rows, tolerance=attribution.TOLERANCE, progress=None):
    """Explains the scores of some patients.

    Args:
        run: `mime_tf.runs.fitted_split.FittedSplit`.
        cohort: `mime_tf.data.cohort.Cohort`. Its labels are not looked at.
        rows: the patients' positions in the cohort, from 0.
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
    run.check_codes(cohort)
    store = cohort.store.select(rows)
    known = store.keep_known(run.usable)
    found = attribution.contributions(run.model, known, tolerance, progress)
    return [_explanation(run, cohort, int(row), found, _patient(run, store, known, found, place), place)
            for place, row in enumerate(rows)]  # fmt: skip


def _explanation(run, cohort, row, found, visits, place):
    logit = float(found.logits[place])
    return Explanation(
        row=row,
        patient=f"row {row}" if cohort.patient_ids is None else str(cohort.patient_ids[row]),
        probability=1 / (1 + math.exp(min(-logit, 700))),
        empty_logit=float(found.empty_logits[place]),
        dx_logit=float(found.dx_logits[place]),
        logit=logit,
        gap=float(found.gaps[place]),
        visits=visits,
    )


def _patient(run, store, known, found, place):
    """Returns the visits of the patient at `place` of `store`, whose known codes are those of `known`."""
    visits = []
    for visit in range(store.visits[place], store.visits[place + 1]):
        dxobjects = [_dxobject(run, known, found, at) for at in range(known.dxobjs[visit], known.dxobjs[visit + 1])]
        visits.append(Visit(tuple(dxobjects), tuple(_dropped(run, store, visit))))
    return tuple(visits)


def _dxobject(run, known, found, at):
    """Returns the Dx-object at `at` of `known`, with its contributions."""
    orders = []
    for kind in ("rx", "pr"):
        offsets = getattr(known, f"{kind}_offsets")
        for place in range(offsets[at], offsets[at + 1]):
            code = int(getattr(known, kind)[place])
            contribution = float(getattr(found, kind)[place])
            orders.append(Order(kind, code, code_name(run.vocabulary, kind, code), contribution))
    code = int(known.dx[at])
    return DxObject(code, code_name(run.vocabulary, "dx", code), float(found.dx[at]), tuple(orders))


def _dropped(run, store, visit):
    """Yields the codes of a visit that the model was not shown, by the rule of `Store.keep_known`."""
    usable = run.usable
    for at in range(store.dxobjs[visit], store.dxobjs[visit + 1]):
        dx_known = _holds(usable["dx"], store.dx[at])
        if not dx_known:
            yield _name_dropped(run, "dx", store.dx[at])
        for kind in ("rx", "pr"):
            offsets = getattr(store, f"{kind}_offsets")
            for code in getattr(store, kind)[offsets[at] : offsets[at + 1]]:
                if not (dx_known and _holds(usable[kind], code)):
                    yield _name_dropped(run, kind, code)


def _holds(known, code):
    return code < len(known) and known[code]


def _name_dropped(run, kind, code):
    return Dropped(kind, int(code), code_name(run.vocabulary, kind, int(code)))
