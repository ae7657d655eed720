"""The section of the distribution of memorization."""

from collections.abc import Mapping

import numpy as np

from memkit import subsets
from memkit.analysis.distribution import chart
from memkit.analysis.distribution.estimate import edges_of_scores, histograms
from memkit.analysis.distribution.result import Distribution, Shape
from memkit.report import content as contents
from memkit.report import findings, formatting
from memkit.report.blocks import Block, Figure, Section, Table, figure
from memkit.report.content import Content
from memkit.report.point_tables import NOTE, estimate, per_point

CAPTION = (
    "Distribution of memorization at each model size, corrected for the noise of the scores. Each "
    "group of examples is shown as shares of that group, on a square-root scale that keeps small "
    "groups visible."
)
NOISY_CAPTION = (
    "The distribution of noisy scores: of the estimates by right or wrong answers, as the papers "
    "show it. The noise of an estimate makes it wider, and more so with few runs."
)
TRUE = "Share of the examples by memorization, corrected for the noise of the scores."
NOISY = "The same shares of noisy scores, as the papers report them."


def section(content: Content) -> Section:
    """Returns the section of the distribution of memorization.

    In studies that leave one example out nothing is corrected, so only noisy scores are shown.
    """
    points = content.results[Distribution].points
    noisy = _table(content, NOISY, {name: of.noisy_shape for name, of in points.items()})
    if content.config["subsets"]["design"] == subsets.LEAVE_ONE_OUT:
        shown: Block = _noisy_figure(content, "memorization_histograms")
        details: tuple[Block, ...] = (noisy,)
    else:
        rows = chart.table(content.summary.points, content.results[Distribution].histograms)
        title = contents.size_title(content)
        shown = figure("memorization_histograms", CAPTION, rows, chart.chart, size_title=title)
        details = (
            _table(content, TRUE, {name: of.shape for name, of in points.items()}),
            _noisy_figure(content, "noisy_histograms"),
            noisy,
        )
    return Section(
        anchor="distribution",
        title="Distribution of memorization",
        finding=_finding(content),
        blocks=(shown,),
        details=details,
    )


def _finding(content: Content) -> str:
    done = findings.finished(content)
    if not done:
        return ""
    shape = content.results[Distribution].points[done[-1].name].shape
    low, high = (s.value for s in (shape.share_below_01, shape.share_above_09))
    if not (formatting.defined(low) and formatting.defined(high)):
        return ""
    return (
        f"{low:.0%} of the images are hardly memorized and {high:.0%} almost completely "
        f"{findings.at_last(content)}"
    ).rstrip()


def _noisy_figure(content: Content, name: str) -> Figure:
    planted, scores = contents.planted(content), content.scores
    fewest = min((np.median(of["correct"].num_out) for of in scores.values()), default=1)
    edges = edges_of_scores(max(1, int(fewest)))
    noisy = {
        point: histograms(score["correct"].value[None], planted, edges)
        for point, score in scores.items()
    }
    rows = chart.table(content.summary.points, noisy, edges)
    title = contents.size_title(content)
    return figure(name, NOISY_CAPTION, rows, chart.chart, size_title=title)


def _table(content: Content, caption: str, shapes: Mapping[str, Shape]) -> Table:
    cells = {
        "Below 0.1": estimate(shapes, lambda shape: shape.share_below_01, formatting.percent),
        "Above 0.25": estimate(shapes, lambda shape: shape.share_above_025, formatting.percent),
        "Above 0.9": estimate(shapes, lambda shape: shape.share_above_09, formatting.percent),
    }
    return per_point(content, f"{caption} {NOTE}", cells)
