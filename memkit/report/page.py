"""The report: one HTML file that opens offline, and its charts as picture files."""

from memkit.report import assets, explorer, figures, headline, sections, tables

# One script on the page: report.js starts those before it, charts.js draws when it is through.
SCRIPTS = (
    "table.js",
    "pictures.js",
    "sparkline.js",
    "list.js",
    "cards.js",
    "scatter.js",
    "detail.js",
    "report.js",
    "charts.js",
)


def render(content):
    """Returns the files of a report; nothing is written and nothing is fetched.

    Args:
      content: Content of a study.

    Returns:
      {path inside the report folder: bytes}: "index.html", and "charts/<name>.png" and
      "charts/<name>.svg" per chart that the study has numbers for.
    """
    found = sections.sections(content)
    drawn = figures.figures(content)
    for section in found:
        drawn |= section.figures
    specs = {name: f.chart.to_dict() for name, f in drawn.items() if f.chart is not None}
    page = _html(content, drawn, found, specs).encode(errors="backslashreplace")
    return {"index.html": page, **assets.pictures(specs)}


def _html(content, drawn, found, specs):
    points = content.summary["points"]
    return assets.page(
        "page.html",
        content=content,
        points=points,
        figures=drawn,
        sections=found,
        num_runs=sum(p["num_runs"] or 0 for p in points),
        specs=specs,
        findings=headline.findings(content),
        examples=explorer.data(content, found),
        has_planted=any(p["planted"] is not None for p in points),
        tables=_tables(content),
        scripts=SCRIPTS,
    )


def _tables(content):
    classes = content.summary["trajectory_classes"]
    return {
        "classes": [tables.classes(content, series) for series in classes if classes[series]],
        **{
            name: getattr(tables, name)(content)
            for name in (
                "runs",
                "accuracy",
                "memorization",
                "spread",
                "detection",
                "config",
                "provenance",
            )
        },
    }
