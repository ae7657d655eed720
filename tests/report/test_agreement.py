import dataclasses

import numpy as np
import pytest

from memkit import comparisons
from memkit.analysis.agreement import section as agreement_section
from memkit.seeds import stream

_KEYS = ("spearman", "ceiling", "half_across", "corrected", "jaccard", "mean_difference")


def _with_pairs(content):
    points = content.summary["points"]
    pairs = [
        {
            "first": a["name"],
            "second": b["name"],
            "series": a["series"],
            "outcome": outcome,
            "steps": places[1] - places[0],
            "num_runs": 12,
            **dict.fromkeys(_KEYS, 0.5),
            **{f"{key}_margin": 0.02 for key in ("spearman", "jaccard", "mean_difference")},
            "corrected": None,
        }
        for outcome in ("correct", "prob")
        for series in dict.fromkeys(p["series"] for p in points)
        for members in [[p for p in points if p["series"] == series]]
        for places in [(i, j) for j in range(len(members)) for i in range(j)]
        for a, b in [(members[places[0]], members[places[1]])]
    ]
    draw = stream(0, "tests/report/agreement")
    curves = [comparisons.threshold_curves(*draw.random((2, 50))) for _ in pairs]
    arrays = {k: np.stack([getattr(c, k) for c in curves]) for k in vars(curves[0])}
    return dataclasses.replace(
        content,
        summary=content.summary | {"agreement": {"threshold": 0.25, "pairs": pairs}},
        arrays=content.arrays | {"agreement": arrays},
    ), curves


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
    places = [
        place
        for place, row in enumerate(content.summary["agreement"]["pairs"])
        if (row["outcome"], row["steps"]) == ("correct", 1)
    ]
    assert result == pytest.approx(list(curves[places[1]].jaccard))


def test_a_study_of_one_size_says_what_fills_the_section(make_content):
    content = make_content(sizes=(4,))
    empty = {"threshold": 0.25, "pairs": []}
    content = dataclasses.replace(content, summary=content.summary | {"agreement": empty})
    assert "axis.values" in agreement_section.section(content).empty
