"""Charts of a study as files of their own: which there are, and the chosen ones rendered."""

from collections.abc import Sequence

from memkit import charts, tables
from memkit.errors import expected
from memkit.report import sections
from memkit.report.blocks import Figure, Section
from memkit.report.content import Content


def of_study(content: Content, found: Sequence[Section] | None = None) -> dict[str, Figure]:
    """Returns {name: Figure} of everything a report draws, in its order.

    Args:
      content: Content of a study.
      found: its `sections.sections`, where they are there already.
    """
    shown = sections.sections(content) if found is None else found
    return {name: figure for section in shown for name, figure in section.figures.items()}


def listing(content: Content) -> str:
    """Returns as text what every chart shows, and why the others are not there."""
    found = sections.sections(content)
    drawn = of_study(content, found)
    there = [[name, _first(f.chart.description)] for name, f in drawn.items() if f.chart]
    absent = [[name, f.caption] for name, f in drawn.items() if not f.chart]
    absent += [[section.anchor, section.empty] for section in found if section.empty]
    text = tables.text(["chart", "shows"], there)
    if not absent:
        return text
    return f"{text}\n\n{tables.text(['without numbers', 'reason'], absent)}"


def checked(formats: Sequence[str]) -> Sequence[str]:
    """Returns the formats; refuses those that are not among charts.FORMATS."""
    for name in formats:
        if name not in charts.FORMATS:
            raise expected("--format", f"names among {', '.join(charts.FORMATS)}", repr(name))
    return formats


def render(
    content: Content, names: Sequence[str] = (), formats: Sequence[str] = charts.USUAL
) -> dict[str, bytes]:
    """Returns {file name: bytes} of the charts of some names, all by default.

    Args:
      content: Content of a study.
      names: of charts.
      formats: names among charts.FORMATS.

    Raises:
      InputError: a name that no chart has, or one of a chart without numbers.
    """
    drawn = of_study(content)
    there = {name: figure.chart for name, figure in drawn.items() if figure.chart}
    for name in names:
        if name not in there:
            reason = f"{name} ({drawn[name].caption})" if name in drawn else repr(name)
            raise expected("--figures", f"names among {', '.join(there)}", reason)
    return {
        f"{name}.{kind}": data
        for name in dict.fromkeys(names or there)
        for kind, data in charts.images(there[name].to_dict(), formats).items()
    }


def _first(description: str) -> str:
    return description.split(". ")[0].rstrip(".") + "."
