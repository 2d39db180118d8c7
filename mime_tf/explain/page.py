"""An explanation as HTML: a page that needs neither network nor scripts, and a piece of a notebook."""

from mime_tf.errors import InputError
from mime_tf.explain import picture
from mime_tf.explain.lines import explanation_lines, standing, steps, title
from mime_tf.pages.templates import render_html


def explanation_page(explanation):
    """Returns a page with the score, the picture, a table of its lines, and the whole table if it has more.

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
    lines, shown = (explanation_lines(explanation, most) for most in (None, picture.MOST_LINES))
    return render_html(
        template,
        subject=explanation.subject,
        remarks=explanation.remarks,
        title=title(explanation),
        standing=standing(explanation),
        steps=[*steps(explanation), ("log-odds", explanation.logit)],
        picture=timeline,
        lines=lines,
        shown=shown,
        gap=explanation.gap,
    )
