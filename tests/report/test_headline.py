import copy
import dataclasses

import pytest

from memkit.analysis.trajectories.chart import middle_alpha
from memkit.report import formatting
from memkit.report.sections import headline
from memkit.report.sections import study as study_section

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
        ((None, 0.2, float("nan")), "is 0.20 ± 0.02 at width 2"),
        ((None, None, None), "is not available"),
    ],
)
def test_trend_is_worded_by_the_numbers(values, start):
    assert formatting.trend(values, (0.02,) * 3, PLACES).startswith(start)


def test_a_peak_within_the_noise_is_not_reported():
    values = (0.1, 0.5, 0.48)
    assert formatting.trend(values, (0.04,) * 3, PLACES).startswith(
        "rises from 0.10 ± 0.04 at width 1 to 0.48"
    )
    assert "then falls" in formatting.trend(values, (0.002,) * 3, PLACES)


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
        (-0.001, None, "0.00"),
    ],
)
def test_number_text(value, margin, text):
    assert formatting.number(value, margin) == text


def test_headline_quotes_the_numbers_of_the_summary(content):
    result = dict(headline.findings(content))
    planted = [p["planted"]["mean_memorization"] for p in content.summary["points"]]
    assert f"{planted[0]:.2f} ± 0.01 at width 1" in result["Planted labels"]
    assert f"{planted[-1]:.2f} ± 0.01 at width 16" in result["Planted labels"]
    assert "6 labels flipped on purpose rises" in result["Planted labels"]
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
    summary = copy.deepcopy(content.summary)
    part = summary["points"][-1]["planted"]
    changed = dataclasses.replace(content, summary=summary)
    part |= {
        "auroc": 0.9,
        "auroc_out_prob": 0.99,
        "auroc_margin": 0.02,
        "auroc_out_prob_margin": 0.02,
    }
    assert "the second is the better" in dict(headline.findings(changed))["Detection"]
    part |= {"auroc_margin": 0.2}
    assert "better" not in dict(headline.findings(changed))["Detection"]


def test_failed_runs_are_a_caution(content):
    summary = copy.deepcopy(content.summary)
    summary["points"][0] |= {"diverged": 2, "collapsed": 1}
    result = dict(headline.findings(dataclasses.replace(content, summary=summary)))
    assert result["Caution"].startswith("2 runs diverged and are left out, 1 collapsed")


def test_points_with_outlying_runs_get_a_caution_and_are_in_the_table_of_runs(content):
    assert "Caution" not in dict(headline.findings(content))
    summary = copy.deepcopy(content.summary)
    summary["points"][0] |= {"outlying_runs": [3, 17], "num_runs": 40}
    changed = dataclasses.replace(content, summary=summary)
    text = dict(headline.findings(changed))["Caution"]
    assert text.startswith(f"{summary['points'][0]['name']}: the accuracy of 2 of 40 runs (3, 17)")
    assert "less often than 95%" in text
    table = study_section.runs(changed)
    assert [row[table.columns.index("Outlying")] for row in table.rows][:2] == ["2", "0"]


def test_middle_alpha_is_the_median_value():
    assert middle_alpha({"0.3": 0, "0.1": 0, "0.2": 0}) == "0.2"
    assert middle_alpha({0.2: 0}) == 0.2


def test_words_between_backticks_become_code_and_markup_stays_text():
    result = formatting.coded('run `memkit audit --top="<3>"` or `x`; 5 > 4')
    expected = "run <code>memkit audit --top=&#34;&lt;3&gt;&#34;</code> or <code>x</code>; 5 &gt; 4"
    assert result == expected
