"""The first screen: what was measured, a few numbers, the main chart and some pictures."""

import functools
from collections.abc import Iterable, Sequence

from memkit.analysis import PointSummary
from memkit.analysis.accuracy.estimate import outlying
from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.convergence.result import Convergence
from memkit.analysis.distribution import chart as distribution_chart
from memkit.analysis.distribution import means_chart
from memkit.analysis.distribution.result import Distribution
from memkit.analysis.planted.result import Planted, PointPlanted
from memkit.analysis.trajectories.chart import label, middle_alpha
from memkit.analysis.trajectories.result import TrajectoryClasses
from memkit.estimators import WithError
from memkit.report import assets, formatting, headline_numbers
from memkit.report import content as contents
from memkit.report import strip as strips
from memkit.report.blocks import Definitions, Figure, Section, figure
from memkit.report.content import Content
from memkit.report.point_tables import GROUPS, means_by_group

MEANS = "Mean memorization by model size. The bands are 95% intervals over runs."
DISTRIBUTION = (
    "The distribution of memorization, corrected for the noise of the scores, on a square-root "
    "scale."
)

OVERVIEW = "overview"  # name of the chart of the first screen


def section(content: Content) -> Section:
    """Returns the first screen: what was measured, numbers, the main chart and pictures."""
    of_package = functools.partial(assets.fragment, "memkit.report")
    numbers = of_package(
        "numbers.html",
        measured=headline_numbers.measured(content),
        numbers=headline_numbers.numbers(content),
    )
    pictures = strips.strip(content)
    shown = () if pictures is None else (of_package("strip.html", strip=pictures),)
    cautions = tuple(_cautions(content))
    return Section(
        anchor="headline",
        title="At a glance",
        blocks=(numbers, *_main_chart(content), *shown, *_definitions(cautions)),
        details=_definitions(tuple(f for f in findings(content) if f not in cautions)),
        is_wide=True,
        pictures={} if pictures is None else {"train": [card.example for card in pictures.cards]},
    )


def _definitions(entries: tuple[tuple[str, str], ...]) -> tuple[Definitions, ...]:
    return (Definitions(entries),) if entries else ()


def _main_chart(content: Content) -> tuple[Figure, ...]:
    """Returns mean memorization against size, or its distribution in a study of one point."""
    points, title = content.summary.points, contents.size_title(content)
    if not any(point.num_runs for point in points):
        return ()
    if content.summary.axis is None:
        rows = distribution_chart.table(points, content.results[Distribution].histograms)
        return (figure(OVERVIEW, DISTRIBUTION, rows, distribution_chart.chart, size_title=title),)
    groups = {GROUPS[name]: means for name, means in means_by_group(content).items()}
    rows = means_chart.table(points, groups)
    draw = means_chart.memorization_chart
    return (figure(OVERVIEW, MEANS, rows, draw, size_title=title),)


def findings(content: Content) -> list[tuple[str, str]]:
    """Returns [(topic, sentence)], the headline of the report; the wording follows the numbers."""
    if not any(point.num_runs for point in content.summary.points):
        return [("Nothing yet", "No run of this study is finished, so there is nothing to report.")]
    sentences = []
    for name, members in contents.series(content).items():
        suffix = f" ({name})" if contents.several_series(content) else ""
        done = [point for point in members if point.num_runs]
        if not done:
            sentences.append((f"No runs{suffix}", "No run of this series is finished."))
            continue
        sentences += [(topic + suffix, text) for topic, text in _of_series(content, done)]
        sentences += [(topic + suffix, text) for topic, text in _trajectories(content, name)]
    return sentences + _cautions(content)


