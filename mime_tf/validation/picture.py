"""Forest plot of a validation."""

from mime_tf.assess.measures import MEASURES
from mime_tf.pages.figure import Figure, Picture
from mime_tf.pages.text import shortened
from mime_tf.terminal.plotting import require_matplotlib
from mime_tf.validation.content import MENDED, Validation

# Okabe and Ito's colors, which are told apart in all common kinds of color blindness.
_BEFORE, _AFTER, _GREY = "#0072B2", "#D55E00", "#777777"
_STYLE = {"font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True}
_PANELS = {"auc": 0.5, "calibration_slope": 1.0, "observed_to_expected": 1.0, "eavg": 0.0}  # with what is drawn dotted
_LETTERS = 40
_GAP = 0.16  # between a site before recalibration and after it


def forest(validation: Validation) -> Picture:
    """Draws a value and its interval per site, before and after recalibration, a panel per measure.

    Raises:
        InputError: Matplotlib is missing.
    """
    require_matplotlib()
    import matplotlib

    sites = validation.sites
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(13, 1.7 + 0.5 * len(sites)), layout="constrained")
        all_axes = figure.subplots(1, len(_PANELS))
        for axes, (name, ideal) in zip(all_axes, _PANELS.items(), strict=True):
            _panel(axes, validation, name, ideal)
        names = [
            f"{shortened(site.name, _LETTERS)} ({site.assessment.ones:,}/{site.assessment.rows:,})" for site in sites
        ]
        all_axes[0].set_yticks(range(len(sites)), names)
        handles, labels = all_axes[1].get_legend_handles_labels()
        figure.legend(handles, labels, frameon=False, loc="outside upper left", ncols=2)
        return figure.png()


def _panel(axes, validation, name, ideal):
    axes.axvline(ideal, color=_GREY, linestyle=":", linewidth=1)
    for height, site in enumerate(validation.sites):
        mended = site.recalibrated if name in MENDED else None
        shift = 0 if mended is None else _GAP
        _mark(axes, height - shift, site.assessment, name, _BEFORE, "o", "as the model gives them")
        if mended is not None:
            _mark(
                axes,
                height + shift,
                mended,
                name,
                _AFTER,
                "s",
                f"after {validation.method} recalibration, cross-fitted",
            )
    _once(axes)
    axes.set_title(MEASURES[name], fontsize=11)
    axes.set_xlabel("dotted: chance" if name == "auc" else "dotted: ideal")
    axes.grid(axis="x", linewidth=0.4, alpha=0.6)
    axes.set_yticks(range(len(validation.sites)), [""] * len(validation.sites))
    axes.set_ylim(len(validation.sites) - 0.5, -0.5)


def _mark(axes, height, assessment, name, color, marker, label):
    """Draws a value with its interval; nothing where it is not defined."""
    axes.plot(assessment.intervals[name], [height, height], color=color, linewidth=2)
    axes.plot(assessment.values[name], height, marker, color=color, markersize=7, label=label, linestyle="none")


def _once(axes):
    """Lets the legend name each kind of mark once."""
    seen = set()
    for line in axes.get_lines():
        if line.get_label() in seen:
            line.set_label("_")
        seen.add(line.get_label())
