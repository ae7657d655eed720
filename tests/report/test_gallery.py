import base64
import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from memkit.report import gallery
from memkit.report.sparkline import sparkline
from memkit.seeds import stream


def _pixels(url):
    head, body = url.split(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body))))


@pytest.mark.parametrize("channels", [1, 3])
def test_data_url_holds_exactly_the_pixels(channels):
    image = stream(0, "tests/gallery").integers(0, 256, (5, 7, channels), dtype=np.uint8)
    found = _pixels(gallery.data_url(image))
    np.testing.assert_array_equal(found.reshape(5, 7, channels), image)


def test_every_card_shows_the_image_and_labels_of_its_own_example(content):
    rows = {str(name): i for i, name in enumerate(content.ids)}
    cards = [card for group in gallery.groups(content) for card in group.cards]
    assert len(cards) > 50
    for card in cards:
        i = rows[card.id]
        np.testing.assert_array_equal(_pixels(card.image), content.thumbnails[i, ..., 0])
        assert card.given == content.class_names[content.given_labels[i]]
        assert card.true == content.class_names[content.labels[i]]
        assert card.planted == (content.labels[i] != content.given_labels[i])


def test_top_is_sorted_leaves_out_nan_and_keeps_ties_in_order():
    score = np.array([0.1, np.nan, 0.9, 0.5, 0.9])
    assert gallery.top(score).tolist() == [2, 4, 3, 0]
    assert gallery.top(score, 1).tolist() == [2]
    assert gallery.top(np.full(3, np.nan)).tolist() == []


def test_groups_have_the_promised_number_of_cards(content):
    groups = {group.title: group for group in gallery.groups(content)}
    assert len(groups["Most memorized at width 16"].cards) == gallery.TOP
    assert len(groups["Most memorized at width 1"].cards) == gallery.TOP
    labels = [group for title, group in groups.items() if title.startswith("Label: ")]
    assert len(labels) == len(np.unique(content.given_labels))
    assert all(0 < len(group.cards) <= gallery.TOP_PER_LABEL for group in labels)


def test_most_memorized_are_those_with_the_highest_value(content):
    value = content.scores["one_hot-width16"]["correct"].value
    group = gallery.groups(content)[0]
    shown = [value[list(content.ids).index(card.id)] for card in group.cards]
    assert shown == sorted(value, reverse=True)[: gallery.TOP]


def test_found_and_missed_planted_labels_are_told_apart(content):
    value = np.linspace(0.0, 0.5, 80)
    value[:6] = [0.9, 0.8, 0.7, 0.6, 0.01, 0.02]  # 6 planted labels: 4 on top, 2 at the bottom
    last = content.scores["one_hot-width16"]["correct"]
    scores = content.scores | {
        "one_hot-width16": {"correct": type(last)(**(vars(last) | {"value": value}))}
    }
    groups = {g.title: g for g in gallery.groups(dataclasses.replace(content, scores=scores))}
    found = groups["Planted labels that were found"]
    missed = groups["Planted labels that were not found"]
    assert [card.id for card in found.cards] == [f"digits/000{i}" for i in range(4)]
    assert [card.id for card in missed.cards] == ["digits/0004", "digits/0005"]
    assert found.note.startswith("4 of the 6 planted labels")


def test_without_planted_labels_no_group_speaks_of_them(make_content):
    groups = gallery.groups(make_content(planted=0))
    assert groups
    assert not any("lanted" in g.title or "clean" in g.title for g in groups)
    assert not any(card.planted for g in groups for card in g.cards)


def test_example_without_prediction_says_why(content):
    predicted = content.out_predicted | {"one_hot-width16": np.full(80, -1)}
    changed = dataclasses.replace(content, out_predicted=predicted)
    card = gallery.card(changed, gallery.view(changed), 0)
    assert card.predicted == "none (never held out)"


def test_sparkline_breaks_at_gaps_and_marks_lone_values():
    drawn = sparkline([0.1, np.nan, 0.3, 0.4], [np.nan] * 4, [0.2] * 4, sizes="abcd")
    assert drawn.count('<polyline class="mem"') == 1
    assert drawn.count('<circle class="mem"') == 3
    assert drawn.count('<polyline class="in"') == 0
    assert "b: undefined" in drawn
    assert "nan" not in drawn


def test_sparkline_height_is_the_value():
    drawn = sparkline([0.0, 1.0], [1.0, 1.0], [0.0, 0.0], sizes=("1", "2"))
    assert '<polyline class="mem" points="4.0,42.0 128.0,4.0"/>' in drawn
    below = sparkline([-0.5, 1.0], [1.0, 1.0], [0.0, 0.0], sizes=("1", "2"))
    assert '<polyline class="mem" points="4.0,42.0 128.0,4.0"/>' in below


def test_sparkline_escapes_sizes():
    assert "<b>" not in sparkline([0.5], [1.0], [0.5], sizes=("<b>",))
