"""The section on proxies: how well cheap scores predict memorization, and on canaries."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from memkit import proxies
from memkit.analysis.proxies import canaries_chart
from memkit.analysis.proxies import chart as charts
from memkit.charts import lines
from memkit.report import content as contents
from memkit.report import formatting
from memkit.report.blocks import Chart, Figure, Section, Table
from memkit.report.content import Content
from memkit.report.point_tables import NOTE
from memkit.typing import Json

TITLE = "Proxies and canaries"
INTRO = (
    "A proxy is a cheap score of an example, from the history of its training or from one trained "
    "network. Shown is its correlation with memorization (1 = the same ranking, 0 = none, every "
    "proxy turned so that higher = harder), where proxy and memorization come from different runs."
)
EMPTY = (
    "There is nothing here yet: `memkit estimate` fills this section where a point has at least "
    "4 runs; proxies of the training history need record.history_runs above 0."
)
LABELS = {name: proxies.label(name) for name in proxies.PROXIES} | {
    "memorization": "memorization",
    "memorization_prob": "memorization, probability",
    "out_error": "1 - out-of-sample accuracy",
    "out_doubt": "1 - out-of-sample probability",
    "in_doubt": "1 - in-sample probability",
}
KINDS = {"spearman": "Spearman's", "pearson": "Pearson's"}
CAPTIONS = {
    "proxy_means": "Mean memorization and mean proxies against model size, each on its own scale. "
    "A proxy that followed memorization would have its shape (mirrored where lower = harder). "
    "95% bands over runs.",
    "proxy_leaderboard": "Rank correlation of proxies with memorization per size, of the proxy "
    "averaged over the runs of one half and of the proxy of one run; memorization is from the "
    "other half. No score can expect more than the ceiling, which is the square root of the "
    "agreement between halves. Bars: 95% over runs.",
    "proxy_leaderboard_across": "Do proxies follow memorization across sizes? Along the sizes: "
    "Pearson's correlation along the axis, averaged over the examples whose memorization is not "
    "constant. Last - first: correlation, over all examples, of the change from the first to the "
    "last size. Below 0 a proxy moves against memorization. Bars: 95% over runs.",
    "canary_detection": "AUROC of every score and proxy in finding the planted labels. Bars: 95% "
    "over runs; the dashed line is chance.",
    "canary_trajectories": "Mean memorization of planted and of clean labels against size, with "
    "95% bands over runs.",
}


def section(content: Content) -> Section:
    """Returns the Section of the proxies.

    Args:
      content: report.content.Content; reads summary["proxies"].
    """
    numbers = content.summary["proxies"]
    if not numbers["points"]:
        return Section(anchor="proxies", title=TITLE, intro=INTRO, empty=EMPTY)
    return Section(
        anchor="proxies",
        title=TITLE,
        intro=INTRO,
        blocks=(*_figures(content, numbers).values(), *_tables(content, numbers)),
    )


def _figures(content: Content, numbers: Json) -> dict[str, Figure]:
    points, size_title = content.summary["points"], contents.size_title(content)
    along = [p for p in points if p["series"] in numbers["series"]]
    titles = {
        name: f"{proxies.label(name)} ({proxy.direction})"
        for name, proxy in proxies.PROXIES.items()
    }
    by_size = {"size_title": size_title}
    charts_of: dict[str, tuple[Sequence[Json], Callable[..., Chart], dict[str, str]]] = {
        "proxy_means": (
            charts.means_table(along, numbers["points"], titles=titles),
            charts.means_chart,
            by_size,
        ),
        "proxy_leaderboard": (
            charts.board_table(points, numbers["points"], labels=LABELS),
            charts.board_chart,
            by_size,
        ),
        "proxy_leaderboard_across": (
            charts.across_table(numbers["series"], labels=LABELS),
            charts.across_chart,
            {},
        ),
        "canary_detection": (
            canaries_chart.detection_table(points, numbers["points"], labels=LABELS),
            canaries_chart.detection_chart,
            by_size,
        ),
        "canary_trajectories": (
            canaries_chart.paths_table(along),
            canaries_chart.paths_chart,
            by_size,
        ),
    }
    return {
        name: Figure(name, CAPTIONS[name], draw(rows, **options))
        for name, (rows, draw, options) in charts_of.items()
        if lines.defined(rows)
    }


def _tables(content: Content, numbers: Json) -> Iterator[Table]:
    yield _definitions(numbers)
    for points in contents.series(content).values():
        points = [p for p in points if p["name"] in numbers["points"]]
        if points:
            yield from (_sizes_table(content, numbers, points, kind) for kind in KINDS)
    for series, part in numbers["series"].items():
        yield _across_table(part, contents.series_prefix(content, series))
    points = [p for p in content.summary["points"] if p["name"] in numbers["points"]]
    points = [p for p in points if numbers["points"][p["name"]]["canaries"] is not None]
    if points:
        yield _canaries_table(content, numbers, points)
    if numbers["planted_classes"]:
        yield _classes_table(numbers["planted_classes"])


def _definitions(numbers: Json) -> Table:
    boards = [part["board"] for part in numbers["points"].values()]
    names = [name for name in proxies.PROXIES if any(name in board for board in boards)]
    rows = (
        (LABELS[name], proxies.PROXIES[name].meaning, proxies.PROXIES[name].direction)
        + (proxies.PROXIES[name].source,)
        for name in names
    )
    runs = sorted({part["num_proxy_runs"] for part in numbers["points"].values()})
    return Table(
        caption="Proxies, each defined for an example in the runs that trained on it; taken from "
        f"{' or '.join(map(str, runs))} runs per point.",
        columns=("Proxy", "Definition and unit", "Direction", "Source"),
        rows=tuple(rows),
    )


def _cells(entry: Json, statistic: str) -> tuple[str, str]:
    averaged = formatting.estimate_cell(entry, statistic)
    return averaged, formatting.cell(entry[f"{statistic}_single"])


def _board_table(
    caption: str, titles: Sequence[str], parts: Sequence[Json], statistics: Sequence[str]
) -> Table:
    """Returns a table with two columns per (part, statistic): averaged and one run."""
    columns = [f"{title}, {kind}" for title in titles for kind in ("averaged", "one run")]
    pairs = list(zip(parts, statistics, strict=True))
    names = [name for name in proxies.PROXIES if any(name in part["board"] for part in parts)]
    ceilings = [formatting.estimate_cell(part["ceiling"], name) for part, name in pairs]
    rows = [("ceiling", *(cell for ceiling in ceilings for cell in (ceiling, "")))]
    for name in names:
        cells: list[str] = []
        for part, statistic in pairs:
            absent = (formatting.ABSENT, formatting.ABSENT)
            cells += _cells(part["board"][name], statistic) if name in part["board"] else absent
        rows.append((LABELS[name], *cells))
    return Table(caption=caption, columns=("Proxy", *columns), rows=tuple(rows))


def _sizes_table(content: Content, numbers: Json, points: Sequence[Json], statistic: str) -> Table:
    prefix = contents.series_prefix(content, points[0]["series"])
    return _board_table(
        f"{prefix}{KINDS[statistic]} correlation of proxies with memorization. {NOTE}",
        [contents.size_text(content, p) for p in points],
        [numbers["points"][p["name"]] for p in points],
        [statistic] * len(points),
    )


def _across_table(part: Json, prefix: str) -> Table:
    titles = {
        "along_pearson": "along sizes (Pearson)",
        "along_pearson_clean": "along sizes, clean labels (Pearson)",
        "change_pearson": "last - first (Pearson)",
        "change_spearman": "last - first (Spearman)",
    }
    statistics = [name for name in titles if name in part["ceiling"]]
    count = f"{part['num_nonconstant']}"
    if "along_pearson_clean" in statistics:
        count += f", {part['num_nonconstant_clean']} of them with clean labels"
    return _board_table(
        f"{prefix}Proxies across sizes: correlation along the axis, mean over the examples that "
        f"are not constant ({count}), and correlation of the change over all examples; below 0 "
        f"= against memorization. {NOTE}",
        [titles[name] for name in statistics],
        [part] * len(statistics),
        statistics,
    )


def _canaries_table(content: Content, numbers: Json, points: Sequence[Json]) -> Table:
    entries = [numbers["points"][p["name"]]["canaries"] for p in points]
    names = [name for name in LABELS if any(name in entry for entry in entries)]
    rows = []
    for name in sorted(names, key=lambda n: n in proxies.PROXIES):
        cells = (
            formatting.estimate_cell(entry[name], "auroc") if name in entry else formatting.ABSENT
            for entry in entries
        )
        rows.append((LABELS[name], *cells))
    several = contents.several_series(content)
    heads = [
        f"{p['series']}, {contents.size_text(content, p)}"
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


def _classes_table(by_series: Mapping[str, Json]) -> Table:
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
                *(
                    formatting.percent(shares[name], missing=formatting.ABSENT)
                    for _, _, shares in groups
                ),
            )
            for name in names
        ),
    )
