"""The state of the page in its address: written, read again, and no obstacle to anchors."""

import urllib.parse


def _shown(page):
    """Returns what a reader has chosen and sees."""
    fields = page.locator("#explore select, #explore input").evaluate_all(
        "all => all.map((one) => [one.id, one.type === 'checkbox' ? one.checked : one.value])"
    )
    ids = page.locator("#cards .id").all_inner_texts()
    title = page.inner_text("#detail-title") if page.is_visible("#detail") else None
    return fields, ids, page.inner_text("#count"), title


def _settled(page, text):
    """Waits until the address has a text; returns what follows the page's name."""
    page.wait_for_function("text => location.hash.includes(text)", arg=text)
    return page.evaluate("location.hash")


def test_a_copied_address_opens_the_same_page(two_series, visit):
    page = visit(two_series)
    page.select_option("#series", label="distilled")
    page.select_option("#size", index=0)
    page.select_option("#pair", "out")
    page.select_option("#is-planted", "no")
    page.select_option("#given", label="3")
    page.select_option("#sort", "prob")
    page.select_option("#order", "up")
    page.fill("#y-to", "0.9")
    page.press("#y-to", "Tab")
    page.fill("#search", "digits")
    page.click("#cards button")
    address = _settled(page, "example=")
    assert urllib.parse.parse_qs(address.removeprefix("#explore?")) == {
        "series": ["distilled"],
        "size": ["width 1"],
        "axes": ["out"],
        "planted": ["no"],
        "given": ["3"],
        "sort": ["prob"],
        "order": ["up"],
        "y": ["..0.9"],
        "search": ["digits"],
        "example": [page.inner_text("#detail-title")],
    }
    again = visit(two_series, hash=address)
    assert _shown(again) == _shown(page)
    assert again.is_visible("#region")


def test_a_list_in_the_address_is_chosen_by_its_title(small, visit):
    page = visit(small)
    page.select_option("#preset", index=2)
    again = visit(small, hash=_settled(page, "list="))
    assert _shown(again) == _shown(page)
    assert again.input_value("#sort") == "preset"


def test_closing_and_clearing_leave_a_plain_anchor(small, visit):
    page = visit(small)
    page.fill("#search", "7")
    page.click("#cards button")
    _settled(page, "example=")
    page.keyboard.press("Escape")
    page.wait_for_function("!location.hash.includes('example')")
    page.click("#clear-filters")
    page.wait_for_function("location.hash === '#explore'")


def test_an_address_that_is_entered_later_is_followed(small, visit):
    page = visit(small)
    page.evaluate("location.hash = '#explore?search=0007&x=0.5..oops&given=unknown&sort=none'")
    page.wait_for_function("document.querySelectorAll('#cards li').length === 1")
    assert page.locator("#cards .id").all_inner_texts() == ["digits/0007"]
    assert page.input_value("#given") == "" and page.input_value("#x-from") == ""
    page.evaluate("location.hash = '#explore?example=digits/0009'")
    page.wait_for_selector("#detail[open] svg")
    assert page.inner_text("#detail-title") == "digits/0009"
    page.evaluate("location.hash = '#explore?search=0003'")
    page.wait_for_selector("#detail", state="hidden")


def test_an_anchor_stays_until_something_is_chosen(small, visit):
    page = visit(small, hash="#label-errors")
    page.evaluate("new Promise((resolve) => setTimeout(resolve, 400))")
    assert page.evaluate("location.hash") == "#label-errors"
    page.select_option("#order", "up")
    assert _settled(page, "?") == "#explore?order=up"


def test_many_changes_write_the_address_once(small, visit):
    page = visit(small, before="""
        window.written = 0;
        const replace = history.replaceState;
        history.replaceState = function (...given) { written += 1; replace.apply(this, given); };
    """)  # fmt: skip
    page.locator("#dots").scroll_into_view_if_needed()
    box = page.locator("#dots").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 300, steps=150)
    page.mouse.up()
    _settled(page, "x=")
    assert page.evaluate("window.written") < 20
