"""What the page lists and shows, against the arrays from which it was made."""

import dataclasses

import numpy as np
import pytest

from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.trajectories.chart import label
from memkit.report import explorer, gallery
from tests.browser.conftest import ORANGE, best, thousandths
from tests.simulated import build


def _listed(page):
    """Returns the ids of the cards."""
    return page.locator("#cards .id").all_inner_texts()


def _count(page):
    return int(page.inner_text("#count").split(" of ")[0].replace(",", ""))


def _expect(page, report, member, values):
    """Checks how many examples are listed and which come first."""
    assert _count(page) == np.count_nonzero(member)
    assert _listed(page) == list(report.content.ids[best(values, member)])


def _everything(report):
    return np.ones(len(report.content.ids), bool)


def _drag(page, start, stop):
    """Drags over the scatter from one point to another, both as shares of the chart."""
    canvas = page.locator("#scatter canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    corners = [
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, stop)
    ]
    page.mouse.move(*corners[0])
    page.mouse.down()
    page.mouse.move(*corners[1], steps=3)
    page.mouse.up()


def _region(page):
    fields = ("x-from", "x-to", "y-from", "y-to")
    return [float(page.input_value(f"#{name}")) for name in fields]


def _inside(report, region):
    x, y = (thousandths(report.scores(number)["pooled"].value) for number in (0, report.last))
    return (region[0] <= x) & (x <= region[1]) & (region[2] <= y) & (y <= region[3])


def test_everything_is_drawn_and_all_examples_are_listed(report, visit):
    page = visit(report)
    _expect(page, report, _everything(report), report.scores(report.last)["pooled"].value)
    assert page.is_hidden("#explorer-problem")


def test_every_filter_lists_what_numpy_finds(report, visit):
    page, content = visit(report), report.content
    values = report.scores(report.last)["pooled"].value
    point = content.summary.points[report.last]
    given = content.given_labels
    predicted = content.results[Accuracy].predictions[point.name]["out_predicted"]
    flipped = content.labels != given
    kinds = gallery.kinds(content, point.series)
    kind = max(set(kinds) - {"constant", "undefined"}, key=list(kinds).count)
    for select, option, member in (
        ("given", content.class_names[3], given == 3),
        ("kind", label(kind), kinds == kind),
        ("is-planted", "yes", flipped),
        ("is-planted", "no", ~flipped),
        ("agrees", "differs from given", (predicted != given) & (predicted >= 0)),
        ("agrees", "equals given", predicted == given),
    ):
        page.select_option(f"#{select}", label=option)
        _expect(page, report, member, values)
        page.click("#clear-filters")
    page.select_option("#is-planted", "no")
    page.select_option("#given", label=content.class_names[3])
    _expect(page, report, ~flipped & (given == 3), values)


def test_every_order_is_that_of_numpy(report, visit):
    page, member = visit(report), _everything(report)
    first, last = (thousandths(report.scores(k)["pooled"].value) for k in (0, report.last))
    prob = report.scores(report.last)["prob"].out_mean
    for key, values in (("first", first), ("change", last - first), ("prob", prob), ("last", last)):
        page.select_option("#sort", key)
        _expect(page, report, member, values)
        page.select_option("#order", "up")
        _expect(page, report, member, -thousandths(values))
        page.select_option("#order", "down")


def test_every_preset_lists_its_examples_in_its_order(report, visit):
    page, content = visit(report), report.content
    presets = gallery.groups(content)
    titles = page.locator("#preset option").all_inner_texts()
    assert titles == ["all examples", *(preset.title for preset in presets)]
    for number in (0, 3, len(presets) - 1):
        page.select_option("#preset", label=presets[number].title)
        assert _listed(page) == [content.ids[i] for i in presets[number].examples]
        assert page.inner_text("#preset-note") == presets[number].note


