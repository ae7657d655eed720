import math

import pytest

from memkit.analysis.proxies import canaries_chart
from memkit.analysis.proxies import chart as proxies_chart
from memkit.charts import dots, images
from tests.charts.results import MEANS, each, point_proxies, series_proxies
from tests.numbers import UNDEFINED, number

TITLES = {"loss": "loss (higher = harder)", "margin": "margin (lower = harder)"}
LABELS = {"loss": "cumulative loss", "margin": "margin", "memorization": "memorization"}


AGREEMENTS = {"loss": 0.4, "margin": 0.6}
GROUPS = ("clean", "planted")


def _proxies(points, groups=GROUPS):
    return each(points, point_proxies(AGREEMENTS, groups))


def _memorization(points, groups=GROUPS):
    return dict.fromkeys(groups, each(points, number()))


def _row(rows, **expected):
    (result,) = [r for r in rows if all(r[k] == v for k, v in expected.items())]
    return result


def test_means_have_a_panel_per_proxy_after_memorization(make_points):
    points = make_points(sizes=(1, 2))
    rows = proxies_chart.means_table(points, _proxies(points), _memorization(points), titles=TITLES)
    panels = list(dict.fromkeys(r["panel"] for r in rows))
    assert panels == ["memorization (higher = more)", *TITLES.values()]
    assert {r["quantity"] for r in rows} == {"clean", "planted"}
    assert len(rows) == 2 * 2 * 3
    row = _row(rows, panel=TITLES["loss"], size=2, quantity="planted")
    assert (row["value"], row["lower"], row["upper"]) == pytest.approx((2.5, 2.4, 2.6))


def test_means_without_planted_labels_are_over_all_examples(make_points):
    points = make_points(sizes=(1, 2))
    result, memorization = _proxies(points, ["all"]), _memorization(points, ["all"])
    rows = proxies_chart.means_table(points, result, memorization, titles=TITLES)
    assert {r["quantity"] for r in rows} == {"all"}


def test_board_has_averaged_and_single_panels_and_the_ceiling(make_points):
    points = make_points(sizes=(1, 2))
    rows = proxies_chart.board_table(points, _proxies(points), labels=LABELS)
    assert len(rows) == 2 * 2 * 3
    same = {"kind": "2", "series": "one_hot"}
    row = _row(rows, label="margin", panel=dots.AVERAGED, **same)
    result = (row["value"], row["lower"], row["upper"])
    assert result == pytest.approx((0.6, 0.6 - 0.02, 0.6 + 0.02))
    row = _row(rows, label="margin", panel=dots.SINGLE, **same)
    assert row["value"] == pytest.approx(0.4) and math.isnan(row["lower"])
    assert _row(rows, label=dots.CEILING, panel=dots.SINGLE, **same)["value"] == 0.9


def test_points_without_proxies_give_no_rows(make_points):
    points = make_points(sizes=(1, 2))
    result, memorization = _proxies(points[:1]), _memorization(points)
    assert {r["kind"] for r in proxies_chart.board_table(points, result, labels=LABELS)} == {"1"}
    rows = proxies_chart.means_table(points, result, memorization, titles=TITLES)
    assert {r["size"] for r in rows} == {1}
    without_canaries = _proxies(points[:1], ["all"])
    assert canaries_chart.detection_table(points, without_canaries, labels=LABELS) == []


def test_across_leaves_out_statistics_that_a_series_lacks():
    statistics = ("along_pearson", "change_pearson")
    result = series_proxies(statistics, {"loss": -0.5, "margin": -0.3})
    rows = proxies_chart.across_table({"one_hot": result}, labels=LABELS)
    assert {r["panel"] for r in rows} == {
        proxies_chart.ACROSS["along_pearson"],
        proxies_chart.ACROSS["change_pearson"],
    }
    assert len(rows) == 2 * (1 + 2 * 2)
    row = _row(
        rows,
        label="cumulative loss",
        kind=dots.AVERAGED,
        panel=proxies_chart.ACROSS["along_pearson"],
    )
    assert row["value"] == -0.5


