"""Sections of the report, one module each: what an analysis found, in words, charts and tables."""

import dataclasses
import importlib

from markupsafe import Markup

# Modules with `section(content)`, in the order of the report.
SECTIONS = (
    "sizes",
    "explore",
    "influence",
    "distillation",
    "removal",
    "proxies",
    "agreement",
    "reliability",
    "convergence",
    "label_errors",
    "reproduce",
)


@dataclasses.dataclass(frozen=True)
class Section:
    """One section of the report.

    Attributes:
      anchor: name in the page's address and in file names.
      title: heading.
      intro: one or two sentences: what is shown, its unit and direction.
      figures: {name: figures.Figure}.
      tables: tuple of tables.Table.
      html: more, such as rows of images.
      pictures: {"train": examples, "test": examples} that the html shows by `data-sheet`,
        `data-example` and `data-text`; pictures.js paints them.
      empty: the sentence that says which command or config fills the section; "" = it is filled.
    """

    anchor: str
    title: str
    intro: str
    figures: dict = dataclasses.field(default_factory=dict)
    tables: tuple = ()
    html: Markup = Markup("")
    pictures: dict = dataclasses.field(default_factory=dict)
    empty: str = ""


def sections(content):
    """Returns the Section of every module of SECTIONS."""
    modules = [importlib.import_module(f"memkit.report.sections.{name}") for name in SECTIONS]
    return [module.section(content) for module in modules]
