"""Studies side by side: one HTML file that opens offline, and its charts as picture files."""

import math
import os

import numpy as np

from memkit import storage
from memkit.charts import comparison, distillation
from memkit.errors import expected
from memkit.report import assets, formatting
from memkit.report import content as contents
from memkit.report.figures import Figure
from memkit.report.tables import NOTE, Table
from memkit.studies import points as points_lib

ESTIMATES = {
    "Mean memorization": "mean_memorization",
    "In-sample mean": "mean_in",
    "Out-of-sample mean": "mean_out",
    "Test accuracy": "test_accuracy",
}
MAX_PANELS = 12
NOTHING = "There is no chart here: no point that two studies share has scores."


def render(studies):
    """Returns the files of a page that sets studies side by side; nothing is written or fetched.

    Args:
      studies: {label: Content}, two or more; differences are each study minus the first.

    Returns:
      {path: bytes}: "index.html", and "charts/<name>.png" and "charts/<name>.svg" per chart.
    """
    figures = {figure.name: figure for figure in (_means(studies), _distribution(studies))}
    specs = {name: f.chart.to_dict() for name, f in figures.items() if f.chart is not None}
    page = assets.page(
        "beside.html",
        labels=list(studies),
        headline=headline(studies),
        cautions=cautions(studies),
        differences=differences(studies),
        config=config(studies),
        figures=figures,
        specs=specs,
        scripts=("charts.js",),
    )
    return {"index.html": page.encode(errors="backslashreplace"), **assets.pictures(specs)}


def labels(workdirs):
    """Returns a label per folder: its name, or its whole path where names are equal.

    Raises:
      InputError: two are the same folder.
    """
    places = [
        os.path.realpath(storage.path(workdir))
        if storage.is_local(workdir)
        else workdir.rstrip("/")
        for workdir in workdirs
    ]
    for place, workdir in zip(places, workdirs, strict=True):
        if places.count(place) > 1:
            raise expected("--workdir", "different studies", f"{workdir} twice")
    names = [place.rsplit("/", 1)[-1] for place in places]
    return names if len(set(names)) == len(names) else places


def headline(studies):
    """Returns the Table of every point's headline numbers with intervals."""
    rows = [
        (
            label,
            contents.size_text(content, point),
            point["series"],
            str(point["num_runs"] or 0),
            *(
                formatting.number(point[key], point[f"{key}_margin"], missing=formatting.ABSENT)
                for key in ESTIMATES.values()
            ),
            formatting.percent(
                point["share_above_0.9"], point["share_above_0.9_margin"], missing=formatting.ABSENT
            ),
        )
        for label, content in studies.items()
        for point in content.summary["points"]
    ]
    return Table(
        caption="Mean memorization (-1 to 1, higher = more memorized), the two means whose "
        "difference it is and test accuracy (0 to 1, higher = better), and the share of the "
        f"examples with memorization above 0.9. {NOTE}",
        columns=("Study", "Point", "Series", "Runs", *ESTIMATES, "Above 0.9"),
        rows=tuple(rows),
    )


def differences(studies):
    """Returns the Table of differences at the points that a study shares with the first."""
    first, *others = studies
    reference = shared(studies[first])
    rows = [
        (
            f"{label} - {first}",
            contents.size_text(studies[first], reference[place]),
            reference[place]["series"],
            *(_difference(point, reference[place], key) for key in ESTIMATES.values()),
        )
        for label in others
        for place, point in shared(studies[label]).items()
        if place in reference
    ]
    return Table(
        caption="Differences at the points of the same series and axis value, above 0 = the study "
        "named first has more. ± is half a 95% interval of the difference, from those of "
        "both studies as if they were independent; where they share subsets and seeds, they are "
        f"not, and ± is then too wide as a rule. {formatting.ABSENT} is not available.",
        columns=("Studies", "Point", "Series", *ESTIMATES),
        rows=tuple(rows),
    )


