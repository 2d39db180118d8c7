"""Which codes and rows stay: a dropped code can leave a row too little, and a dropped row can make a code rare."""

import dataclasses

import numpy as np

from mime_tf.ehr.encode import codes, encoding, features
from mime_tf.ehr.linkage.ways import RESERVED_CONCEPT
from mime_tf.errors import InputError


def settle(shown, concepts, rows, request):
    """Drops codes that are rare or not in the vocabulary, and rows left with too few visits, until none is.

    Args:
        shown: `mime_tf.ehr.encode.features.Features`.
        concepts: dict of the columns of `Events.concepts`, lists; the reserved diagnosis is added where it is used.
        rows: `mime_tf.ehr.design.timeline.Rows`.
        request: `mime_tf.ehr.conversion.Request`.

    Returns:
        Features, `mime_tf.ehr.encode.codes.Codes` and Rows of what is left, and `mime_tf.ehr.encode.encoding.Dropped`.

    Raises:
        InputError: nothing is left.
    """
    if request.unlinked == "null":
        shown = features.reserved_as(shown, len(concepts["code"]))
        for name, value in (RESERVED_CONCEPT | {"kind": "dx", "concept": len(concepts["code"])}).items():
            concepts[name].append(value)
    before, total = rows, encoding.Dropped(0, 0, 0)
    while True:
        coded = _numbered(shown, concepts, rows, request)
        left, dropped = encoding.known_only(shown, coded)
        kept = _with_enough(left, rows, request.rules.min_visits)
        if kept.all() and not dropped.codes:
            return shown, coded, dataclasses.replace(rows, counts=_counts(before, rows)), total
        if not kept.any():
            raise InputError(_nobody(request))
        shown, rows = left.of_rows(kept, np.cumsum(kept) - 1), _select(rows, kept)
        total = encoding.Dropped(*np.add(dataclasses.astuple(total), dataclasses.astuple(dropped)).tolist())


def _numbered(shown, concepts, rows, request):
    if request.vocabulary:
        return codes.reuse(concepts, shown, rows.patient, request.vocabulary)
    return codes.number(concepts, shown, rows.patient, request.min_count)


def _with_enough(left, rows, min_visits):
    """Which rows have visits enough; of matched rows, cases together with their controls."""
    kept = features.visit_counts(left, len(rows.patient)) >= max(min_visits, 1)
    if rows.case is not None:
        is_case = rows.label == 1
        kept &= np.isin(rows.case, rows.patient[kept & is_case])
        kept &= ~is_case | np.isin(rows.patient, rows.case[kept & ~is_case])
    return kept


def _nobody(request):
    if request.vocabulary:
        return "vocabulary: none of its diagnoses is in enough visits; must be of the same code systems as the export"
    return f"min_count: found {request.min_count}; no row has visits enough, of diagnoses that are there so often"


def _select(rows, kept):
    arrays = ("patient", "time", "since", "until", "label", "case")
    return dataclasses.replace(
        rows, **{name: values[kept] for name in arrays if (values := getattr(rows, name)) is not None}
    )


def _counts(before, after):
    """The counts of the flow, with those whom the dropping of codes cost."""
    if len(after.patient) == len(before.patient):
        return before.counts
    patients, had = len(np.unique(after.patient)), len(np.unique(before.patient))
    count = {"patients": patients, "rows": len(after.patient)}
    count |= {"patients_out": had - patients, "rows_out": len(before.patient) - len(after.patient)}
    return before.counts | {"with visits enough once codes were dropped": count}
