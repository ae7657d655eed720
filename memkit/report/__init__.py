"""The report: a study as one self-contained HTML file with charts and a gallery of examples."""

from memkit.report.content import Content
from memkit.report.page import render

__all__ = ["Content", "render"]
