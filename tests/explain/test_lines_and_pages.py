"""Explanations as lines, pictures, pages, data frames, and in a notebook."""

import itertools
import math
import re
import sys

import pytest
from support.pages import browser_faults, structure_faults

from mime_tf.errors import InputError
from mime_tf.explain import picture
from mime_tf.explain.explanation import Among, Dropped, DxObject, Explanation, Order, Visit
from mime_tf.explain.lines import explanation_lines, printed, steps, title
from mime_tf.explain.page import explanation_page


def sigmoid(logit):
    return 1 / (1 + math.exp(-logit))


def long_explanation(visits=120, name="heart failure"):
    """Many visits; visits 10 and 50 (from 0) move the logit, and visit 50 has 20 Dx-objects of 9 orders."""

    def visit(number):
        if number == 50:
            return Visit(tuple(DxObject(at, f"dx {at}", 0.01, orders(at)) for at in range(20)), ())
        return Visit((DxObject(0, name, 2.0 if number == 10 else 0.001 * (number + 1), ()),), ())

    def orders(at):
        return tuple(Order("rx", code, f"rx {code}", 0.01 * (at + code - 10)) for code in range(9))

    found = tuple(visit(number) for number in range(visits))
    change = sum(visit.contribution for visit in found)
    return Explanation(7, "row 7", sigmoid(change - 1), -1.0, change - 3, change - 1, 0.0002, found)


def totals(lines):
    """Yields each contribution that has lines beneath it, and the sum of these."""
    for level in (0, 1):
        at = [place for place, line in enumerate(lines) if line.level <= level] + [len(lines)]
        for start, end in itertools.pairwise(at):
            beneath = [line.contribution for line in lines[start + 1 : end] if line.level == level + 1]
            if lines[start].level == level and beneath and None not in beneath:
                yield lines[start].contribution, sum(beneath)


@pytest.mark.parametrize("most", [None, 60, 5])
def test_lines_add_up_however_many_are_shown(most):
    each = long_explanation()
    lines = explanation_lines(each, most)
    assert sum(line.contribution for line in lines if line.level == 0) == pytest.approx(each.logit - each.empty_logit)
    pairs = list(totals(lines))
    assert len(pairs) >= 2
    for whole, parts in pairs:
        assert whole == pytest.approx(parts)


def test_a_long_history_is_cut_to_what_matters():
    lines = explanation_lines(long_explanation(), 60)
    assert len(lines) <= 61
    texts = [line.text for line in lines]
    assert "visit 51 of 120" in texts and "visit 11 of 120" in texts
    assert texts[0] == "10 visits not shown: 1 to 10" and lines[0].when == ""
    assert lines[0].contribution == pytest.approx(0.001 * 55)
    assert "15 more Dx-objects" in texts and "6 more orders" in texts
    assert len(explanation_lines(long_explanation())) == 120 + 119 + 20 * 11


def test_visits_and_codes_that_moved_nothing_are_folded():
    """Each is still named once, and the sums stay those of all."""
    still, moving = DxObject(1, "cough", 0.00004, ()), DxObject(2, "gout", 0.5, (Order("rx", 3, "aspirin", 0.0),))
    unknown = Visit((), (Dropped("dx", 8, "fall"), Dropped("rx", 7, "ice"), Dropped("dx", 8, "fall")), 800)
    visits = (
        *(Visit((), (), 900), unknown, Visit((still,), (), 400), Visit((still, still), (), 40)),
        *(Visit((moving, still), (Dropped("pr", 1, "x"),), 30), Visit((), (), 30)),
    )
    each = Explanation(0, "p", 0.5, 0.0, 0.0, 0.50016, 0.0, visits)
    assert [(line.level, line.dated, line.contribution) for line in explanation_lines(each)] == [
        (0, "visits 1 to 2: nothing known to the model, 2 years 5 months to 2 years 2 months before the prediction", 0),
        (1, "unknown to the model: fall, ice", None),
        (
            0,
            "visits 3 to 4: nothing that moved the score, 1 year 1 month to 40 days before the prediction",
            pytest.approx(0.00012),
        ),
        (1, "moved nothing: cough", None),
        (0, "visit 5 of 6, 30 days before the prediction", pytest.approx(0.50004)),
        (1, "gout", 0.5),
        (2, "the diagnosis alone", 0.5),
        (2, "moved nothing: aspirin", None),
        (1, "moved nothing: cough", None),
        (1, "unknown to the model: x", None),
        (0, "visit 6 of 6: nothing known to the model, 30 days before the prediction", 0),
    ]
    texts = [text.get_text() for text in picture.figure(each).axes[0].texts]
    assert "visit 5 of 6" in texts and "30 days before the prediction" in texts


def test_the_steps_add_up():
    each = long_explanation()
    assert sum(value for _, value in steps(each)) == pytest.approx(each.logit)
    assert title(each) == f"patient row 7: probability {each.probability:.3f}, log-odds {each.logit:+.3f}"


def test_a_picture():
    figure = picture.figure(long_explanation(name="$\\frac{ a$ " + "long " * 30))
    (axes, key) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    assert "visit 51 of 120" in texts
    assert any(text.startswith("$\\frac{ a$ long") and text.endswith("…") for text in texts)
    assert max(map(len, texts)) < 140
    assert "+2.000" in texts
    white = [bar for bar in axes.patches if bar.get_facecolor()[:3] == pytest.approx((1, 1, 1), abs=0.02)]
    assert white  # contributions next to 0
    assert "probability" in key.get_xlabel()
    assert picture.png(long_explanation(name="$\\frac{$")).startswith(b"\x89PNG")
    assert figure.get_size_inches()[1] < 20


