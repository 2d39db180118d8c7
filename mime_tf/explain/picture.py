"""An explanation as a picture: visits from top to bottom, Dx-objects with their orders, colored by what they add."""

import io

from mime_tf.explain import lines as explanation_table
from mime_tf.explain.lines import number
from mime_tf.terminal.plotting import require_matplotlib

MOST_LINES = 60
_LETTERS = 66  # of a name
# Blue lowers, white is zero, red raises: told apart in all common kinds of color blindness.
_COLORS = ("#2166ac", "#92c5de", "#ffffff", "#f4a582", "#b2182b")
_RAIL, _INDENT, _NAMES, _VALUES = 15, 3, 76, 84  # where the columns end, in hundredths of the width
_LINE, _MARGIN = 0.25, 1.9  # inches


def figure(explanation, most_lines=MOST_LINES):
    """Draws an explanation.

    Args:
        explanation: `mime_tf.explain.explanation.Explanation`.
        most_lines: about how many lines to show; of a longer history the visits that move the logit most.

    Returns:
        matplotlib.figure.Figure; what is not shown is said in it.

    Raises:
        InputError: Matplotlib is missing.
    """
    require_matplotlib()
    from matplotlib import cm, colors
    from matplotlib.figure import Figure

    lines = explanation_table.lines(explanation, most_lines)
    largest = max((abs(line.contribution) for line in lines if line.level and line.contribution), default=1.0)
    hues = colors.LinearSegmentedColormap.from_list("contributions", _COLORS)
    scale = cm.ScalarMappable(colors.Normalize(-largest, largest), hues)
    height = len(lines) * _LINE + _MARGIN
    result = Figure(figsize=(11, height), facecolor="white")
    axes = result.add_axes((0.02, 0.75 / height, 0.96, 1 - _MARGIN / height))
    axes.set(xlim=(0, 100), ylim=(len(lines), 0))
    axes.axis("off")
    _draw_rail(axes, lines, scale)
    for place, line in enumerate(lines):
        _draw_line(axes, place, line, scale)
    _draw_title(result, explanation, height)
    _draw_key(result, scale, height)
    return result


def png(explanation, most_lines=MOST_LINES, dpi=130):
    """Returns the picture as the bytes of a PNG file; arguments and errors are those of `figure`."""
    import logging
    import warnings

    file = io.BytesIO()
    with warnings.catch_warnings():
        # A letter that the font lacks shows as a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
        figure(explanation, most_lines).savefig(file, format="png", dpi=dpi)
    return file.getvalue()


def _draw_rail(axes, lines, scale):
    """Draws the column of visits, each as high as its lines."""
    starts = [place for place, line in enumerate(lines) if line.level == 0]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        line = lines[start]
        axes.axhline(start, color="0.75", linewidth=0.6)
        if line.is_visit:
            _box(axes, 0, _RAIL, start, end - start, line.contribution, scale)
            _write(axes, 0.7, start, line.text, scale, line.contribution, weight="bold")


def _draw_line(axes, place, line, scale):
    """Draws one line: a box with its name, its number and a bar."""
    if line.is_visit:
        axes.text(_RAIL + 0.7, place + 0.5, "the visit", va="center", fontsize=8, color="0.4", style="italic")
    elif line.level == 0 or line.contribution is None:
        left = 0.7 if line.level == 0 else _RAIL + 0.7
        axes.text(left, place + 0.5, _cut(line.text, 2 * _LETTERS), va="center", fontsize=8, color="0.4",
                  style="italic", parse_math=False)  # fmt: skip
    else:
        left = _RAIL + 0.5 + _INDENT * (line.level - 1)
        _box(axes, left, _NAMES, place, 1, line.contribution, scale)
        _write(axes, left + 0.7, place, _cut(line.text), scale, line.contribution)
    if line.contribution is None:
        return
    weight = "normal" if line.level else "bold"
    axes.text(_VALUES, place + 0.5, number(line.contribution), va="center", ha="right", fontsize=8, weight=weight)
    if line.level == 0:
        return  # a visit is a sum, and may be far off the scale of what it consists of
    middle, reach = (_VALUES + 101) / 2, (99 - _VALUES) / 2
    axes.plot([middle, middle], [place, place + 1], color="0.6", linewidth=0.6)
    width = reach * line.contribution / scale.norm.vmax
    axes.barh(place + 0.5, width, 0.62, left=middle, color=scale.to_rgba(line.contribution), edgecolor="0.4",
              linewidth=0.5)  # fmt: skip


def _box(axes, left, right, top, height, contribution, scale):
    axes.barh(top + height / 2, right - left, height - 0.1, left=left, color=scale.to_rgba(contribution),
              edgecolor="0.7", linewidth=0.5)  # fmt: skip


def _write(axes, left, place, text, scale, contribution, **style):
    """Writes on a box, in black or white, whichever can be read there."""
    red, green, blue, _ = scale.to_rgba(contribution)
    color = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"
    axes.text(left, place + 0.5, text, va="center", fontsize=8.5, color=color, parse_math=False, **style)


def _cut(text, letters=_LETTERS):
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def _draw_title(result, explanation, height):
    """Writes the score, and the steps that lead to it."""
    steps = "     ".join(f"{name} {number(value)}" for name, value in explanation_table.summary(explanation))
    score = _cut(explanation_table.title(explanation), 2 * _LETTERS)
    result.text(0.02, 1 - 0.3 / height, score, fontsize=13, weight="bold", va="center", parse_math=False)
    result.text(0.02, 1 - 0.62 / height, steps, fontsize=9.5, va="center", parse_math=False)
    result.text(0.02, 1 - 0.86 / height, "below: what each adds to the log-odds, in the order of time, visits, then "
                "Dx-objects, and indented the diagnosis alone and each order given that diagnosis",
                fontsize=8, color="0.4", va="center")  # fmt: skip


def _draw_key(result, scale, height):
    """Draws what the colors mean."""
    bar = result.colorbar(
        scale, cax=result.add_axes((0.3, 0.5 / height, 0.4, 0.13 / height)), orientation="horizontal", extend="both"
    )
    bar.set_label("log-odds: blue lowers the probability, red raises it", fontsize=8, labelpad=1)
    bar.ax.tick_params(labelsize=7, length=2)
