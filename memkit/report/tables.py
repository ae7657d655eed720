"""The report's tables as text cells, from the study's summary."""

import dataclasses

from memkit.charts import trajectories
from memkit.report import content as contents
from memkit.report import formatting

ALPHA_IS = "α\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"  # not to be broken in narrow columns
NOTE = f"± is half a 95% interval over runs (Student's t); {formatting.ABSENT} is not available."


@dataclasses.dataclass(frozen=True)
class Table:
    """A caption, column titles, and rows of text whose first cell heads the row."""

    caption: str
    columns: tuple
    rows: tuple


def _per_point(content, caption, cells, points=None):
    """Returns a table with one row per point; `cells` maps column title to point -> text."""
    points = content.summary["points"] if points is None else points
    several = contents.several_series(content)
    columns = (contents.size_title(content), *(("Series",) if several else ()), *cells)
    rows = tuple(
        (
            _row_head(content, point),
            *((point["series"],) if several else ()),
            *(cell(point) for cell in cells.values()),
        )
        for point in points
    )
    return Table(caption=caption, columns=columns, rows=rows)


def _row_head(content, point):
    value = point["axis_value"]
    return point["name"] if value is None or content.summary["axis"] is None else str(value)


def _estimate(key, part=None, text=formatting.number):
    def cell(point):
        source = point if part is None else point[part]
        if source is None:
            return formatting.ABSENT
        return text(source[key], source[f"{key}_margin"], missing=formatting.ABSENT)

    return cell


def _count(key):
    return lambda point: formatting.ABSENT if point[key] is None else str(point[key])


def runs(content):
    """Returns how many runs each point has, and how many of them failed to train."""
    cells = {
        "Runs": _count("num_runs"),
        "Diverged": _count("diverged"),
        "Blocked": _count("blocked"),
        "Collapsed": _count("collapsed"),
        "Outlying": lambda point: str(len(point["outlying_runs"])),
    }
    if content.summary["axis"] is not None:
        cells = {"Point": lambda p: p["name"]} | cells
    return _per_point(
        content,
        "Runs per point. Diverged: the loss left the finite numbers; blocked: the teacher of the "
        "run diverged; both are left out. Collapsed: train accuracy under twice chance; kept. "
        "Outlying: accuracy far from that of the other runs, where such runs carry most of the "
        "spread; kept, but intervals over runs may then be too narrow.",
        cells,
    )


def accuracy(content):
    """Returns accuracies per point."""
    return _per_point(
        content,
        f"Accuracy (0 to 1, higher = better). {NOTE}",
        {
            "Train, in-sample": _estimate("train_in_accuracy"),
            "Train, out-of-sample": _estimate("train_out_accuracy"),
            "Test": _estimate("test_accuracy"),
        },
    )


def memorization(content):
    """Returns mean memorization per point, for clean and planted labels where there are any."""
    cells = {
        "Mean": _estimate("mean_memorization"),
        "Mean, label probability": _estimate("mean_memorization_prob"),
        "In-sample mean": _estimate("mean_in"),
        "Out-of-sample mean": _estimate("mean_out"),
    }
    if any(point["planted"] is not None for point in content.summary["points"]):
        cells |= {
            "Clean labels": _estimate("mean_memorization", "clean"),
            "Planted labels": _estimate("mean_memorization", "planted"),
        }
    return _per_point(
        content, f"Mean memorization (-1 to 1, higher = more memorized). {NOTE}", cells
    )


def spread(content):
    """Returns shares of weakly and strongly memorized examples per point."""
    return _per_point(
        content,
        f"Share of the examples by memorization. {NOTE}",
        {
            "Below 0.1": _estimate("share_below_0.1", text=formatting.percent),
            "Above 0.25": _estimate("share_above_0.25", text=formatting.percent),
            "Above 0.9": _estimate("share_above_0.9", text=formatting.percent),
        },
    )


def detection(content):
    """Returns AUROC of both detectors per point that has planted labels."""
    points = [p for p in content.summary["points"] if p["planted"] is not None]
    return _per_point(
        content,
        f"Planted labels: memorization and detection (0.5 = chance, 1 = perfect). {NOTE}",
        {
            "Memorization, planted": _estimate("mean_memorization", "planted"),
            "Memorization, clean": _estimate("mean_memorization", "clean"),
            "AUROC by memorization": _estimate("auroc", "planted"),
            "AUROC by 1 - out-of-sample probability": _estimate("auroc_out_prob", "planted"),
        },
        points,
    )


def classes(content, series):
    """Returns the shares of trajectory classes of one series, observed and by chance."""
    shares = content.summary["trajectory_classes"][series]
    errors = content.summary["trajectory_classes_margin"][series]
    null = content.summary["trajectory_classes_null"][series]
    among = content.summary["trajectory_classes_nonconstant"][series]
    alphas = sorted(shares, key=float)

    def text(by_class, name, error=None):
        if name not in by_class:
            return formatting.ABSENT
        return formatting.percent(by_class[name], error, missing=formatting.ABSENT)

    columns = ["Class"]
    for alpha in alphas:
        columns += [f"Share, {ALPHA_IS}{float(alpha):g}", "by chance", "of the non-constant"]
    rows = []
    for name in shares[alphas[0]]:
        cells = []
        for alpha in alphas:
            cells.append(text(shares[alpha], name, errors[alpha][name]))
            cells += [text(by[alpha], name) for by in (null, among)]
        rows.append((trajectories.label(name), *cells))
    caption = (
        "Classes of trajectory per threshold α, beside the shares in studies whose sizes "
        f"were shuffled within each run. {NOTE}"
    )
    if contents.several_series(content):
        caption = f"Series {series}. {caption}"
    return Table(caption=caption, columns=tuple(columns), rows=tuple(rows))


def config(content):
    """Returns the resolved config, one row per field."""
    return Table(
        caption="Resolved config.", columns=("Field", "Value"), rows=tuple(_flat(content.config))
    )


def _flat(tree, prefix=""):
    for key, value in tree.items():
        if hasattr(value, "items") and len(value):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)


def provenance(content):
    """Returns where and how the study ran, one row per fact."""
    rows = tuple((str(k), str(v)) for k, v in content.provenance.items())
    return Table(caption="Versions, device and time.", columns=("Fact", "Value"), rows=rows)
