"""The plots of a report."""

import numpy as np

from mime_tf.assess.measures import MEASURES
from mime_tf.assess.wilson import wilson
from mime_tf.explain import picture
from mime_tf.pages.text import shortened
from mime_tf.report.sections.patients import LINES
from mime_tf.terminal.plotting import require_matplotlib

# Okabe and Ito's colors, which are told apart in all common kinds of color blindness.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
KINDS = (BLUE, ORANGE, GREEN, "#CC79A7")  # of the networks of a blend
_SIZE = 4.8  # inches
_STYLE = {"font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True}
_COMPARED = ("auc", "observed_to_expected")
_LETTERS = 60


def draw(report):
    """Draws the plots of the sections that have data.

    Args:
        report: `mime_tf.report.content.Report`.

    Returns:
        Dict from a name, such as `"roc"` or `"patient_1"`, to a `mime_tf.pages.figure.Picture`, the bytes of a PNG.

    Raises:
        InputError: Matplotlib is missing.
    """
    require_matplotlib()
    import matplotlib

    pictures = {}
    with matplotlib.rc_context(_STYLE):
        for section in report.sections:
            if section.data is not None:
                plots = _PLOTS.get(section.name, lambda report: {})(report)
                pictures |= {name: figure.png() for name, figure in plots.items()}
    patients = report.section("patients").data
    for number, explanation in enumerate(patients.explanations.values() if patients else (), 1):
        pictures[f"patient_{number}"] = picture.png(explanation, LINES)
    return pictures


def _learning(report):
    figure, (loss, ranking) = _figure(width=2, height=0.8, columns=2)
    for split in report.splits:
        is_detailed = split is report.detailed
        style = {"linewidth": 2, "alpha": 1} if is_detailed else {"linewidth": 0.9, "alpha": 0.35}
        named = set()
        for kind, history in _networks(split.results):
            for on_loss, name, color, dash, label in _curves_of(kind, split.results):
                if name in history:
                    shown = label if is_detailed and label not in named else None
                    named.add(label)
                    axes = loss if on_loss else ranking
                    axes.plot(history["iteration"], history[name], dash, color=color, label=shown, **style)
    kept, is_blend = report.detailed.results.iteration, "network" in report.detailed.results.history
    for axes in (loss, ranking):
        if len(report.splits) > 1:
            axes.plot([], [], color=GREY, linewidth=0.9, label="the other splits, in the same colors")
        label = "mean of the networks kept" if is_blend else "the model kept"
        axes.axvline(kept, color=GREY, linewidth=1, linestyle=":", label=label)
        axes.set_xlabel("iteration")
        _finish(axes)
    loss.set_ylabel("cross-entropy")
    ranking.set_ylabel("on valid")
    return {"learning": figure}


def _curves_of(kind, results):
    """Returns rows: whether it is a loss, a column of the history, color, dash and label of its curve.

    The networks of a blend have one color per kind, and each measure a dash of its own; a single network has a color
    per measure.
    """
    if kind is None:
        return (
            (True, "main_loss", ORANGE, "--", "train"),
            (True, "valid_loss", BLUE, "-", "valid"),
            (False, "valid_auc", BLUE, "-", "ROC AUC"),
            (False, "valid_aucpr", GREEN, "--", "average precision"),
        )
    kinds = list(results.configuration.config.kinds)
    color = KINDS[kinds.index(kind) % len(KINDS)] if kind in kinds else GREY
    return (
        (True, "main_loss", color, "--", f"{kind} networks, train"),
        (True, "valid_loss", color, "-", f"{kind} networks, valid"),
        (False, "valid_auc", color, "-", f"{kind} networks, ROC AUC"),
        (False, "valid_aucpr", color, "--", f"{kind} networks, average precision"),
    )


def _networks(results):
    """Returns pairs of a kind and a history: of each network of a blend, or None and the history of a single one."""
    history = results.history
    if "network" not in history:
        return [(None, history)]
    config = results.configuration.config
    names, pairs = list(config.kinds), []
    for number in np.unique(history["network"]):
        kind = int(number) // config.members
        chosen = history["network"] == number
        name = names[kind] if 0 <= kind < len(names) else "other"
        pairs.append((name, {column: values[chosen] for column, values in history.items()}))
    return pairs


def _discrimination(report):
    return {"roc": _roc(report), "precision_recall": _precision_recall(report)}


def _roc(report):
    figure, axes = _figure()
    axes.plot([0, 1], [0, 1], ":", color=GREY, linewidth=1, label="chance")
    _overlay(axes, report, "roc", f"{report.detailed.name}: AUC {report.detailed.assessment.values['auc']:.3f}")
    axes.set(xlabel="1 − specificity", ylabel="sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    _finish(axes)
    return figure


def _precision_recall(report):
    figure, axes = _figure()
    assessment = report.detailed.assessment
    axes.axhline(assessment.ones / assessment.rows, color=GREY, linestyle=":", linewidth=1, label="chance")
    label = f"{report.detailed.name}: average precision {assessment.values['average_precision']:.3f}"
    _overlay(axes, report, "precision_recall", label, drawstyle="steps-post")
    axes.set(xlabel="recall (sensitivity)", ylabel="precision (PPV)", xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    _finish(axes)
    return figure


def _calibration(report):
    figure, axes = _figure()
    curve = report.detailed.curves["calibration"]
    low, high = wilson(curve["y"] * curve["count"], curve["count"])
    top = min(1, 1.05 * max(high.max(), curve["x"].max()))
    axes.plot([0, 1], [0, 1], ":", color=GREY, linewidth=1, label="ideal")
    _overlay(axes, report, "calibration", f"{report.detailed.name}, with 95% intervals", marker="o", markersize=4)
    axes.vlines(curve["x"], low, high, color=BLUE, linewidth=1.2)
    smooth = {"smooth curve": (report.detailed.curves, "-"), "before recalibration": (_before(report), "--")}
    for label, (curves, dash) in smooth.items():
        if "calibration_smooth" in curves:
            line = curves["calibration_smooth"]
            axes.plot(line["x"], line["y"], dash, color=ORANGE, linewidth=1.6, label=label)
    axes.set(xlabel="mean probability of a bin", ylabel="share of label 1", xlim=(0, top), ylim=(0, top))
    _finish(axes)
    has_both_labels = "scores_0" in report.detailed.curves
    return {"calibration": figure} | ({"scores": _scores(report)} if has_both_labels else {})


def _before(report):
    """Returns the curves before recalibration, none for a model without one."""
    return report.section("calibration").data.before


def _scores(report):
    figure, axes = _figure()
    for label, color, dash, hatch in ((0, BLUE, "-", ""), (1, ORANGE, "--", "///")):
        curve = report.detailed.curves[f"scores_{label}"]
        edges = np.append(curve["threshold"], 2 * curve["x"][-1] - curve["threshold"][-1])
        axes.stairs(curve["y"], edges, color=color, linestyle=dash, linewidth=1.8)
        name = f"label {label}: {curve['count'].sum():,} rows"
        filled = {"fill": True, "facecolor": color, "edgecolor": color, "alpha": 0.22, "hatch": hatch}
        axes.stairs(curve["y"], edges, label=name, **filled)
    axes.set(xlabel="probability", ylabel="share of the rows of the label", xlim=(0, None), ylim=(0, None))
    _finish(axes)
    return figure


def _decision(report):
    figure, axes = _figure()
    curves = report.detailed.curves
    model, everybody = curves["net_benefit_model"], curves["net_benefit_all"]
    axes.plot(everybody["x"], everybody["y"], "--", color=ORANGE, linewidth=1.5, label="treat everybody")
    axes.axhline(0, color="black", linewidth=1, label="treat nobody")
    _overlay(axes, report, "net_benefit_model", f"treat by {report.detailed.name}")
    best = max(model["y"].max(), everybody["y"].max(), 0.01)
    # Beyond the highest score nobody is treated, and the curve has no more to say.
    right = min(1, 1.15 * model["x"][model["count"] > 0].max(initial=0.05))
    axes.set(xlabel="probability from which on one would treat", ylabel="net benefit per patient")
    axes.set(xlim=(0, right), ylim=(-0.3 * best, 1.1 * best))
    _finish(axes)
    return {"decision": figure}


def _subgroups(report):
    """Draws a value and its interval for each subgroup that was measured."""
    groups = [group for group in report.section("subgroups").data.groups if group.assessment]
    if not groups:
        return {}
    figure, axes_of = _figure(1.9, (1.2 + 0.42 * len(groups)) / _SIZE, len(_COMPARED))
    for axes, name, ideal in zip(axes_of, _COMPARED, (0.5, 1), strict=True):
        axes.axvline(ideal, color=GREY, linestyle=":", linewidth=1)
        for height, group in enumerate(groups):
            low, high = group.assessment.intervals[name]
            axes.plot([low, high], [height, height], color=BLUE, linewidth=2)
            axes.plot(group.assessment.values[name], height, "o", color=BLUE, markersize=7)
        axes.set_title(MEASURES[name], fontsize=11)
        axes.set_xlabel("dotted: chance" if ideal == 0.5 else "dotted: ideal")
        axes.grid(axis="x", linewidth=0.4, alpha=0.6)
        axes.set_yticks(range(len(groups)), [""] * len(groups))
        axes.set_ylim(len(groups) - 0.5, -0.5)
    names = [shortened(f"{group.column}: {group.name}", _LETTERS) for group in groups]
    axes_of[0].set_yticks(range(len(groups)), names)
    return {"subgroups": figure}


# Functions that draw the plots of a section.
_PLOTS = {
    "learning": _learning,
    "discrimination": _discrimination,
    "calibration": _calibration,
    "decision": _decision,
    "subgroups": _subgroups,
}


def _figure(width=1.0, height=1.0, columns=1):
    from mime_tf.pages.figure import Figure

    figure = Figure(figsize=(_SIZE * width, _SIZE * height), layout="constrained")
    return figure, figure.subplots(1, columns, sharey=False)


def _overlay(axes, report, name, label, **style):
    """Draws a curve of every split, that of the split shown in detail last and bold."""
    others = [split for split in report.splits if split is not report.detailed and name in split.curves]
    for number, split in enumerate(others):
        curve, faint = split.curves[name], {"alpha": 0.35, "linewidth": 1}
        axes.plot(curve["x"], curve["y"], color=BLUE, label=None if number else "the other splits", **faint, **style)
    curve = report.detailed.curves[name]
    axes.plot(curve["x"], curve["y"], color=BLUE, linewidth=2.2, label=shortened(label, _LETTERS), **style)


def _finish(axes):
    """Adds a grid, and the legend above, where no curve can be under it."""
    axes.grid(linewidth=0.4, alpha=0.6)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(-0.02, 1.0), fontsize=9.5)
