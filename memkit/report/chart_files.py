"""Lists the charts of a study, and renders chosen ones as files of their own."""

from collections.abc import Sequence

from memkit import charts, tables
from memkit.charts import Width
from memkit.errors import unknown
from memkit.report import known_charts, sections
from memkit.report.blocks import Figure, Section
from memkit.report.content import Content
from memkit.typing import Json


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


def width_named(name: str) -> Width | None:
    """Returns the Width of a name, None for ""; raises an InputError if there is no such width."""
    if name and name not in charts.WIDTHS:
        raise unknown("--width", name, charts.WIDTHS, kind="width")
    return charts.WIDTHS[name] if name else None


def render(
    content: Content,
    names: Sequence[str] = (),
    formats: Sequence[str] = charts.USUAL,
    width: Width | None = None,
) -> dict[str, bytes]:
    """Returns {file name: bytes} of the named charts, or of all charts.

    Args:
      content: Content of a study.
      names: names of charts; () stands for all.
      formats: names among charts.FORMATS.
      width: width to print at; a chart taller than a page becomes several files, <name>_1 and so
        on. None leaves charts as they are drawn.

    Raises:
      InputError: no chart has this name, or the study lacks what the chart needs.
    """
    figures = present(content)
    drawn = {
        name: known_charts.chosen(figures, name, argument="--figures") for name in names or figures
    }
    return {
        f"{part}.{kind}": data
        for name, chart in drawn.items()
        for part, spec in _parts(name, chart.to_dict(), width).items()
        for kind, data in charts.images(spec, formats, width).items()
    }


def _parts(name: str, spec: Json, width: Width | None) -> dict[str, Json]:
    """Returns {file name: specification} of a chart, several if it is taller than a page."""
    specs = charts.fitted(spec, width) if width else [spec]
    if len(specs) == 1:
        return {name: specs[0]}
    return {f"{name}_{number}": part for number, part in enumerate(specs, 1)}


def _first(caption: str) -> str:
    return caption.split(". ")[0].rstrip(".") + "."
