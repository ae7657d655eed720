"""The section on change with size: its errors, its distribution, and what saturation explains."""

import functools
from collections.abc import Iterator, Mapping, Sequence

from memkit.analysis import PointSummary
from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.size_changes import chart
from memkit.analysis.size_changes.result import Change, Classes, Restricted, SizeChanges
from memkit.analysis.trajectories.chart import label
from memkit.analysis.trajectories.section import ALPHA_IS, share_text
from memkit.report import content as contents
from memkit.report import formatting
from memkit.report.blocks import Block, Figure, Section, Table
from memkit.report.content import Content
from memkit.report.point_tables import NOTE

TITLE = "Change with size"
EMPTY = (
    "`memkit estimate` fills this section once a series of sizes has two runs in common at every "
    "size."
)
RESTRICTED = {
    "all": "all",
    "unsaturated_examples": "examples with in-sample mean below 1 at every size",
    "unsaturated_points": "sizes with in-sample accuracy below 0.99",
}
INTRO = (
    "An example that is always answered right after training can only be memorized less as models "
    "improve, so everything is repeated where training has not reached this limit."
)
CAPTIONS = {
    "distribution_ends": "Shares of hardly and of almost fully memorized examples, on a "
    "square-root scale: by right or wrong answers corrected for the noise of the scores (but "
    "not in studies that leave one example out), by label probability of noisy scores. 95% bands "
    "over runs.",
    "means_unsaturated": "Mean memorization of all examples, and of those whose in-sample mean is "
    "below 1 at every size. 95% bands over runs.",
}


def section(content: Content) -> Section:
    """Returns the section on change with size."""
    changes, points = content.results[SizeChanges], content.summary.points
    if not changes.series or content.summary.axis is None:
        return Section(anchor="size-changes", title=TITLE, intro=INTRO, empty=EMPTY)
    size_title = contents.size_title(content)
    charts = {
        "distribution_ends": (chart.table(points, changes), chart.chart),
        "means_unsaturated": (chart.means_table(points, changes), chart.means_chart),
    }
    figures = [
        Figure(name, CAPTIONS[name], functools.partial(draw, rows, size_title=size_title))
        for name, (rows, draw) in charts.items()
        if rows
    ]
    tables = (_changes(content), _shapes(content), _classes(content), *accuracy_tables(content))
    details: tuple[Block, ...] = (*figures[1:], *(table for table in tables if table.rows))
    return Section(
        anchor="size-changes",
        title=TITLE,
        finding=_finding(content),
        intro=INTRO,
        blocks=tuple(figures[:1]),
        details=details,
    )


def _finding(content: Content) -> str:
    restrictions = next(iter(content.results[SizeChanges].series.values())).outcomes["correct"]
    whole, rest = (restrictions[name].first_to_last for name in ("all", "unsaturated_examples"))
    if whole is None:
        return ""
    points = next(iter(contents.series(content).values()))
    first, last = (contents.size_text(content, point) for point in (points[0], points[-1]))
    text = f"Mean memorization {_verb(whole)} from {first} to {last}"
    if rest is None:
        return text
    same = _verb(rest) == _verb(whole)
    others = "among images that are not always learned"
    return f"{text}, {f'also {others}' if same else f'but {_verb(rest)} {others}'}"


def _verb(change: Change) -> str:
    """Returns whether a change of mean memorization is clear, and its direction."""
    memorization = change.change.means.memorization
    if memorization.lower > 0:
        return "rises"
    return "falls" if memorization.upper < 0 else "does not clearly change"


def _estimates(content: Content) -> Iterator[tuple[str, str, str, Restricted]]:
    """Yields (series, title of the outcome, restriction, numbers) of all estimates."""
    for series, of_series in content.results[SizeChanges].series.items():
        for outcome, title in chart.OUTCOMES.items():
            for restriction in RESTRICTED:
                yield series, title, restriction, of_series.outcomes[outcome][restriction]


def _changes(content: Content) -> Table:
    rows = []
    for series, outcome, restriction, numbers in _estimates(content):
        head = (series, outcome, RESTRICTED[restriction], str(numbers.num_examples))
        if numbers.first_to_last is None:
            reason = "no example is left" if not numbers.num_examples else "fewer than two sizes"
            rows.append((*head, reason, *[formatting.ABSENT] * 5))
            continue
        change = numbers.first_to_last.change
        ends = " to ".join(
            contents.size_text(content, contents.point(content, name))
            for name in (numbers.first_to_last.first, numbers.first_to_last.last)
        )
        means = (change.means.memorization, change.means.in_mean, change.means.out_mean)
        shares = (
            formatting.estimate_cell(share, formatting.percent)
            for share in (change.shape.share_below_01, change.shape.share_above_09)
        )
        rows.append((*head, ends, *map(formatting.estimate_cell, means), *shares))
    return Table(
        caption="Change from the first to the last size, over the runs that all sizes of a series "
        f"have. {NOTE} Errors are of each run's own change. Examples are chosen by estimates, so "
        "those kept have in-sample means that came out low.",
        columns=(
            "Series",
            "Outcome",
            "Of",
            "Examples",
            "Sizes",
            "Memorization",
            "In-sample mean",
            "Out-of-sample mean",
            "Share below 0.1",
            "Share above 0.9",
        ),
        rows=tuple(rows),
    )


