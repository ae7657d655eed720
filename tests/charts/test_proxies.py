import math

import pytest

from memkit.analysis.proxies import canaries_chart
from memkit.analysis.proxies import chart as proxies_chart
from memkit.charts import dots, images

TITLES = {"loss": "loss (higher = harder)", "margin": "margin (lower = harder)"}
LABELS = {"loss": "cumulative loss", "margin": "margin", "memorization": "memorization"}


def _agreement(statistics, value):
    entry = {}
    for name in statistics:
        entry |= {name: value, f"{name}_margin": 0.02, f"{name}_single": value - 0.2}
        entry[f"{name}_single_deviation"] = 0.05
    return entry


def _board(statistics, low=0.4):
    return {
        "num_runs": 20,
        "num_proxy_runs": 10,
        "reliability": dict.fromkeys(statistics, 0.81),
        "ceiling": dict.fromkeys(statistics, 0.9)
        | dict.fromkeys([f"{name}_margin" for name in statistics], 0.02),
        "board": {
            "loss": _agreement(statistics, low),
            "margin": _agreement(statistics, low + 0.2),
        },
    }


def _summary(points, planted=True):
    groups = ("clean", "planted") if planted else ("all",)
    means = {name: {g: {"mean": 2.5, "margin": 0.1} for g in groups} for name in TITLES}
    auroc = {"auroc": 0.9, "auroc_margin": 0.01}
    return {
        point["name"]: {
            **_board(("spearman", "pearson")),
            "means": means,
            "canaries": {"memorization": auroc, "loss": {**auroc, "auroc_single": 0.7}}
            if planted
            else None,
        }
        for point in points
    }


def _row(rows, **expected):
    (result,) = [r for r in rows if all(r[k] == v for k, v in expected.items())]
    return result


def test_means_have_a_panel_per_proxy_after_memorization(make_points):
    points = make_points(sizes=(1, 2))
    rows = proxies_chart.means_table(points, _summary(points), titles=TITLES)
    panels = list(dict.fromkeys(r["panel"] for r in rows))
    assert panels == ["memorization (higher = more)", *TITLES.values()]
    assert {r["quantity"] for r in rows} == {"clean", "planted"}
    assert len(rows) == 2 * 2 * 3
    row = _row(rows, panel=TITLES["loss"], size=2, quantity="planted")
    assert (row["value"], row["lower"], row["upper"]) == pytest.approx((2.5, 2.4, 2.6))


def test_means_without_planted_labels_are_over_all_examples(make_points):
    points = make_points(sizes=(1, 2), planted=False)
    rows = proxies_chart.means_table(points, _summary(points, planted=False), titles=TITLES)
    assert {r["quantity"] for r in rows} == {"all"}


def test_board_has_averaged_and_single_panels_and_the_ceiling(make_points):
    points = make_points(sizes=(1, 2))
    rows = proxies_chart.board_table(points, _summary(points), labels=LABELS)
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
    result = _summary(points[:1])
    assert {r["kind"] for r in proxies_chart.board_table(points, result, labels=LABELS)} == {"1"}
    assert {r["size"] for r in proxies_chart.means_table(points, result, titles=TITLES)} == {1}
    result[points[0]["name"]]["canaries"] = None
    assert canaries_chart.detection_table(points, result, labels=LABELS) == []


def test_across_leaves_out_statistics_that_a_series_lacks():
    result = {"one_hot": _board(("along_pearson", "change_pearson"), low=-0.5)}
    rows = proxies_chart.across_table(result, labels=LABELS)
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


def test_none_becomes_nan_and_is_not_drawn():
    row = dots.row({"series": "s", "kind": "1"}, "p", "x", None, None)
    assert math.isnan(row["value"]) and math.isnan(row["upper"])
    selected = dots.row({"series": "s", "kind": "1"}, "p", "y", 0.5, None)
    options = {"title": "t", "rule": 0.0, "color_title": "k", "description": "d"}
    spec = dots.chart([row, selected], **options).to_dict()
    assert [v["label"] for v in spec["data"]["values"]] == ["y"]


def test_intervals_are_clipped_and_labels_sorted_below_the_ceiling():
    same = {"series": "s", "kind": "1"}
    rows = [dots.row(same, "p", name, value, 0.5) for name, value in (("a", 0.2), ("b", 0.9))]
    rows.append(dots.row(same, "p", dots.CEILING, 0.5, None))
    assert rows[1]["upper"] == 1 and rows[0]["lower"] == pytest.approx(0.2 - 0.5)
    spec = dots.chart(rows, title="t", rule=0.0, color_title="k", description="d").to_dict()
    assert spec["layer"][1]["encoding"]["y"]["sort"] == [dots.CEILING, "b", "a"]
    assert spec["layer"][1]["encoding"]["x"]["scale"]["domain"] == [-0.3, 1]


def test_canary_rows_have_both_groups_with_intervals(make_points):
    points = make_points(sizes=(1, 2))
    rows = canaries_chart.paths_table(points)
    assert [r["quantity"] for r in rows] == ["planted"] * 2 + ["clean"] * 2
    assert rows[0]["upper"] == pytest.approx(0.51)
    assert canaries_chart.paths_table(make_points(planted=False)) == []


def test_detection_has_single_run_values_only_for_proxies(make_points):
    points = make_points(sizes=(1,))
    rows = canaries_chart.detection_table(points, _summary(points), labels=LABELS)
    assert sorted((r["label"], r["panel"]) for r in rows) == [
        ("cumulative loss", dots.AVERAGED),
        ("cumulative loss", dots.SINGLE),
        ("memorization", dots.AVERAGED),
    ]


@pytest.mark.parametrize("series", [("one_hot",), ("one_hot", "distilled")])
def test_charts_are_valid_and_small(make_points, series):
    points = make_points(sizes=(1, 2, 4), series=series)
    result, by_size = _summary(points), {"size_title": "Width"}
    across = {s: _board(tuple(proxies_chart.ACROSS), -0.6) for s in series}
    charts = (
        proxies_chart.means_chart(
            proxies_chart.means_table(points, result, titles=TITLES), **by_size
        ),
        proxies_chart.board_chart(
            proxies_chart.board_table(points, result, labels=LABELS), **by_size
        ),
        proxies_chart.across_chart(proxies_chart.across_table(across, labels=LABELS)),
        canaries_chart.detection_chart(
            canaries_chart.detection_table(points, result, labels=LABELS), **by_size
        ),
        canaries_chart.paths_chart(canaries_chart.paths_table(points), **by_size),
    )
    for chart in charts:
        assert chart.to_dict(validate=True)["description"]


def test_a_leaderboard_renders_to_an_image(make_points):
    points = make_points(sizes=(1, 2))
    chart = proxies_chart.board_chart(
        proxies_chart.board_table(points, _summary(points), labels=LABELS), size_title="Width"
    )
    assert images(chart.to_dict())["png"][:4] == b"\x89PNG"
