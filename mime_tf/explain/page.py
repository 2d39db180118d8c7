"""An explanation as one HTML page that needs nothing else: no network, no scripts."""

import base64
import html

from mime_tf.explain import lines as explanation_table
from mime_tf.explain.picture import png

# Even if a name could smuggle markup in, the browser is told to run and fetch nothing.
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ font-family: sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; color: #222; }}
img {{ max-width: 100%; border: 1px solid #ddd; }}
table {{ border-collapse: collapse; margin: 1em 0; }}
td {{ padding: 0.15em 0.8em; }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
tr.level0 td {{ border-top: 1px solid #999; font-weight: bold; }}
tr.level1 td.name {{ padding-left: 2em; }}
tr.level2 td.name {{ padding-left: 4em; color: #444; }}
p {{ line-height: 1.4; }}
</style>
</head>
"""

_READING = (
    "The score starts at that of as many visits with nothing in them. The diagnoses, without any order, move it first, "
    "then the orders, given their diagnoses. The numbers are log-odds: above 0 raises the probability, below 0 lowers "
    "it. They tell what the model did with the record, not what would happen if the care were another."
)


def page(explanation):
    """Returns the page: the score, the picture and the whole table.

    Args:
        explanation: `mime_tf.explain.explanation.Explanation`.

    Returns:
        str.

    Raises:
        InputError: Matplotlib is missing.
    """
    title = html.escape(explanation_table.title(explanation))
    picture = base64.b64encode(png(explanation)).decode("ascii")
    steps = [*explanation_table.summary(explanation), ("log-odds", explanation.logit)]
    lines = explanation_table.lines(explanation)
    return "".join(
        [
            _HEAD.format(title=title),
            f"<body>\n<h1>{title}</h1>\n<p>{_READING}</p>\n",
            _table([_row(0, name, value) for name, value in steps]),
            f'<p><img alt="timeline; the table below has it all" src="data:image/png;base64,{picture}"></p>',
            f"\n<p>All visits. The numbers add up within {explanation.gap:.4f}.</p>\n",
            _table([_row(line.level, line.text, line.contribution) for line in lines]),
            "</body>\n</html>\n",
        ]
    )


def _table(rows):
    return "<table>\n" + "".join(rows) + "</table>\n"


def _row(level, text, value):
    number = "" if value is None else explanation_table.number(value, 4)
    return f'<tr class="level{level}"><td class="name">{html.escape(text)}</td><td class="number">{number}</td></tr>\n'
