"""The codes and rows that stay in a cohort.

A dropped code can leave a row with too few visits, and a dropped row can make a code rare, so both are dropped in turn.
"""

import dataclasses

import numpy as np

from mime_tf.ehr.design.selection import Selection
from mime_tf.ehr.encode import codes as numbering
from mime_tf.ehr.encode import features as gathering
from mime_tf.ehr.encode.codes import Codes
from mime_tf.ehr.encode.features import Features
from mime_tf.ehr.request import Request
from mime_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Dropped:
    """Counts of the codes that were dropped because the vocabulary lacks them, and of their uses.

    Attributes:
        dx_objects: number of Dx-objects; their orders are dropped with them.
        orders: number of orders in other Dx-objects.
        codes: number of different codes.
    """

    dx_objects: int = 0
    orders: int = 0
    codes: int = 0

    def __add__(self, other: "Dropped") -> "Dropped":
        """Returns the sum of both counts."""
        pairs = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        return Dropped(*(one + another for one, another in pairs))


@dataclasses.dataclass(frozen=True)
class Pruned:
    """The part of a cohort that stays.

    Attributes:
        features: features of known codes only.
        codes: the codes and their vocabulary.
        selection: rows with enough visits.
        dropped: counts of the rest.
    """

    features: Features
    codes: Codes
    selection: Selection
    dropped: Dropped


def prune(features: Features, concepts: dict[str, list], selection: Selection, request: Request) -> Pruned:
    """Drops codes that are rare or not in the vocabulary, and rows left with too few visits, until all are in order.

    Args:
        features: the features of all rows.
        concepts: the columns of `Events.concepts`.
        selection: the rows.
        request: for `vocabulary`, `min_count` and the least number of visits.

    Raises:
        InputError: nothing is left.
    """
    before, total = selection, Dropped()
    while True:
        codes = _number(features, concepts, selection, request)
        known, dropped = known_only(features, codes)
        kept = _with_enough_visits(known, selection, request.rules.min_visits)
        if kept.all() and not dropped.codes:
            flow = _flow(before, selection)
            return Pruned(features, codes, dataclasses.replace(selection, flow=flow), total)
        if not kept.any():
            raise InputError(_nothing_left(request))
        features, selection, total = known.keep_rows(kept), selection.keep(kept), total + dropped


def known_only(features: Features, codes: Codes) -> tuple[Features, Dropped]:
    """Drops the codes without an index, a diagnosis together with its orders."""
    dx, order_dx, order_code = features.dx["dx"], features.orders["dx"], features.orders["code"]
    dx_known, order_dx_known, order_code_known = (codes.index[concept] >= 0 for concept in (dx, order_dx, order_code))
    unknown = np.concatenate([dx[~dx_known], order_code[~order_code_known]])
    dropped = Dropped(
        dx_objects=int((~dx_known).sum()),
        orders=int((order_dx_known & ~order_code_known).sum()),
        codes=len(np.unique(unknown)),
    )
    return features.keep(dx_known, order_dx_known & order_code_known), dropped


def _number(features, concepts, selection, request):
    if request.vocabulary:
        return numbering.reuse(concepts, features, selection.patient, request.vocabulary, request.keep_unknown)
    return numbering.number(concepts, features, selection.patient, request.min_count)


def _with_enough_visits(features, selection, min_visits):
    """Rows with enough visits, bool; of matched rows, cases together with their controls."""
    enough = gathering.visit_counts(features, len(selection)) >= max(min_visits, 1)
    if selection.case is not None:
        is_case = selection.label == 1
        enough &= np.isin(selection.case, selection.patient[enough & is_case])
        enough &= ~is_case | np.isin(selection.patient, selection.case[enough & ~is_case])
    return enough


def _nothing_left(request):
    if request.vocabulary:
        return "vocabulary: none of its diagnoses is in enough visits; must be of the same code systems as the export"
    return f"min_count: found {request.min_count}; no row has enough visits with diagnoses of that count"


def _flow(before, after):
    """The flow, with a step for the rows that were lost with dropped codes."""
    if len(after) == len(before):
        return before.flow
    patients, patients_before = len(np.unique(after.patient)), len(np.unique(before.patient))
    count = {"patients": patients, "rows": len(after)}
    count |= {"patients_out": patients_before - patients, "rows_out": len(before) - len(after)}
    return before.flow | {"with visits enough once codes were dropped": count}
