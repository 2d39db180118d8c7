"""The plots of a report, each the bytes of a PNG file."""

import io
import logging
import warnings

import numpy as np

from mime_tf.assess.measures import MEASURES
from mime_tf.explain.lines import one_line
from mime_tf.terminal.plotting import require_matplotlib

# Okabe and Ito's colors, which are told apart in all common kinds of color blindness.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
_SIZE, _DPI = (4.8, 4.8), 150
_STYLE = {"font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True}
_COMPARED = ("auc", "observed_to_expected")
_LETTERS = 30


def draw(report):
    """Draws all that there is something to draw of.

    Args:
        report: `mime_tf.report.content.Report`.

    Returns:
        Dict from a name, such as `"roc"`, to the bytes of a PNG file.

    Raises:
        InputError: Matplotlib is missing.
    """
    require_matplotlib()
    import matplotlib

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    found = {}
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # A letter that the font lacks shows as a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        if all(one.split.history for one in report.judged):
            found["learning"] = _png(_learning(report))
        if "roc" in report.detailed.curves:
            for plot in (_roc, _precision_recall, _scores, _decision):
                found[plot.__name__[1:]] = _png(plot(report))
        found["calibration"] = _png(_calibration(report))
        if report.data and any(group.assessment for group in report.data.subgroups):
            found["subgroups"] = _png(_subgroups(report.data.subgroups))
    return found


def _figure(width=1.0, height=1.0, columns=1):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_SIZE[0] * width, _SIZE[1] * height), layout="constrained")
    return figure, figure.subplots(1, columns, sharey=False)


def _png(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI)
    return file.getvalue()


def _overlay(axes, report, name, detail, **style):
    """Draws a curve of every split, the one shown in detail last and bold."""
    others = [one for one in report.judged if one is not report.detailed and name in one.curves]
    for place, one in enumerate(others):
        label = "the other splits" if place == 0 else None
        axes.plot(
            one.curves[name]["x"], one.curves[name]["y"], color=BLUE, alpha=0.35, linewidth=1, label=label, **style
        )
    curve = report.detailed.curves[name]
    axes.plot(curve["x"], curve["y"], color=BLUE, linewidth=2.2, label=_cut(detail), **style)


def _learning(report):
    figure, (loss, rank) = _figure(width=2, height=0.8, columns=2)
    for one in report.judged:
        bold = one is report.detailed
        style = {"linewidth": 2 if bold else 0.9, "alpha": 1 if bold else 0.35}
        history = one.split.history
        iterations = history["iteration"]
        lines = ((loss, "main_loss", ORANGE, "--", "train"), (loss, "valid_loss", BLUE, "-", "valid"),
                 (rank, "valid_auc", BLUE, "-", "ROC AUC"),
                 (rank, "valid_aucpr", GREEN, "--", "average precision"))  # fmt: skip
        for axes, name, color, dash, label in lines:
            if name in history:
                axes.plot(iterations, history[name], dash, color=color, label=label if bold else None, **style)
    for axes in (loss, rank):
        axes.axvline(report.detailed.split.iteration, color=GREY, linewidth=1, linestyle=":", label="the model kept")
        axes.set_xlabel("iteration")
        axes.grid(linewidth=0.4, alpha=0.6)
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(-0.02, 1.0), fontsize=9.5)
    loss.set_ylabel("cross-entropy")
    rank.set_ylabel("on valid")
    return _plain(figure)


