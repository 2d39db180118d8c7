"""Leakage audit of a cohort: events of the future, the outcome among the features, codes that predict too well."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from mime_tf.ehr.design.selection import Selection
from mime_tf.ehr.encode.features import Features, distinct_pairs

# A code whose presence alone ranks the classes this well, or this badly, is hardly an honest predictor.
SUSPECT_AUC = 0.9
STRONGEST = 5


def audit(
    features: Features, selection: Selection, concepts: dict[str, list], outcome: np.ndarray | None
) -> dict[str, Any]:
    """Looks for leaks.

    Args:
        features: the features that are written.
        selection: the rows.
        concepts: the columns of `Events.concepts`.
        outcome: int64, the concepts that are the outcome or its group; None if the outcome is no code, or unknown.

    Returns:
        The audit in convert.json: `"events_at_or_after_prediction"` and `"visits_outside_window"`, which must be 0; for
        an outcome of codes `"outcome_codes"`, those of them among the features, with the number of rows that have each;
        for labels of both classes `"strongest_codes"`, the single codes whose presence predicts the label best, and
        `"suspect_codes"`, those that separate the classes almost perfectly.
    """
    late = sum(int((table["time"] >= selection.until[table["row"]]).sum()) for table in (features.dx, features.orders))
    start, row = features.dx["start"], features.dx["row"]
    outside = int(((start < selection.since[row]) | (start >= selection.until[row])).sum())
    findings: dict[str, Any] = {"events_at_or_after_prediction": late, "visits_outside_window": outside}
    table = _presence(features, selection)
    if outcome is not None:
        is_outcome = np.isin(table["concept"], outcome)
        findings["outcome_codes"] = [
            {**_name(concepts, concept), "rows": int(count)}
            for concept, count in zip(table["concept"][is_outcome], table["rows"][is_outcome], strict=True)
        ]
    if selection.label is None or len(np.unique(selection.label)) < 2:
        return findings
    strongest = [
        {**_name(concepts, table["concept"][i]), "auc": float(table["auc"][i]), "rows": int(table["rows"][i])}
        | {"cases": int(table["cases"][i])}
        for i in np.argsort(-np.abs(table["auc"] - 0.5), kind="stable")
    ]
    suspect = [code for code in strongest if max(code["auc"], 1 - code["auc"]) >= SUSPECT_AUC]
    return findings | {"strongest_codes": strongest[:STRONGEST], "suspect_codes": suspect}


def _presence(features, selection):
    """The rows and cases that have each concept, and the AUC of having it: (1 + sensitivity - false alarms) / 2."""
    row = np.concatenate([features.dx["row"], features.orders["row"]])
    concept = np.concatenate([features.dx["dx"], features.orders["code"]])
    row, concept = distinct_pairs(row, concept)
    concepts, index = np.unique(concept, return_inverse=True)
    count = np.bincount(index, minlength=len(concepts))
    table = {"concept": concepts, "rows": count}
    if selection.label is not None:
        cases = np.bincount(index, weights=selection.label[row], minlength=len(concepts))
        ones, zeros = max(selection.label.sum(), 1), max((1 - selection.label).sum(), 1)
        table |= {"cases": cases, "auc": (1 + cases / ones - (count - cases) / zeros) / 2}
    return table


def _name(concepts, number):
    return {name: concepts[name][int(number)] for name in ("kind", "system", "code", "display")}


def lines(findings: dict[str, Any]) -> Iterator[str]:
    """Yields the lines of the printed audit."""
    events, visits = findings["events_at_or_after_prediction"], findings["visits_outside_window"]
    yield f"leakage audit: {events} events at or after the prediction time, {visits} visits outside the window"
    for code in findings.get("outcome_codes", ()):
        yield f"  WARNING: the outcome itself is among the features: {_display(code)}, in {code['rows']:,} rows"
    if findings.get("outcome_codes") == []:
        yield "  the outcome's own codes are not among the features"
    for code in findings.get("suspect_codes", ()):
        yield f"  WARNING: this code alone separates the classes, AUC {code['auc']:.3f}: {_display(code)}"
    strongest = findings.get("strongest_codes")
    if strongest:
        yield "  single codes that predict the label best (AUC of having it; rows that have it):"
        for code in strongest:
            yield f"{code['auc']:10.3f} {code['rows']:>9,}  {_display(code)}"


def _display(code):
    return f"{code['display']} ({code['code']})" if code["display"] else code["code"]
