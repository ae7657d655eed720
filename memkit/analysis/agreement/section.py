"""Do the sizes memorize the same examples? Agreement of the points of a series."""

import functools

from memkit.analysis.agreement import chart as charts
from memkit.analysis.agreement.result import Agreement, PairAgreement
from memkit.report import content as contents
from memkit.report import formatting
from memkit.report.blocks import Figure, Section, Table
from memkit.report.content import Content
from memkit.report.point_tables import NOTE

_ANCHOR, _TITLE = "agreement", "Agreement between sizes"
_OUTCOMES = {"correct": "right or wrong", "prob": "label probability"}


def section(content: Content) -> Section:
    """Returns the section: curves against the threshold, and tables with a row per two points."""
    agreement = content.results[Agreement]
    if not agreement.pairs:
        return Section(
            anchor=_ANCHOR,
            title=_TITLE,
            intro="",
            empty="A series with two sizes or more, of which 4 runs or more are finished, fills "
            "this section (axis.values in the config, then memkit run).",
        )
    series = dict.fromkeys(pair.series for pair in agreement.pairs)
    figures = tuple(_figure(content, name, agreement) for name in series)
    return Section(
        anchor=_ANCHOR,
        title=_TITLE,
        intro="Two sizes agree where the same examples are at or above a threshold of "
        "memorization: the Jaccard index of these sets (0 to 1, higher = more agreement).",
        finding=_finding(content, agreement),
        blocks=figures[:1],
        details=(
            *figures[1:],
            *(_table(content, agreement, outcome) for outcome in _OUTCOMES),
        ),
    )


def _finding(content: Content, agreement: Agreement) -> str:
    """Returns how much the smallest and the largest size of the first series agree."""
    pairs = [pair for pair in agreement.pairs if pair.outcome == "correct"]
    ends = max((p for p in pairs if p.series == pairs[0].series), key=lambda pair: pair.steps)
    if not formatting.defined(ends.jaccard.value):
        return ""
    first, last = (
        contents.size_text(content, contents.point(content, name))
        for name in (ends.first, ends.second)
    )
    return (
        f"{first.capitalize()} and {last} share {ends.jaccard.value:.0%} of the images that "
        "either of them memorizes"
    )


def _figure(content: Content, series: str, agreement: Agreement) -> Figure:
    """Returns the curves of every size of a series against its largest one, for 0/1 outcomes."""
    last = contents.series(content)[series][-1]
    chosen = [
        index
        for index, pair in enumerate(agreement.pairs)
        if (pair.series, pair.outcome, pair.second) == (series, "correct", last.name)
    ]
    if not chosen:
        reason = f"Series {series} has no runs at its last size to compare with."
        return Figure(f"agreement_{series}", reason)
    largest = contents.size_text(content, last)
    firsts = [contents.point(content, agreement.pairs[index].first) for index in chosen]
    sizes = [contents.size_text(content, point) for point in firsts]
    arrays = {name: array[chosen] for name, array in agreement.curves.items()}
    prefix = contents.series_prefix(content, series)
    return Figure(
        f"agreement_{series}",
        f"{prefix}Each size beside {largest}, 0/1 outcomes. Above: Jaccard index of the "
        "sets of examples at or above the threshold. Below: mean difference of memorization over "
        "their union. 95% bands over runs, paired.",
        functools.partial(
            charts.curve_chart,
            charts.curve_table([(f"{size} and {largest}", size) for size in sizes], arrays),
            group_title=f"Compared with {largest}",
            difference_title=["Mean difference over the union,", f"{largest} - the other size"],
        ),
    )


def _table(content: Content, agreement: Agreement, outcome: str) -> Table:
    several = contents.several_series(content)

    def cells(pair: PairAgreement) -> tuple[str, ...]:
        points = [contents.point(content, name) for name in (pair.first, pair.second)]
        return (
            " and ".join(contents.size_text(content, point) for point in points),
            *((pair.series,) if several else ()),
            str(pair.num_runs),
            formatting.estimate_cell(pair.spearman),
            formatting.cell(pair.ceiling),
            formatting.cell(pair.halves.across),
            formatting.cell(pair.halves.corrected),
            formatting.estimate_cell(pair.jaccard),
            formatting.estimate_cell(pair.mean_difference),
        )

    return Table(
        caption=f"Agreement on {_OUTCOMES[outcome]}. Ceiling: what the noise of the runs leaves of "
        "a perfect rank correlation. Disjoint runs: the correlation between halves of the runs "
        "that share none; without noise: that divided by its own ceiling. Jaccard: at or above "
        f"{agreement.threshold:g}. {NOTE}",
        columns=(
            "Sizes",
            *(("Series",) if several else ()),
            "Runs",
            "Rank correlation",
            "Ceiling",
            "Disjoint runs",
            "Without noise",
            "Jaccard",
            "Mean difference",
        ),
        rows=tuple(cells(pair) for pair in agreement.pairs if pair.outcome == outcome),
    )