def test_colors_tell_up_from_down():
    """The largest is the end of the scale; a contribution and its opposite are equally far from white."""
    dxobjects = (DxObject(0, "up", 1.0, ()), DxObject(1, "down", -1.0, ()), DxObject(2, "nearly nothing", 0.0001, ()))
    each = Explanation(0, "row 0", 0.5, 0.0, 0.0, 0.0, 0.0, (Visit(dxobjects, ()),))
    axes = picture.figure(each).axes[0]
    boxes = [bar for bar in axes.patches if bar.get_width() > 50]
    up, down, nothing = (box.get_facecolor()[:3] for box in boxes)
    assert up[0] > 0.6 and up[2] < 0.3
    assert down[2] > 0.6 and down[0] < 0.3
    assert nothing == pytest.approx((1, 1, 1), abs=0.01)


def test_a_name_can_be_read_on_every_color():
    """Black or white has a contrast of at least 4.5 with its box, as WCAG 2 counts it."""
    values = [number / 20 for number in range(-20, 21) if number]
    visit = Visit(tuple(DxObject(0, "x", value, ()) for value in values), ())
    axes = picture.figure(Explanation(0, "row 0", 0.5, 0.0, 0.0, 0.0, 0.0, (visit,))).axes[0]
    boxes = [bar for bar in axes.patches if bar.get_width() > 50]
    names = [text for text in axes.texts if text.get_text() == "x"]
    assert len(boxes) == len(names) == len(values)
    for box, name in zip(boxes, names, strict=True):
        channels = box.get_facecolor()[:3]
        light = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
        luminance = 0.05 + 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]
        assert (luminance / 0.05 if name.get_color() == "black" else 1.05 / luminance) >= 4.5


def test_no_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"pictures: needs the package matplotlib"):
        picture.figure(long_explanation())


def test_a_page_is_whole_and_inert():
    name = "<script>alert(1)</script> & \"q\" <img src='http://x'>\n日本"
    page = explanation_page(long_explanation(name=name))
    assert "<script" not in page and "<img src='" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;q&#34;" in page
    assert "日本" in page
    each = long_explanation()
    # Three headers, the steps, the lines of the picture, and all lines.
    assert page.count("<tr") == 3 + 4 + len(explanation_lines(each, picture.MOST_LINES)) + 120 + 119 + 20 * 11
    assert "Largest contributions" in page and page.count("<details open>") == 1
    assert 'src="data:image/png;base64,' in page
    assert page.count("http") == page.count("http-equiv") + page.count("http://x")
    assert "default-src 'none'" in page


@pytest.mark.slow
def test_a_page_can_be_heard_and_read_on_a_phone(tmp_path):
    page = explanation_page(long_explanation())
    assert structure_faults(page) == []
    assert browser_faults(page, tmp_path) == []


# In a notebook.


def test_a_notebook_shows_an_explanation_with_its_picture():
    name = "<script>alert(1)</script>"
    shown = long_explanation(name=name)._repr_html_()
    assert shown.startswith('<div class="mime-tf">') and shown.rstrip().endswith("</div>")
    assert "<script" not in shown and "&lt;script&gt;" in shown and "<body" not in shown
    assert 'src="data:image/png;base64,iVBOR' in shown and "visit 51 of 120" in shown
    # The style is that of the pages, and of nothing but the explanation.
    style = re.search(r"<style>(.*?)</style>", shown, re.DOTALL).group(1)
    selectors = re.findall(r"([^{}]+)\{", re.sub(r"/\*.*?\*/|@media[^{]*\{", "", style, flags=re.DOTALL))
    assert len(selectors) > 30 and all(".mime-tf" in part for each in selectors for part in each.split(","))


def test_a_notebook_without_matplotlib_shows_the_table(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    shown = long_explanation()._repr_html_()
    assert "<img" not in shown and "visit 51 of 120" in shown


def test_a_repr_is_short():
    assert repr(long_explanation(3)) == "Explanation(row 7: probability 0.270, visits: 3)"


def test_an_explanation_as_a_data_frame():
    each = long_explanation()
    frame = each.to_frame()
    assert frame["contribution"].sum() == pytest.approx(each.logit - each.empty_logit)
    in_visit = frame[frame["visit_index"] == 50]
    assert len(in_visit) == 20 * 10 and in_visit["dxobject_index"].nunique() == 20
    assert in_visit.iloc[1].tolist() == [50, None, 0, "rx", 0, "rx 0", pytest.approx(-0.1)]
    assert Explanation(0, "row 0", 0.5, 0.0, 0.0, 0.0, 0.0, ()).to_frame().empty


def test_the_printed_table():
    dxobject = DxObject(3, "gout", 0.25, (Order("rx", 1, "colchicine", -0.5),))
    visits = (Visit((dxobject,), (), 1157), Visit((), (Dropped("dx", 9, "dx\n9"),), 0))
    each = Explanation(2, "A7", sigmoid(-0.75), -0.5, -0.25, -0.75, 0.0, visits, among=Among(1, 230, 0.042))
    assert list(printed(each)) == [
        "patient A7: probability 0.321, log-odds -0.750",
        "1 of 230 test patients has a higher probability; the mean is 0.042",
        "   -0.5000  2 visits with nothing in them",
        "   +0.2500  diagnoses",
        "   -0.5000  orders, given their diagnoses",
        "   -0.7500  log-odds",
        "contributions of visits, Dx-objects and orders; they add up within 0.0000:",
        "   -0.2500  visit 1 of 2, 3 years 2 months before the prediction",
        "   -0.2500      gout",
        "   +0.2500          the diagnosis alone",
        "   -0.5000          colchicine",
        "   +0.0000  visit 2 of 2: nothing known to the model, less than a day before the prediction",
        "                unknown to the model: dx 9",
    ]
    assert math.isclose(sigmoid(-0.75), 0.3208, abs_tol=1e-4)
