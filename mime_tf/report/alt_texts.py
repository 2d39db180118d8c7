"""Texts in place of the plots of a report, for those who hear the page: the numbers that a plot shows at a glance."""

import numpy as np

from mime_tf.assess.text import estimated
from mime_tf.pages.text import decimal


def alt_texts(report):
    """Returns the text of each plot that can be drawn.

    Args:
        report: `mime_tf.report.content.Report`.

    Returns:
        Dict from the name of a plot, as in `mime_tf.report.figures.draw`, to str. Those of patients are with their
        explanations.
    """
    texts = {}
    for section in report.sections:
        if section.data is not None and section.name in _TEXTS:
            texts |= _TEXTS[section.name](report)
    return texts


def _learning(report):
    results = report.detailed.results
    history = results.history
    if results.is_blend:
        losses = [f"{part['name']} {part['weight']:.2f}" for part in results.parts]
        return {"learning": f"Cross-entropy and ranking on valid of each network. Weights: {', '.join(losses)}."}
    at, loss = history["iteration"], history["valid_loss"]
    return {
        "learning": f"Cross-entropy on valid: {decimal(loss[0])} at iteration {at[0]:,.0f}, lowest "
        f"{decimal(np.nanmin(loss))} at iteration {at[np.nanargmin(loss)]:,.0f}, {decimal(loss[-1])} at the last, "
        f"{at[-1]:,.0f}."
    }


def _discrimination(report):
    assessment = report.detailed.assessment
    chance = assessment.ones / assessment.rows
    return {
        "roc": f"ROC AUC {estimated(assessment, 'auc')}, where 0.5 is chance.",
        "precision_recall": f"Average precision {estimated(assessment, 'average_precision')}, where {chance:.3f} is "
        "chance.",
    }


def _calibration(report):
    assessment, curves = report.detailed.assessment, report.detailed.curves
    bins = curves["calibration"]
    text = (
        f"Observed / expected {estimated(assessment, 'observed_to_expected')}, slope "
        f"{estimated(assessment, 'calibration_slope')}. Mean probability and share of label 1: of the lowest bin "
        f"{bins['x'][0]:.3f} and {bins['y'][0]:.3f}, of the highest {bins['x'][-1]:.3f} and {bins['y'][-1]:.3f}."
    )
    texts = {"calibration": text}
    if "scores_0" in curves:
        scores = report.detailed.results.test.scores
        medians = (np.median(scores.probabilities[scores.labels == label]) for label in (0, 1))
        texts["scores"] = "Median probability: label 0 {:.3f}, label 1 {:.3f}.".format(*medians)
    return texts


def _decision(report):
    curves = report.detailed.curves
    model, everybody = curves["net_benefit_model"], curves["net_benefit_all"]
    gain = model["y"] - np.maximum(everybody["y"], 0)
    best = int(np.argmax(gain))
    if gain[best] <= 0:
        return {"decision": "At none of the 99 thresholds is the model above treating everybody and nobody."}
    return {
        "decision": f"Above treating everybody and nobody at {(gain > 0).sum()} of {len(gain)} thresholds, by "
        f"{gain[best]:.4f} per patient at most, at a threshold of {model['x'][best]:.2f}."
    }


def _subgroups(report):
    each = (
        f"{group.column} {group.name}: ROC AUC {estimated(group.assessment, 'auc')}, observed / expected "
        f"{estimated(group.assessment, 'observed_to_expected')}"
        for group in report.section("subgroups").data.groups
        if group.assessment
    )
    return {"subgroups": f"{'; '.join(each)}."}


_TEXTS = {
    "learning": _learning,
    "discrimination": _discrimination,
    "calibration": _calibration,
    "decision": _decision,
    "subgroups": _subgroups,
}