def _of_series(content: Content, points: Sequence[PointSummary]) -> list[tuple[str, str]]:
    names, last = [point.name for point in points], points[-1].name
    sizes = [contents.size_text(content, point) for point in points]
    accuracy = [content.results[Accuracy].points[name] for name in names]
    distribution = [content.results[Distribution].points[name] for name in names]
    planted = content.results[Planted].points

    def trend(estimates: Iterable[WithError]) -> str:
        return formatting.trend(list(estimates), sizes)

    if planted:
        of_points = [planted[name] for name in names]
        sentences = [
            (
                "Planted labels",
                f"Mean memorization of the {of_points[-1].count} labels that "
                f"{contents.were_planted(content)} "
                f"{trend(p.means.memorization for p in of_points)} (1 = always learned when "
                "trained on, never guessed otherwise).",
            ),
            (
                "Clean examples",
                "Mean memorization of the examples with clean labels "
                f"{trend(p.clean.memorization for p in distribution)}.",
            ),
            ("Detection", _detection(of_points[-1], sizes[-1])),
        ]
    else:
        means = trend(p.all_examples.memorization for p in distribution)
        sentences = [("Mean memorization", f"Mean memorization over all examples {means}.")]
    text = (
        f"Test accuracy {trend(a.test for a in accuracy)}; accuracy on the training examples a run "
        f"trained on {trend(a.train_in for a in accuracy)}."
    )
    sentences.append(("Accuracy", text))
    text = (
        f"At {sizes[-1]}, {_share(distribution[-1].shape.share_below_01)} of the examples have "
        f"memorization below 0.1 and {_share(distribution[-1].shape.share_above_09)} above 0.9."
    )
    sentences.append(("Spread", text))
    reliability = content.results[Convergence].split_half[last].spearman_brown
    if formatting.defined(reliability):
        text = (
            f"At {sizes[-1]} the ranking of the examples by memorization has a split-half "
            f"reliability (Spearman-Brown) of {formatting.number(reliability)} (1 = perfect)."
        )
        sentences.append(("Reliability", text))
    return sentences


def _detection(planted: PointPlanted, size: str) -> str:
    first, second = planted.auroc, planted.auroc_out_prob
    text = (
        f"At {size}, sorting by memorization finds planted labels with AUROC "
        f"{formatting.estimate(first)}, sorting by 1 minus the out-of-sample probability of the "
        f"label with {formatting.estimate(second)} (0.5 = chance, 1 = perfect)"
    )
    is_known = formatting.defined(first.value) and formatting.defined(second.value)
    if is_known and formatting.differ(first, second):
        better = "first" if first.value > second.value else "second"
        text += f"; the {better} is the better detector here"
    return text + "."


def _trajectories(content: Content, series: str) -> list[tuple[str, str]]:
    by_series = content.results[TrajectoryClasses].series
    if series not in by_series:
        return []
    alpha = middle_alpha(by_series[series])
    classes = by_series[series][alpha]
    shares, null = classes.shares, classes.null
    if not formatting.defined(shares["constant"]):
        return [("Trajectories", "The classes of trajectory are not available.")]
    text = (
        f"With threshold {alpha:g}, {formatting.percent(1 - shares['constant'])} of the "
        "examples have memorization that changes with size"
    )
    if "constant" in null and formatting.defined(null["constant"]):
        text += f" ({formatting.percent(1 - null['constant'])} expected by chance)"
    changes = {
        name: share
        for name, share in shares.items()
        if name not in ("constant", "undefined") and formatting.defined(share) and share > 0
    }
    if changes:
        top = max(changes, key=lambda name: changes[name])
        text += (
            f"; the most frequent change is {label(top)}, "
            f"{formatting.percent(changes[top])} of the examples"
        )
    return [("Trajectories", text + ".")]


def _cautions(content: Content) -> list[tuple[str, str]]:
    points = content.summary.points
    sentences = []
    diverged = sum(point.diverged for point in points)
    collapsed = sum(point.collapsed for point in points)
    if diverged or collapsed:
        sentences.append(
            (
                "Caution",
                f"{diverged} run{'s' * (diverged != 1)} diverged, left out; {collapsed} collapsed "
                "(train accuracy under twice chance, or with two classes under 75%), kept; see the "
                "table of runs.",
            )
        )
    sentences += [("Caution", f"{text}.") for text in outlying(content.summary)]
    mixed = content.summary.training.mixed
    sentences += [("Caution", f"{name} {text}.") for name, text in mixed.items()]
    empty = [point.name for point in points if not point.num_runs]
    if empty:
        sentences.append(("Incomplete", "No finished run yet: " + ", ".join(empty) + "."))
    return sentences


def _share(estimate: WithError) -> str:
    return formatting.percent(estimate.value, estimate.margin)
