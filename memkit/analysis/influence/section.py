"""The section on influence: numbers and strengths of pairs, and pictures of them."""

import functools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from memkit.analysis import PointSummary
from memkit.analysis.distribution.estimate import edges_of_scores
from memkit.analysis.influence import chart as charts
from memkit.analysis.influence import given_chart
from memkit.analysis.influence.result import Influence
from memkit.report import assets, findings, formatting
from memkit.report import content as contents
from memkit.report.blocks import Figure, Section, Table, absent
from memkit.report.content import Content
from memkit.report.point_tables import Cell, per_point
from memkit.typing import Json

INTRO = (
    "The influence of a train example on a test example is the mean outcome of the test example "
    "over the runs that trained on the train example, minus the mean over the other runs (-1 to "
    "1, higher = training on it helps more). Listed are pairs of the same class with influence of "
    "at least {} and memorization of at least {}."
)
GIVEN = (
    "Memorization of each example, and the sum of its strong influences on test examples, at the "
    "largest size. Line: mean per bin of memorization with 95% intervals over examples. Influences "
    "of noise count too, so compare memorized with other examples."
)
OUTCOMES = {"correct": "0/1", "prob": "label probability"}


def section(content: Content) -> Section:
    """Returns the section on influence; empty if no point has two runs and test examples."""
    options, title = content.config["report"], "Influence on test examples"
    if not content.results[Influence].points:
        empty = "No point has two runs and test examples; `memkit run` fills this section."
        return Section(anchor="influence", title=title, intro="", empty=empty)
    pictured, pictures = _pictures(content)
    figures = tuple(_figures(content, options["min_influence"]).values())
    return Section(
        anchor="influence",
        title=title,
        finding=_finding(content),
        intro=INTRO.format(options["min_influence"], options["min_memorization"]),
        blocks=figures[:1],
        details=(
            _given(content, options["min_influence"], options["top_k"]),
            *pictured,
            *figures[1:],
            *(_table(content, outcome) for outcome in OUTCOMES),
        ),
        pictures=pictures,
    )


def _finding(content: Content) -> str:
    """Returns how many pairs the last point of the first series has, and how many by chance."""
    results = content.results[Influence].points
    done = [point for point in findings.finished(content) if point.name in results]
    done = done or [point for point in content.summary.points if point.name in results]
    last = content.results[Influence].points[done[-1].name].outcomes["correct"]
    size = contents.size_text(content, done[-1])
    at = f" at {size}" if content.summary.axis is not None else ""
    pairs, chance = last.headline.pairs, last.expected_by_chance
    if not pairs:
        return f"No pair of images has high influence{at}"
    text = f"{findings.counted(pairs, 'pair')} of images with high influence{at}"
    if not last.pairs_q05 and chance >= pairs:
        return f"{text}, no more than chance explains"
    if not last.pairs_q05:
        return f"{text}, none beyond doubt (about {chance:,.0f} by chance)"
    return f"{text}, {last.pairs_q05:,} of them beyond doubt (false discovery rate 5%)"


def _figures(content: Content, min_influence: float) -> dict[str, Figure]:
    figures, influence = {}, content.results[Influence]
    for outcome, words in OUTCOMES.items():
        arrays = {name: influence.of_outcome(name, outcome) for name in influence.points}
        pairs = {
            name: (of_point.infl, of_point.q, of_point.chance) for name, of_point in arrays.items()
        }
        rows = charts.table(content.summary.points, pairs, min_influence=min_influence)
        name = "influence" if outcome == "correct" else f"influence_{outcome}"
        if not rows:
            reason = f"There is no chart of outcome {words}: no pair reaches both thresholds."
            figures[name] = Figure(name, reason)
            continue
        figures[name] = Figure(
            name,
            f"Influence in the listed pairs, outcome {words}. Blue: pairs at q of at most "
            "0.05; gray behind it: all pairs; lines: expected by chance. Square-root scale.",
            functools.partial(charts.chart, rows, size_title=contents.size_title(content)),
        )
    return figures


def _given(content: Content, min_influence: float, top_k: int) -> Figure:
    """Returns the Figure of memorization against influence at the last point of every series."""
    influence, panels, fewest = content.results[Influence], {}, math.inf
    for series, points in contents.series(content).items():
        names = [point.name for point in points if point.name in influence.points]
        for name in names[-1:]:
            arrays = influence.of_outcome(name, "correct")
            beyond = np.zeros(len(content.ids), bool)
            beyond[arrays.tr_idx[arrays.q <= charts.LEVEL]] = True
            scores = content.scores[name]["correct"]
            of_example = given_chart.given(arrays.train_top_infl, min_influence)
            panels[series] = (scores.value, of_example, beyond)
            fewest = min(fewest, np.median(scores.num_out))
    # As in the histograms of memorization: other bins would look like a comb.
    rows = given_chart.table(panels, edges_of_scores(max(1, int(fewest)))) if panels else []
    draw = functools.partial(given_chart.chart, rows, min_influence=min_influence, strongest=top_k)
    return Figure("influence_given", GIVEN, draw) if rows else absent("influence_given")


