"""The section on distillation: students beside models of their size trained on labels."""

from collections.abc import Mapping

from memkit.analysis.distillation import chart
from memkit.analysis.trajectories.chart import label
from memkit.analysis.trajectories.section import ALPHA_IS
from memkit.report import content as contents
from memkit.report import formatting
from memkit.report.blocks import Chart, Figure, Section, Table
from memkit.report.content import Content
from memkit.report.point_tables import NOTE
from memkit.typing import Array, Json

NAME = "distillation"
TITLE = "Distillation"
EMPTY = (
    "This study has no distilled series; `--config.series=\"('one_hot', 'distilled')\"` adds one."
)
INTRO = (
    "Students that learned from a teacher beside models of the same size trained on the labels, "
    "over the same runs. Changes are distilled minus one-hot: below 0 = distillation lowers it."
)
MEANS = "Means over examples and test accuracy of each series. 95% bands over runs."
CLASSES = (
    "Change of memorization per class of one-hot trajectory, mean over sizes. Classes from the "
    "same runs favor a change for examples whose score came out high by chance; classes from the "
    "other half of the runs do not."
)
JOINT = (
    "Memorization of each example by the distilled student and by the model trained on labels; "
    "above the diagonal distillation lowers it. Scores below 0 count in the first bin."
)


def section(content: Content) -> Section:
    """Returns the section on distillation."""
    if NAME not in content.summary or not content.summary[NAME]:
        return Section(anchor=NAME, title=TITLE, intro=INTRO, empty=EMPTY)
    by_series, title = content.summary[NAME], contents.size_title(content)
    compared = ("one_hot", *by_series)
    points = [p for p in content.summary["points"] if p["series"] in compared]
    rows = chart.means_table(points)
    charts: dict[str, tuple[str, Chart]] = {
        "distillation_means": (MEANS, chart.means_chart(rows, size_title=title))
    }
    for series, numbers in by_series.items():
        if rows := chart.class_table(numbers["classes"]):
            caption = _caption(by_series, series, CLASSES)
            charts[f"distillation_classes_{series}"] = (caption, chart.class_chart(rows))
        if NAME in content.arrays and f"{series}/correct" in content.arrays[NAME]:
            joint = _joint(content.arrays[NAME], series, numbers, title)
            caption = _caption(by_series, series, JOINT)
            charts[f"distillation_joint_{series}"] = (caption, joint)
    figures = [Figure(name, caption, drawn) for name, (caption, drawn) in charts.items()]
    tables = tuple(
        table
        for series in by_series
        for table in (_sizes(content, series), _classes(content, series))
        if table.rows
    )
    return Section(anchor=NAME, title=TITLE, intro=INTRO, blocks=(*figures, *tables))


def _caption(by_series: Json, series: str, text: str) -> str:
    return f"Series {series}. {text}" if len(by_series) > 1 else text


def _joint(arrays: Mapping[str, Array], series: str, numbers: Json, title: str) -> Chart:
    sizes = [_size(row) for row in numbers["sizes"]]
    rows = chart.joint_table(arrays[f"{series}/correct"], arrays["edges"], sizes)
    return chart.joint_chart(rows, size_title=title)


def _size(row: Json) -> str | int | float:
    return row["name"] if row["axis_value"] is None else row["axis_value"]


def _sizes(content: Content, series: str) -> Table:
    columns = {
        "Memorization": "mean_memorization",
        "Memorization, label probability": "mean_memorization_prob",
        "In-sample mean": "mean_in",
        "Out-of-sample mean": "mean_out",
        "Test accuracy": "test_accuracy",
    }
    by_series = content.summary[NAME]
    rows = [
        (
            contents.size_text(content, row),
            row["teacher"],
            str(row["num_runs"]),
            *(formatting.estimate_cell(row, key) for key in columns.values()),
            *(
                formatting.estimate_cell(row, f"share_{k}", formatting.percent)
                for k in ("below_0.1", "above_0.9")
            ),
        )
        for row in by_series[series]["sizes"]
    ]
    text = f"Change by distillation per size. {NOTE} Errors are of each run's own change."
    return Table(
        caption=_caption(by_series, series, text),
        columns=(
            contents.size_title(content),
            "Teacher",
            "Runs",
            *columns,
            "Share below 0.1",
            "Share above 0.9",
        ),
        rows=tuple(rows),
    )


def _classes(content: Content, series: str) -> Table:
    by_series = content.summary[NAME]
    rows = [
        (
            label(name),
            f"{ALPHA_IS}{float(alpha):g}",
            f"{numbers['count']} ({formatting.percent(numbers['share'])})",
            formatting.estimate_cell(numbers, "change"),
            formatting.estimate_cell(numbers, "disjoint"),
            f"{round(numbers['contribution'], 3) + 0.0:.3f}",
            *(formatting.estimate_cell(size, "change") for size in numbers["by_size"]),
        )
        for alpha, by_class in sorted(
            by_series[series]["classes"].items(), key=lambda item: float(item[0])
        )
        for name, numbers in by_class.items()
        if numbers["count"] or numbers["disjoint_count"]
    ]
    text = (
        "Change of memorization per class of one-hot trajectory, mean over sizes, then per size. "
        "Other runs: classes from the other half of the runs. Contribution: share times change; "
        f"over the classes of a threshold they sum to the mean change. {NOTE}"
    )
    sizes = (contents.size_text(content, row) for row in by_series[series]["sizes"])
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
