"""The section on distillation: students beside models of their size trained on labels."""

import functools
from collections.abc import Sequence, Sized

from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.distillation import chart
from memkit.analysis.distillation.result import Distillation
from memkit.analysis.distribution.result import Distribution
from memkit.analysis.trajectories.chart import label
from memkit.analysis.trajectories.section import ALPHA_IS
from memkit.report import content as contents
from memkit.report import findings, formatting
from memkit.report.blocks import Chart, Figure, Section, Table
from memkit.report.content import Content
from memkit.report.point_tables import NOTE
from memkit.typing import Json

NAME = "distillation"
TITLE = "Distillation"
EMPTY = (
    "This study has no distilled series. `--config.series=\"('one_hot', 'distilled')\"` adds one."
)
INTRO = (
    "Students that learned from a teacher, compared with models of the same size that were "
    "trained on the labels, over the same runs."
)
MEANS = (
    "Means over examples and test accuracy of each series. The bands are 95% intervals over runs."
)
CLASSES = (
    "Change of memorization in each class of one-hot trajectory, averaged over sizes. Classes "
    "from the same runs favor examples whose score was high by chance, whose change then looks "
    "too large. Classes from the other half of the runs do not have this bias."
)
JOINT = (
    "Memorization of each example by the distilled student and by the model trained on labels. "
    "Above the diagonal, distillation lowers memorization. Scores below 0 are counted in the "
    "first bin."
)


def section(content: Content) -> Section:
    """Returns the section on distillation."""
    distillation, title = content.results[Distillation], contents.size_title(content)
    if not distillation.series:
        return Section(anchor=NAME, title=TITLE, intro=INTRO, empty=EMPTY)
    by_series = distillation.series
    rows = _means(content, ("one_hot", *by_series))
    means = functools.partial(chart.means_chart, rows, size_title=title)
    figures = [Figure("distillation_means", MEANS, means)]
    for series, numbers in by_series.items():
        if rows := chart.class_table(numbers.classes):
            caption = _caption(by_series, series, CLASSES)
            drawing = functools.partial(chart.class_chart, rows)
            figures.append(Figure(f"distillation_classes_{series}", caption, drawing))
        caption = _caption(by_series, series, JOINT)
        joint = functools.partial(_joint, distillation, series, title)
        figures.append(Figure(f"distillation_joint_{series}", caption, joint))
    tables = tuple(
        table
        for series in by_series
        for table in (_sizes(content, series), _classes(content, series))
        if table.rows
    )
    return Section(
        anchor=NAME,
        title=TITLE,
        finding=_finding(distillation),
        intro=INTRO,
        blocks=tuple(figures[:1]),
        details=(*figures[1:], *tables),
    )


def _finding(distillation: Distillation) -> str:
    changes = [s.memorization for part in distillation.series.values() for s in part.sizes]
    down, up = (sum(c.upper < 0 for c in changes), sum(c.lower > 0 for c in changes))
    sizes = findings.counted(len(changes), "size")
    if down and up:
        text = f"Distillation lowers mean memorization at {down} of {sizes}"
        return f"{text} and raises it at {up}"
    if down:
        return f"Distillation lowers mean memorization at {down} of {sizes}"
    if up:
        return f"Distillation raises mean memorization at {up} of {sizes}"
    return f"Distillation does not clearly change mean memorization at {sizes}"


def _means(content: Content, series: Sequence[str]) -> list[Json]:
    points = [point for point in content.summary.points if point.series in series]
    distribution = content.results[Distribution].points
    means = {name: of_point.all_examples for name, of_point in distribution.items()}
    return chart.means_table(points, means, content.results[Accuracy].points)


def _caption(by_series: Sized, series: str, text: str) -> str:
    return f"Series {series}. {text}" if len(by_series) > 1 else text


def _joint(distillation: Distillation, series: str, title: str) -> Chart:
    sizes = [
        size.name if size.axis_value is None else size.axis_value
        for size in distillation.series[series].sizes
    ]
    histograms = distillation.histograms
    rows = chart.joint_table(histograms[f"{series}/correct"], histograms["edges"], sizes)
    return chart.joint_chart(rows, size_title=title)


def _sizes(content: Content, series: str) -> Table:
    by_series = content.results[Distillation].series
    rows = [
        (
            contents.size_text(content, row),
            row.teacher,
            str(row.num_runs),
            formatting.estimate_cell(row.memorization),
            formatting.estimate_cell(row.memorization_prob),
            formatting.estimate_cell(row.in_mean),
            formatting.estimate_cell(row.out_mean),
            formatting.estimate_cell(row.test_accuracy),
            formatting.estimate_cell(row.shape.share_below_01, formatting.percent),
            formatting.estimate_cell(row.shape.share_above_09, formatting.percent),
        )
        for row in by_series[series].sizes
    ]
    text = (
        f"Change by distillation per size, distilled minus one-hot. {NOTE} Errors are of each "
        "run's own change."
    )
    return Table(
        caption=_caption(by_series, series, text),
        columns=(
            contents.size_title(content),
            "Teacher",
            "Runs",
            "Memorization",
            "Memorization, label probability",
            "In-sample mean",
            "Out-of-sample mean",
            "Test accuracy",
            "Share below 0.1",
            "Share above 0.9",
        ),
        rows=tuple(rows),
    )


def _classes(content: Content, series: str) -> Table:
    by_series = content.results[Distillation].series
    rows = [
        (
            label(name),
            f"{ALPHA_IS}{alpha:g}",
            f"{of_class.count} ({formatting.percent(of_class.share)})",
            formatting.estimate_cell(of_class.change),
            formatting.estimate_cell(of_class.disjoint),
            f"{round(of_class.contribution, 3) + 0.0:.3f}",
            *map(formatting.estimate_cell, of_class.by_size),
        )
        for alpha, by_class in sorted(by_series[series].classes.items())
        for name, of_class in by_class.items()
        if of_class.count or of_class.disjoint_count
    ]
    text = (
        "Change of memorization per class of one-hot trajectory, mean over sizes, then per size. "
        "Other runs: classes from the other half of the runs. Contribution: share times change; "
        f"over the classes of a threshold they sum to the mean change. {NOTE}"
    )
    sizes = (contents.size_text(content, row) for row in by_series[series].sizes)
    return Table(
        caption=_caption(by_series, series, text),
        columns=(
            "Class",
            "Threshold",
            "Examples",
            "Change, same runs",
            "Change, other runs",
            "Contribution",
            *(f"At {size}" for size in sizes),
        ),
        rows=tuple(rows),
    )
