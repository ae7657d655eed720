"""What a notebook shows of `Scores`, in a real browser."""

import dataclasses

import numpy as np
import pytest

from memkit.analysis.audit import estimate as audit
from memkit.analysis.audit.result import LabelAudit
from memkit.report import notebook
from tests.browser.test_hostile import TEXTS
from tests.simulated import build

COLORS = {"light": ("#ffffff", "rgb(20, 20, 20)"), "dark": ("#111111", "rgb(220, 220, 220)")}
# The colors of the text and of the row of each cell.
STYLES = """all => all.map((cell) => [
  getComputedStyle(cell).color, getComputedStyle(cell.parentElement).backgroundColor
])"""
# JupyterLab's own rules for tables, which apply to everything that cells show.
JUPYTER = """<style>
.jp-RenderedHTMLCommon table { border-collapse: collapse; border: none; table-layout: fixed;
  margin-left: auto; margin-bottom: 1em; color: black; }
.jp-RenderedHTMLCommon td, .jp-RenderedHTMLCommon th { text-align: right; max-width: none;
  white-space: normal; padding: 0.5em; }
.jp-RenderedHTMLCommon tbody tr:nth-child(odd) { background: #f5f5f5; }
</style>"""


@pytest.fixture(scope="module")
def content():
    return build(also=(audit,))


@pytest.fixture
def shown(browser):
    """Returns a function that shows the HTML of a Content; the page must ask for nothing."""
    pages, requests, problems = [], [], []

    def show(content, *, width, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        pages.append(page)
        page.set_default_timeout(0)
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        point = content.summary.points[-1].name
        html = notebook.html(content, point, content.results[LabelAudit].examples)
        background, color = COLORS[scheme]
        style = f"margin:8px;background:{background};color:{color}"
        output = f'<div class="jp-RenderedHTMLCommon">{html}</div>'
        page.set_content(f"<!DOCTYPE html>{JUPYTER}<body style='{style}'>{output}</body>")
        return page

    yield show
    for page in pages:
        page.close()
    assert problems == []
    assert [url for url in requests if not url.startswith("data:")] == []


@pytest.mark.parametrize("scheme", COLORS)
@pytest.mark.parametrize("width", [1400, 390])
def test_it_fits_and_takes_the_colors_of_the_notebook(shown, content, width, scheme):
    page = shown(content, width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    widths = page.eval_on_selector_all("img", "all => all.map((image) => image.naturalWidth)")
    assert widths == [8] * 12
    styles = page.eval_on_selector_all("td", STYLES)
    assert {tuple(pair) for pair in styles} == {(COLORS[scheme][1], "rgba(0, 0, 0, 0)")}


def test_names_of_others_run_no_script_and_widen_nothing(shown, content):
    ids = [f"{TEXTS[i % len(TEXTS)]}{i}{'x' * 200}" for i in range(len(content.ids))]
    hostile = dataclasses.replace(
        content, ids=np.array(ids), class_names=TEXTS[: len(content.class_names)]
    )
    page = shown(hostile, width=390)
    assert page.evaluate("window.attacked") is None and page.title() == ""
    assert page.locator("img[src=x], svg, script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    text = page.inner_text("table >> nth=0")
    assert "\x1b" not in text and "\u202e" not in text
    assert page.locator("tbody tr").count() == 12
