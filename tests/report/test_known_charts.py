import importlib

import altair as alt
import pytest

from memkit.errors import InputError
from memkit.report import chart_files, known_charts
from memkit.report.blocks import Figure
from tests.charts.test_every_chart import CHARTS
from tests.docs import pages


def test_every_chart_of_a_study_is_known(content):
    names = chart_files.of_study(content)
    assert names
    assert [name for name in names if known_charts.known(name) is None] == []


def test_every_known_chart_has_its_two_functions_with_docstrings():
    for name, entry in known_charts.KNOWN.items():
        module = importlib.import_module(f"memkit.analysis.{entry.module}")
        for kind in ("table", "chart"):
            assert getattr(module, entry.prefix + kind).__doc__, name


def test_every_chart_function_of_a_question_belongs_to_a_known_chart():
    functions = {f"{e.module}.{e.prefix}chart" for e in known_charts.KNOWN.values()}
    assert functions == {name for name in CHARTS if not name.startswith("charts.")}


def test_every_known_chart_is_explained():
    text = (pages.ROOT / "docs/reading.md").read_text()
    for name in known_charts.KNOWN:
        assert f"`{name}`" in text or f"`{name}<" in text, name


def test_charts_of_a_family_are_suggested_only_if_the_study_has_one():
    charts = {name: Figure(name, "", alt.Chart) for name in ("removal_one_hot", "accuracy")}
    with pytest.raises(InputError, match="did you mean 'removal_one_hot'"):
        known_charts.chosen(charts, "removal_onehot", argument="name")
    others = {"accuracy": charts["accuracy"]}
    with pytest.raises(InputError, match="received removal_onehot, which needs the runs of"):
        known_charts.chosen(others, "removal_onehot", argument="name")
    chart = known_charts.chosen(charts, "accuracy", argument="name")
    assert isinstance(chart, alt.Chart) and chart is charts["accuracy"].chart
