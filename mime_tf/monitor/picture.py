"""A picture of each measure over time."""

from mime_tf.monitor.content import Monitoring
from mime_tf.monitor.measures import MEASURES
from mime_tf.pages.figure import Figure, Picture
from mime_tf.terminal.plotting import require_matplotlib

# Okabe and Ito's colors, which are told apart in all common kinds of color blindness.
_BLUE, _ORANGE, _GREEN, _GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
_STYLE = {"font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True}
_SIZE = (5.4, 3.3)  # inches
_TICKS = 9  # periods that are named below


def draw(monitoring: Monitoring) -> dict[str, Picture]:
    """Draws the measures that a period has: dict from a measure to its picture.

    Raises:
        InputError: Matplotlib is missing.
    """
    require_matplotlib()
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        return {
            name: _figure(monitoring, name).png()
            for name in MEASURES
            if any(name in period.estimates for period in monitoring.periods)
        }


def _figure(monitoring, name):
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    measure, reference = MEASURES[name], monitoring.reference.values.get(name)
    if measure.ideal is not None and measure.ideal != reference:
        label = "chance" if name == "auc" else "ideal"
        axes.axhline(measure.ideal, color=_GREY, linestyle=":", linewidth=1.2, label=label)
    if reference is not None:
        axes.axhline(reference, color=_GREEN, linestyle="--", linewidth=1.2, label="when the model was made")
    for bound in monitoring.asked.bounds:
        if bound.measure == name:
            axes.axhline(bound.limit, color=_ORANGE, linewidth=1.5, label=str(bound))
    _estimates(axes, monitoring, name)
    names = [period.period.name for period in monitoring.periods]
    step = -(-len(names) // _TICKS)
    axes.set_xticks(range(0, len(names), step), names[::step], rotation=35, ha="right", fontsize=9)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.margins(y=0.08)
    if measure.is_share:
        axes.yaxis.set_major_formatter(_percent())
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="outside upper left", ncols=2, fontsize=9.5)
    return figure


def _percent():
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(1.0)


def _estimates(axes, monitoring, name):
    """Draws values and intervals; those beyond a bound in another color and form, and a line that stops at gaps."""
    passed = {
        index
        for index, period in enumerate(monitoring.periods)
        if any(bound.measure == name for bound in period.passed)
    }
    values = [period.estimates.get(name) for period in monitoring.periods]
    line = [float("nan") if each is None else each.value for each in values]
    axes.plot(range(len(line)), line, color=_BLUE, linewidth=1, alpha=0.6)
    named = set()
    for index, estimate in enumerate(values):
        if estimate is None:
            continue
        is_passed = index in passed
        color, marker = (_ORANGE, "D") if is_passed else (_BLUE, "o")
        label = "beyond a bound" if is_passed else "value, 95% interval"
        axes.plot([index, index], [estimate.low, estimate.high], color=color, linewidth=2)
        shown = None if is_passed in named else label
        named.add(is_passed)
        axes.plot(index, estimate.value, marker, color=color, markersize=6, label=shown, linestyle="none")
