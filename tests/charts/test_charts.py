import io
import json

import altair as alt
import numpy as np
import pytest
import vl_convert
from PIL import Image

from memkit import charts
from memkit.analysis.accuracy import chart as accuracy_chart
from memkit.analysis.distribution import chart as histograms_chart
from memkit.analysis.distribution import means_chart
from memkit.analysis.distribution.estimate import histograms
from memkit.analysis.planted import chart as planted_chart
from memkit.analysis.training_curves import chart as curves_chart
from memkit.analysis.training_curves.estimate import curves
from memkit.analysis.trajectories import chart as trajectories_chart
from memkit.charts import styles, theme
from memkit.errors import InputError
from memkit.seeds import stream
from memkit.trajectories import CLASSES
from tests.charts.results import ACCURACY, MEANS, PLANTED, class_shares, each, names_of

TITLE = "Width (model.width)"


def _curves(points):
    draw = stream(0, "tests/charts")
    rows = curves_chart.table(points, {p.name: curves(draw.random((4, 6, 3))) for p in points})
    return curves_chart.chart(rows, size_title=TITLE)


def _accuracy(points):
    rows = accuracy_chart.table(points, each(points, ACCURACY))
    return accuracy_chart.chart(rows, size_title=TITLE)


def _means(points):
    groups = dict.fromkeys(("clean labels", "planted labels"), each(points, MEANS))
    return means_chart.chart(means_chart.table(points, groups), size_title=TITLE)


def _detection(points):
    rows = planted_chart.table(points, each(points, PLANTED))
    return planted_chart.chart(rows, size_title=TITLE)


def _histograms(points):
    draw = stream(0, "tests/charts")
    counts = {p.name: histograms(draw.random((3, 50)), np.arange(50) < 5) for p in points}
    rows = histograms_chart.table(points, counts)
    return histograms_chart.chart(rows, size_title=TITLE)


def _classes(points):
    return trajectories_chart.chart(trajectories_chart.table(class_shares(points)))


def _mean_trajectories(points):
    rows = []
    for series in names_of(points):
        sizes = [p.axis_value for p in points if p.series == series]
        values = stream(0, "tests/charts").random((30, len(sizes)))
        rows += trajectories_chart.mean_table(
            values, np.array(CLASSES)[np.arange(30) % 7], series=series, sizes=sizes
        )
    return trajectories_chart.mean_chart(rows, size_title=TITLE)


