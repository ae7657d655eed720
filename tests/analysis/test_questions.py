"""A question is a folder and a line of the registry: a toy one, from records to the report."""

import importlib
import json
import textwrap

import numpy as np
import pytest

from memkit import analysis, charts, studies
from memkit.analysis import Question, Timing
from memkit.analysis.influence.result import Influence
from memkit.analysis.removal.result import Removal
from memkit.report import gather, page
from tests.analysis import recorded

FILES = {
    "__init__.py": """
        '''How many examples does every run answer correctly?'''
        """,
    "result.py": """
        import dataclasses
        from collections.abc import Mapping

        from memkit.analysis.results import point_arrays
        from memkit.typing import Array

        @dataclasses.dataclass(frozen=True, eq=False)
        class AlwaysRight:
            counts: Mapping[str, int]
            arrays: Mapping[str, Mapping[str, Array]] = point_arrays()
        """,
    "estimate.py": """
        from memkit.analysis.always_right.result import AlwaysRight

        def analyze(study, outcomes, results):
            always = {o.point.name: o.correct.all(axis=0) for o in outcomes}
            return AlwaysRight(
                counts={name: int(examples.sum()) for name, examples in always.items()},
                arrays={name: {"always": examples} for name, examples in always.items()},
            )
        """,
    "section.py": """
        from memkit.analysis.always_right.result import AlwaysRight
        from memkit.report.blocks import Section, Table

        def section(content):
            counts = content.results[AlwaysRight].counts
            rows = tuple((name, str(count)) for name, count in counts.items())
            table = Table("Examples that every run answers correctly.", ("Point", "Examples"), rows)
            return Section(anchor="always-right", title="Always right", blocks=(table,))
        """,
}


@pytest.fixture
def always_right(tmp_path, monkeypatch):
    """The type of the result of a question that is not part of memkit."""
    folder = tmp_path / "questions" / "always_right"
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(textwrap.dedent(text))
    monkeypatch.setattr(analysis, "__path__", [*analysis.__path__, str(folder.parent)])
    result = importlib.import_module("memkit.analysis.always_right.result").AlwaysRight
    question = Question("always_right", result)
    monkeypatch.setattr(analysis, "QUESTIONS", (*analysis.QUESTIONS, question))
    return result


def test_a_folder_and_a_line_add_a_question(
    tmp_path, make_config, tiny, monkeypatch, always_right, few_splits
):
    monkeypatch.setattr(charts, "images", lambda *spec: {"svg": b""})
    study = recorded.record(studies.open_or_create(tmp_path / "study", make_config(), tiny))
    analysis.estimate(study, timing=lambda: Timing(wall_seconds=1.0))
    result = analysis.read(study).results[always_right]
    stored = json.loads((study.workdir / "summary.json").read_text())
    assert stored["always_right"] == {"counts": result.counts}
    for point in study.points:
        correct = analysis.read_outcomes(study, point).correct
        np.testing.assert_array_equal(result.arrays[point.name]["always"], correct.all(axis=0))
        assert result.counts[point.name] == np.count_nonzero(correct.all(axis=0))
    html = page.render(gather.content(study))["index.html"].decode()
    assert '<section id="always-right">' in html and "every run answers correctly" in html


def test_questions_are_estimated_after_those_that_they_need(monkeypatch):
    results = [question.result for question in analysis.in_order()]
    assert results.index(Influence) < results.index(Removal)
    questions = (Question("b", str, needs=(int,)), Question("a", int))
    monkeypatch.setattr(analysis, "QUESTIONS", questions)
    assert [question.name for question in analysis.in_order()] == ["a", "b"]
