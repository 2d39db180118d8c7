"""Checks of a page: its structure, read without a browser, and its accessibility and width, in one.

A browser is Chromium or Chrome, as the machine has it; axe-core, which comes with axe-playwright-python, checks.
"""

import contextlib
import html.parser
import re
import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
VOID = {"meta", "img", "br", "col", "hr", "link", "input"}
VISITS = (("light", 390), ("dark", 1280))  # color schemes and widths of a phone and of a desktop


class _Structure(html.parser.HTMLParser):
    """Reads the elements of a page, and what each table lacks."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.headings, self.faults, self.lang = [], [], [], [], None
        self.tables = []  # of those that are open, the names of the elements in them, and of their attributes

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "html":
            self.lang = values.get("lang")
        if "id" in values:
            self.ids.append(values["id"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img" and not re.search(r"\d", values.get("alt") or ""):
            self.faults.append(f"an img has no number in its alt: {values.get('alt')}")
        is_scrolling = "scroll" in (values.get("class") or "").split()
        if is_scrolling and not (values.get("aria-label") and values.get("role") and values.get("tabindex") == "0"):
            self.faults.append("a scrolling region has no name, no role or no place in the order of the keyboard")
        if tag == "table":
            self.tables.append([])
        elif self.tables:
            self.tables[-1].append(tag)
            if tag == "th" and values.get("scope") not in ("col", "row"):
                self.faults.append("a th has no scope")

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            self.faults.append(f"{tag} is closed and was not the last to be opened")
        if tag == "table":
            tags = self.tables.pop()
            if missing := {"caption", "thead", "tbody", "th"} - set(tags):
                self.faults.append(f"a table lacks {', '.join(sorted(missing))}")


def structure_faults(page):
    """Returns what is wrong with the structure of a page: list of str.

    Args:
        page: str, HTML.
    """
    read = _Structure()
    read.feed(page)
    read.close()
    faults = list(read.faults)
    if read.open:
        faults.append(f"left open: {', '.join(read.open)}")
    if not read.lang:
        faults.append("no language")
    if len(set(read.ids)) < len(read.ids):
        faults.append("an id occurs twice")
    if read.headings.count(1) != 1 or read.headings[0] != 1:
        faults.append(f"the headings are {read.headings}: one of level 1, the first, is needed")
    if any(after > before + 1 for before, after in zip(read.headings, read.headings[1:], strict=False)):
        faults.append(f"the headings skip a level: {read.headings}")
    if re.search(r"(?<![\w.])/(home|tmp|mnt|root|work|var|Users)/", page):
        faults.append("a path of a machine is on the page")
    return faults


def browser_faults(page, tmp_path):
    """Returns what axe-core finds on a phone in the light scheme and on a desktop in the dark one, and whether the page
    is wider than the screen: list of str.

    The test is skipped where no browser is.

    Args:
        page: str, HTML.
        tmp_path: folder for the page.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"no browser is on the machine: none of {', '.join(BROWSERS)}")
    path, faults = tmp_path / "page.html", []
    path.write_text(page, encoding="utf-8")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        with contextlib.closing(browser):
            for scheme, width in VISITS:
                # The checker is a script, which the page's own policy would not run.
                screen = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
                tab = browser.new_page(**screen, bypass_csp=True)
                tab.goto(path.as_uri())
                if (found := tab.evaluate("document.documentElement.scrollWidth")) > width:
                    faults.append(f"{found} pixels wide on a screen of {width}")
                violations = axe.Axe().run(tab).response["violations"]
                faults += [f"{each['id']} ({scheme}, {width}): {each['nodes'][0]['html']}" for each in violations]
    return faults