def _shapes(content: Content) -> Table:
    rows = [
        (
            contents.size_text(content, contents.point(content, name)),
            series,
            outcome,
            formatting.estimate_cell(numbers.shape.share_below_01, formatting.percent),
            formatting.estimate_cell(numbers.shape.share_above_09, formatting.percent),
            formatting.estimate_cell(numbers.shape.bimodality),
            formatting.estimate_cell(numbers.shape.upper_mode),
        )
        for series, outcome, restriction, restricted in _estimates(content)
        for name, numbers in restricted.points.items()
        if restriction == "all"
    ]
    return Table(
        caption="Distribution of memorization: by right or wrong answers corrected for the noise "
        "of the scores (but not in studies that leave one example out), by label probability of "
        "noisy scores. Bimodality: Sarle's coefficient (0 "
        "to 1; 1 = two values only, 5/9 = uniform; a long tail raises it too). Upper mode: density "
        "at or above 0.9 minus density from 0.25 to 0.75; above 0 = the distribution rises again "
        f"towards 1. {NOTE}",
        columns=(
            contents.size_title(content),
            "Series",
            "Outcome",
            "Below 0.1",
            "Above 0.9",
            "Bimodality",
            "Upper mode",
        ),
        rows=tuple(rows),
    )


def _classes(content: Content) -> Table:
    rows = []
    names: list[str] = []
    for series, outcome, restriction, numbers in _estimates(content):
        for alpha, classes in sorted(numbers.classes.items()):
            names = list(classes.shares)
            cells = (_with_chance(classes, name) for name in names)
            threshold = f"{ALPHA_IS}{alpha:g}"
            rows.append((series, outcome, RESTRICTED[restriction], threshold, *cells))
    return Table(
        caption="Classes of trajectory: share of the examples, and in brackets the share in "
        "simulated studies in which memorization is the same at all sizes.",
        columns=("Series", "Outcome", "Of", "Threshold", *map(label, names)),
        rows=tuple(rows),
    )


def _with_chance(classes: Classes, name: str) -> str:
    share = share_text(classes.shares, name)
    return f"{share} ({share_text(classes.null, name)})" if name in classes.null else share


def accuracy_tables(content: Content) -> tuple[Table, ...]:
    """Returns Tables 5 and 6 of Lukasik et al.: train and test accuracy per size and teacher."""
    series = contents.series(content)
    tables = []
    if "one_hot" in series:
        rows = [
            (contents.size_text(content, point), *_accuracies(content, point))
            for point in series["one_hot"]
        ]
        tables.append(
            Table(
                caption="Train and test accuracy of models trained on labels, as Table 5 of "
                f"Lukasik et al. Train: the examples a run trained on. {NOTE}",
                columns=(contents.size_title(content), "Train", "Test"),
                rows=tuple(rows),
            )
        )
    students = {name: points for name, points in series.items() if name.startswith("distilled")}
    if students:
        tables.append(_table_6(content, students))
    return tuple(tables)


def _table_6(content: Content, students: Mapping[str, Sequence[PointSummary]]) -> Table:
    by_size: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, points in students.items():
        for point in points:
            size = contents.size_text(content, point)
            by_size.setdefault(size, {})[name] = _accuracies(content, point)
    columns = [contents.size_title(content)]
    for name in students:
        teacher = _teacher(content, name)
        columns += [f"Train, teacher {teacher}", f"Test, teacher {teacher}"]
    absent = (formatting.ABSENT, formatting.ABSENT)
    rows = [
        (size, *(cell for n in students for cell in (cells[n] if n in cells else absent)))
        for size, cells in by_size.items()
    ]
    return Table(
        caption="Train and test accuracy of distilled students, as Table 6 of Lukasik et al. "
        f"{NOTE}",
        columns=tuple(columns),
        rows=tuple(rows),
    )


def _teacher(content: Content, series: str) -> str:
    """Returns the teacher of a series in words, such as "56" or "of the same size"."""
    prefix = "distilled_from_"
    if series.startswith(prefix):
        return series.removeprefix(prefix)
    teacher = str(content.config["distillation"]["teacher"])
    return "of the same size" if teacher == "same" else teacher


def _accuracies(content: Content, point: PointSummary) -> tuple[str, ...]:
    accuracy = content.results[Accuracy].points[point.name]
    return tuple(map(formatting.estimate_cell, (accuracy.train_in, accuracy.test)))
