import dataclasses
import json
import re

import numpy as np
import pytest

from memkit.analysis.accuracy import chart as accuracy_chart
from memkit.analysis.distribution import chart as histograms_chart
from memkit.analysis.distribution import means_chart
from memkit.analysis.distribution.estimate import histograms
from memkit.analysis.planted import chart as planted_chart
from memkit.analysis.training_curves import chart as curves_chart
from memkit.analysis.training_curves.estimate import curves
from memkit.analysis.trajectories import chart as trajectories_chart
from memkit.analysis.trajectories.result import ClassShares
from memkit.charts import lines, theme
from memkit.seeds import stream
from tests.charts.results import ACCURACY, MEANS, PLANTED, each
from tests.numbers import UNDEFINED, number

POINT = lines.Sized("one_hot-1", "one_hot", 1)


def test_interval_is_clipped_to_the_possible_range():
    row = lines.row(POINT, "test", number(0.5, 0.1), bounds=(0, 1))
    assert (row["lower"], row["upper"]) == pytest.approx((0.4, 0.6))
    row = lines.row(POINT, "test", number(0.95, 0.1), bounds=(0, 1))
    assert (row["lower"], row["upper"]) == pytest.approx((0.85, 1.0))


def test_an_undefined_estimate_is_nan_not_zero():
    row = lines.row(POINT, "test", UNDEFINED, bounds=(0, 1))
    assert np.isnan([row["value"], row["lower"], row["upper"]]).all()
    assert lines.defined([row]) == []


def test_a_missing_axis_value_replaces_all_sizes_by_names(make_points):
    points = make_points((1, 2))
    assert lines.sized(points) == [
        lines.Sized("one_hot-1", "one_hot", 1),
        lines.Sized("one_hot-2", "one_hot", 2),
    ]
    points[1] = dataclasses.replace(points[1], axis_value=None)
    assert lines.sized(points) == [
        lines.Sized("one_hot-1", "all", "one_hot-1"),
        lines.Sized("one_hot-2", "all", "one_hot-2"),
    ]


@pytest.mark.parametrize(("value", "joined"), [(2, True), (None, False)])
def test_points_without_an_axis_are_not_joined_by_lines(make_points, value, joined):
    points = make_points((1, 2))
    points[1] = dataclasses.replace(points[1], axis_value=value)
    means = means_chart.table(points, {"all examples": each(points, MEANS)})
    accuracy = accuracy_chart.table(points, each(points, ACCURACY))
    for chart in (
        accuracy_chart.chart(accuracy, size_title="Point"),
        *means_chart.chart(means, size_title="Point").vconcat,
    ):
        marks = set(re.findall(r'"mark": {"type": "(\w+)"', json.dumps(chart.to_dict())))
        assert marks == {"rule", "point"} | ({"line", "area"} if joined else set())


def test_accuracy_rows_have_each_number_once(make_points):
    points = make_points((1, 2))
    better = dataclasses.replace(ACCURACY, test=number(0.75))
    rows = accuracy_chart.table(points, {"one_hot-1": ACCURACY, "one_hot-2": better})
    assert len(rows) == 6
    assert [r["value"] for r in rows if r["quantity"] == "test"] == [0.5, 0.75]


def test_means_have_rows_of_every_group(make_points):
    points = make_points((1, 2))
    planted = each(points, MEANS)
    planted["one_hot-1"] = dataclasses.replace(MEANS, in_mean=number(0.9))
    groups = {"clean labels": each(points, MEANS), "planted labels": planted}
    rows = means_chart.table(points, groups)
    assert {r["group"] for r in rows} == {"clean labels", "planted labels"}
    assert [r["value"] for r in rows if r["quantity"] == "in-sample"] == [0.5, 0.9, 0.5, 0.5]


def test_detection_has_no_rows_without_planted_labels(make_points):
    points = make_points((1, 2))
    assert planted_chart.table(points, {}) == []
    assert len(planted_chart.table(points, each(points, PLANTED))) == 4


def test_curve_rows_equal_mean_and_quantiles_of_the_runs(make_points):
    curve = stream(0, "tests/curves").random((11, 4, 3))
    rows = curves_chart.table(make_points((1,)), {"one_hot-1": curves(curve)})
    row = next(r for r in rows if r["quantity"] == "accuracy" and r["epoch"] == 3)
    values = np.sort(curve[:, 2, 1])
    assert row["value"] == pytest.approx(sum(values) / 11)
    assert (row["lower"], row["upper"]) == pytest.approx((values[1], values[9]))


def test_curves_ignore_undefined_epochs_and_points_without_runs(make_points):
    curve = np.ones((2, 3, 3))
    curve[0, 1] = np.nan
    curve[:, 2] = np.nan
    rows = curves_chart.table(make_points((1, 2, 4)), {"one_hot-1": curves(curve)})
    assert {r["name"] for r in rows} == {"one_hot-1"}
    assert [r["value"] for r in rows if r["quantity"] == "loss"][:2] == [1.0, 1.0]
    assert np.isnan([r["value"] for r in rows if r["quantity"] == "loss"][2])


