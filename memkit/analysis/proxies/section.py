"""Proxies: what cheap scores see of memorization, at each size and across sizes, and canaries."""

from memkit import proxies
from memkit.analysis.proxies import canaries_chart
from memkit.analysis.proxies import chart as charts
from memkit.charts import lines
from memkit.report import content as contents
from memkit.report import formatting
from memkit.report.blocks import Figure, Section, Table
from memkit.report.point_tables import NOTE

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


def section(content):
    """Returns the Section of the proxies.

    Args:
      content: report.content.Content; reads summary["proxies"].
    """
    found = content.summary["proxies"]
    if not found["points"]:
        return Section(anchor="proxies", title=TITLE, intro=INTRO, empty=EMPTY)
    return Section(
        anchor="proxies",
        title=TITLE,
        intro=INTRO,
        blocks=(*_figures(content, found).values(), *_tables(content, found)),
    )


def _figures(content, found):
    points, size_title = content.summary["points"], contents.size_title(content)
    along = [p for p in points if p["series"] in found["series"]]
    titles = {
        name: f"{proxies.label(name)} ({proxy.direction})"
        for name, proxy in proxies.PROXIES.items()
    }
    by_size = {"size_title": size_title}
    parts = {
        "proxy_means": (
            charts.means_table(along, found["points"], titles=titles),
            charts.means_chart,
            by_size,
        ),
        "proxy_leaderboard": (
            charts.board_table(points, found["points"], labels=LABELS),
            charts.board_chart,
            by_size,
        ),
        "proxy_leaderboard_across": (
            charts.across_table(found["series"], labels=LABELS),
            charts.across_chart,
            {},
        ),
        "canary_detection": (
            canaries_chart.detection_table(points, found["points"], labels=LABELS),
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
        name: Figure(name, CAPTIONS[name], chart(rows, **options))
        for name, (rows, chart, options) in parts.items()
        if lines.defined(rows)
    }


def _tables(content, found):
    yield _definitions(found)
    for points in contents.series(content).values():
        points = [p for p in points if p["name"] in found["points"]]
        if points:
            yield from (_sizes_table(content, found, points, kind) for kind in KINDS)
    for series, part in found["series"].items():
        yield _across_table(part, _prefix(content, series))
    points = [p for p in content.summary["points"] if p["name"] in found["points"]]
    points = [p for p in points if found["points"][p["name"]]["canaries"] is not None]
    if points:
        yield _canaries_table(content, found, points)
    if found["planted_classes"]:
        yield _classes_table(found["planted_classes"])


def _prefix(content, series):
    return f"Series {series}. " if contents.several_series(content) else ""


def _definitions(found):
    boards = [part["board"] for part in found["points"].values()]
    names = [name for name in proxies.PROXIES if any(name in board for board in boards)]
    rows = (
        (LABELS[name], proxies.PROXIES[name].meaning, proxies.PROXIES[name].direction)
        + (proxies.PROXIES[name].source,)
        for name in names
    )
    runs = sorted({part["num_proxy_runs"] for part in found["points"].values()})
    return Table(
        caption="Proxies, each defined for an example in the runs that trained on it; taken from "
        f"{' or '.join(map(str, runs))} runs per point.",
        columns=("Proxy", "Definition and unit", "Direction", "Source"),
        rows=tuple(rows),
    )


def _cells(entry, statistic):
    return (
        formatting.number(
            entry[statistic], entry[f"{statistic}_margin"], missing=formatting.ABSENT
        ),
        formatting.number(entry[f"{statistic}_single"], missing=formatting.ABSENT),
    )


def _ceiling_cells(part, statistic):
    value, error = (part["ceiling"][key] for key in (statistic, f"{statistic}_margin"))
    return (formatting.number(value, error, missing=formatting.ABSENT), "")


def _board_table(caption, titles, parts, statistics):
    """Returns a table with two columns per (part, statistic): averaged and one run."""
    columns = [f"{title}, {kind}" for title in titles for kind in ("averaged", "one run")]
    pairs = list(zip(parts, statistics, strict=True))
    names = [name for name in proxies.PROXIES if any(name in part["board"] for part in parts)]
    rows = [("ceiling", *(cell for pair in pairs for cell in _ceiling_cells(*pair)))]
    for name in names:
        cells = []
        for part, statistic in pairs:
            absent = (formatting.ABSENT, formatting.ABSENT)
            cells += _cells(part["board"][name], statistic) if name in part["board"] else absent
        rows.append((LABELS[name], *cells))
    return Table(caption=caption, columns=("Proxy", *columns), rows=tuple(rows))


def _sizes_table(content, found, points, statistic):
    return _board_table(
        f"{_prefix(content, points[0]['series'])}{KINDS[statistic]} correlation of proxies with "
        f"memorization. {NOTE}",
        [contents.size_text(content, p) for p in points],
        [found["points"][p["name"]] for p in points],
        [statistic] * len(points),
    )


def _across_table(part, prefix):
    titles = {
        "along_pearson": "along sizes (Pearson)",
        "along_pearson_clean": "along sizes, clean labels (Pearson)",
        "change_pearson": "last - first (Pearson)",
        "change_spearman": "last - first (Spearman)",
    }
    statistics = [name for name in titles if name in part["ceiling"]]
    number = f"{part['num_nonconstant']}"
    if "along_pearson_clean" in statistics:
        number += f", {part['num_nonconstant_clean']} of them with clean labels"
    return _board_table(
        f"{prefix}Proxies across sizes: correlation along the axis, mean over the examples that "
        f"are not constant ({number}), and correlation of the change over all examples; below 0 "
        f"= against memorization. {NOTE}",
        [titles[name] for name in statistics],
        [part] * len(statistics),
        statistics,
    )


def _canaries_table(content, found, points):
    entries = [found["points"][p["name"]]["canaries"] for p in points]
    names = [name for name in LABELS if any(name in entry for entry in entries)]
    rows = []
    for name in sorted(names, key=lambda n: n in proxies.PROXIES):
        cells = (
            formatting.number(e[name]["auroc"], e[name]["auroc_margin"], missing=formatting.ABSENT)
            if name in e
            else formatting.ABSENT
            for e in entries
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


def _classes_table(by_series):
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
