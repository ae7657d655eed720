import numpy as np
import pytest

from memkit import comparisons, studies
from memkit.analysis.agreement import section as agreement_section
from memkit.analysis.agreement.result import Agreement, PairAgreement
from memkit.report import content as contents
from memkit.seeds import stream
from tests import simulated
from tests.numbers import number


def _pair(outcome, members, first, second):
    return PairAgreement(
        series=members[first].series,
        outcome=outcome,
        first=members[first].name,
        second=members[second].name,
        steps=second - first,
        num_runs=12,
        num_examples=50,
        spearman=number(0.5, 0.02),
        pearson=0.5,
        mean_difference=number(0.5, 0.02),
        mean_absolute_difference=0.5,
        ceiling=0.5,
        halves=comparisons.CrossHalf(first=-0.1, second=0.5, across=0.5, corrected=np.nan),
        jaccard=number(0.5, 0.02),
    )


def _with_pairs(content):
    pairs = tuple(
        _pair(outcome, members, first, second)
        for outcome in studies.OUTCOMES
        for members in contents.series(content).values()
        for second in range(len(members))
        for first in range(second)
    )
    draw = stream(0, "tests/report/agreement")
    curves = [comparisons.threshold_curves(*draw.random((2, 50))) for _ in pairs]
    arrays = {k: np.stack([getattr(c, k) for c in curves]) for k in vars(curves[0])}
    return simulated.with_results(content, Agreement(0.25, pairs, arrays)), curves


def test_every_two_sizes_have_a_row_and_each_series_a_figure(make_content):
    content, _ = _with_pairs(make_content(sizes=(1, 2, 4), series=("one_hot", "distilled")))
    section = agreement_section.section(content)
    assert section.empty == ""
    assert list(section.figures) == ["agreement_one_hot", "agreement_distilled"]
    assert [len(table.rows) for table in section.tables] == [6, 6]
    assert section.tables[0].rows[0][:5] == (
        "width 1 and width 2",
        "one_hot",
        "12",
        "0.50 ± 0.02",
        "0.50",
    )
    assert section.tables[0].rows[0][6] == "–"


def test_lines_compare_each_size_with_the_last(make_content):
    content, curves = _with_pairs(make_content(sizes=(1, 2, 4)))
    figure = agreement_section.section(content).figures["agreement_one_hot"]
    rows = [r for part in figure.chart.vconcat for r in part.to_dict()["data"]["values"]]
    assert {r["group"] for r in rows} == {"width 1", "width 2"}
    result = [r["value"] for r in rows if r["group"] == "width 2" and r["quantity"] == "jaccard"]
    indices = [
        index
        for index, pair in enumerate(content.results[Agreement].pairs)
        if (pair.outcome, pair.steps) == ("correct", 1)
    ]
    assert result == pytest.approx(list(curves[indices[1]].jaccard))


def test_a_study_of_one_size_says_what_fills_the_section(make_content):
    assert "axis.values" in agreement_section.section(make_content(sizes=(4,))).empty
