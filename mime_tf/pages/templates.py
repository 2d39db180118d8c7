"""Pages and cards from Jinja2 templates, which lie beside the code that fills them.

A value that a template puts in is escaped for the template's language. Only a template's own text, and the output of
its macros, is markup: names in a cohort or a run may come from a stranger.
"""

import base64
import functools
import re

import jinja2
from markupsafe import Markup

from mime_tf.pages import text


def render_html(template, **values):
    """Fills a template of HTML.

    Args:
        template: its path in this package, such as `"report/page.html.j2"`.
        **values: the template's variables.

    Returns:
        str.
    """
    return _environment(text.printable).get_template(template).render(values)


def render_markdown(template, **values):
    """Fills a template of Markdown; arguments and result are those of `render_html`."""
    return _environment(_markdown).get_template(template).render(values)


@functools.cache
def _environment(plain):
    """Returns the Jinja2 environment in which `plain` turns values into text before they are escaped as HTML."""
    environment = jinja2.Environment(
        autoescape=True,
        finalize=lambda value: value if hasattr(value, "__html__") else plain(value),
        keep_trailing_newline=True,
        loader=jinja2.PackageLoader("mime_tf", ""),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    # They replace Jinja2's own filter "count", which is another name of "length".
    environment.filters |= {name: getattr(text, name) for name in ("count", "percent", "decimal", "interval", "signed")}
    environment.filters |= {"base64": _base64, "code": _code}
    return environment


def _markdown(value):
    """Returns a value as Markdown that shows it as it is: nothing in it is Markdown or HTML."""
    return Markup(re.sub(r"([\\`*_\[\]|<>~&#])", r"\\\1", " ".join(text.printable(value).split())))


def _code(value):
    """Returns a value as the text between two backticks of Markdown, also within a table."""
    return Markup(re.sub(r"[`|\\]", "?", " ".join(text.printable(value).split())))


def _base64(content):
    """Returns bytes as the text of a data URL."""
    return base64.b64encode(content).decode("ascii")
