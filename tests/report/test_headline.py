import dataclasses
import math

import pytest

from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.planted.result import Planted
from memkit.analysis.trajectories.chart import middle_alpha
from memkit.report import formatting
from memkit.report.blocks import Definitions
from memkit.report.sections import headline
from memkit.report.sections import study as study_section
from tests import simulated
from tests.numbers import number

PLACES = ("width 1", "width 2", "width 4")


@pytest.mark.parametrize(
    ("values", "start"),
    [
        ((0.1, 0.5, 0.9), "rises from 0.10 ± 0.02 at width 1 to 0.90 ± 0.02 at width 4"),
        ((0.9, 0.5, 0.1), "falls from 0.90 ± 0.02 at width 1 to 0.10 ± 0.02 at width 4"),
        (
            (0.1, 0.5, 0.2),
            "rises from 0.10 ± 0.02 at width 1 to 0.50 ± 0.02 at width 2, then falls to "
            "0.20 ± 0.02 at width 4",
        ),
        (
            (0.5, 0.1, 0.4),
            "falls from 0.50 ± 0.02 at width 1 to 0.10 ± 0.02 at width 2, then rises to "
            "0.40 ± 0.02 at width 4",
        ),
        ((0.5, 0.51, 0.505), "does not clearly change"),
        ((math.nan, 0.2, math.nan), "is 0.20 ± 0.02 at width 2"),
        ((math.nan, math.nan, math.nan), "is not available"),
    ],
)
def test_trend_is_worded_by_the_numbers(values, start):
    estimates = [number(value, 0.02) for value in values]
    assert formatting.trend(estimates, PLACES).startswith(start)


def test_a_peak_within_the_noise_is_not_reported():
    noisy, precise = (
        [number(value, margin) for value in (0.1, 0.5, 0.48)] for margin in (0.04, 0.002)
    )
    text = formatting.trend(noisy, PLACES)
    assert text.startswith("rises from 0.10 ± 0.04 at width 1 to 0.48")
    assert "then falls" in formatting.trend(precise, PLACES)


@pytest.mark.parametrize(
    ("value", "margin", "text"),
    [
        (0.934, 0.02, "0.93 ± 0.02"),
        (0.9344, 0.002, "0.934 ± 0.002"),
        (0.5, None, "0.50"),
        (0.5, float("nan"), "0.50"),
        (None, 0.1, "not available"),
        (float("nan"), 0.1, "not available"),
        (-0.001, 0.02, "0.00 ± 0.02"),
        (0.0123, 0.0087, "0.012 ± 0.009"),
        (-0.05, 0.02, "-0.050 ± 0.020"),
        (0.0021, 0.0019, "0.0021 ± 0.0019"),
        (0.9998, 0.0002, "> 0.999"),
        (1.0, 0.0, "1.000"),
        (0.0002, 0.0001, "< 0.001"),
        (-0.0002, 0.0001, "> -0.001"),
        (0.53121, 0.0002, "0.531"),
        (-0.001, None, "0.00"),
    ],
)
def test_number_text(value, margin, text):
    assert formatting.number(value, margin) == text


@pytest.mark.parametrize(
    ("value", "margin", "text"),
    [
        (0.123, 0.008, "12.3% ± 0.8%"),
        (0.123, None, "12.3%"),
        (0.9999, 0.0001, "> 99.9%"),
        (0.0002, 0.0001, "< 0.1%"),
        (1.0, 0.0, "100.0%"),
        (0.5, 0.0001, "50.0%"),
    ],
)
def test_percent_text(value, margin, text):
    assert formatting.percent(value, margin) == text


def test_headline_quotes_the_numbers_of_the_summary(content):
    result = dict(headline.findings(content))
    planted = [point.means.memorization for point in content.results[Planted].points.values()]
    for estimate, size in ((planted[0], "width 1"), (planted[-1], "width 16")):
        assert f"{formatting.estimate(estimate)} at {size}" in result["Planted labels"]
    assert "the 6 labels that were flipped on purpose rises" in result["Planted labels"]
    assert set(result) == {
        "Planted labels",
        "Clean examples",
        "Detection",
        "Accuracy",
        "Spread",
        "Reliability",
        "Trajectories",
    }


def test_better_detector_is_named_only_where_the_difference_is_clear(content):
    planted = content.results[Planted].points

    def detection(margin):
        changed = dataclasses.replace(
            planted["one_hot-width16"],
            auroc=number(0.9, margin),
            auroc_out_prob=number(0.99, 0.02),
        )
        result = Planted({**planted, "one_hot-width16": changed})
        return dict(headline.findings(simulated.with_results(content, result)))["Detection"]

    assert "the second is the better" in detection(0.02)
    assert "better" not in detection(0.2)


def test_failed_runs_are_a_caution(content):
    changed = simulated.with_point(content, 0, diverged=2, collapsed=1)
    result = dict(headline.findings(changed))
    assert result["Caution"].startswith("2 runs diverged, left out; 1 collapsed")


def test_a_point_of_several_devices_is_a_caution_on_the_first_screen(content):
    text = "mixes devices, which round differently: 12 runs on CPU, 8 runs on NVIDIA H100"
    training = dataclasses.replace(content.summary.training, mixed={"one_hot-width1": text})
    summary = dataclasses.replace(content.summary, training=training)
    changed = dataclasses.replace(content, summary=summary)
    assert dict(headline.findings(changed))["Caution"] == f"one_hot-width1 {text}."
    assert ("Caution", f"one_hot-width1 {text}.") in [
        entry
        for block in headline.section(changed).blocks
        if isinstance(block, Definitions)
        for entry in block.entries
    ]


def test_points_with_outlying_runs_get_a_caution_and_are_in_the_table_of_runs(content):
    assert "Caution" not in dict(headline.findings(content))
    accuracy = content.results[Accuracy]
    first = dataclasses.replace(accuracy.points["one_hot-width1"], outlying_runs=(3, 17))
    points = {**accuracy.points, "one_hot-width1": first}
    changed = simulated.with_results(content, dataclasses.replace(accuracy, points=points))
    changed = simulated.with_point(changed, 0, num_runs=40)
    text = dict(headline.findings(changed))["Caution"]
    assert text.startswith("one_hot-width1: the accuracy of 2 of 40 runs (3, 17)")
    assert "less often than 95%" in text
    table = study_section.runs(changed)
    assert [row[table.columns.index("Outlying")] for row in table.rows][:2] == ["2", "0"]


def test_middle_alpha_is_the_median_value():
    assert middle_alpha([0.3, 0.1, 0.2]) == 0.2
    assert middle_alpha({0.2: 0}) == 0.2


def test_labels_of_a_file_are_not_called_flipped_on_purpose(content):
    config = {**content.config, "labels": {"file": "labels.csv"}}
    result = dict(headline.findings(dataclasses.replace(content, config=config)))
    assert "labels that differ from those of the data set" in result["Planted labels"]
