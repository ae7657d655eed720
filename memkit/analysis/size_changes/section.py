"""The section on change with size: its errors, its distribution, and what saturation explains."""

from memkit.analysis.size_changes import chart
from memkit.analysis.trajectories.chart import label
from memkit.analysis.trajectories.section import ALPHA_IS
from memkit.report import content as contents
from memkit.report import formatting
from memkit.report.blocks import Figure, Section, Table
from memkit.report.point_tables import NOTE

NAME = "size_changes"
TITLE = "Change with size"
EMPTY = "`memkit estimate` fills this section once a series has two runs in common at every size."
RESTRICTED = {
    "all": "all",
    "unsaturated_examples": "examples with in-sample mean below 1 at every size",
    "unsaturated_points": "sizes with in-sample accuracy below 0.99",
}
INTRO = (
    "Mean memorization (-1 to 1, higher = more memorized) and its distribution, with the answer "
    "right or wrong and with the label's probability. Memorization of an example that is always "
    "answered right after training can only fall as models improve, so everything is repeated "
    "where training still leaves room."
)
CAPTIONS = {
    "distribution_ends": "Shares of hardly and of almost fully memorized examples, on a "
    "square-root scale. 95% bands over runs.",
    "means_unsaturated": "Mean memorization of all examples, and of those whose in-sample mean is "
    "below 1 at every size. 95% bands over runs.",
}


def section(content):
    """Returns the Section of `analysis.sizes`."""
    if NAME not in content.summary or not content.summary[NAME]:
        return Section(anchor="size-changes", title=TITLE, intro=INTRO, empty=EMPTY)
    found = content.summary[NAME]
    titles = {"size_title": contents.size_title(content)}
    drawn = {
        "distribution_ends": (chart.table(found), chart.chart),
        "means_unsaturated": (chart.means_table(found), chart.means_chart),
    }
    figures = {
        name: Figure(name=name, caption=CAPTIONS[name], chart=chart(rows, **titles))
        for name, (rows, chart) in drawn.items()
        if rows
    }
    tables = (_changes(content), _shapes(content), _classes(content), *accuracy_tables(content))
    blocks = (*figures.values(), *(table for table in tables if table.rows))
    return Section(anchor="size-changes", title=TITLE, intro=INTRO, blocks=blocks)


def _parts(content):
    """Yields (series, outcome title, restriction, numbers) of everything that was estimated."""
    for series, found in content.summary[NAME].items():
        for outcome, title in chart.OUTCOMES.items():
            for restriction in RESTRICTED:
                yield series, title, restriction, found[outcome][restriction]


def _cell(numbers, key, text=formatting.number):
    return text(numbers[key], numbers[f"{key}_margin"], missing=formatting.ABSENT)


def _size_of(content, name):
    point = next(p for p in content.summary["points"] if p["name"] == name)
    return contents.size_text(content, point)


def _changes(content):
    rows = []
    for series, outcome, restriction, numbers in _parts(content):
        change = numbers["first_to_last"]
        head = (series, outcome, RESTRICTED[restriction], str(numbers["num_examples"]))
        if change is None:
            reason = "no example is left" if not numbers["num_examples"] else "fewer than two sizes"
            rows.append((*head, reason, *[formatting.ABSENT] * 5))
            continue
        ends = " to ".join(_size_of(content, change[end]) for end in ("first", "last"))
        means = (_cell(change, f"mean_{name}") for name in ("memorization", "in", "out"))
        shares = (
            _cell(change, f"share_{n}", formatting.percent) for n in ("below_0.1", "above_0.9")
        )
        rows.append((*head, ends, *means, *shares))
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


def _shapes(content):
    rows = [
        (
            contents.size_text(content, point),
            series,
            outcome,
            _cell(point, "share_below_0.1", formatting.percent),
            _cell(point, "share_above_0.9", formatting.percent),
            _cell(point, "bimodality"),
            _cell(point, "upper_mode"),
        )
        for series, outcome, restriction, numbers in _parts(content)
        for point in numbers["points"]
        if restriction == "all"
    ]
    return Table(
        caption="Distribution of memorization. Bimodality: Sarle's coefficient (0 to 1; 1 = two "
        "values only, 5/9 = uniform; a long tail raises it too). Upper mode: density at or above "
        "0.9 minus density from 0.25 to 0.75; above 0 = the distribution rises again towards 1. "
        f"{NOTE}",
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


def _classes(content):
    rows, names = [], []
    for series, outcome, restriction, numbers in _parts(content):
        for alpha, found in sorted(numbers["classes"].items(), key=lambda item: float(item[0])):
            names = list(found["shares"])
            cells = (_with_chance(found, name) for name in names)
            where = RESTRICTED[restriction]
            rows.append((series, outcome, where, f"{ALPHA_IS}{float(alpha):g}", *cells))
    return Table(
        caption="Classes of trajectory: share of the examples, and in brackets the share in "
        "studies whose sizes were shuffled within each run.",
        columns=("Series", "Outcome", "Of", "Threshold", *map(label, names)),
        rows=tuple(rows),
    )


def _with_chance(found, name):
    share = formatting.percent(found["shares"][name], missing=formatting.ABSENT)
    if name not in found["null"]:
        return share
    return f"{share} ({formatting.percent(found['null'][name], missing=formatting.ABSENT)})"


def accuracy_tables(content):
    """Returns Tables 5 and 6 of Lukasik et al.: train and test accuracy per size and teacher."""
    series = contents.series(content)
    tables = []
    if "one_hot" in series:
        rows = [(contents.size_text(content, p), *_accuracies(p)) for p in series["one_hot"]]
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


def _table_6(content, students):
    by_size = {}
    for name, points in students.items():
        for point in points:
            size = contents.size_text(content, point)
            by_size.setdefault(size, {})[name] = _accuracies(point)
    columns = [contents.size_title(content)]
    for name in students:
        teacher = _teacher(content, name)
        columns += [f"Train, teacher {teacher}", f"Test, teacher {teacher}"]
    absent = (formatting.ABSENT, formatting.ABSENT)
    rows = [
        (size, *(cell for n in students for cell in (found[n] if n in found else absent)))
        for size, found in by_size.items()
    ]
    return Table(
        caption="Train and test accuracy of distilled students, as Table 6 of Lukasik et al. "
        f"{NOTE}",
        columns=tuple(columns),
        rows=tuple(rows),
    )


def _teacher(content, series):
    """Returns a series' teacher as its reader knows it, such as "56" or "of the same size"."""
    prefix = "distilled_from_"
    if series.startswith(prefix):
        return series.removeprefix(prefix)
    teacher = str(content.config["distillation"]["teacher"])
    return "of the same size" if teacher == "same" else teacher


def _accuracies(point):
    return tuple(_cell(point, f"{part}_accuracy") for part in ("train_in", "test"))
