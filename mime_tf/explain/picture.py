"""An explanation as a picture: visits from top to bottom, Dx-objects with their orders, colored by contribution."""

import textwrap

import numpy as np

from mime_tf.explain.lines import explanation_lines, standing, steps, title
from mime_tf.pages.text import one_line, shortened, signed
from mime_tf.terminal.plotting import require_matplotlib

MOST_LINES = 60
_LETTERS = 66  # of a name
# Blue lowers, white is zero, red raises: told apart in all common kinds of color blindness.
_COLORS = ("#2166ac", "#92c5de", "#ffffff", "#f4a582", "#b2182b")
_RAIL, _INDENT, _NAMES, _VALUES = 15, 3, 76, 84  # right ends of the columns, in hundredths of the width
_LINE, _MARGIN = 0.25, 1.9  # inches, of the margin without what is said before the score
_WIDTH = 130  # letters of a line above the picture
_SMALL = {"va": "center", "fontsize": 8}
_QUIET = {**_SMALL, "color": "0.4", "style": "italic"}
_KEY = "log-odds: blue lowers the probability, red raises it"
_READING = (
    "below: contributions to the log-odds of visits, in the order of time, and their Dx-objects; indented the "
    "diagnosis alone and each order given that diagnosis"
)


def figure(explanation, most_lines=MOST_LINES):
    """Draws an explanation.

    Args:
        explanation: `mime_tf.explain.explanation.Explanation`.
        most_lines: about how many lines to show; of a longer history the visits that move the logit most.

    Returns:
        `mime_tf.pages.figure.Figure`, which says how much it leaves out.

    Raises:
        InputError: Matplotlib is missing.
    """
    require_matplotlib()
    from matplotlib import cm, colors

    from mime_tf.pages.figure import Figure

    lines = explanation_lines(explanation, most_lines)
    largest = max((abs(line.contribution) for line in lines if line.level and line.contribution), default=1.0)
    hues = colors.LinearSegmentedColormap.from_list("contributions", _COLORS)
    scale = cm.ScalarMappable(colors.Normalize(-largest, largest), hues)
    head = list(_head(explanation))
    margin = _MARGIN + _LINE * (len(head) + (explanation.among is not None))
    height = len(lines) * _LINE + margin
    drawing = Figure(figsize=(11, height), facecolor="white")
    axes = drawing.add_axes((0.02, 0.75 / height, 0.96, 1 - margin / height))
    axes.set(xlim=(0, 100), ylim=(len(lines), 0))
    axes.axis("off")
    _draw_rail(axes, lines, scale)
    for top, line in enumerate(lines):
        _draw_line(axes, top, line, scale)
    for index, (text, color) in enumerate(head):
        top = 1 - (0.22 + _LINE * index) / height
        drawing.text(0.02, top, text, fontsize=10, va="center", color=color, parse_math=False)
    _draw_title(drawing, explanation, height, _LINE * len(head))
    _draw_key(drawing, scale, height)
    return drawing


def png(explanation, most_lines=MOST_LINES, dpi=130):
    """Returns the picture as a `mime_tf.pages.figure.Picture`; arguments and errors are those of `figure`."""
    return figure(explanation, most_lines).png(dpi)


def _draw_rail(axes, lines, scale):
    """Draws the column of visits, each as high as its lines."""
    starts = [index for index, line in enumerate(lines) if line.level == 0]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        line = lines[start]
        axes.axhline(start, color="0.75", linewidth=0.6)
        if line.is_visit:
            _draw_box(axes, 0, _RAIL, start, end - start, line.contribution, scale)
            _write_on_box(axes, 0.7, start, line.text, scale, line.contribution, weight="bold")


def _draw_line(axes, top, line, scale):
    """Draws a line with its name, its number and a bar."""
    if line.is_visit:
        axes.text(_RAIL + 0.7, top + 0.5, line.when or "the visit", **_QUIET)
    elif line.level == 0 or line.contribution is None:
        left = 0.7 if line.level == 0 else _RAIL + 0.7 + _INDENT * (line.level - 1)
        axes.text(left, top + 0.5, shortened(line.dated, 2 * _LETTERS), parse_math=False, **_QUIET)
    else:
        left = _RAIL + 0.5 + _INDENT * (line.level - 1)
        _draw_box(axes, left, _NAMES, top, 1, line.contribution, scale)
        _write_on_box(axes, left + 0.7, top, shortened(line.text, _LETTERS), scale, line.contribution)
    if line.contribution is not None:
        weight = "normal" if line.level else "bold"
        axes.text(_VALUES, top + 0.5, signed(line.contribution), ha="right", weight=weight, **_SMALL)
        # A visit is a sum, which may be far beyond the scale of its parts.
        if line.level:
            _draw_bar(axes, top, line.contribution, scale)


def _draw_bar(axes, top, contribution, scale):
    """Draws a bar from the middle of the last column, to the left below 0 and to the right above."""
    middle, reach = (_VALUES + 101) / 2, (99 - _VALUES) / 2
    axes.plot([middle, middle], [top, top + 1], color="0.6", linewidth=0.6)
    color, width = scale.to_rgba(contribution), reach * contribution / scale.norm.vmax
    axes.barh(top + 0.5, width, 0.62, left=middle, color=color, edgecolor="0.4", linewidth=0.5)


def _draw_box(axes, left, right, top, height, contribution, scale):
    color, middle = scale.to_rgba(contribution), top + height / 2
    axes.barh(middle, right - left, height - 0.1, left=left, color=color, edgecolor="0.7", linewidth=0.5)


def _write_on_box(axes, left, top, text, scale, contribution, **style):
    """Writes on a box, in black or white, whichever has the greater contrast with its color."""
    channels = np.array(scale.to_rgba(contribution)[:3])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)  # of sRGB
    luminance = linear @ (0.2126, 0.7152, 0.0722)
    # Contrast of WCAG 2: (lighter + 0.05) / (darker + 0.05).
    color = "black" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "white"
    axes.text(left, top + 0.5, text, va="center", fontsize=8.5, color=color, parse_math=False, **style)


def _head(explanation):
    """Yields the lines above the score, each with its color: the outcome, and remarks to read before the numbers."""
    if explanation.subject:
        yield shortened(explanation.subject, _WIDTH), "0.25"
    for remark in explanation.remarks:
        for line in textwrap.wrap(one_line(remark), _WIDTH):
            yield line, "#b35900"


def _draw_title(drawing, explanation, height, above):
    """Writes the score, and the steps that lead to it, beneath lines that take so many inches."""
    score = shortened(title(explanation), 2 * _LETTERS)
    values = "     ".join(f"{name} {signed(value)}" for name, value in steps(explanation))
    below = _LINE if explanation.among else 0
    first, beneath, second, third = (1 - (above + top) / height for top in (0.3, 0.6, 0.62 + below, 0.86 + below))
    drawing.text(0.02, first, score, fontsize=13, weight="bold", va="center", parse_math=False)
    drawing.text(0.02, beneath, standing(explanation), fontsize=9.5, va="center")
    drawing.text(0.02, second, values, fontsize=9.5, va="center")
    drawing.text(0.02, third, _READING, color="0.4", **_SMALL)


def _draw_key(drawing, scale, height):
    """Draws the scale of the colors."""
    axes = drawing.add_axes((0.3, 0.5 / height, 0.4, 0.13 / height))
    bar = drawing.colorbar(scale, cax=axes, orientation="horizontal", extend="both")
    bar.set_label(_KEY, fontsize=8, labelpad=1)
    bar.ax.tick_params(labelsize=7, length=2)