def test_undefined_numbers_are_not_drawn():
    row = dots.row({"series": "s", "kind": "1"}, "p", "x", UNDEFINED)
    assert math.isnan(row["value"]) and math.isnan(row["upper"])
    selected = dots.row({"series": "s", "kind": "1"}, "p", "y", number(0.5, math.nan))
    options = {"title": "t", "rule": 0.0, "color_title": "k", "description": "d"}
    spec = dots.chart([row, selected], **options).to_dict()
    assert [v["label"] for v in spec["data"]["values"]] == ["y"]


def test_intervals_are_clipped_and_labels_sorted_below_the_ceiling():
    same = {"series": "s", "kind": "1"}
    values = (("a", 0.2), ("b", 0.9))
    rows = [dots.row(same, "p", name, number(value, 0.5)) for name, value in values]
    rows.append(dots.row(same, "p", dots.CEILING, number(0.5, math.nan)))
    assert rows[1]["upper"] == 1 and rows[0]["lower"] == pytest.approx(0.2 - 0.5)
    spec = dots.chart(rows, title="t", rule=0.0, color_title="k", description="d").to_dict()
    assert spec["layer"][1]["encoding"]["y"]["sort"] == [dots.CEILING, "b", "a"]
    assert spec["layer"][1]["encoding"]["x"]["scale"]["domain"] == [-0.3, 1]


def test_canary_rows_have_both_groups_with_intervals(make_points):
    points = make_points(sizes=(1, 2))
    means = each(points, MEANS)
    rows = canaries_chart.paths_table(points, means, means)
    assert [r["quantity"] for r in rows] == ["planted"] * 2 + ["clean"] * 2
    assert rows[0]["upper"] == pytest.approx(0.51)
    assert canaries_chart.paths_table(points, {}, means) == []


def test_detection_has_single_run_values_only_for_proxies(make_points):
    points = make_points(sizes=(1,))
    result = each(points, point_proxies({"loss": 0.4}, GROUPS))
    rows = canaries_chart.detection_table(points, result, labels=LABELS)
    assert sorted((r["label"], r["panel"]) for r in rows) == [
        ("cumulative loss", dots.AVERAGED),
        ("cumulative loss", dots.SINGLE),
        ("memorization", dots.AVERAGED),
    ]


@pytest.mark.parametrize("series", [("one_hot",), ("one_hot", "distilled")])
def test_charts_are_valid_and_small(make_points, series):
    points = make_points(sizes=(1, 2, 4), series=series)
    result, by_size = _proxies(points), {"size_title": "Width"}
    means, memorization = each(points, MEANS), _memorization(points)
    of_series = series_proxies(proxies_chart.ACROSS, {"loss": -0.6, "margin": -0.4})
    across = dict.fromkeys(series, of_series)
    charts = (
        proxies_chart.means_chart(
            proxies_chart.means_table(points, result, memorization, titles=TITLES), **by_size
        ),
        proxies_chart.board_chart(
            proxies_chart.board_table(points, result, labels=LABELS), **by_size
        ),
        proxies_chart.across_chart(proxies_chart.across_table(across, labels=LABELS)),
        canaries_chart.detection_chart(
            canaries_chart.detection_table(points, result, labels=LABELS), **by_size
        ),
        canaries_chart.paths_chart(canaries_chart.paths_table(points, means, means), **by_size),
    )
    for chart in charts:
        assert chart.to_dict(validate=True)["description"]


def test_a_leaderboard_renders_to_an_image(make_points):
    points = make_points(sizes=(1, 2))
    chart = proxies_chart.board_chart(
        proxies_chart.board_table(points, _proxies(points), labels=LABELS), size_title="Width"
    )
    assert images(chart.to_dict())["png"][:4] == b"\x89PNG"
