"""Lists the charts of a study, and renders chosen ones as files of their own."""

from collections.abc import Sequence

from memkit import charts, tables
from memkit.errors import unknown
from memkit.report import known_charts, sections
from memkit.report.blocks import Figure, Section
from memkit.report.content import Content


def present(content: Content) -> dict[str, Figure]:
    """Returns {name: Figure} of the charts that a study has numbers for; draws none of them."""
    return {name: figure for name, figure in of_study(content).items() if figure.drawing}


def of_study(content: Content, shown: Sequence[Section] | None = None) -> dict[str, Figure]:
    """Returns {name: Figure} of all charts of a report, in its order; draws none of them.

    Args:
      content: Content of a study.
      shown: its sections; those of the questions are built if None.
    """
    shown = sections.of_questions(content) if shown is None else shown
    return {name: figure for section in shown for name, figure in section.figures.items()}


def listing(content: Content) -> str:
    """Returns as text what each chart shows, and why other charts are missing; draws none."""
    shown = sections.of_questions(content)
    figures = of_study(content, shown)
    drawable = [[name, _first(f.caption)] for name, f in figures.items() if f.drawing]
    missing = [[name, f.caption] for name, f in figures.items() if not f.drawing]
    missing += [[section.anchor, section.empty] for section in shown if section.empty]
    text = tables.text(["chart", "shows"], drawable)
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
    figures = present(content)
    drawn = {
        name: known_charts.chosen(figures, name, argument="--figures") for name in names or figures
    }
    return {
        f"{name}.{kind}": data
        for name, chart in drawn.items()
        for kind, data in charts.images(chart.to_dict(), formats).items()
    }


def _first(caption: str) -> str:
    return caption.split(". ")[0].rstrip(".") + "."