@pytest.mark.parametrize("num_points", [1, 11, 60])
def test_long_curves_stay_below_the_row_limit_and_keep_both_ends(make_points, num_points):
    points = make_points(tuple(range(1, num_points + 1)))
    rows = curves_chart.table(points, each(points, curves(np.ones((2, 400, 3)))))
    assert len(rows) <= theme.ROW_LIMIT
    epochs = {r["epoch"] for r in rows}
    assert {1, 400} <= epochs
    assert {1, 400} <= {r["epoch"] for r in rows if r["marked"]}


def _histogram(make_points, value, *, planted=None, sizes=(1,)):
    """Returns the rows of the histograms of one draw of memorization at the first size."""
    planted = np.zeros(len(value), bool) if planted is None else planted
    return histograms_chart.table(
        make_points(sizes), {"one_hot-1": histograms(value[None], planted)}
    )


def test_histogram_equals_counting_by_hand(make_points):
    value = np.array([-1.0, 0.0, 0.01, 0.3, 0.96, 1.0, np.nan])
    rows = _histogram(make_points, value)
    result = {(r["start"], r["end"]): r["share"] for r in rows}
    assert result == pytest.approx(
        {(-1.0, -0.95): 1 / 6, (0.0, 0.05): 2 / 6, (0.3, 0.35): 1 / 6, (0.95, 1.0): 2 / 6}
    )


def test_rounding_moves_no_difference_of_means_below_its_bin(make_points):
    value = np.array([0.7 - 0.4, 0.15 + 0.15, 0.9 - 0.6])
    rows = _histogram(make_points, value)
    assert [(r["start"], r["count"]) for r in rows] == [(0.3, 3)]


def test_histogram_shares_are_relative_to_each_group(make_points):
    value = np.array([0.0, 0.0, 0.5, 0.5, 1.0])
    planted = np.array([False, False, False, True, True])
    rows = _histogram(make_points, value, planted=planted)
    result = {(r["group"], r["start"]): r["share"] for r in rows}
    assert result == pytest.approx(
        {
            ("clean", 0.0): 2 / 3,
            ("clean", 0.5): 1 / 3,
            ("planted", 0.5): 1 / 2,
            ("planted", 0.95): 1 / 2,
        }
    )


def test_histogram_of_an_undefined_or_absent_point_has_no_rows(make_points):
    assert _histogram(make_points, np.full(5, np.nan), sizes=(1, 2)) == []


def _shares(constant, cap_shaped):
    return {"constant": constant, "cap_shaped": cap_shaped}


def test_class_shares_have_null_shares_and_are_sorted_by_alpha():
    by_alpha = {
        0.3: ClassShares(
            shares=_shares(0.9, 0.1),
            stderr=_shares(0.05, 0.05),
            margin=_shares(0.1, 0.1),
            null=_shares(0.97, 0.03),
            nonconstant={},
        ),
        0.1: ClassShares(
            shares=_shares(0.6, np.nan),
            stderr=_shares(0.05, np.nan),
            margin=_shares(0.1, np.nan),
            null={"constant": 0.95},
            nonconstant={},
        ),
    }
    rows = trajectories_chart.table({"one_hot": by_alpha})
    assert [(r["alpha"], r["class"]) for r in rows] == [
        ("alpha = 0.1", "constant"),
        ("alpha = 0.1", "cap-shaped"),
        ("alpha = 0.3", "constant"),
        ("alpha = 0.3", "cap-shaped"),
    ]
    assert [r["null"] for r in rows] == pytest.approx([0.95, np.nan, 0.97, 0.03], nan_ok=True)
    assert [r["share"] for r in rows] == pytest.approx([0.6, np.nan, 0.9, 0.1], nan_ok=True)
    assert [r["lower"] for r in rows] == pytest.approx([0.5, np.nan, 0.8, 0], nan_ok=True)
    assert [r["upper"] for r in rows] == pytest.approx([0.7, np.nan, 1, 0.2], nan_ok=True)


def test_mean_trajectory_per_class_leaves_out_undefined_examples():
    values = np.array([[0.0, 0.2], [0.2, 0.8], [0.5, 0.5], [0.4, np.nan]])
    classes = ["increasing", "increasing", "constant", "increasing"]
    rows = trajectories_chart.mean_table(values, classes, series="one_hot", sizes=[1, 2])
    result = {(r["quantity"], r["size"]): r["value"] for r in rows}
    assert result == pytest.approx(
        {("increasing", 1): 0.1, ("increasing", 2): 0.5, ("constant", 1): 0.5, ("constant", 2): 0.5}
    )
    assert {r["panel"] for r in rows} == {"constant (1)", "increasing (2)"}
