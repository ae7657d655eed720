"""The headline section: the study in a few sentences, computed from the numbers they quote."""

from collections.abc import Sequence

from memkit import summary
from memkit.analysis.trajectories.chart import label, middle_alpha
from memkit.report import content as contents
from memkit.report import formatting
from memkit.report.blocks import Definitions, Section
from memkit.report.content import Content
from memkit.typing import Json

INTRO = (
    "Memorization of an example is the accuracy on it of the runs that trained on it minus that of "
    "the runs that did not. ± is half a 95% interval over runs."
)


def section(content: Content) -> Section:
    """Returns the section of the headline numbers."""
    blocks = (Definitions(tuple(findings(content))),)
    return Section(anchor="headline", title="Headline", intro=INTRO, blocks=blocks)


def findings(content: Content) -> list[tuple[str, str]]:
    """Returns [(topic, sentence)], the headline of the report; the wording follows the numbers."""
    points = content.summary["points"]
    if not any(point["num_runs"] for point in points):
        return [("Nothing yet", "No run of this study is finished, so there is nothing to report.")]
    sentences = []
    for name, members in contents.series(content).items():
        suffix = f" ({name})" if contents.several_series(content) else ""
        done = [point for point in members if point["num_runs"]]
        if not done:
            sentences.append((f"No runs{suffix}", "No run of this series is finished."))
            continue
        sizes = [contents.size_text(content, point) for point in done]
        sentences += [(topic + suffix, text) for topic, text in _of_series(content, done, sizes)]
        sentences += [(topic + suffix, text) for topic, text in _trajectories(content, name)]
    return sentences + _cautions(content)


def _of_series(
    content: Content, points: Sequence[Json], sizes: Sequence[str]
) -> list[tuple[str, str]]:
    sentences = []
    last, size = points[-1], sizes[-1]
    if all(point["planted"] is not None for point in points):
        sentences.append(("Planted labels", _planted(points, sizes)))
        sentences.append(
            (
                "Clean examples",
                "Mean memorization of the examples with clean labels "
                + _trend([p["clean"] for p in points], "mean_memorization", sizes)
                + ".",
            )
        )
        sentences.append(("Detection", _detection(last["planted"], size)))
    else:
        sentences.append(
            (
                "Mean memorization",
                "Mean memorization over all examples "
                + _trend(points, "mean_memorization", sizes)
                + ".",
            )
        )
    sentences.append(
        (
            "Accuracy",
            "Test accuracy "
            + _trend(points, "test_accuracy", sizes)
            + "; accuracy on the training examples a run trained on "
            + _trend(points, "train_in_accuracy", sizes)
            + ".",
        )
    )
    sentences.append(
        (
            "Spread",
            f"At {size}, {_share(last, 'share_below_0.1')} of the examples have "
            f"memorization below 0.1 and {_share(last, 'share_above_0.9')} above 0.9.",
        )
    )
    half = content.summary["split_half"]
    if last["name"] in half and formatting.defined(half[last["name"]]["spearman_brown"]):
        sentences.append(
            (
                "Reliability",
                f"At {size} the ranking of the examples by memorization has "
                "a split-half reliability (Spearman-Brown) of "
                f"{formatting.number(half[last['name']]['spearman_brown'])} (1 = perfect).",
            )
        )
    return sentences


def _planted(points: Sequence[Json], sizes: Sequence[str]) -> str:
    count = points[-1]["planted"]["count"]
    return (
        f"Mean memorization of the {count} labels flipped on purpose "
        + _trend([p["planted"] for p in points], "mean_memorization", sizes)
        + " (1 = always learned when trained on, never guessed otherwise)."
    )


def _detection(part: Json, size: str) -> str:
    text = (
        f"At {size}, sorting by memorization finds planted labels with AUROC "
        f"{formatting.number(part['auroc'], part['auroc_margin'])}, sorting by 1 minus the "
        "out-of-sample probability of the label with "
        f"{formatting.number(part['auroc_out_prob'], part['auroc_out_prob_margin'])} "
        "(0.5 = chance, 1 = perfect)"
    )
    a, b = ((part[key], part[f"{key}_margin"]) for key in ("auroc", "auroc_out_prob"))
    if formatting.defined(a[0]) and formatting.defined(b[0]) and formatting.differ(a, b):
        text += f"; the {'first' if a[0] > b[0] else 'second'} is the better detector here"
    return text + "."


def _trajectories(content: Content, series: str) -> list[tuple[str, str]]:
    classes = content.summary["trajectory_classes"]
    if series not in classes or not classes[series]:
        return []
    alpha = middle_alpha(classes[series])
    shares, null = classes[series][alpha], content.summary["trajectory_classes_null"]
    if not formatting.defined(shares["constant"]):
        return [("Trajectories", "The classes of trajectory are not available.")]
    text = (
        f"With threshold {float(alpha):g}, {formatting.percent(1 - shares['constant'])} of the "
        "examples have memorization that changes with size"
    )
    if (
        series in null
        and alpha in null[series]
        and formatting.defined(null[series][alpha]["constant"])
    ):
        text += f" ({formatting.percent(1 - null[series][alpha]['constant'])} expected by chance)"
    changes = {
        k: v
        for k, v in shares.items()
        if k not in ("constant", "undefined") and formatting.defined(v) and v > 0
    }
    if changes:
        top = max(changes, key=lambda name: changes[name])
        text += (
            f"; the most frequent change is {label(top)}, "
            f"{formatting.percent(changes[top])} of all examples"
        )
    return [("Trajectories", text + ".")]


def _cautions(content: Content) -> list[tuple[str, str]]:
    points = content.summary["points"]
    sentences = []
    diverged = sum(p["diverged"] or 0 for p in points)
    collapsed = sum(p["collapsed"] or 0 for p in points)
    if diverged or collapsed:
        sentences.append(
            (
                "Caution",
                f"{diverged} runs diverged and are left out, {collapsed} collapsed (train accuracy "
                "under twice chance) and are kept; see the table of runs.",
            )
        )
    sentences += [("Caution", f"{text}.") for text in summary.outlying(content.summary)]
    empty = [p["name"] for p in points if not p["num_runs"]]
    if empty:
        sentences.append(("Incomplete", "No finished run yet: " + ", ".join(empty) + "."))
    return sentences


def _trend(parts: Sequence[Json], key: str, sizes: Sequence[str]) -> str:
    return formatting.trend([p[key] for p in parts], [p[f"{key}_margin"] for p in parts], sizes)


def _share(point: Json, key: str) -> str:
    return formatting.percent(point[key], point[f"{key}_margin"])
