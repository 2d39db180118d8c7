"""An explanation as HTML: a page that needs neither network nor scripts, and a piece of a notebook."""

from mime_tf.errors import InputError
from mime_tf.explain import picture
from mime_tf.explain.lines import explanation_lines, steps, title
from mime_tf.pages.templates import render_html


def explanation_page(explanation):
    """Returns a page with the score, the picture and the whole table.

    Args:
        explanation: `mime_tf.explain.explanation.Explanation`.

    Returns:
        str, HTML.

    Raises:
        InputError: Matplotlib is missing.
    """
    return _render("explain/page.html.j2", explanation, picture.png(explanation))


def notebook_html(explanation):
    """Returns the contents of `explanation_page` as a piece of another page; without Matplotlib it has no picture."""
    try:
        timeline = picture.png(explanation)
    except InputError:
        timeline = None
    return _render("explain/notebook.html.j2", explanation, timeline)


def _render(template, explanation, timeline):
    return render_html(
        template,
        subject=explanation.subject,
        remarks=explanation.remarks,
        title=title(explanation),
        steps=[*steps(explanation), ("log-odds", explanation.logit)],
        picture=timeline,
        lines=explanation_lines(explanation),
        gap=explanation.gap,
    )
