import io

import numpy as np
import vl_convert
from PIL import Image

from memkit import charts
from memkit.analysis.influence import chart as influence_chart
from memkit.charts import theme
from memkit.estimators.influence import BINS
from memkit.seeds import stream

TITLE = "Width (model.width)"
NO_CHANCE = np.zeros(BINS)


def _pairs(points, count=300):
    draw = stream(0, "tests/charts")
    infl = 0.15 + 0.85 * draw.random(count) ** 4
    chance = count * 0.5 ** np.arange(1, BINS + 1)
    return {p.name: (infl, np.where(infl > 0.5, 0.01, 0.4), chance) for p in points}


def test_bins_count_all_pairs_and_the_significant_subset(make_points):
    points = make_points(sizes=(1, 2))
    infl = np.array([0.15, 0.15 + 0.85 / 18, 0.5, 0.5, 1.0])
    q = np.array([0.5, np.nan, 0.05, 0.2, 0.001])
    rows = influence_chart.table(points, {points[0].name: (infl, q, NO_CHANCE)}, min_influence=0.15)
    everything = [r for r in rows if r["group"] == influence_chart.ALL]
    assert [(round(r["start"], 3), r["count"]) for r in everything] == [
        (0.15, 1),
        (0.197, 1),
        (0.481, 2),
        (0.953, 1),
    ]
    believed = [r for r in rows if r["group"] == influence_chart.SIGNIFICANT]
    assert [r["count"] for r in believed] == [1, 1]
    assert {r["size"] for r in rows} == {"1"} and everything[-1]["end"] == 1


def test_points_without_pairs_have_no_rows(make_points):
    points = make_points(sizes=(1,))
    empty = {points[0].name: (np.empty(0), np.empty(0), np.ones(BINS))}
    assert influence_chart.table(points, empty, min_influence=0.15) == []


def test_chart_draws_every_size_and_series(make_points):
    for options in ({"sizes": (4,)}, {"sizes": ("small", "large")}, {"series": ("a", "b")}):
        points = make_points(**options)
        rows = influence_chart.table(points, _pairs(points), min_influence=0.15)
        spec = influence_chart.chart(rows, size_title=TITLE).to_dict()
        assert vl_convert.vegalite_to_vega(spec)["marks"] and len(spec["description"]) > 40
        assert len(rows) <= theme.ROW_LIMIT
        assert {r["size"] for r in rows} == {str(p.axis_value) for p in points}


def test_the_image_shows_both_groups(make_points):
    points = make_points(sizes=(4,))
    rows = influence_chart.table(points, _pairs(points), min_influence=0.15)
    files = charts.images(influence_chart.chart(rows, size_title=TITLE).to_dict())
    picture = np.asarray(Image.open(io.BytesIO(files["png"])).convert("RGB")).reshape(-1, 3)
    for color in ("#C8C8C8", "#0072B2", "#222222"):
        expected = [int(color[k : k + 2], 16) for k in (1, 3, 5)]
        assert (picture == expected).all(axis=1).sum() > 500
    assert b"NaN" not in files["svg"]


def test_bins_hold_what_chance_gives_and_titles_say_how_many(make_points):
    points = make_points(sizes=(1, 2))
    chance = np.linspace(9, 0, BINS)
    pairs = {point.name: (np.full(70, 0.2), np.full(70, 0.5), chance) for point in points}
    rows = influence_chart.table(points, pairs, min_influence=0.15)
    by_chance = [r["count"] for r in rows if r["group"] == influence_chart.CHANCE]
    np.testing.assert_allclose(by_chance[: BINS - 1], chance[:-1], atol=0.01)
    svg = charts.images(influence_chart.chart(rows, size_title=TITLE).to_dict(), ["svg"])["svg"]
    assert "Width (model.width): 2 (70 pairs, 81 by chance)" in svg.decode()


def test_a_sentence_names_series_and_sizes_that_chance_explains(make_points):
    points = make_points(sizes=(1, 2), series=("one_hot", "distilled"))
    real = (np.array([0.9]), np.array([0.01]), NO_CHANCE)
    noise = (np.array([0.2]), np.array([0.9]), NO_CHANCE)
    pairs = {p.name: real if p.series == "one_hot" else noise for p in points}
    rows = influence_chart.table(points, pairs, min_influence=0.15)
    spec = influence_chart.chart(rows, size_title=TITLE).to_dict()
    words = "No pair is beyond chance at width 1, 2 of distilled."
    assert " ".join(spec["title"]["text"]) == words


def test_a_sentence_names_the_sizes_that_chance_explains(make_points):
    points = make_points(sizes=(1, 2, 4))
    real = (np.array([0.9]), np.array([0.01]), NO_CHANCE)
    noise = (np.array([0.2]), np.array([0.9]), NO_CHANCE)
    for kinds, words in (
        ((noise, real, noise), "No pair is beyond chance at width 1, 4."),
        ((noise, noise, noise), "No pair is beyond chance: none has q of at most 0.05."),
        ((real, real, real), None),
    ):
        pairs = {point.name: kind for point, kind in zip(points, kinds, strict=True)}
        rows = influence_chart.table(points, pairs, min_influence=0.15)
        spec = influence_chart.chart(rows, size_title=TITLE).to_dict()
        text = " ".join(spec["title"]["text"]) if words else None
        assert text == words and "at most 0.05" in spec["description"]