def _roc(report):
    figure, axes = _figure()
    axes.plot([0, 1], [0, 1], ":", color=GREY, linewidth=1, label="chance")
    found = report.detailed.found
    _overlay(axes, report, "roc", f"{report.detailed.split.name}: AUC {found.values['auc']:.3f}")
    axes.set(xlabel="1 − specificity", ylabel="sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    return _finish(figure, axes)


def _precision_recall(report):
    figure, axes = _figure()
    found = report.detailed.found
    axes.axhline(found.ones / found.rows, color=GREY, linestyle=":", linewidth=1, label="chance")
    name = f"{report.detailed.split.name}: average precision {found.values['average_precision']:.3f}"
    _overlay(axes, report, "precision_recall", name, drawstyle="steps-post")
    axes.set(xlabel="recall (sensitivity)", ylabel="precision (PPV)", xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    return _finish(figure, axes)


def _calibration(report):
    figure, axes = _figure()
    curve = report.detailed.curves["calibration"]
    low, high = _wilson(curve["y"] * curve["count"], curve["count"])
    top = min(1, 1.05 * max(high.max(), curve["x"].max()))
    axes.plot([0, 1], [0, 1], ":", color=GREY, linewidth=1, label="ideal")
    _overlay(axes, report, "calibration", f"{report.detailed.split.name}, with 95% intervals", marker="o", markersize=4)
    axes.vlines(curve["x"], low, high, color=BLUE, linewidth=1.2)
    axes.set(xlabel="mean probability of a bin", ylabel="share of label 1", xlim=(0, top), ylim=(0, top))
    return _finish(figure, axes)


def _scores(report):
    figure, axes = _figure()
    for label, color, dash, hatch in ((0, BLUE, "-", ""), (1, ORANGE, "--", "///")):
        curve = report.detailed.curves[f"scores_{label}"]
        edges = np.append(curve["threshold"], 2 * curve["x"][-1] - curve["threshold"][-1])
        axes.stairs(curve["y"], edges, color=color, linestyle=dash, linewidth=1.8)
        axes.stairs(curve["y"], edges, fill=True, facecolor=color, edgecolor=color, alpha=0.22, hatch=hatch,
                    label=f"label {label}: {curve['count'].sum():,} rows")  # fmt: skip
    axes.set(xlabel="probability", ylabel="share of the rows of the label", xlim=(0, None), ylim=(0, None))
    return _finish(figure, axes)


def _decision(report):
    figure, axes = _figure()
    curves = report.detailed.curves
    model, everybody = curves["net_benefit_model"], curves["net_benefit_all"]
    axes.plot(everybody["x"], everybody["y"], "--", color=ORANGE, linewidth=1.5, label="treat everybody")
    axes.axhline(0, color="black", linewidth=1, label="treat nobody")
    _overlay(axes, report, "net_benefit_model", f"treat by {report.detailed.split.name}")
    best = max(model["y"].max(), everybody["y"].max(), 0.01)
    # Beyond the highest score nobody is treated, and the curve has no more to say.
    right = min(1, 1.15 * model["x"][model["count"] > 0].max(initial=0.05))
    axes.set(xlabel="probability from which on one would treat", ylabel="net benefit a patient")
    axes.set(xlim=(0, right), ylim=(-0.3 * best, 1.1 * best))
    return _finish(figure, axes)


def _subgroups(groups):
    """Draws a value and its interval for each subgroup that was measured."""
    groups = [group for group in groups if group.assessment]
    figure, axes = _figure(1.9, (1.2 + 0.42 * len(groups)) / _SIZE[1], len(_COMPARED))
    for axis, name, ideal in zip(axes, _COMPARED, (0.5, 1), strict=True):
        axis.axvline(ideal, color=GREY, linestyle=":", linewidth=1)
        for place, group in enumerate(groups):
            low, high = group.assessment.intervals[name]
            axis.plot([low, high], [place, place], color=BLUE, linewidth=2)
            axis.plot(group.assessment.values[name], place, "o", color=BLUE, markersize=7)
        axis.set_title(MEASURES[name], fontsize=11)
        axis.set_xlabel("dotted: chance" if ideal == 0.5 else "dotted: ideal")
        axis.grid(axis="x", linewidth=0.4, alpha=0.6)
    names = [_cut(f"{group.column}: {group.name}") for group in groups]
    for axis, shown in zip(axes, (names, [""] * len(names)), strict=True):
        axis.set_yticks(range(len(groups)), shown)
        axis.set_ylim(len(groups) - 0.5, -0.5)
    return _plain(figure)


def _finish(figure, axes):
    """Puts the legend above, where no curve can be under it."""
    axes.grid(linewidth=0.4, alpha=0.6)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(-0.02, 1.0), fontsize=9.5)
    return _plain(figure)


def _plain(figure):
    """Has every text, which may be a name from a file, drawn as it stands."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)
    return figure


def _cut(text):
    text = one_line(text)
    return text if len(text) <= 2 * _LETTERS else f"{text[: 2 * _LETTERS - 1]}…"


def _wilson(ones, total):
    """The 95% intervals of shares, by Wilson, Journal of the American Statistical Association 22 (1927) 209-212."""
    z = 1.959964
    middle = (ones + z * z / 2) / (total + z * z)
    half = z / (total + z * z) * np.sqrt(ones * (total - ones) / total + z * z / 4)
    return np.maximum(middle - half, 0), np.minimum(middle + half, 1)
