"""One example in full, against the arrays from which the page was made."""

import numpy as np

from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.influence.result import Influence
from memkit.report import formatting
from tests.browser.conftest import ORANGE


def _open(page, report, example):
    page.fill("#search", str(report.content.ids[example]))
    page.click("#cards li")
    page.wait_for_selector("#detail-chart svg")


def _number(value):
    return f"{np.round(value * 1000) / 1000 + 0.0:.3f}" if np.isfinite(value) else formatting.ABSENT


def _rows(page):
    rows = page.locator("#detail-numbers tr").all()
    return [row.locator("th, td").all_inner_texts() for row in rows]


def test_a_click_opens_the_numbers_of_the_example(report, visit):
    page, content = visit(report), report.content
    example = len(content.ids) // 3
    _open(page, report, example)
    assert page.inner_text("#detail-title") == content.ids[example]
    rows, predictions = _rows(page), content.results[Accuracy].predictions
    assert len(rows) == report.last + 1
    for number, row in enumerate(rows):
        score, prob = (report.scores(number)[key] for key in ("pooled", "prob"))
        name = content.summary.points[number].name
        ends = (_number(end[example]) for end in (score.lower, score.upper))
        assert row[1:] == [
            _number(score.value[example]),
            " to ".join(ends),
            _number(report.scores(number)["correct"].value[example]),
            _number(score.in_mean[example]),
            _number(score.out_mean[example]),
            _number(prob.out_mean[example]),
            str(score.num_in[example]),
            str(score.num_out[example]),
            str(content.class_names[predictions[name]["out_predicted"][example]]),
        ]


def test_a_planted_example_shows_both_labels(report, visit):
    page, content = visit(report), report.content
    example = int(np.flatnonzero(content.labels != content.given_labels)[0])
    _open(page, report, example)
    facts = page.inner_text("#detail-facts").split()
    for name, labels in (("given", content.given_labels), ("true", content.labels)):
        assert facts[facts.index(name) + 1] == content.class_names[labels[example]]
    assert "planted" in facts


def test_influences_are_those_of_the_chosen_size(report, visit):
    page, content = visit(report), report.content
    example = 2
    _open(page, report, example)
    for number in (report.last, 0):
        arrays = content.results[Influence].arrays[content.summary.points[number].name]
        page.select_option("#detail-size", str(number))
        page.wait_for_function(
            "text => document.querySelector('#detail-note').textContent.startsWith(text)",
            arg=f"At {page.locator('#detail-size option').nth(number).inner_text()}",
        )
        items = page.locator("#detail-tests li").evaluate_all(
            "all => all.map((li) => [...li.querySelectorAll(':scope > :not(.picture)')]"
            ".map((part) => part.textContent))"
        )
        known = dict(zip(zip(arrays["tr_idx"], arrays["tt_idx"]), arrays["q"]))
        assert items == [
            list(_lines(content, test, infl, known.get((example, test))))
            for test, infl in zip(
                arrays["train_top_idx"][example][:4], arrays["train_top_infl"][example][:4]
            )
            if test >= 0
        ]


def _lines(content, test, infl, q):
    rate = "" if q is None else f", q {_number(q) if np.round(q * 1000) else '< 0.001'}"
    yield str(content.test_ids[test])
    yield str(content.class_names[content.test_labels[test]])
    yield f"influence {_number(float(infl))}{rate}"


def test_an_example_without_influence_is_explained(small, visit):
    page = visit(small)
    _open(page, small, len(small.content.ids) - 1)
    page.wait_for_function(
        "() => document.querySelector('#detail-note').textContent.includes('no positive influence')"
    )
    assert page.locator("#detail-tests li").count() == 0


def test_a_click_on_a_dot_opens_its_example(report, visit):
    page, content = visit(report), report.content
    canvas = page.locator("#scatter canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    # Dots of planted labels are orange; the legend above the chart has one too.
    dots = canvas.evaluate(ORANGE)
    x, y = dots[len(dots) // 2]
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.wait_for_selector("#detail-chart svg")
    example = list(content.ids).index(page.inner_text("#detail-title"))
    assert content.labels[example] != content.given_labels[example]


def test_the_keyboard_alone_searches_opens_and_closes(report, visit):
    page, expected = visit(report), str(report.content.ids[5])
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "search":
            break
    page.keyboard.type(expected)
    for _ in range(15):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == expected:
            break
    page.keyboard.press("Enter")
    assert page.is_visible("#detail")
    assert page.inner_text("#detail-title") == expected
    page.keyboard.press("Escape")
    assert page.is_hidden("#detail")
    assert page.evaluate("document.activeElement.textContent") == expected


def test_focus_returns_to_the_card_after_the_size_has_changed(small, visit):
    page, expected = visit(small), str(small.content.ids[5])
    _open(page, small, 5)
    page.select_option("#detail-size", "0")
    assert page.input_value("#size") == "0"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.textContent") == expected


def test_images_like_this_one_lead_from_one_to_the_next(small, visit):
    page, ids = visit(small), small.content.ids
    _open(page, small, 5)
    items = page.locator("#detail-similar li")
    assert items.locator("button").all_inner_texts() == list(ids[6:12])
    assert items.nth(2).inner_text().endswith("similarity 0.750")
    items.nth(2).locator("button").click()
    page.wait_for_function(
        "id => document.querySelector('#detail-similar button').textContent === id", arg=ids[9]
    )
    assert page.inner_text("#detail-title") == ids[8]
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.textContent") == ids[5]


def test_without_neighbors_nothing_is_said_about_them(audited, visit):
    page = visit(audited)
    _open(page, audited, 5)
    assert page.is_hidden("#similar")
