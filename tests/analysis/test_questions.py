"""A question is a folder and a line of the registry: a toy one, from records to the report."""

import textwrap

import numpy as np

from memkit import analysis, charts, studies
from memkit.analysis import Question
from memkit.report import gather, page
from tests.analysis import recorded

FILES = {
    "__init__.py": """
        '''How many examples does every run answer correctly?'''
        """,
    "estimate.py": """
        from memkit import studies

        def analyze(study, outcomes):
            always = {o.point.name: o.correct.all(axis=0) for o in outcomes}
            for outcome in outcomes:
                arrays = {"always": always[outcome.point.name]}
                studies.write_arrays(study, "always_right", arrays, point=outcome.point)
            return {name: int(examples.sum()) for name, examples in always.items()}
        """,
    "section.py": """
        from memkit.report.blocks import Section, Table

        def section(content):
            rows = tuple((name, str(n)) for name, n in content.summary["always_right"].items())
            table = Table("Examples that every run answers correctly.", ("Point", "Examples"), rows)
            return Section(anchor="always-right", title="Always right", blocks=(table,))
        """,
}


def test_a_folder_and_a_line_add_a_question(tmp_path, make_config, tiny, monkeypatch):
    folder = tmp_path / "questions" / "always_right"
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(textwrap.dedent(text))
    monkeypatch.setattr(analysis, "__path__", [*analysis.__path__, str(folder.parent)])
    monkeypatch.setattr(analysis, "QUESTIONS", (*analysis.QUESTIONS, Question("always_right")))
    monkeypatch.setattr(charts, "images", lambda *spec: {"svg": b""})
    study = recorded.record(studies.open_or_create(tmp_path / "study", make_config(), tiny))
    timings = {"wall_seconds": 1.0, "runs_per_second": None}
    summary = analysis.estimate(study, timings=lambda: timings)
    for point in study.points:
        correct = analysis.read_outcomes(study, point).correct
        assert summary["always_right"][point.name] == np.count_nonzero(correct.all(axis=0))
        stored = studies.read_arrays(study, "always_right", point=point)["always"]
        np.testing.assert_array_equal(stored, correct.all(axis=0))
    html = page.render(gather.content(study))["index.html"].decode()
    assert '<section id="always-right">' in html and "every run answers correctly" in html


def test_questions_are_estimated_after_those_that_they_need(monkeypatch):
    names = analysis.estimated()
    assert names.index("influence") < names.index("removal")
    questions = (Question("b", needs=("a",)), Question("a"), Question("c", is_estimated=False))
    monkeypatch.setattr(analysis, "QUESTIONS", questions)
    assert analysis.estimated() == ("a", "b")
