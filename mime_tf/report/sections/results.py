"""The sections of a report on how good the model is."""

import numpy as np

from mime_tf.assess import subgroups as of_patients
from mime_tf.assess.measures import MEASURES
from mime_tf.assess.thresholds import SHARES
from mime_tf.report import markup

_HEADLINES = ("auc", "average_precision", "calibration_slope")
_PLOTS = {
    "learning": "Left: cross-entropy on the training batches and on valid. Right: ROC AUC and average precision on "
    "valid.",
    "roc": "Sensitivity against 1 − specificity at every threshold.",
    "precision_recall": "Precision against recall at every threshold; chance is the share of label 1.",
    "calibration": "Ten bins of equally many patients: the share of label 1 against the mean probability; bars are 95% "
    "intervals (Wilson).",
    "scores": "How the probabilities of either label are spread.",
    "decision": "Net benefit of treating from a probability on, per patient.",
    "subgroups": "Values and 95% bootstrap intervals.",
}


def subject(report):
    """Returns what was tested, in one line."""
    count, found = len(report.judged), report.detailed.found
    whose = f"{found.rows:,} test patients" if found.patients == found.rows else f"{found.rows:,} test rows"
    line = f"{whose}, {found.ones:,} of label 1 ({found.ones / found.rows:.1%})"
    if found.patients != found.rows:
        line += f", of {found.patients:,} patients"
    if count == 1:
        return f"One split: {line}."
    return f"{count} splits. Shown in detail is {report.detailed.split.name}, the one of median ROC AUC: {line}."


def headline(report):
    """Returns the figures that matter most."""
    shown = []
    for name in _HEADLINES:
        if len(report.judged) > 1:
            values = _values(report, name)
            shown.append(
                (MEASURES[name], markup.number(_mean(values)), f"mean of splits, SD {markup.number(_sd(values))}")
            )
        else:
            found = report.detailed.found
            interval = markup.span(found.intervals[name])
            shown.append((MEASURES[name], markup.number(found.values[name]), interval and f"95%: {interval}"))
    found = report.detailed.found
    shown.append(("label 1 in test", f"{found.ones / found.rows:.1%}", f"{found.ones:,} of {found.rows:,}"))
    return markup.cards(shown)


def learning(report, plots):
    """Returns the learning curves."""
    if "learning" not in plots:
        return markup.paragraph("A split has no history.csv, as a model that was imported.", "missing")
    kept = ", ".join(f"{one.split.name} at iteration {one.split.iteration:,}" for one in report.judged)
    text = f"The model of the lowest loss on valid is kept: {kept}."
    return markup.paragraph(text) + _plot(report, plots, "learning", wide=True)


def measures(report, plots):
    """Returns the table of all measures."""
    intervals = (
        f"Intervals are the 2.5th to the 97.5th percentile of {report.bootstrap:,} bootstrap resamples of the patients "
        f"of the test set, seed {report.seed}. "
        if report.bootstrap
        else ""
    )
    text = "All on test, with the model of the lowest loss on valid. " + intervals
    text += "Ideal are 1 for observed / expected and the calibration slope, 0 for the other calibration measures."
    judged, several = report.judged, len(report.judged) > 1
    rows = []
    for name, title in MEASURES.items():
        cells = [(markup.number(one.found.values[name]), markup.span(one.found.intervals[name])) for one in judged]
        values = _values(report, name)
        spread = [markup.number(_mean(values)), markup.number(_sd(values))] if several else []
        rows.append([title, *spread, *cells])
    sizes = [f"{one.found.ones:,} of {one.found.rows:,}" for one in judged]
    rows.append(["label 1 of all test rows", *(["", ""] if several else []), *sizes])
    header = ["", *(["mean", "SD"] if several else []), *(one.split.name for one in judged)]
    result = markup.paragraph(text) + markup.table(header, rows, range(1, len(header)))
    if several:
        text = (
            "Splits share patients unless they are folds, so the SD is how much the splits differ, no standard error."
        )
        result += markup.paragraph(text, "caption")
    notes = [f"{one.split.name}: {note}" for one in judged for note in one.found.notes]
    return result + (markup.bullets(notes) if notes else "")


