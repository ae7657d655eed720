"""Narrow screens, dark screens, studies without an axis or with two series, no JavaScript."""

import numpy as np
import pytest

from tests.browser.conftest import DRAWN, thousandths
from tests.simulated import build

# What reaches beyond the page, unless it lies in something that scrolls.
WIDER = """() => [...document.querySelectorAll("body *")]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
  .filter((e) => e.checkVisibility() && !e.closest(".scroll, .chart, .strip, pre"))
  .map((e) => `${e.tagName} ${e.id} ${e.className}`)"""


def _brightness(page, selector, key):
    color = page.locator(selector).first.evaluate(f"e => getComputedStyle(e).{key}")
    return sum(map(int, color[color.index("(") + 1 : -1].split(",")[:3])) / 765


def test_nothing_is_wider_than_a_phone(report, visit):
    page = visit(report, width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate(WIDER) == []
    page.click("#cards li")
    page.wait_for_selector("#detail-chart svg")
    assert page.evaluate(WIDER) == []
    box = page.locator("#detail").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_dark_and_light_screens_have_readable_text(small, visit):
    for scheme, dark in (("light", False), ("dark", True)):
        page = visit(small, scheme=scheme)
        page.click("#cards li")
        for selector in ("body", "section", "#cards .card", "#search", "#detail"):
            text = _brightness(page, selector, "color")
            assert (text > 0.5) == dark, (scheme, selector)
        for selector in ("body", "section", "#cards .card", "#search", "#detail"):
            assert (_brightness(page, selector, "backgroundColor") < 0.3) == dark


def test_every_field_has_a_name_for_screen_readers(small, visit):
    page = visit(small)
    unnamed = """() => [...document.querySelectorAll("input, select, button, canvas")]
      .filter((e) => e.checkVisibility() && !e.closest(".vega-embed"))
      .filter((e) => !(e.labels?.[0]?.textContent || e.textContent || e.ariaLabel).trim())
      .map((e) => e.outerHTML)"""
    assert page.evaluate(unnamed) == []
    assert page.get_attribute("#count", "aria-live") == "polite"


def test_one_point_without_an_axis_has_all_views_except_ends(written, visit):
    study = written(build(sizes=(4,), planted=0))
    page, content = visit(study), study.content
    pairs = page.locator("#pair option").evaluate_all("all => all.map((one) => one.value)")
    assert pairs == ["out", "prob"]
    for hidden in ("series", "size", "kind", "is-planted"):
        assert page.is_hidden(f"#{hidden}")
    page.click("#cards li")
    page.wait_for_selector("#detail-chart svg")
    example = list(content.ids).index(page.inner_text("#detail-title"))
    value = study.scores(0)["pooled"].value[example]
    assert page.inner_text("#detail-numbers td") == f"{value:.3f}"
    assert page.inner_text("#detail-note").startswith("There are no influences")


@pytest.mark.parametrize("name", ["small", "two_series"])
def test_the_first_screen_ends_with_the_trajectories_of_images(request, visit, name):
    page = visit(request.getfixturevalue(name), width=1400, height=900)
    for part in (".lead", ".numbers", "[data-chart=overview] svg", ".strip .line svg"):
        assert page.locator(f"#headline {part}").first.is_visible()
    box = page.locator("#headline .strip").bounding_box()
    assert box["y"] + box["height"] <= 900


def test_two_series_can_be_selected_and_compared(two_series, visit):
    page, content = visit(two_series), two_series.content
    page.select_option("#series", label="distilled")
    value = content.scores["distilled-width16"]["pooled"].value
    best = int(np.lexsort((np.arange(80), -thousandths(value)))[0])
    assert page.locator("#cards .id").first.inner_text() == content.ids[best]
    page.select_option("#pair", "series")
    page.fill("#x-to", "0.2")
    page.press("#x-to", "Tab")
    other = content.scores["one_hot-width16"]["pooled"].value
    result = int(page.inner_text("#count").split(" of ")[0])
    assert result == np.count_nonzero(thousandths(other) <= 0.2)
    page.click("#cards li")
    assert "distilled" in page.inner_text("#detail-facts")


def test_without_javascript_the_page_names_what_is_missing(small, browser):
    page = browser.new_page(java_script_enabled=False)
    page.set_default_timeout(0)
    page.goto(small.path.as_uri())
    assert "The scatter and the gallery need JavaScript" in page.inner_text("#explore")
    assert "This chart needs JavaScript" in page.inner_text("#training")
    page.click("#open-reading")
    assert page.is_visible("#term-memorization")
    page.close()


def test_charts_need_no_sideways_scrolling_on_a_phone(small, visit):
    page = visit(small, width=390, height=844)
    scrolling = """() => [...document.querySelectorAll("[data-chart]")]
      .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.dataset.chart)"""
    assert page.evaluate(scrolling) == []


@pytest.mark.parametrize(("width", "columns"), [(390, 1), (1400, 2), (2560, 2)])
def test_sections_use_the_width_they_have(small, visit, width, columns):
    page = visit(small, width=width)
    lefts = page.evaluate(
        """() => [...document.querySelectorAll("section:not(.wide)")]
          .map((e) => Math.round(e.getBoundingClientRect().left))"""
    )
    assert len(set(lefts)) == columns


@pytest.mark.parametrize(("width", "height"), [(1400, 900), (390, 844)])
def test_a_link_into_the_page_lands_at_its_section_at_once_and_after_loading(
    audited, browser, width, height
):
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(0)
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 6})
    page.goto(f"{audited.path.as_uri()}#label-errors", wait_until="commit")
    top = "() => document.getElementById('label-errors')?.getBoundingClientRect().top"
    page.wait_for_function("() => document.readyState !== 'loading'")
    # The browser goes to the anchor with the first frame.
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert 0 <= page.evaluate(top) <= 40
    page.wait_for_function(DRAWN)
    assert 0 <= page.evaluate(top) <= 40
    page.close()


