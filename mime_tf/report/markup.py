"""Pieces of a page: every text that is put in is escaped here and nowhere else."""

import base64
import html
import math

from mime_tf.explain.lines import one_line

# Even if a name could smuggle markup in, the browser is told to run and fetch nothing.
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{body}</body>
</html>
"""

_STYLE = """
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: #1c2733; background: #fff;
  max-width: 62rem; margin: 0 auto; padding: 1rem 1.25rem 4rem; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 1rem 0 0.25rem; }
h2 { font-size: 1.3rem; margin: 2.75rem 0 0.75rem; padding-bottom: 0.3rem; border-bottom: 2px solid #d5dde5; }
h3 { font-size: 1.05rem; margin: 1.75rem 0 0.5rem; }
p, li { max-width: 46rem; }
p.lead, p.caption { color: #566575; }
p.lead { margin-top: 0; }
p.caption { font-size: 0.875rem; margin: 0.25rem 0 0; }
a { color: #005a8f; }
nav { background: #f3f6f9; border-radius: 8px; padding: 0.75rem 1rem; margin: 1.25rem 0; }
nav ol { margin: 0; padding-left: 1.25rem; columns: 15rem; }
.notice { border-left: 4px solid #d55e00; background: #fdf3ec; padding: 0.6rem 1rem; margin: 1rem 0; max-width: 46rem; }
.notice ul { margin: 0; padding-left: 1.1rem; }
.missing { color: #566575; font-style: italic; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: 0.75rem;
  margin: 1.25rem 0; }
.card { border: 1px solid #d5dde5; border-radius: 8px; padding: 0.75rem 1rem; }
.card b { display: block; font-size: 1.5rem; line-height: 1.3; }
.card span { color: #566575; font-size: 0.875rem; display: block; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); gap: 1.25rem; }
figure { margin: 0.75rem 0; min-width: 0; }
figure img { max-width: 100%; height: auto; display: block; }
figcaption { color: #566575; font-size: 0.875rem; max-width: 46rem; }
.scroll { overflow-x: auto; margin: 0.75rem 0; }
.scroll.picture img { min-width: 44rem; max-width: 100%; border: 1px solid #d5dde5; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.3rem 0.9rem 0.3rem 0; border-bottom: 1px solid #e4eaf0; vertical-align: top; }
th { border-bottom: 2px solid #b9c6d2; font-weight: 600; vertical-align: bottom; }
td.number, th.number { text-align: right; }
td.number { white-space: nowrap; }
td:first-child:not(.number) { min-width: 9rem; }
td small { color: #566575; display: block; }
tr.level0 td { font-weight: 600; background: #f3f6f9; }
tr.level1 td:first-child { padding-left: 1.2rem; }
tr.level2 td:first-child { padding-left: 2.6rem; color: #445566; }
code { overflow-wrap: anywhere; font-size: 0.85rem; }
summary { cursor: pointer; }
@media (max-width: 40rem) { body { padding: 0.5rem 0.9rem 3rem; }
  h1 { font-size: 1.4rem; } .card b { font-size: 1.25rem; }
  .cards { grid-template-columns: 1fr 1fr; } }
@media print { body { max-width: none; font-size: 11pt; } nav { display: none; } .scroll { overflow: visible; }
  .scroll.picture img { min-width: 0; } figure, tr, .card { break-inside: avoid; } h2, h3 { break-after: avoid; } }
"""


def page(title, body):
    """Returns a whole page; `body` is markup."""
    return _PAGE.format(title=text(title), style=_STYLE, body=body)


def text(value):
    """Returns any text as markup."""
    return html.escape(one_line(value))


def paragraph(value, kind=None):
    """Returns a paragraph of a text, of a class `kind` of the style."""
    return f"<p{_class(kind)}>{text(value)}</p>\n"


def bullets(values, kind=None):
    """Returns a list of texts."""
    return f"<div{_class(kind)}><ul>" + "".join(f"<li>{text(value)}</li>" for value in values) + "</ul></div>\n"


def table(header, rows, numbers=(), levels=None):
    """Returns a table that scrolls where it is too wide.

    Args:
        header: list of str.
        rows: list of rows of cells: a text, or a pair of a text and what is to stand small beneath it.
        numbers: positions of the columns that are aligned to the right.
        levels: list of int, how far the first cell of each row is indented.
    """
    kinds = ["number" if place in numbers else None for place in range(len(header))]
    parts = ["".join(f"<th{_class(kind)}>{text(name)}</th>" for kind, name in zip(kinds, header, strict=True))]
    parts = [f"<tr>{parts[0]}</tr>\n"] if any(header) else []
    for place, row in enumerate(rows):
        cells = "".join(f"<td{_class(kind)}>{_cell(cell)}</td>" for kind, cell in zip(kinds, row, strict=True))
        parts.append(f"<tr{_class(f'level{levels[place]}' if levels else None)}>{cells}</tr>\n")
    return f'<div class="scroll" tabindex="0"><table>\n{"".join(parts)}</table></div>\n'


def figure(png, alt, caption="", wide=False):
    """Returns a picture; a `wide` one scrolls on a narrow screen rather than to become too small to read."""
    image = f'<img alt="{text(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}">'
    if wide:
        image = f'<div class="scroll picture" tabindex="0">{image}</div>'
    return f"<figure>{image}<figcaption>{text(caption)}</figcaption></figure>\n"


def cards(found):
    """Returns the figures that matter most: triples of a title, a figure and what is to stand beneath it."""
    parts = (
        f'<div class="card"><span>{text(t)}</span><b>{text(f)}</b><span>{text(u)}</span></div>' for t, f, u in found
    )
    return f'<div class="cards">{"".join(parts)}</div>\n'


def details(title, body):
    """Returns markup that is hidden until it is asked for."""
    return f"<details><summary>{text(title)}</summary>\n{body}</details>\n"


def number(value, digits=3):
    """Returns a number as a text, a dash where it is not defined.

    >>> number(0.5), number(float("nan"))
    ('0.500', '–')
    """
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def span(interval, digits=3):
    """Returns an interval as a text; empty where there is none."""
    low, high = interval
    return "" if math.isnan(low) else f"{low:.{digits}f} to {high:.{digits}f}"


def _cell(cell):
    if isinstance(cell, tuple):
        return text(cell[0]) + (f"<small>{text(cell[1])}</small>" if cell[1] else "")
    return text(cell)


def _class(kind):
    return f' class="{kind}"' if kind else ""
