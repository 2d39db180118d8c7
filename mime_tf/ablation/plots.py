"""The two pictures of an ablation. Matplotlib is asked for by nothing else of it."""

import io

from mime_tf.ablation.study import ARMS, CURVE
from mime_tf.assess.comparison import METRICS
from mime_tf.terminal.plotting import require_matplotlib

# Okabe and Ito's colours, which colour-blind readers tell apart.
COLOURS = {
    "linked": "#0072B2",
    "shuffled": "#D55E00",
    "flat": "#E69F00",
    "logistic": "#555555",
    "linked_aux": "#009E73",
}
MARKERS = {"linked": "o", "shuffled": "v", "flat": "s", "logistic": "D", "linked_aux": "^"}


def comparison(found):
    """Draws the arms, and what linked MiME has more than each of them, with intervals.

    Args:
        found: `mime_tf.ablation.Ablation`.

    Returns:
        bytes, a PNG.

    Raises:
        InputError: Matplotlib is missing.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    of = found.comparisons[found.train_ratio]
    figure = Figure(figsize=(10, 1.8 + 0.75 * len(of.means)), layout="constrained")
    heights = [len(of.means), len(of.differences)]
    axes = figure.subplots(2, len(METRICS), sharey="row", squeeze=False, height_ratios=heights)
    for (metric, title), above, below in zip(METRICS.items(), *axes, strict=True):
        for place, arm in enumerate(of.means):
            _whisker(above, of.means[arm][metric], place, arm)
            split_values = [values[metric] for values in of.splits[arm]]
            above.plot(split_values, [place + 0.27] * len(split_values), "|", color=COLOURS[arm], markersize=7)
        for place, arm in enumerate(of.differences):
            _whisker(below, of.differences[arm][metric], place, arm)
        below.axvline(0, color="black", linewidth=0.8)
        above.set_title(title)
        above.set_xlabel("mean of the splits (each split below it)")
        below.set_xlabel(f"{title}: as linked, less that of each")
    for axis, arms in zip(axes[:, 0], (of.means, of.differences), strict=True):
        axis.set_yticks(range(len(arms)), [ARMS[arm] for arm in arms])
        axis.set_ylim(len(arms) - 0.4, -0.6)
    for axis in axes.flat:
        axis.locator_params(axis="x", nbins=6)
        _tidy(axis, "x")
    return _png(figure)


def learning_curve(found):
    """Draws how the arms do with fewer patients to train on; points of equal number stand side by side.

    Args:
        found: `mime_tf.ablation.Ablation` with several training ratios.

    Returns:
        bytes, a PNG.

    Raises:
        InputError: Matplotlib is missing.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    ratios = sorted(found.comparisons)
    counts = [sum(found.train_rows[ratio]) / len(found.splits) for ratio in ratios]
    chance = {"average_precision": found.ones / found.rows, "auc": 0.5}
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots(1, len(METRICS))
    for axis, (metric, title) in zip(axes, METRICS.items(), strict=True):
        arms = [arm for arm in CURVE if arm in found.comparisons[ratios[0]].means]
        for place, arm in enumerate(arms):
            estimates = [found.comparisons[ratio].means[arm][metric] for ratio in ratios]
            _errors(axis, [count * 1.04 ** (place - len(arms) / 2 + 0.5) for count in counts], estimates, arm)
        axis.axhline(chance[metric], color="black", linewidth=0.8, linestyle=":", label="chance")
        axis.set_xscale("log")
        axis.set_xticks(counts, [f"{count:,.0f}" for count in counts])
        axis.minorticks_off()
        axis.set_xlabel("patients to train on")
        axis.set_title(title)
        _tidy(axis, "y")
    axes[0].legend(frameon=False, loc="best")
    return _png(figure)


def _whisker(axis, estimate, place, arm):
    axis.plot([estimate.low, estimate.high], [place, place], color=COLOURS[arm], linewidth=2)
    axis.plot(estimate.value, place, MARKERS[arm], color=COLOURS[arm], markersize=7)


def _errors(axis, places, estimates, arm):
    values, lows, highs = ([getattr(one, name) for one in estimates] for name in ("value", "low", "high"))
    axis.vlines(places, lows, highs, color=COLOURS[arm], linewidth=1.5)
    axis.plot(places, values, color=COLOURS[arm], marker=MARKERS[arm], markersize=5, linewidth=1, label=ARMS[arm])


def _tidy(axis, direction):
    axis.grid(axis=direction, linewidth=0.4, alpha=0.6)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _png(figure):
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=100)
    return target.getvalue()