def test_charts_are_dark_on_a_dark_screen_and_change_with_it(small, visit):
    page = visit(small, scheme="dark")
    chart = "[data-chart=accuracy] svg"
    background = f"{chart} > rect, {chart} path.background"

    def text():
        return _brightness(page, f"{chart} text", "fill")

    assert text() > 0.5
    assert page.locator(background).first.get_attribute("fill") != "#ffffff"
    page.emulate_media(color_scheme="light")
    page.wait_for_function(
        """() => document.querySelector("[data-chart=accuracy]").dataset.drawn === "false"
          && getComputedStyle(document.querySelector("[data-chart=accuracy] svg text")).fill
            === "rgb(0, 0, 0)\""""
    )
    assert text() < 0.5


def test_folded_charts_are_drawn_when_they_are_unfolded(small, visit):
    page = visit(small)
    chart = "[data-chart=mean_trajectories]"
    assert page.locator(f"{chart} svg").count() == 0
    page.click("#trajectories summary")
    page.wait_for_selector(f"{chart} svg")


def test_a_term_opens_its_explanation_beside_the_page_and_escape_returns(small, visit):
    page = visit(small)
    assert page.is_hidden("#reading")
    link = page.locator("#planted a.term", has_text="planted label").first
    link.focus()
    before = page.evaluate("scrollY")
    page.keyboard.press("Enter")
    assert page.is_visible("#term-planted-label")
    assert page.evaluate("document.activeElement.id") == "term-planted-label"
    page.keyboard.press("Escape")
    assert page.is_hidden("#reading")
    assert link.evaluate("e => e === document.activeElement")
    assert page.evaluate("scrollY") == before


def test_pictures_of_the_first_screen_open_their_example(small, visit):
    page = visit(small)
    card = page.locator(".strip .card").first
    name = card.locator(".id").inner_text()
    assert card.locator("canvas").count() == 1 and card.locator("svg").count() == 1
    card.locator(".id").click()
    page.wait_for_selector("#detail-chart svg")
    assert page.inner_text("#detail-title") == name