def discrimination(report, plots):
    """Returns ROC and precision-recall."""
    if "roc" not in plots:
        return markup.paragraph("The test labels are all alike: nothing can be ranked.", "missing")
    return _pair(_plot(report, plots, "roc"), _plot(report, plots, "precision_recall"))


def calibration(report, plots):
    """Returns the calibration plot and the distribution of the scores."""
    scores = _plot(report, plots, "scores") if "scores" in plots else ""
    return _pair(_plot(report, plots, "calibration"), scores)


def decision(report, plots):
    """Returns the decision curve."""
    if "decision" not in plots:
        return markup.paragraph("The test labels are all alike: there is nothing to decide.", "missing")
    text = (
        "The net benefit is the true positives a patient less the false positives, these weighted by the odds of the "
        "probability from which on one would treat (Vickers and Elkin, 2006). At a threshold where the model is above "
        "both other lines, acting on it does more good than treating everybody or nobody."
    )
    return markup.paragraph(text) + _pair(_plot(report, plots, "decision"))


def alerts(report, plots):
    """Returns what comes of alerting the patients of the highest scores."""
    rates, shares = report.alert_rates, [name for name in SHARES if name != "alert_rate"]
    rows = []
    for rate, point in zip(rates, report.points, strict=True):
        counts = f"tp {point['tp']:,}, fp {point['fp']:,}, fn {point['fn']:,}, tn {point['tn']:,}"
        cells = [(markup.number(point[name]), markup.span(point["intervals"][name], 2)) for name in shares]
        rows.append([f"{rate:.4g}", markup.number(point["threshold"]), (f"{point['alerts']:,}", counts), *cells])
    text = (
        f"If at most a share of the test patients of {report.detailed.split.name} were alerted, those of the highest "
        "scores. The intervals are those of the settled threshold."
    )
    header = ["share", "threshold", "alerts", *(SHARES[name] for name in shares)]
    return markup.paragraph(text) + markup.table(header, rows, range(len(header)))


def subgroups(report, plots):
    """Returns the subgroup table."""
    if report.data is None:
        return markup.paragraph("Subgroups need the cohort: --data, with a patients.csv beside it.", "missing")
    groups = report.data.subgroups
    if not groups:
        return markup.paragraph(report.data.missing.get("subgroups", "None were asked for."), "missing")
    rows = []
    for group in groups:
        cells = ["–"] * len(of_patients.SHOWN)
        if group.assessment:
            of = group.assessment
            cells = [(markup.number(of.values[name]), markup.span(of.intervals[name], 2)) for name in of_patients.SHOWN]
        rows.append([(f"{group.column}: {group.name}", group.reason), f"{group.rows:,}", f"{group.ones:,}", *cells])
    header = ["", "rows", "label 1", *(MEASURES[name] for name in of_patients.SHOWN)]
    text = (
        f"The test patients of {report.detailed.split.name}. Groups with fewer than {of_patients.LEAST} of either "
        "label are not measured. Groups differ in how many are of label 1, and average precision and "
        "Brier score with that."
    )
    plot = _plot(report, plots, "subgroups", wide=True) if "subgroups" in plots else ""
    return markup.paragraph(text) + plot + markup.table(header, rows, range(1, len(header)))


def _plot(report, plots, name, wide=False):
    alt = f"{name.replace('_', ' ')} plot of {report.detailed.split.name}. {_PLOTS[name]}"
    return markup.figure(plots[name], alt, _PLOTS[name], wide)


def _pair(*figures):
    return f'<div class="plots">{"".join(figures)}</div>\n'


def _values(report, name):
    """The values of the splits in which a measure is defined."""
    values = np.array([one.found.values[name] for one in report.judged])
    return values[~np.isnan(values)]


def _mean(values):
    return float(values.mean()) if len(values) else float("nan")


def _sd(values):
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")
