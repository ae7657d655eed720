"""The section on how to read the report: definitions of what it shows."""

from memkit.report import assets
from memkit.report.blocks import Section
from memkit.report.content import Content


def section(content: Content) -> Section:
    """Returns the section of definitions."""
    text = assets.fragment("memkit.report", "reading.html")
    return Section(anchor="reading", title="How to read this", blocks=(text,))
