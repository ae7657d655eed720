import json

import numpy as np
import pytest

from memkit import comparisons
from memkit.analysis.agreement import chart as agreement_chart
from memkit.analysis.distribution.estimate import BIN_EDGES, edges_of_scores
from memkit.charts import comparison, theme
from memkit.seeds import stream


def _scores(count=500):
    draw = stream(0, "tests/charts/comparison")
    first = draw.random(count)
    second = np.clip(first + 0.3 * draw.standard_normal(count), -1, 1)
    second[:3] = np.nan
    return first, second


def test_shares_of_each_score_sum_to_one_and_leave_out_nan():
    first, second = _scores()
    rows = comparison.histogram_table({"a": {"ours": first, "theirs": second}}, BIN_EDGES)
    for name, count in (("ours", 500), ("theirs", 497)):
        rows_of_score = [r for r in rows if r["name"] == name]
        assert sum(r["share"] for r in rows_of_score) == pytest.approx(1)
        assert sum(r["count"] for r in rows_of_score) == count
    bins = [[r["start"] for r in rows if r["name"] == name] for name in ("ours", "theirs")]
    assert bins[0] == bins[1]


def test_joint_cells_equal_a_slow_loop():
    first, second = _scores()
    rows = comparison.joint_table({"a": (first, second)})
    assert sum(r["count"] for r in rows) == 497
    row = max(rows, key=lambda r: r["count"])
    inside = [
        x
        for x, y in zip(first, second, strict=True)
        if row["x"] <= x < row["x_end"] and row["y"] <= y < row["y_end"]
    ]
    assert len(inside) == row["count"]


def test_means_on_an_edge_fall_into_the_bin_above():
    edge = 0.1 + 0.2 - 0.05  # 0.25, up to rounding
    rows = comparison.histogram_table({"a": {"ours": [edge - 1e-12, edge]}}, BIN_EDGES)
    assert [(r["start"], r["count"]) for r in rows if r["count"]] == [(0.25, 2)]


def test_cells_of_scores_of_few_runs_hold_as_many_values_each():
    values = np.arange(-12, 13) / 12
    first, second = (values.ravel() for values in np.meshgrid(values, values))
    edges = edges_of_scores(12)
    rows = comparison.joint_table({"a": (first, second)}, (edges, edges))
    assert len(rows) == 25**2 and {r["count"] for r in rows} == {1}
    rows = comparison.joint_table({"a": (first, second)}, (edges, None))
    assert {(r["x"], r["x_end"]) for r in rows} == set(zip(edges, edges[1:])) and len(rows) > 25


def test_undefined_scores_give_no_rows():
    nothing = np.full(3, np.nan)
    assert comparison.joint_table({"a": (nothing, nothing)}) == []
    assert comparison.histogram_table({"a": {"ours": nothing}}, BIN_EDGES) == []


def _curves():
    first, second = _scores()
    curves = [
        comparisons.threshold_curves(first, second),
        comparisons.threshold_curves(first, first),
    ]
    stacked = {key: [getattr(curve, key) for curve in curves] for key in vars(curves[0])}
    rows = agreement_chart.curve_table([("a and b", "a"), ("a and a", "b")], stacked)
    return rows, curves


def test_curve_rows_hold_the_values_of_the_curves():
    rows, curves = _curves()
    assert len(rows) == 2 * 2 * len(comparisons.THRESHOLDS)
    result = [r["value"] for r in rows if (r["line"], r["quantity"]) == ("a and b", "jaccard")]
    assert result == list(curves[0].jaccard)


def _charts():
    first, second = _scores()
    for panels in (["a"], list("abcd")):
        scores = {name: {"ours": first, "theirs": second} for name in panels}
        rows = comparison.histogram_table(scores, BIN_EDGES)
        yield comparison.histogram_chart(rows, title="Memorization")
        rows = comparison.joint_table(dict.fromkeys(panels, (first, second)))
        yield comparison.joint_chart(rows, first="ours", second="theirs")
    rows, _ = _curves()
    yield agreement_chart.curve_chart(rows, group_title="Point", difference_title="Difference")


def test_charts_are_valid_vega_lite_with_few_rows():
    for chart in _charts():
        spec = chart.to_dict()
        json.dumps(spec, allow_nan=False)
        assert len(spec["description"]) > 40
        assert 20 < len(_rows(spec)) <= theme.ROW_LIMIT


def _rows(part):
    if isinstance(part, dict) and "values" in part and isinstance(part["values"], list):
        return [row for row in part["values"] if isinstance(row, dict)]
    parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return [row for entry in parts for row in _rows(entry)]
