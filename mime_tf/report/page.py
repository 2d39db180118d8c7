"""A report as one HTML page that needs neither network nor scripts."""

from mime_tf.assess.measures import MEASURES
from mime_tf.pages.templates import render_html
from mime_tf.report.alt_texts import alt_texts

# Measures shown first, large.
_HEADLINES = ("auc", "average_precision", "calibration_slope")


def report_page(report, plots):
    """Returns the page.

    Args:
        report: `mime_tf.report.content.Report`.
        plots: dict from a name to the bytes of a PNG file, of `mime_tf.report.figures.draw`.

    Returns:
        str, HTML.
    """
    headlines = {name: MEASURES[name] for name in _HEADLINES}
    title = report.subject.title
    return render_html(
        "report/page.html.j2", title=title, report=report, plots=plots, alts=alt_texts(report), headlines=headlines
    )
