"""Sections of the report: those of every question, and those about the study as a whole."""

import dataclasses
import importlib
from collections.abc import Sequence

from memkit import analysis
from memkit.analysis.audit import section as audit_section
from memkit.report.blocks import Definitions, Section
from memkit.report.content import Content
from memkit.report.sections import study

# Modules of this package with `section(content)`, before and after those of the questions.
FIRST = ("headline",)
LAST = ("explore", "study", "reliability", "reproduce")


def sections(content: Content) -> list[Section]:
    """Returns the sections of a report that have something to show, in its order.

    The audit of a study of one point comes first, because there is no size to compare with.
    """
    first, last = ([f"{__name__}.{name}" for name in names] for names in (FIRST, LAST))
    questions = of_questions(content)
    if content.summary.axis is None:
        questions.sort(key=lambda section: section.anchor != audit_section.ANCHOR)
    built = [*_built(content, first), *questions, *_built(content, last)]
    return [_with_absent(section, built) for section in built if not section.empty]


def _with_absent(section: Section, built: Sequence[Section]) -> Section:
    """Adds what the report lacks, and what would fill it, to the section on what was run."""
    absent = tuple((f"No section “{each.title}”", each.empty) for each in built if each.empty)
    if section.anchor != study.ANCHOR or not absent:
        return section
    return dataclasses.replace(section, details=(*section.details, Definitions(absent)))


def of_questions(content: Content) -> list[Section]:
    """Returns the sections of the questions, which hold all charts that have a name."""
    names = [f"memkit.analysis.{question.name}.section" for question in analysis.QUESTIONS]
    return _built(content, names)


def _built(content: Content, modules: Sequence[str]) -> list[Section]:
    return [importlib.import_module(name).section(content) for name in modules]