def _table(content: Content, outcome: str) -> Table:
    by_point = content.results[Influence].points
    points = [point for point in content.summary.points if point.name in by_point]
    counts = {name: of_point.outcomes[outcome] for name, of_point in by_point.items()}
    cells: dict[str, Cell] = {
        "Runs": lambda p: str(by_point[p.name].num_runs),
        "Pairs": lambda p: str(counts[p.name].headline.pairs),
        "q\N{NO-BREAK SPACE}≤\N{NO-BREAK SPACE}0.05": lambda p: str(counts[p.name].pairs_q05),
        "Expected by chance": lambda p: _about(counts[p.name].expected_by_chance),
        "Train examples": lambda p: str(counts[p.name].headline.train_examples),
        "Test examples": lambda p: str(counts[p.name].headline.test_examples),
        "with one influencer": lambda p: str(counts[p.name].headline.single_influencer),
        "Largest influence": lambda p: formatting.cell(counts[p.name].headline.largest_influence),
        "Sum / tests": lambda p: formatting.percent(counts[p.name].headline.influence_per_test),
    }
    return per_point(
        content,
        f"Pairs of high influence, outcome {OUTCOMES[outcome]}. Of the pairs up to some q, a share "
        "of q is expected to be false. Expected by chance: pairs that would be listed if no "
        "example had any influence. Train and test examples are distinct ones; the last column is "
        "the sum of influences over the number of all test examples. With fewer than 1,000 runs "
        "trust q, not the number of pairs.",
        cells,
        points,
    )


def _about(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _rate(q: float) -> str:
    return "< 0.001" if q < 0.001 else f"{q:.2g}"


def _pictures(content: Content) -> tuple[tuple[Markup, ...], Mapping[str, Sequence[int]]]:
    """Returns rows of images of the last point that has pairs, and the examples they show.

    Pairs at q of at most 0.05 are preferred, if any point has some.
    """
    by_point = content.results[Influence].points
    if not len(content.test_thumbnails):
        return (), {}
    points = [point for point in content.summary.points if point.name in by_point]
    for is_significant in (True, False):
        for outcome in OUTCOMES:
            counts = [by_point[point.name].outcomes[outcome] for point in points]
            pairs = [c.pairs_q05 if is_significant else c.headline.pairs for c in counts]
            if any(pairs):
                point = points[int(np.flatnonzero(pairs)[-1])]
                return _rows(content, point, outcome, is_significant=is_significant)
    return (), {}


def _rows(
    content: Content, point: PointSummary, outcome: str, *, is_significant: bool
) -> tuple[tuple[Markup, ...], Mapping[str, Sequence[int]]]:
    score = content.scores[point.name][outcome].value
    arrays = content.results[Influence].of_outcome(point.name, outcome)
    shown = (arrays.shown_tr_idx, arrays.shown_tt_idx, arrays.shown_infl, arrays.shown_q)
    pairs = (
        "the pairs at q of at most 0.05"
        if is_significant
        else "the pairs, none of which has q ≤ 0.05"
    )
    point_text = contents.size_text(content, point)
    if contents.several_series(content):
        point_text = f"{point_text}, {point.series}"
    rows = [
        [
            _train_cell(content, i, score[i]),
            *(_test_cell(content, *test) for test in zip(*tests)),
        ]
        for i, *tests in zip(*shown)
    ]
    fragment = assets.fragment(
        __package__,
        "pairs.html",
        title=f"Pairs of high influence at {point_text}",
        note=f"From {pairs}, outcome {OUTCOMES[outcome]}: the strongest, then evenly spaced ones "
        "down to the weakest, sorted by influence; none was picked by hand. q is given for listed "
        "pairs.",
        columns=shown[1].shape[1],
        rows=rows,
    )
    return (fragment,), {"train": shown[0].tolist(), "test": shown[1][shown[1] >= 0].tolist()}


def _train_cell(content: Content, index: int, memorization: float) -> Json:
    given, true = (
        str(content.class_names[labels[index]]) for labels in (content.given_labels, content.labels)
    )
    label = given if given == true else f"{given} (planted; is {true})"
    return {
        "sheet": "train",
        "example": int(index),
        "alt": f"Train example {content.ids[index]}, labeled {given}",
        "name": content.ids[index],
        "label": label,
        "text": f"memorization {formatting.cell(memorization)}",
    }


def _test_cell(content: Content, index: int, infl: float, q: float) -> Json | None:
    if index < 0:
        return None
    label = str(content.class_names[content.test_labels[index]])
    rate = f", q {_rate(q)}" if formatting.defined(q) else ""
    return {
        "sheet": "test",
        "example": int(index),
        "alt": f"Test example {content.test_ids[index]}, labeled {label}",
        "name": content.test_ids[index],
        "label": label,
        "text": f"influence {formatting.cell(infl)}{rate}",
    }
