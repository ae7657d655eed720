"""The section of trajectories: how the memorization of examples changes with size."""

from memkit.analysis.trajectories import chart
from memkit.report import content as contents
from memkit.report import formatting, gallery
from memkit.report.blocks import Section, Table, absent, figure
from memkit.report.content import Content
from memkit.report.point_tables import NOTE
from memkit.typing import Json

EMPTY = "This study has no axis of sizes, so there are no trajectories."
CLASSES = (
    "Share of examples per class of trajectory and threshold α. Lines: 95% intervals over runs. "
    "Ticks: the share expected if size had no effect."
)
MEANS = (
    "Mean memorization per class of trajectory; the number of examples is in brackets. Bands hold "
    "the middle 80% of the examples."
)
ALPHA_IS = "α\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"  # not to be broken in narrow columns


def section(content: Content) -> Section:
    """Returns the section of trajectories and their classes."""
    summary = content.summary
    series = [name for name, shares in summary["trajectory_classes"].items() if shares]
    if not series:
        figures = (absent("trajectory_classes"), absent("mean_trajectories"))
        return Section(anchor="trajectories", title="Trajectories", blocks=figures, empty=EMPTY)
    shares = [summary[f"trajectory_classes{suffix}"] for suffix in ("", "_margin", "_null")]
    title = contents.size_title(content)
    return Section(
        anchor="trajectories",
        title="Trajectories",
        blocks=(
            figure("trajectory_classes", CLASSES, chart.table(*shares), chart.chart),
            *(classes_table(content, name) for name in series),
            figure(
                "mean_trajectories",
                MEANS,
                _mean_rows(content),
                chart.mean_chart,
                size_title=title,
            ),
        ),
    )


def _mean_rows(content: Content) -> list[Json]:
    rows: list[Json] = []
    for series, arrays in content.trajectories.items():
        if arrays["classes"]:
            rows += chart.mean_table(
                arrays["value"],
                gallery.kinds(content, series),
                series=series,
                sizes=list(arrays["values"]),
            )
    return rows


def classes_table(content: Content, series: str) -> Table:
    """Returns the shares of trajectory classes of one series, observed and by chance."""
    observed, margins, null, nonconstant = (
        content.summary[f"trajectory_classes{suffix}"][series]
        for suffix in ("", "_margin", "_null", "_nonconstant")
    )
    alphas = sorted(observed, key=float)

    def text(by_class: Json, name: str, margin: float | None = None) -> str:
        if name not in by_class:
            return formatting.ABSENT
        return formatting.percent(by_class[name], margin, missing=formatting.ABSENT)

    columns = ["Class"]
    for alpha in alphas:
        columns += [f"Share, {ALPHA_IS}{float(alpha):g}", "by chance", "of the non-constant"]
    rows = []
    for name in observed[alphas[0]]:
        cells = []
        for alpha in alphas:
            cells.append(text(observed[alpha], name, margins[alpha][name]))
            cells += [text(shares[alpha], name) for shares in (null, nonconstant)]
        rows.append((chart.label(name), *cells))
    caption = (
        "Classes of trajectory per threshold α, beside the shares in studies whose sizes were "
        f"shuffled within each run. {NOTE}"
    )
    caption = contents.series_prefix(content, series) + caption
    return Table(caption=caption, columns=tuple(columns), rows=tuple(rows))
