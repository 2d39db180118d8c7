"""Templates: a value is text in HTML and in Markdown, whatever it holds."""

import html.parser
import re

import jinja2
import pytest
from markupsafe import Markup

from mime_tf.pages import templates

HOSTILE = ["<script>", "a & b", "\"quoted\" '<'", "line\nbreak", "*a* _b_ `c` |d| [e](f) # ~g~ \\h", "<!-- -->"]
PIECES = """
{% import "pages/pieces.html.j2" as pieces %}
{% call pieces.table(value, [value]) %}
<tr>{{ pieces.row_name(value, value) }}{{ pieces.number_cell(value, value) }}</tr>{% endcall %}
{{ pieces.plain_table(value, [value], [[value, value]]) }}
{{ pieces.figure(picture, value, value, value, wide=true) }}
{{ pieces.notice([value]) }}
<p title="{{ value }}">{{ value }}</p>
"""


class Reader(html.parser.HTMLParser):
    """Collects the tags, the attributes and the text of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = set(), [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += [(tag, *pair) for pair in attributes]

    def handle_data(self, data):
        self.text.append(data)


def rendered(monkeypatch, plain, source, **values):
    """Fills a template that is given as text, in the environment of a language."""
    environment = templates._environment.__wrapped__(plain)
    environment.loader = jinja2.ChoiceLoader([environment.loader, jinja2.DictLoader({"made": source})])
    monkeypatch.setattr(templates, "_environment", lambda plain: environment)
    return templates.render_html("made", **values)


@pytest.mark.parametrize("value", HOSTILE)
def test_html_shows_a_value_as_it_is(value, monkeypatch):
    page = Reader(rendered(monkeypatch, templates.text.printable, PIECES, value=value, picture=b"PNG"))
    shown = value.replace("\n", " ")
    table = {"div", "table", "caption", "span", "thead", "tbody", "tr", "th", "td", "small"}
    assert page.tags == table | {"figure", "img", "figcaption", "ul", "li", "p"}
    assert "".join(page.text).count(shown) == 13
    assert ("img", "alt", f"{shown}. {shown}") in page.attributes and ("p", "title", shown) in page.attributes
    assert page.attributes.count(("div", "aria-label", shown)) == 3
    assert ("img", "src", "data:image/png;base64,UE5H") in page.attributes


@pytest.mark.parametrize("value", HOSTILE)
def test_markdown_shows_a_value_as_it_is(value, monkeypatch):
    source = "{{ value }} {% set joined %}{{ value }}{% endset %}{{ joined }}"
    text = rendered(monkeypatch, templates._markdown, source, value=value)
    special = r"\\`*_\[\]|<>~&#"
    assert not re.search(rf"(?<!\\)(?:\\\\)*[{special}]", re.sub(rf"\\[{special}]", "", text))
    shown = " ".join(value.split())
    assert re.sub(rf"\\([{special}])", r"\1", text) == f"{shown} {shown}"


def test_code_in_markdown_stays_between_its_backticks(monkeypatch):
    text = rendered(monkeypatch, templates._markdown, "| `{{ value|code }}` |", value="a`b|c\\d\ne <f>")
    assert text == "| `a?b?c?d e <f>` |"


def test_markup_is_put_in_as_it_is(monkeypatch):
    assert rendered(monkeypatch, templates.text.printable, "{{ value }}", value=Markup("<b>")) == "<b>"


def test_a_name_that_no_value_has_is_an_error(monkeypatch):
    with pytest.raises(jinja2.UndefinedError):
        rendered(monkeypatch, templates.text.printable, "{{ misspelt }}")
