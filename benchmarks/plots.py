"""Measurements as pictures."""

import matplotlib

matplotlib.use("Agg")  # before pyplot is imported: there may be no display
from matplotlib import pyplot as plt
from matplotlib import ticker

from benchmarks import goals

COST = "GFLOP-equivalents per step"
COLORS = {0.0: "tab:blue", 0.1: "tab:orange"}
AXES = {"patients": "patients", "visits": "visits per patient, mean", "codes": "codes (dx + rx + pr)"}
# Rows of the picture of growth: the label, and the series as (key, name, aux_lambda, color).
BOTH = tuple((f"aux_lambda {aux_lambda:g}", aux_lambda, color) for aux_lambda, color in COLORS.items())
GROWTH = (
    (COST, [("cost", *series) for series in BOTH]),
    ("seconds", [("read_s", "reading the cohort", 0.0, "tab:green"), ("split_s", "making a split", 0.0, "tab:purple")]),
    ("peak memory, GB", [("peak_gb", *series) for series in BOTH]),
)


def draw(report, folder):
    """Draws the measurements of a report.

    Args:
        report: the content of `benchmark.json`.
        folder: a Path, the folder of the pictures.

    Returns:
        List of the paths of the pictures.
    """
    measured, written = report["measurements"], []
    where = f"{report['machine']['cpu']}, {report['machine']['cores']} cores, {report['date'][:10]}"
    where += ", --quick: not a measurement" * report["quick"]
    for name, names, function in (("steps", {"step", "dense"}, _steps), ("growth", {"growth"}, _growth)):
        if names & measured.keys():
            figure = function(measured)
            figure.supxlabel(where, x=0.995, ha="right", fontsize=7, color="gray")
            written.append(folder / f"{name}.png")
            figure.savefig(written[-1], dpi=120)
            plt.close(figure)
    return written


def _steps(measured):
    """The cost of a step here, in the dense layout and elsewhere: one panel for each aux_lambda."""
    rows = measured.get("step", []) + measured.get("dense", [])
    aux_lambdas = sorted({row["aux_lambda"] for row in rows if "aux_lambda" in row})
    figure, panels = plt.subplots(
        1, len(aux_lambdas), figsize=(6 * len(aux_lambdas), 3.8), sharex=True, squeeze=False, layout="constrained"
    )
    costs = []
    for panel, aux_lambda in zip(panels[0], aux_lambdas, strict=True):
        labels, widths, colors = zip(*list(_bars(measured, aux_lambda))[::-1], strict=True)
        bars = panel.barh(labels, widths, color=colors)
        clear = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        panel.bar_label(bars, [f"{width:.3g}" for width in widths], padding=4, bbox=clear)
        panel.axvline(goals.TARGETS["step"][aux_lambda]["cost"], color="black", linestyle="--", linewidth=1)
        panel.set(title=f"aux_lambda {aux_lambda:g}", xlabel=COST, xscale="log")
        _plain(panel.xaxis)
        costs += widths
    panels[0, 0].set_xlim(min(costs) / 2, max(costs) * 4)
    figure.suptitle("Cost of a step on 20 patients of the paper-shaped cohort\n(dashed: the target for train.py)")
    return figure


def _bars(measured, aux_lambda):
    """Yields the label, the cost and the color of each bar."""
    for name, colors in (("step", {None: "tab:blue"}), ("dense", {"dense": "tab:red", "packed": "tab:cyan"})):
        for row in measured.get(name, []):
            if row.get("aux_lambda") == aux_lambda:
                layout = row.get("layout")
                yield f"bare step, {layout} layout" if layout else "train.py", row["cost"], colors[layout]
    for row in goals.elsewhere_rows(goals.ELSEWHERE["step"][aux_lambda]):
        cost = row["cost"][0] if isinstance(row["cost"], list) else row["cost"]
        yield row["label"].replace(": ", ":\n"), cost, "lightgray"


def _growth(measured):
    """Cost, time and memory against patients, visits and codes; all axes but that of memory are logarithmic."""
    figure, panels = plt.subplots(
        len(GROWTH), len(AXES), figsize=(12, 9), sharex="col", sharey="row", layout="constrained"
    )
    for column, (axis, label) in enumerate(AXES.items()):
        rows = [row for row in measured["growth"] if row["axis"] == axis]
        for panel, (_, series) in zip(panels[:, column], GROWTH, strict=True):
            _lines(panel, rows, axis, series)
        values = sorted({row[axis] for row in rows})
        panels[-1, column].set(xlabel=label, xscale="log")
        panels[-1, column].set_xticks(values, [f"{value:,}" for value in values])
        panels[-1, column].minorticks_off()
    for panel, (label, _) in zip(panels[:, 0], GROWTH, strict=True):
        panel.set(ylabel=label)
        if "GB" in label:
            panel.set_ylim(0, 1.15 * panel.get_ylim()[1])
        else:
            panel.set(yscale="log")
            _plain(panel.yaxis)
    figure.suptitle("Growth of training: along each axis, all else stays as in the paper's cohort")
    return figure


def _lines(panel, rows, axis, series):
    """Draws each series that has rows."""
    for key, name, aux_lambda, color in series:
        chosen = [row for row in rows if row["aux_lambda"] == aux_lambda]
        if chosen:
            panel.plot([row[axis] for row in chosen], [row[key] for row in chosen], "o-", color=color, label=name)
    panel.grid(alpha=0.3)
    panel.legend(fontsize=8)


def _plain(axis):
    """Labels a logarithmic axis at 1, 2, 5 of each decade, in plain numbers."""
    axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(ticker.NullFormatter())
