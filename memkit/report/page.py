"""The report: one HTML file that opens offline, and its charts as picture files."""

import functools
import importlib.resources

import jinja2
import vl_convert
from markupsafe import Markup

from memkit import charts
from memkit.report import content as contents
from memkit.report import figures, gallery, headline, sections, tables


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
    files = {}
    for name, figure in drawn.items():
        if figure.chart is not None:
            for kind, data in charts.images(figure.chart).items():
                files[f"charts/{name}.{kind}"] = data
    return {"index.html": _html(content, drawn, found).encode(), **files}


def _html(content, drawn, found):
    points = content.summary["points"]
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_text("page.html")).render(
        content=content,
        points=points,
        figures=drawn,
        sections=found,
        num_runs=sum(p["num_runs"] or 0 for p in points),
        specs={name: f.chart.to_dict() for name, f in drawn.items() if f.chart is not None},
        findings=headline.findings(content),
        groups=gallery.groups(content),
        first_series=next(iter(contents.series(content)), ""),
        several_series=contents.several_series(content),
        has_planted=any(p["planted"] is not None for p in points),
        command=_command(content.provenance),
        tables=_tables(content),
        bundle=_bundle(),
        style=Markup(_text("style.css")),
        script=Markup(_text("report.js")),
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
                "reliability",
                "config",
                "provenance",
            )
        },
    }


def _command(provenance):
    return provenance["command"] if "command" in provenance else None


def _text(name):
    return importlib.resources.files("memkit.report").joinpath(name).read_text("utf-8")


@functools.cache
def _bundle():
    return Markup(vl_convert.javascript_bundle().replace("</script", "<\\/script"))
