import re

import altair as alt
import pytest

from memkit import charts
from memkit.analysis.training_curves import chart as curves_chart
from memkit.errors import InputError
from memkit.report import chart_files, sections
from memkit.report.blocks import Figure


@pytest.fixture
def unplanted(make_content):
    """A study without planted labels: one chart has no numbers."""
    return make_content(sizes=(1, 4), planted=0)


def test_every_chart_is_of_the_report_or_of_a_section_of_it(content):
    result = sections.sections(content)
    drawn = chart_files.of_study(content)
    shown = {name for section in result for name in section.figures}
    # The first screen shows a part of another chart; charts without numbers have no section.
    assert shown - {"overview"} <= set(drawn)
    assert {name for name, figure in drawn.items() if figure.drawing} <= shown
    assert all(figure.name == name for name, figure in drawn.items())


def test_means_are_split_only_if_labels_were_planted(content, unplanted):
    def groups(some):
        spec = chart_files.of_study(some)["mean_memorization"].chart.to_dict()
        return set(re.findall(r"'group': '([^']+)'", str(spec)))

    assert groups(content) == {"clean labels", "planted labels"}
    assert groups(unplanted) == {"all examples"}


def test_a_chart_without_numbers_is_listed_and_rendering_it_says_what_it_needs(unplanted):
    present, absent = chart_files.listing(unplanted).split("\n\n")
    assert "planted_detection" not in present and "planted_detection" in absent
    with pytest.raises(InputError, match="received planted_detection, which needs planted"):
        chart_files.render(unplanted, ["planted_detection"])


def test_each_chart_is_rendered_once_however_often_it_is_named(content, monkeypatch):
    monkeypatch.setattr(charts, "images", lambda chart, formats, width: dict.fromkeys(formats, b""))
    result = chart_files.render(content, ["accuracy", "accuracy"], ("png", "pdf"))
    assert list(result) == ["accuracy.png", "accuracy.pdf"]
    drawn = chart_files.of_study(content)
    names = [name for name, figure in drawn.items() if figure.chart]
    assert list(chart_files.render(content, (), ("svg",))) == [f"{name}.svg" for name in names]


def test_one_chart_draws_no_other(content, monkeypatch):
    def fail(*_, **__):
        raise AssertionError("another chart is drawn")

    monkeypatch.setattr(curves_chart, "chart", fail)
    assert list(chart_files.render(content, ["accuracy"], ("svg",))) == ["accuracy.svg"]
    assert "training_curves" in chart_files.listing(content)
    with pytest.raises(AssertionError, match="another chart is drawn"):
        chart_files.render(content, ["training_curves"], ("svg",))


def test_a_chart_is_drawn_once():
    drawn = []
    figure = Figure("one", "A chart.", lambda: drawn.append(alt.Chart()) or drawn[-1])
    assert not drawn
    assert figure.chart is figure.chart is drawn[0] and len(drawn) == 1
    assert Figure("none", "A reason.").chart is None
