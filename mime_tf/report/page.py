"""A report as one page that needs nothing else: no network, no scripts."""

from mime_tf.report import markup
from mime_tf.report.sections import about, patients, results

# In the order of the page: an anchor, a title, and what writes the section.
SECTIONS = (
    ("cohort", "Cohort", about.cohort),
    ("linkage", "How orders were linked to diagnoses", about.linkage),
    ("learning", "Learning curves", results.learning),
    ("measures", "How good the model is", results.measures),
    ("discrimination", "Discrimination", results.discrimination),
    ("calibration", "Calibration and scores", results.calibration),
    ("decision", "Decision curve", results.decision),
    ("alerts", "Alerts", results.alerts),
    ("subgroups", "Subgroups", results.subgroups),
    ("patients", "Explained patients", patients.explained),
    ("made", "Flags, versions and seeds", about.made),
)


def page(report, plots):
    """Returns the page.

    Args:
        report: `mime_tf.report.content.Report`.
        plots: dict from a name to the bytes of a PNG file: those of `mime_tf.report.figures` and of
            `mime_tf.report.sections.patients.pictures`.

    Returns:
        str, HTML.
    """
    title = f"MiME: {report.model}"
    parts = [f"<h1>{markup.text(title)}</h1>\n", markup.paragraph(results.subject(report), "lead")]
    if report.notes:
        parts.append(markup.bullets(report.notes, "notice"))
    parts.append(results.headline(report))
    links = "".join(f'<li><a href="#{anchor}">{markup.text(name)}</a></li>' for anchor, name, _ in SECTIONS)
    parts.append(f'<nav aria-label="Contents"><ol>{links}</ol></nav>\n')
    for anchor, name, write in SECTIONS:
        parts.append(f'<section id="{anchor}">\n<h2>{markup.text(name)}</h2>\n{write(report, plots)}</section>\n')
    return markup.page(title, "".join(parts))
