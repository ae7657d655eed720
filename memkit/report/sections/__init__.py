"""Sections of the report: those of every question, and those about the study as a whole."""

import importlib

from memkit import analysis
from memkit.report.blocks import Section
from memkit.report.content import Content

# Modules of this package with `section(content)`, before and after those of the questions.
FIRST = ("headline", "explore", "study")
LAST = ("reliability", "reproduce", "reading")


def sections(content: Content) -> list[Section]:
    """Returns the sections of a report, in its order."""
    first, last = ([f"{__name__}.{name}" for name in names] for names in (FIRST, LAST))
    questions = [f"memkit.analysis.{question.name}.section" for question in analysis.QUESTIONS]
    modules = [importlib.import_module(name) for name in (*first, *questions, *last)]
    return [module.section(content) for module in modules]