def shared(content):
    """Returns {what makes points of several studies comparable: point of the summary}.

    The key is the field of the axis (None without one), the axis value as text, and the series.
    """
    axis = content.summary["axis"]
    field = None if axis is None else axis["field"]
    return {
        (field, str(point["axis_value"]), point["series"]): point
        for point in content.summary["points"]
    }


def _difference(point, reference, key):
    numbers = (point[key], reference[key])
    if not all(map(formatting.defined, numbers)):
        return formatting.ABSENT
    errors = (point[f"{key}_margin"], reference[f"{key}_margin"])
    margin = math.hypot(*errors) if all(map(formatting.defined, errors)) else None
    return formatting.number(numbers[0] - numbers[1], margin)


def cautions(studies):
    """Returns sentences on what stands in the way of comparing the studies."""
    found = list(studies.values())
    fractions = {content.config["subsets"]["train_fraction"] for content in found}
    texts = []
    if any(not np.array_equal(found[0].ids, content.ids) for content in found):
        texts.append("The studies have different training examples, so differences mix both.")
    elif any(not np.array_equal(found[0].given_labels, c.given_labels) for c in found):
        texts.append("The studies gave some of the same training examples different labels.")
    if len(fractions) > 1:
        text = ", ".join(formatting.percent(fraction) for fraction in sorted(fractions))
        texts.append(
            f"Their runs train on different shares of the examples ({text}): memorization depends "
            "on this share, so its differences say nothing of the models."
        )
    return texts


def config(studies):
    """Returns the Table of the config fields that differ."""
    flat = [points_lib.flatten(content.config) for content in studies.values()]
    fields = dict.fromkeys(field for values in flat for field in values)
    rows = []
    for field in fields:
        cells = [str(values[field]) if field in values else formatting.ABSENT for values in flat]
        if len(set(cells)) > 1:
            rows.append((field, *cells))
    return Table(
        caption=f"Config fields that differ; {formatting.ABSENT} = the study has no such field.",
        columns=("Field", *studies),
        rows=tuple(rows),
    )


def _means(studies):
    """Returns the Figure of means and accuracy against size, a line per study and series."""
    several = len({p["series"] for c in studies.values() for p in c.summary["points"]}) > 1
    same_axis = len({field for content in studies.values() for field, *_ in shared(content)}) == 1
    points = [
        point
        | {"series": f"{label}, {point['series']}" if several else label}
        | ({} if same_axis else {"axis_value": None})
        for label, content in studies.items()
        for point in content.summary["points"]
    ]
    rows = distillation.means_table(points)
    title = contents.size_title(next(iter(studies.values()))) if same_axis else "Point"
    chart = distillation.means_chart(rows, size_title=title, of="the studies") if rows else None
    return Figure(
        name="beside_means",
        caption="Means over examples, and test accuracy. 95% bands over runs." if rows else NOTHING,
        chart=chart,
    )


def _distribution(studies):
    """Returns the Figure of histograms of memorization at the points that studies share."""
    panels = {}
    for label, content in studies.items():
        for place, point in shared(content).items():
            if point["name"] in content.scores:
                scores = panels.setdefault(place, (_panel(content, point, studies), {}))[1]
                scores[label] = content.scores[point["name"]]["correct"].value
    panels = dict(found for found in panels.values() if len(found[1]) > 1)
    kept = np.unique(np.linspace(0, len(panels) - 1, min(len(panels), MAX_PANELS)).astype(int))
    names = [list(panels)[place] for place in kept]
    rows = comparison.histogram_table({name: panels[name] for name in names})
    title = ["Memorization (-1 to 1,", "higher = more memorized)"]
    return Figure(
        name="beside_distribution",
        caption="Share of the examples per bin of memorization, on a square-root scale; the first "
        "study as bars, the others as lines of steps."
        if rows
        else NOTHING,
        chart=comparison.histogram_chart(rows, title=title) if rows else None,
    )


def _panel(content, point, studies):
    several = len({p["series"] for c in studies.values() for p in c.summary["points"]}) > 1
    size = contents.size_text(content, point)
    return f"{point['series']}, {size}" if several and size != point["name"] else size