def test_search_finds_examples_with_and_without_pictures(report, visit):
    page, ids = visit(report), report.content.ids
    expected = str(ids[len(ids) // 3])
    page.fill("#search", expected.upper())
    assert _listed(page) == [expected]
    part = expected[-6:]
    page.fill("#search", part)
    assert _count(page) == sum(part in name for name in ids)
    page.fill("#search", "no such example")
    assert page.inner_text("#count").startswith("No example of")


def test_a_picture_holds_the_pixels_of_its_example(report, visit):
    page, content = visit(report), report.content
    rows = {str(name): i for i, name in enumerate(content.ids)}
    cards = page.locator("#cards li")
    for k in (0, 7, 23):
        card = cards.nth(k)
        pixels = card.locator("canvas").evaluate(
            "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        )
        image = content.thumbnails[rows[card.locator(".id").inner_text()]]
        result = np.reshape(pixels, (*image.shape[:2], 4))[..., :3]
        np.testing.assert_array_equal(result, np.broadcast_to(image, result.shape))


@pytest.mark.slow
def test_pictures_in_sections_hold_the_pixels_of_their_examples(smoke, visit):
    result = visit(smoke).evaluate(
        """() => [...document.querySelectorAll("[data-sheet]")].map((place) => {
          const canvas = place.querySelector("canvas");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return [place.dataset.sheet, Number(place.dataset.example), [...data]];
        })"""
    )
    assert {sheet for sheet, _, _ in result} == {"train", "test"}
    images = {"train": smoke.content.thumbnails, "test": smoke.content.test_thumbnails}
    for sheet, example, pixels in result:
        image = images[sheet][example]
        painted = np.reshape(pixels, (*image.shape[:2], 4))[..., :3]
        np.testing.assert_array_equal(painted, np.broadcast_to(image, painted.shape))


class Files:
    """Pictures that are not an array, as those that a study reads from many files."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index]


def test_a_page_of_a_sample_of_the_pictures_says_so(written, visit, monkeypatch):
    monkeypatch.setattr(explorer, "FEW", 0)
    content = build(count=400, sizes=(1, 16))
    study = written(dataclasses.replace(content, thumbnails=Files(content.thumbnails)))
    listed = {i for preset in gallery.groups(content) for i in preset.examples}
    page, count = visit(study), len(content.ids)
    text = f"This page has pictures of {len(listed)} of {count} examples"
    assert page.inner_text("#pictured-note").startswith(text)
    without = next(i for i in range(count) if i not in listed)
    page.fill("#search", content.ids[without])
    assert page.inner_text("#cards .picture") == "no picture kept"
    page.fill("#search", "")
    page.check("#pictured")
    assert _count(page) == len(listed)


def test_every_example_has_a_picture(report, visit):
    page = visit(report)
    assert page.is_hidden("#pictured-note") and page.is_hidden("#pictured")
    page.select_option("#order", "up")
    page.wait_for_function("!document.querySelector('#cards .waiting')")
    colors = page.locator("#cards canvas").evaluate_all(
        "all => all.map((c) => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height)"
        ".data).size)"
    )
    assert len(colors) == 24 and min(colors) > 4


def test_dragging_over_the_scatter_lists_every_example_of_the_region(report, visit):
    page = visit(report)
    _drag(page, (0.3, 0.25), (0.8, 0.95))
    member = _inside(report, _region(page))
    assert 0 < member.sum() < len(member)
    _expect(page, report, member, report.scores(report.last)["pooled"].value)
    page.click("#clear-region")
    assert _count(page) == len(member)
    assert page.input_value("#x-from") == ""


def test_fields_choose_a_region_without_a_mouse(report, visit):
    page, values = visit(report), report.scores(report.last)["pooled"].value
    page.fill("#y-from", "0.3")
    page.press("#y-from", "Enter")
    _expect(page, report, thousandths(values) >= 0.3, values)
    page.fill("#x-to", "0.1")
    page.press("#x-to", "Tab")
    _expect(page, report, _inside(report, (-1, 0.1, 0.3, 1)), values)


def test_the_scatter_shows_the_region_of_the_fields(report, visit):
    page = visit(report)
    assert page.is_hidden("#region")
    page.fill("#y-to", "0")
    page.press("#y-to", "Tab")
    plot, region = page.evaluate(
        "['#plot', '#region'].map((id) => document.querySelector(id).getBoundingClientRect())"
    )
    assert region["x"] == pytest.approx(plot["x"], abs=1)
    assert region["width"] == pytest.approx(plot["width"], abs=1)
    assert plot["y"] + 0.5 * plot["height"] < region["y"] < plot["y"] + plot["height"]
    page.click("#clear-region")
    assert page.is_hidden("#region")


def test_an_example_under_the_mouse_shows_its_picture_and_trajectory(report, visit):
    page, content = visit(report), report.content
    canvas = page.locator("#dots")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, y = canvas.evaluate(ORANGE)[0]
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.wait_for_selector("#hover canvas")
    row = list(content.ids).index(page.inner_text("#hover .id"))
    assert content.labels[row] != content.given_labels[row]
    assert page.locator("#hover .spark").count() == 1
    last = thousandths(report.scores(report.last)["pooled"].value)[row]
    assert page.inner_text("#hover .ends").endswith(f"→ {last:.3f}")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] - 40)
    page.wait_for_selector("#hover", state="hidden")


def test_other_axes_filter_by_their_own_quantities(report, visit):
    page, scores = visit(report), report.scores(report.last)
    for pair, x in (("out", scores["pooled"].out_mean), ("prob", scores["prob"].out_mean)):
        page.select_option("#pair", pair)
        page.fill("#x-to", "0.4")
        page.press("#x-to", "Tab")
        _expect(page, report, thousandths(x) <= 0.4, scores["pooled"].value)


def test_show_more_continues_the_list(report, visit):
    page, values = visit(report), report.scores(report.last)["pooled"].value
    page.click("#more")
    expected = best(values, _everything(report), 48)
    assert _listed(page) == list(report.content.ids[expected])
    assert page.evaluate("document.activeElement.textContent") == report.content.ids[expected[24]]
