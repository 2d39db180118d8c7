"""The checks of pages find what they are to find."""

import pytest
from support.pages import browser_faults, structure_faults

GOOD = """<!DOCTYPE html><html lang="en"><head><title>T</title></head><body><main><h1>One</h1><h2>Two</h2>
<div class="scroll" role="group" aria-label="numbers" tabindex="0"><table><caption>Numbers</caption>
<thead><tr><th scope="col">name</th></tr></thead><tbody><tr><th scope="row">1</th></tr></tbody></table></div>
<img alt="AUC 0.5" src="data:,"></main></body></html>"""
BAD = {
    "lang": (' lang="en"', "", "no language"),
    "level": ("h2>", "h3>", "skip a level"),
    "two of level 1": ("h2>", "h1>", "one of level 1"),
    "caption": ("<caption>Numbers</caption>", "", "lacks caption"),
    "thead": ("thead>", "tbody>", "lacks thead"),
    "scope": (' scope="row"', "", "no scope"),
    "name": (' aria-label="numbers"', "", "scrolling region"),
    "keyboard": (' tabindex="0"', "", "scrolling region"),
    "alt": ("AUC 0.5", "AUC", "no number"),
    "path": ("<h2>Two", "<h2>/home/ann/run", "path of a machine"),
    "ids": ("<h1>", '<h1 id="a"><b id="a"></b>', "occurs twice"),
    "open": ("</main>", "", "was not the last"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_fault_of_the_structure_is_found(kind):
    before, after, says = BAD[kind]
    assert structure_faults(GOOD) == [] and before in GOOD
    assert says in "; ".join(structure_faults(GOOD.replace(before, after)))


@pytest.mark.slow
def test_a_browser_finds_contrast_and_width(tmp_path):
    style = '<p style="color: #999; background: #fff; width: 500px">pale and wide</p></main>'
    faults = browser_faults(GOOD.replace("</main>", style), tmp_path)
    assert [fault.partition(":")[0] for fault in faults] == [
        "508 pixels wide on a screen of 390",
        "color-contrast (light, 390)",
        "color-contrast (dark, 1280)",
    ]
