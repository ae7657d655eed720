"""Sections of the report: those of every question, and those about the study as a whole."""

import importlib
from collections.abc import Sequence

from memkit import analysis
from memkit.report.blocks import Section
from memkit.report.content import Content

# Modules of this package with `section(content)`, before and after those of the questions.
FIRST = ("headline", "explore", "study")
LAST = ("reliability", "reproduce", "reading")


def sections(content: Content) -> list[Section]:
    """Returns the sections of a report, in its order."""
    first, last = ([f"{__name__}.{name}" for name in names] for names in (FIRST, LAST))
    return [*_built(content, first), *of_questions(content), *_built(content, last)]


def of_questions(content: Content) -> list[Section]:
    """Returns the sections of the questions, which hold all charts that have a name."""
    names = [f"memkit.analysis.{question.name}.section" for question in analysis.QUESTIONS]
    return _built(content, names)


def _built(content: Content, modules: Sequence[str]) -> list[Section]:
    return [importlib.import_module(name).section(content) for name in modules]
