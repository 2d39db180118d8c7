"""The two pictures of an ablation, for which alone it needs Matplotlib."""

import io

from mime_tf.ablation.study import ARMS, CURVE, Ablation
from mime_tf.assess.comparison import METRICS
from mime_tf.terminal.plotting import require_matplotlib

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = {
    "linked": "#0072B2",
    "shuffled": "#D55E00",
    "flat": "#E69F00",
    "linked_aux": "#009E73",
    "recipe": "#882255",
    "codes": "#999999",
    "pairs": "#000000",
    "boosting": "#CC79A7",
    "pairs_ancestors": "#4B0082",
    "age_sex": "#8C6D31",
    "pairs_age_sex": "#56B4E9",
    "pairs_shuffled_ancestors": "#B39DDB",
}
MARKERS = {
    "linked": "o",
    "shuffled": "v",
    "flat": "s",
    "linked_aux": "^",
    "recipe": "*",
    "codes": "D",
    "pairs": "P",
    "boosting": "X",
    "pairs_ancestors": "*",
    "age_sex": "<",
    "pairs_age_sex": ">",
    "pairs_shuffled_ancestors": "p",
}


def comparison(ablation: Ablation) -> bytes:
    """Draws the arms and the lead of linked MiME over each of them, with intervals.

    Returns:
        A PNG.

    Raises:
        InputError: Matplotlib is missing.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    compared = ablation.comparisons[ablation.train_ratio]
    figure = Figure(figsize=(10, 1.8 + 0.75 * len(compared.means)), layout="constrained")
    heights = [len(compared.means), len(compared.differences)]
    axes = figure.subplots(2, len(METRICS), sharey="row", squeeze=False, height_ratios=heights)
    for (metric, title), above, below in zip(METRICS.items(), *axes, strict=True):
        for y, arm in enumerate(compared.means):
            _whisker(above, compared.means[arm][metric], y, arm)
            split_values = [values[metric] for values in compared.splits[arm]]
            above.plot(split_values, [y + 0.27] * len(split_values), "|", color=COLOURS[arm], markersize=7)
        for y, arm in enumerate(compared.differences):
            _whisker(below, compared.differences[arm][metric], y, arm)
        below.axvline(0, color="black", linewidth=0.8)
        above.set_title(title)
        above.set_xlabel("mean of the splits (each split below it)")
        below.set_xlabel(f"{title}: as linked, less that of each")
    for axis, arms in zip(axes[:, 0], (compared.means, compared.differences), strict=True):
        axis.set_yticks(range(len(arms)), [ARMS[arm] for arm in arms])
        axis.set_ylim(len(arms) - 0.4, -0.6)
    for axis in axes.flat:
        axis.locator_params(axis="x", nbins=6)
        _tidy(axis, "x")
    return _png(figure)


def learning_curve(ablation: Ablation) -> bytes:
    """Draws the arms against the number of patients to train on; points of equal number are drawn side by side.

    Args:
        ablation: an ablation of several training ratios.

    Returns:
        A PNG.

    Raises:
        InputError: Matplotlib is missing.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    ratios = sorted(ablation.comparisons)
    counts = [sum(ablation.train_rows[ratio]) / len(ablation.splits) for ratio in ratios]
    chance = {"average_precision": ablation.ones / ablation.rows, "auc": 0.5}
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots(1, len(METRICS))
    for axis, (metric, title) in zip(axes, METRICS.items(), strict=True):
        arms = [arm for arm in CURVE if arm in ablation.comparisons[ratios[0]].means]
        for index, arm in enumerate(arms):
            estimates = [ablation.comparisons[ratio].means[arm][metric] for ratio in ratios]
            _errors(axis, [count * 1.04 ** (index - len(arms) / 2 + 0.5) for count in counts], estimates, arm)
        axis.axhline(chance[metric], color="black", linewidth=0.8, linestyle=":", label="chance")
        axis.set_xscale("log")
        axis.set_xticks(counts, [f"{count:,.0f}" for count in counts])
        axis.minorticks_off()
        axis.set_xlabel("patients to train on")
        axis.set_title(title)
        _tidy(axis, "y")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="outside upper center", ncols=3)  # where no curve can be under it
    return _png(figure)


def _whisker(axis, estimate, y, arm):
    axis.plot([estimate.low, estimate.high], [y, y], color=COLOURS[arm], linewidth=2)
    axis.plot(estimate.value, y, MARKERS[arm], color=COLOURS[arm], markersize=7)


def _errors(axis, x, estimates, arm):
    values, lows, highs = ([getattr(estimate, name) for estimate in estimates] for name in ("value", "low", "high"))
    axis.vlines(x, lows, highs, color=COLOURS[arm], linewidth=1.5)
    axis.plot(x, values, color=COLOURS[arm], marker=MARKERS[arm], markersize=5, linewidth=1, label=ARMS[arm])


def _tidy(axis, direction):
    axis.grid(axis=direction, linewidth=0.4, alpha=0.6)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _png(figure):
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=100)
    return target.getvalue()
