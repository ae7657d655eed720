"""The section on proxies: how well cheap scores predict memorization, and on canaries."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

from memkit import proxies
from memkit.analysis import PointSummary
from memkit.analysis.proxies import canaries_chart
from memkit.analysis.proxies import chart as charts
from memkit.analysis.proxies.result import Leaderboard, Proxies, ProxyAgreement, SeriesProxies
from memkit.analysis.trajectories.section import share_text
from memkit.charts import lines
from memkit.report import content as contents
from memkit.report import findings, formatting
from memkit.report.blocks import Chart, Figure, Section, Table
from memkit.report.content import Content
from memkit.report.point_tables import NOTE, means_by_group
from memkit.typing import Json

TITLE = "Proxies and canaries"
INTRO = (
    "A proxy is a cheap score of an example, from the history of its training or from one "
    "trained network. Shown is its correlation with memorization from other runs (1 = the same "
    "ranking, 0 = none), with every sign chosen so that higher means harder."
)
EMPTY = (
    "`memkit estimate` fills this section when a point has at least 4 runs. Proxies of the "
    "training history also need record.history_runs above 0."
)
BOARD = "proxy_leaderboard"
LABELS = {name: proxies.label(name) for name in proxies.PROXIES} | {
    "memorization": "memorization",
    "memorization_prob": "memorization, probability",
    "out_error": "1 - out-of-sample accuracy",
    "out_doubt": "1 - out-of-sample probability",
    "in_doubt": "1 - in-sample probability",
}
KINDS = {"spearman": "Spearman's", "pearson": "Pearson's"}
CAPTIONS = {
    "proxy_means": "Mean memorization and mean proxies by model size, each on its own scale. A "
    "proxy that followed memorization would have the same shape, mirrored if lower means harder. "
    "The bands are 95% intervals over runs.",
    "proxy_leaderboard": "Rank correlation of proxies with memorization at each size, for the "
    "proxy averaged over one half of the runs and for the proxy of a single run. Memorization is "
    "estimated from the other half. The ceiling is the most that a score can be expected to reach: "
    "the square root of the agreement between halves. The bars are 95% intervals over runs.",
    "proxy_leaderboard_across": "Whether proxies follow memorization across sizes. Left: Pearson's "
    "correlation along the sizes, averaged over the examples whose memorization is not constant. "
    "Right: the correlation over all examples of the change from the first to the last size. Below "
    "0, a proxy moves against memorization. The bars are 95% intervals over runs.",
    "canary_detection": "Error of every score and proxy in finding the planted labels: 1 - AUROC "
    "on a log scale, the best first. The bars are 95% intervals over runs; dashed is chance.",
    "canary_trajectories": "Mean memorization of planted and of clean labels by model size. The "
    "bands are 95% intervals over runs.",
}


def section(content: Content) -> Section:
    """Returns the Section of the proxies."""
    result = content.results[Proxies]
    if not result.points:
        return Section(anchor="proxies", title=TITLE, intro=INTRO, empty=EMPTY)
    figures = _figures(content, result)
    shown = [figures.pop(name) for name in [BOARD] if name in figures]
    return Section(
        anchor="proxies",
        title=TITLE,
        finding=_finding(content, result),
        intro=INTRO,
        blocks=tuple(shown),
        details=(*figures.values(), *_tables(content, result)),
    )


def _finding(content: Content, result: Proxies) -> str:
    """Returns the proxy that ranks best at the largest size of the first series."""
    names = [point.name for point in findings.finished(content) if point.name in result.points]
    if not names:
        return ""
    board = result.points[names[-1]].board
    reached = {
        name: of["spearman"].averaged.value
        for name, of in board.proxies.items()
        if formatting.defined(of["spearman"].averaged.value)
    }
    if not reached:
        return ""
    best = max(reached, key=lambda name: reached[name])
    at = findings.at_last(content)
    text = f"The best proxy of memorization {at} is {LABELS[best]}, with a rank correlation of"
    return f"{text} {formatting.number(reached[best])}".replace("  ", " ")


def _figures(content: Content, result: Proxies) -> dict[str, Figure]:
    points, size_title = content.summary.points, contents.size_title(content)
    along = [point for point in points if point.series in result.series]
    means = means_by_group(content)
    memorization = {
        group: {name: of_point.memorization for name, of_point in by_point.items()}
        for group, by_point in means.items()
    }
    titles = {
        name: f"{proxies.label(name)} ({proxy.direction})"
        for name, proxy in proxies.PROXIES.items()
    }
    by_size = {"size_title": size_title}
    charts_of: dict[str, tuple[Sequence[Json], Callable[..., Chart], dict[str, str]]] = {
        "proxy_means": (
            charts.means_table(along, result.points, memorization, titles=titles),
            charts.means_chart,
            by_size,
        ),
        "proxy_leaderboard": (
            charts.board_table(points, result.points, labels=LABELS),
            charts.board_chart,
            by_size,
        ),
        "proxy_leaderboard_across": (
            charts.across_table(result.series, labels=LABELS),
            charts.across_chart,
            {},
        ),
        "canary_detection": (
            canaries_chart.detection_table(points, result.points, labels=LABELS),
            canaries_chart.detection_chart,
            by_size,
        ),
        "canary_trajectories": (
            canaries_chart.paths_table(along, means["planted"], means["clean"])
            if "planted" in means
            else [],
            canaries_chart.paths_chart,
            by_size,
        ),
    }
    return {
        name: Figure(name, CAPTIONS[name], functools.partial(draw, rows, **options))
        for name, (rows, draw, options) in charts_of.items()
        if lines.defined(rows)
    }


def _tables(content: Content, result: Proxies) -> Iterator[Table]:
    yield _definitions(result)
    for points in contents.series(content).values():
        points = [point for point in points if point.name in result.points]
        if points:
            yield from (_sizes_table(content, result, points, kind) for kind in KINDS)
    for series, part in result.series.items():
        yield _across_table(part, contents.series_prefix(content, series))
    points = [point for point in content.summary.points if point.name in result.points]
    if points and result.points[points[0].name].canaries:
        yield _canaries_table(content, result, points)
    if result.planted_classes:
        yield _classes_table(result.planted_classes)


def _definitions(result: Proxies) -> Table:
    boards = [of_point.board for of_point in result.points.values()]
    names = [name for name in proxies.PROXIES if any(name in board.proxies for board in boards)]
    rows = (
        (LABELS[name], proxies.PROXIES[name].meaning, proxies.PROXIES[name].direction)
        + (proxies.PROXIES[name].source,)
        for name in names
    )
    runs = sorted({board.num_proxy_runs for board in boards})
    return Table(
        caption="Proxies, each defined for an example in the runs that trained on it; taken from "
        f"{' or '.join(map(str, runs))} runs per point.",
        columns=("Proxy", "Definition and unit", "Direction", "Source"),
        rows=tuple(rows),
    )


def _cells(agreement: ProxyAgreement) -> tuple[str, str]:
    return formatting.estimate_cell(agreement.averaged), formatting.cell(agreement.single)


def _board_table(
    caption: str, titles: Sequence[str], boards: Sequence[Leaderboard], statistics: Sequence[str]
) -> Table:
    """Returns a table with two columns per (board, statistic): averaged and one run."""
    columns = [f"{title}, {kind}" for title in titles for kind in ("averaged", "one run")]
    pairs = list(zip(boards, statistics, strict=True))
    names = [name for name in proxies.PROXIES if any(name in board.proxies for board in boards)]
    ceilings = [formatting.estimate_cell(board.ceiling[name]) for board, name in pairs]
    rows = [("ceiling", *(cell for ceiling in ceilings for cell in (ceiling, "")))]
    for name in names:
        cells: list[str] = []
        for board, statistic in pairs:
            if name in board.proxies:
                cells += _cells(board.proxies[name][statistic])
            else:
                cells += [formatting.ABSENT, formatting.ABSENT]
        rows.append((LABELS[name], *cells))
    return Table(caption=caption, columns=("Proxy", *columns), rows=tuple(rows))


def _sizes_table(
    content: Content, result: Proxies, points: Sequence[PointSummary], statistic: str
) -> Table:
    prefix = contents.series_prefix(content, points[0].series)
    return _board_table(
        f"{prefix}{KINDS[statistic]} correlation of proxies with memorization. {NOTE}",
        [contents.size_text(content, p) for p in points],
        [result.points[point.name].board for point in points],
        [statistic] * len(points),
    )


def _across_table(part: SeriesProxies, prefix: str) -> Table:
    titles = {
        "along_pearson": "along sizes (Pearson)",
        "along_pearson_clean": "along sizes, clean labels (Pearson)",
        "change_pearson": "last - first (Pearson)",
        "change_spearman": "last - first (Spearman)",
    }
    statistics = [name for name in titles if name in part.board.ceiling]
    count = f"{part.num_nonconstant}"
    if "along_pearson_clean" in statistics:
        count += f", {part.num_nonconstant_clean} of them with clean labels"
    return _board_table(
        f"{prefix}Proxies across sizes: correlation along the axis, mean over the examples that "
        f"are not constant ({count}), and correlation of the change over all examples; below 0 "
        f"= against memorization. {NOTE}",
        [titles[name] for name in statistics],
        [part.board] * len(statistics),
        statistics,
    )


def _canaries_table(content: Content, result: Proxies, points: Sequence[PointSummary]) -> Table:
    entries = [result.points[point.name].canaries for point in points]
    names = [name for name in LABELS if any(name in entry for entry in entries)]
    rows = []
    for name in sorted(names, key=lambda n: n in proxies.PROXIES):
        cells = (
            formatting.estimate_cell(entry[name].auroc) if name in entry else formatting.ABSENT
            for entry in entries
        )
        rows.append((LABELS[name], *cells))
    several = contents.several_series(content)
    heads = [
        f"{p.series}, {contents.size_text(content, p)}"
        if several
        else contents.size_text(content, p)
        for p in points
    ]
    return Table(
        caption="AUROC of finding planted labels by scores and by proxies averaged over runs "
        f"(0.5 = chance, 1 = perfect). {NOTE}",
        columns=("Score", *heads),
        rows=tuple(rows),
    )


def _classes_table(by_series: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    groups = [(s, g, shares) for s, part in by_series.items() for g, shares in part.items()]
    names = [name for name in groups[0][2] if name != "undefined"]
    several = len(by_series) > 1
    return Table(
        caption="Trajectories of planted and of clean labels: share of each class "
        "(threshold α = 0.1).",
        columns=("Class", *(f"{s}, {g}" if several else g for s, g, _ in groups)),
        rows=tuple(
            (
                name.replace("_", "-"),
                *(share_text(shares, name) for _, _, shares in groups),
            )
            for name in names
        ),
    )
