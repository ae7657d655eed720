"""The report: one HTML file that opens offline, and its charts as picture files."""

from memkit.report import assets, explorer, glossary, sections
from memkit.report.content import Content
from memkit.report.sections import headline

# They become one script: report.js starts those before it, and charts.js draws after it.
SCRIPTS = (
    "elements.js",
    "theme.js",
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
    "reading.js",
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
    pictures = assets.pictures(specs)
    page = assets.page(
        "page.html",
        SCRIPTS,
        content=content,
        sections=shown,
        terms=glossary.TERMS,
        sizes=assets.sizes(pictures),
        specs=specs,
        examples=explorer.data(content, shown),
    )
    # The chart of the first screen is a part of another one.
    files = {path: data for path, data in pictures.items() if headline.OVERVIEW not in path}
    return {"index.html": page.encode(errors="backslashreplace"), **files}
