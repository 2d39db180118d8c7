"""Whether a cohort says more than could be known: a leakage audit, run on every cohort."""

import numpy as np

from mime_tf.ehr.encode.features import distinct_pairs

# A code whose presence alone ranks the classes this well (or this badly) is hardly an honest predictor.
SUSPECT_AUC = 0.9
STRONGEST = 5


def audit(features, rows, concepts, outcome):
    """Looks for leaks.

    Args:
        features: `mime_tf.ehr.encode.features.Features` of what was written.
        rows: `mime_tf.ehr.design.timeline.Rows`.
        concepts: dict of the columns of `Events.concepts`, lists.
        outcome: int64 array of the concepts that are the outcome, or that took it in as a group; None where the
            outcome is not a code, or unknown.

    Returns:
        Dict, as convert.json has it: `"events_at_or_after_prediction"` and `"visits_outside_window"`, how many, which
        must be 0; where the outcome has codes, `"outcome_codes"`, those of them among the features, with how many rows
        have each; and where there are labels of both kinds, `"strongest_codes"`, the single codes whose presence says
        most of the label, and `"suspect_codes"`, those of them that separate the classes almost perfectly.
    """
    late = sum(int((table["time"] >= rows.until[table["row"]]).sum()) for table in (features.dx, features.orders))
    start, row = features.dx["start"], features.dx["row"]
    outside = int(((start < rows.since[row]) | (start >= rows.until[row])).sum())
    found = {"events_at_or_after_prediction": late, "visits_outside_window": outside}
    table = _presence(features, rows)
    if outcome is not None:
        mine = np.isin(table["concept"], outcome)
        found["outcome_codes"] = [
            {**_name(concepts, concept), "rows": int(count)}
            for concept, count in zip(table["concept"][mine], table["rows"][mine], strict=True)
        ]
    if rows.label is None or len(np.unique(rows.label)) < 2:
        return found
    strongest = [
        {**_name(concepts, table["concept"][i]), "auc": float(table["auc"][i]), "rows": int(table["rows"][i])}
        | {"cases": int(table["cases"][i])}
        for i in np.argsort(-np.abs(table["auc"] - 0.5), kind="stable")
    ]
    suspect = [code for code in strongest if max(code["auc"], 1 - code["auc"]) >= SUSPECT_AUC]
    return found | {"strongest_codes": strongest[:STRONGEST], "suspect_codes": suspect}


def _presence(features, rows):
    """The rows and cases that have each concept, and the AUC of having it: (1 + sensitivity - false alarms) / 2."""
    row = np.concatenate([features.dx["row"], features.orders["row"]])
    concept = np.concatenate([features.dx["dx"], features.orders["code"]])
    row, concept = distinct_pairs(row, concept)
    numbers, at = np.unique(concept, return_inverse=True)
    count = np.bincount(at, minlength=len(numbers))
    table = {"concept": numbers, "rows": count}
    if rows.label is not None:
        cases = np.bincount(at, weights=rows.label[row], minlength=len(numbers))
        ones, zeros = max(rows.label.sum(), 1), max((1 - rows.label).sum(), 1)
        table |= {"cases": cases, "auc": (1 + cases / ones - (count - cases) / zeros) / 2}
    return table


def _name(concepts, number):
    return {name: concepts[name][int(number)] for name in ("kind", "system", "code", "display")}


def lines(found):
    """Yields the audit as it is printed."""
    events, visits = found["events_at_or_after_prediction"], found["visits_outside_window"]
    yield f"leakage audit: {events} events at or after the prediction time, {visits} visits outside the window"
    for code in found.get("outcome_codes", ()):
        yield f"  WARNING: the outcome itself is among the features: {_called(code)}, in {code['rows']:,} rows"
    if found.get("outcome_codes") == []:
        yield "  the outcome's own codes are not among the features"
    for code in found.get("suspect_codes", ()):
        yield f"  WARNING: this code alone separates the classes, AUC {code['auc']:.3f}: {_called(code)}"
    strongest = found.get("strongest_codes")
    if strongest:
        yield "  single codes that say most of the label (AUC of having it; rows that have it):"
        for code in strongest:
            yield f"{code['auc']:10.3f} {code['rows']:>9,}  {_called(code)}"


def _called(code):
    return f"{code['display']} ({code['code']})" if code["display"] else code["code"]
