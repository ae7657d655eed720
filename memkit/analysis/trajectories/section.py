"""The section of trajectories: how the memorization of examples changes with size."""

from collections.abc import Mapping

import numpy as np

from memkit.analysis.trajectories import chart, examples_chart
from memkit.analysis.trajectories.result import ClassShares, TrajectoryClasses
from memkit.report import content as contents
from memkit.report import formatting, gallery
from memkit.report.blocks import Figure, Section, Table, absent, figure
from memkit.report.content import Content
from memkit.report.point_tables import NOTE
from memkit.typing import Json

EMPTY = "This study has no axis of sizes, so there are no trajectories."
CLASSES = (
    "Share of the examples in each class of trajectory, by threshold α. The lines are 95% "
    "intervals over runs, and the ticks are the shares expected if size had no effect."
)
MEANS = (
    "Mean memorization of each class of trajectory, with the number of its examples in brackets. "
    "The bands hold the middle 80% of the examples."
)
FIGURES = ("trajectory_classes", "example_trajectories", "mean_trajectories")
ALPHA_IS = "α\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"  # not to be broken in narrow columns


EXAMPLES = (
    "Examples of each class of trajectory: those whose memorization changes most, and the most "
    "memorized of the constant ones. The bands are 95% intervals."
)


def section(content: Content) -> Section:
    """Returns the section of trajectories and their classes."""
    series, title = content.results[TrajectoryClasses].series, contents.size_title(content)
    if not series:
        figures = tuple(map(absent, FIGURES))
        return Section(anchor="trajectories", title="Trajectories", blocks=figures, empty=EMPTY)
    return Section(
        anchor="trajectories",
        title="Trajectories",
        finding=_finding(content),
        blocks=(figure("trajectory_classes", CLASSES, chart.table(series), chart.chart),),
        details=(
            _examples(content),
            *(_classes(content, name, by_alpha) for name, by_alpha in series.items()),
            figure(
                "mean_trajectories",
                MEANS,
                _mean_rows(content),
                chart.mean_chart,
                size_title=title,
            ),
        ),
    )


def _examples(content: Content) -> Figure:
    """Returns the Figure of pictures, by the classes of the first series."""
    series, *_ = content.results[TrajectoryClasses].series
    arrays = content.results[TrajectoryClasses].of_series(series)
    scores = [content.scores[str(point)]["correct"] for point in arrays.points]
    value, lower, upper = (
        np.stack([getattr(score, name) for score in scores], axis=1)
        for name in ("value", "lower", "upper")
    )
    planted = contents.planted(content)
    chosen = examples_chart.choose(arrays.value, gallery.kinds(content, series), planted)
    rows = examples_chart.table(
        chosen,
        {series: (value, lower, upper)},
        sizes=list(arrays.values),
        pictures=content.thumbnails,
        labels={i: _label(content, i) for examples in chosen.values() for i in examples},
    )
    title = contents.size_title(content)
    return figure("example_trajectories", EXAMPLES, rows, examples_chart.chart, size_title=title)


def _label(content: Content, example: int) -> str:
    given, true = (
        content.class_names[of[example]] for of in (content.given_labels, content.labels)
    )
    return given if given == true else f"{given} (is {true})"


def _finding(content: Content) -> str:
    by_series = content.results[TrajectoryClasses].series
    by_alpha = next(iter(by_series.values()))
    classes = by_alpha[chart.middle_alpha(by_alpha)]
    constant = classes.shares["constant"]
    if not formatting.defined(constant):
        return ""
    text = f"The memorization of {1 - constant:.0%} of the images changes with "
    text += contents.noun(content)
    chance = classes.null["constant"] if "constant" in classes.null else None
    return f"{text}; {1 - chance:.0%} would by chance" if formatting.defined(chance) else text


def _mean_rows(content: Content) -> list[Json]:
    rows: list[Json] = []
    trajectories = content.results[TrajectoryClasses]
    for series in trajectories.series:
        arrays = trajectories.of_series(series)
        rows += chart.mean_table(
            arrays.value,
            gallery.kinds(content, series),
            series=series,
            sizes=list(arrays.values),
        )
    return rows


def _classes(content: Content, series: str, by_alpha: Mapping[float, ClassShares]) -> Table:
    """Returns the shares of trajectory classes of one series, observed and by chance."""
    alphas = sorted(by_alpha)
    columns = ["Class"]
    for alpha in alphas:
        columns += [f"Share, {ALPHA_IS}{alpha:g}", "by chance", "of the non-constant"]
    rows = []
    for name in by_alpha[alphas[0]].shares:
        cells = []
        for classes in (by_alpha[alpha] for alpha in alphas):
            margin = classes.margin[name]
            cells.append(
                formatting.percent(classes.shares[name], margin, missing=formatting.ABSENT)
            )
            cells += [share_text(shares, name) for shares in (classes.null, classes.nonconstant)]
        rows.append((chart.label(name), *cells))
    caption = (
        "Classes of trajectory per threshold α, beside the shares in simulated studies "
        f"in which memorization is the same at all sizes. {NOTE}"
    )
    caption = contents.series_prefix(content, series) + caption
    return Table(caption=caption, columns=tuple(columns), rows=tuple(rows))


def share_text(shares: Mapping[str, float], name: str) -> str:
    """Returns the cell of a class in {class: share}; a dash if it is absent or undefined."""
    share = shares[name] if name in shares else None
    return formatting.percent(share, missing=formatting.ABSENT)