FAMILIES = {
    "curves": _curves,
    "accuracy": _accuracy,
    "means": _means,
    "histograms": _histograms,
    "classes": _classes,
    "mean_trajectories": _mean_trajectories,
    "detection": _detection,
}
STUDIES = {
    "one point": {"sizes": (4,)},
    "words": {"sizes": ("small", "large")},
    "two series": {"sizes": (8, 14, 20), "series": ("one_hot", "distilled")},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_chart_is_valid_vega_lite_after_a_json_round_trip(make_points, family):
    chart = FAMILIES[family](make_points())
    spec = chart.to_dict()
    with alt.data_transformers.enable(consolidate_datasets=False):
        again = type(chart).from_dict(json.loads(json.dumps(spec, allow_nan=False))).to_dict()
    assert again == spec
    assert spec["config"]["background"] == "#ffffff"
    assert len(spec["description"]) > 40
    assert 0 < len(_rows(spec)) <= theme.ROW_LIMIT


def _rows(part):
    if isinstance(part, list):
        return [row for entry in part for row in _rows(entry)]
    if not isinstance(part, dict):
        return []
    if "values" in part and isinstance(part["values"], list) and len(part) == 1:
        return part["values"]
    return [row for entry in part.values() for row in _rows(entry)]


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("family", FAMILIES)
def test_chart_of_unusual_studies_is_valid(make_points, family, study):
    chart = FAMILIES[family](make_points(**STUDIES[study]))
    compiled = vl_convert.vegalite_to_vega(chart.to_dict())
    assert compiled["marks"]


@pytest.mark.parametrize("family", ["accuracy", "histograms"])
def test_rendered_images_are_not_blank(make_points, family):
    files = charts.images(FAMILIES[family](make_points()).to_dict())
    picture = np.asarray(Image.open(io.BytesIO(files["png"])).convert("RGB"))
    assert picture.shape[1] > 900
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
    assert tuple(picture[0, 0]) == (255, 255, 255)
    assert files["svg"].lstrip().startswith(b"<svg")
    assert b"NaN" not in files["svg"]


def test_too_many_rows_raise_an_error():
    rows = [{"value": 1.0}] * (theme.ROW_LIMIT + 1)
    with pytest.raises(InputError, match="5001 rows"):
        theme.data(rows)
    assert len(theme.data(rows[1:]).values) == theme.ROW_LIMIT


def test_undefined_numbers_become_null():
    data = theme.data(
        [
            {
                "a": np.nan,
                "b": np.inf,
                "c": np.float32(0.5),
                "d": np.int64(3),
                "e": None,
                "f": "x",
                "g": True,
            }
        ]
    )
    assert data.values == [{"a": None, "b": None, "c": 0.5, "d": 3, "e": None, "f": "x", "g": True}]


@pytest.mark.parametrize(
    ("sizes", "kind", "scale"),
    [
        ((1, 2, 4, 8, 16), "quantitative", "log"),
        ((1, 8), "quantitative", "log"),
        ((1, 2, 4), "quantitative", "linear"),
        ((0, 8, 64), "quantitative", "linear"),
        ((-1, 16), "quantitative", "linear"),
        (("small", "large"), "nominal", "none"),
        ((1, "large"), "nominal", "none"),
        ((True, False), "nominal", "none"),
        ((4,), "quantitative", "linear"),
    ],
)
def test_scale_follows_the_sizes(sizes, kind, scale):
    channel = theme.size_channel(sizes, title="t").to_dict()
    assert channel["type"] == kind if "type" in channel else channel["shorthand"].endswith(kind)
    result = (
        channel["scale"]["type"]
        if "type" in channel.get("scale", {})
        else ("linear" if "scale" in channel else "none")
    )
    assert result == scale


def test_sizes_can_be_numpy_numbers():
    channel = theme.size_channel(np.array([1, 2, 16]), title="t")
    assert json.loads(json.dumps(channel.to_dict()["axis"]["values"])) == [1, 2, 16]


def test_a_chart_without_a_defined_value_raises_an_error():
    with pytest.raises(InputError, match="at least one row"):
        accuracy_chart.chart([], size_title=TITLE)


def test_series_of_mean_memorization_are_lines_of_one_panel(make_points):
    points = make_points((1, 2), series=("one_hot", "distilled"))
    groups = dict.fromkeys(("clean labels", "planted labels"), each(points, MEANS))
    chart = means_chart.memorization_chart(means_chart.table(points, groups), size_title=TITLE)
    svg = vl_convert.vegalite_to_svg(chart.to_dict())
    for text in (*groups, "one_hot", "distilled"):
        assert svg.count(f">{text}<") == 1


def test_names_have_one_color_and_lines_of_a_chart_differ():
    for names in (
        accuracy_chart.NAMES,
        means_chart.NAMES,
        planted_chart.NAMES,
        ("clean", "planted"),
        [trajectories_chart.label(name) for name in CLASSES],
    ):
        for k in range(3):
            if k == 1 and "clean" not in names and "test" not in names:
                continue
            line_styles = [str(styles.STYLES[name][k]) for name in names]
            assert len(set(line_styles)) == len(line_styles)
    assert styles.STYLES["in-sample"] == styles.STYLES["train, in-sample"]
    assert styles.STYLES["out-of-sample"] == styles.STYLES["train, out-of-sample"]


def test_every_class_of_trajectory_has_a_style():
    assert {trajectories_chart.label(name) for name in CLASSES} <= set(styles.STYLES)


def test_text_in_a_chart_cannot_start_a_script_on_its_page():
    def page(text):
        rows = [{"size": text, "value": 1.0}, {"size": "plain", "value": 2.0}]
        chart = alt.Chart(theme.data(rows)).mark_bar().encode(x="size:N", y="value:Q")
        chart = chart.transform_filter("datum.value < 3").properties(title=text)
        return charts.images(chart.to_dict(), ("html",))["html"].decode()

    hostile, harmless = page("</script><script>window.done = 1</script><!--"), page("plain")
    for tag in ("<script", "</script", "<!--"):
        assert hostile.count(tag) == harmless.count(tag)
    assert "\\u003c/script>\\u003cscript>window.done" in hostile
