"""The report: one HTML file that opens offline, and its charts as picture files."""

from collections.abc import Mapping, Sequence
from typing import Any

from memkit.report import assets, explorer, sections
from memkit.report.blocks import Section
from memkit.report.content import Content

# They become one script: report.js starts those before it, and charts.js draws after it.
SCRIPTS = (
    "elements.js",
    "table.js",
    "pictures.js",
    "sparkline.js",
    "decisions.js",
    "list.js",
    "cards.js",
    "scatter.js",
    "region.js",
    "detail.js",
    "address.js",
    "report.js",
    "charts.js",
)


def render(content: Content) -> dict[str, bytes]:
    """Returns the files of a report; it writes no file and loads nothing from the network.

    Args:
      content: Content of a study.

    Returns:
      {path inside the report folder: bytes}: "index.html", and "charts/<name>.png" and
      "charts/<name>.svg" per chart that the study has numbers for.
    """
    shown = sections.sections(content)
    figures = [figure for section in shown for figure in section.figures.values()]
    specs = {f.name: f.chart.to_dict() for f in figures if f.chart}
    page = _html(content, shown, specs).encode(errors="backslashreplace")
    return {"index.html": page, **assets.pictures(specs)}


def _html(content: Content, shown: Sequence[Section], specs: Mapping[str, Any]) -> str:
    points = content.summary.points
    return assets.page(
        "page.html",
        SCRIPTS,
        content=content,
        sections=shown,
        num_points=len(points),
        num_runs=sum(point.num_runs for point in points),
        specs=specs,
        examples=explorer.data(content, shown),
    )
