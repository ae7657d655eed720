"""Lists the charts of a study, and renders chosen ones as files of their own."""

from collections.abc import Sequence

from memkit import charts, tables
from memkit.errors import unknown
from memkit.report import known_charts, sections
from memkit.report.blocks import Chart, Figure, Section
from memkit.report.content import Content


def drawn(content: Content) -> dict[str, Chart]:
    """Returns {name: chart} of the charts that a study has numbers for."""
    return {name: figure.chart for name, figure in of_study(content).items() if figure.chart}


def of_study(content: Content, shown: Sequence[Section] | None = None) -> dict[str, Figure]:
    """Returns {name: Figure} of all charts of a report, in its order.

    Args:
      content: Content of a study.
      shown: its sections; built if None.
    """
    shown = sections.sections(content) if shown is None else shown
    return {name: figure for section in shown for name, figure in section.figures.items()}


def listing(content: Content) -> str:
    """Returns as text what each chart shows, and why other charts are missing."""
    shown = sections.sections(content)
    figures = of_study(content, shown)
    present = [[name, _first(f.chart.description)] for name, f in figures.items() if f.chart]
    missing = [[name, f.caption] for name, f in figures.items() if not f.chart]
    missing += [[section.anchor, section.empty] for section in shown if section.empty]
    text = tables.text(["chart", "shows"], present)
    if not missing:
        return text
    return f"{text}\n\n{tables.text(['without numbers', 'reason'], missing)}"


def checked(formats: Sequence[str]) -> Sequence[str]:
    """Returns the formats; raises an InputError if one is not among charts.FORMATS."""
    for name in formats:
        if name not in charts.FORMATS:
            raise unknown("--format", name, charts.FORMATS, kind="format")
    return formats


def render(
    content: Content, names: Sequence[str] = (), formats: Sequence[str] = charts.USUAL
) -> dict[str, bytes]:
    """Returns {file name: bytes} of the named charts, or of all charts.

    Args:
      content: Content of a study.
      names: names of charts; () stands for all.
      formats: names among charts.FORMATS.

    Raises:
      InputError: no chart has this name, or the study lacks what the chart needs.
    """
    present = drawn(content)
    shown = {
        name: known_charts.chosen(present, name, argument="--figures") for name in names or present
    }
    return {
        f"{name}.{kind}": data
        for name, chart in shown.items()
        for kind, data in charts.images(chart.to_dict(), formats).items()
    }


def _first(description: str) -> str:
    return description.split(". ")[0].rstrip(".") + "."
