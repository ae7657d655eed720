"""The section on influence: numbers and strengths of pairs, and pictures of them."""

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from memkit.analysis.influence import chart as charts
from memkit.report import assets, formatting
from memkit.report import content as contents
from memkit.report.blocks import Figure, Section, Table
from memkit.report.content import Content
from memkit.typing import Json

INTRO = (
    "Influence of a train on a test example is the mean outcome of the test example over the runs "
    "that trained on the train example minus that over the other runs (-1 to 1, higher = training "
    "on it helps more). Listed are pairs of one class with influence of at least {} and "
    "memorization of at least {}; of the pairs up to some q, a share of q is false, and as many as "
    "expected by chance would be listed if no example had any influence."
)
OUTCOMES = {"correct": ("", "0/1"), "prob": ("prob_", "label probability")}


def section(content: Content) -> Section:
    """Returns the section on influence; empty if no point has two runs and test examples."""
    options, by_point = content.config["report"], content.summary["influence"]
    title = "Influence on test examples"
    if not by_point:
        empty = "No point has two runs and test examples; `memkit run` fills this section."
        return Section(anchor="influence", title=title, intro="", empty=empty)
    pictured, pictures = _pictures(content)
    return Section(
        anchor="influence",
        title=title,
        intro=INTRO.format(options["min_influence"], options["min_memorization"]),
        blocks=(
            *_figures(content, options["min_influence"]).values(),
            *(_table(content, outcome) for outcome in OUTCOMES),
            *pictured,
        ),
        pictures=pictures,
    )


def _figures(content: Content, min_influence: float) -> dict[str, Figure]:
    figures, by_point = {}, content.point_arrays["influence"]
    for outcome, (prefix, words) in OUTCOMES.items():
        pairs = {
            name: (arrays[f"{prefix}infl"], arrays[f"{prefix}q"])
            for name, arrays in by_point.items()
        }
        rows = charts.table(content.summary["points"], pairs, min_influence=min_influence)
        name = "influence" if outcome == "correct" else f"influence_{outcome}"
        figures[name] = Figure(
            name=name,
            caption=f"Influence in the listed pairs, outcome {words}. Blue: pairs at q of at most "
            "0.05; gray behind it: all pairs. Square-root scale."
            if rows
            else f"There is no chart of outcome {words}: no pair reaches both thresholds.",
            chart=charts.chart(rows, size_title=contents.size_title(content)) if rows else None,
        )
    return figures


def _table(content: Content, outcome: str) -> Table:
    by_point = content.summary["influence"]
    points = [p for p in content.summary["points"] if p["name"] in by_point]
    several = contents.several_series(content)
    cells = {
        "Runs": lambda numbers, runs: str(runs),
        "Pairs": lambda numbers, runs: str(numbers["pairs"]),
        "q\N{NO-BREAK SPACE}≤\N{NO-BREAK SPACE}0.05": lambda numbers, runs: str(
            numbers["pairs_q05"]
        ),
        "Expected by chance": lambda numbers, runs: _about(numbers["expected_by_chance"]),
        "Train examples": lambda numbers, runs: str(numbers["train_examples"]),
        "Test examples": lambda numbers, runs: str(numbers["test_examples"]),
        "with one influencer": lambda numbers, runs: str(numbers["single_influencer"]),
        "Largest influence": lambda numbers, runs: formatting.cell(numbers["largest_influence"]),
        "Sum / tests": lambda numbers, runs: formatting.percent(numbers["influence_per_test"]),
    }
    rows = tuple(
        (
            contents.size_text(content, point),
            *((point["series"],) if several else ()),
            *(
                cell(by_point[point["name"]][outcome], by_point[point["name"]]["num_runs"])
                for cell in cells.values()
            ),
        )
        for point in points
    )
    return Table(
        caption=f"Pairs of high influence, outcome {OUTCOMES[outcome][1]}. Train and test examples "
        "are distinct ones; the last column is the sum of influences over the number of all test "
        "examples. With fewer than 1,000 runs trust q, not the number of pairs.",
        columns=(
            contents.size_title(content),
            *(("Series",) if several else ()),
            *cells,
        ),
        rows=rows,
    )


def _about(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _rate(q: float) -> str:
    return "< 0.001" if q < 0.001 else f"{q:.2g}"


def _pictures(content: Content) -> tuple[tuple[Markup, ...], Mapping[str, Sequence[int]]]:
    """Returns rows of images of the last point that has pairs, and the examples they show.

    Pairs at q of at most 0.05 are preferred, if any point has some.
    """
    by_point = content.point_arrays["influence"]
    if not len(content.test_thumbnails):
        return (), {}
    points = [p for p in content.summary["points"] if p["name"] in by_point]
    for key in ("pairs_q05", "pairs"):
        for outcome in OUTCOMES:
            counts = [content.summary["influence"][p["name"]][outcome][key] for p in points]
            if not any(counts):
                continue
            point = points[int(np.flatnonzero(counts)[-1])]
            return _rows(content, point, outcome, is_significant=key == "pairs_q05")
    return (), {}


def _rows(
    content: Content, point: Json, outcome: str, *, is_significant: bool
) -> tuple[tuple[Markup, ...], Mapping[str, Sequence[int]]]:
    prefix, words = OUTCOMES[outcome]
    score = content.scores[point["name"]][outcome].value
    arrays = content.point_arrays["influence"][point["name"]]
    shown = [arrays[f"{prefix}shown_{key}"] for key in ("tr_idx", "tt_idx", "infl", "q")]
    pairs = (
        "the pairs at q of at most 0.05"
        if is_significant
        else "the pairs, none of which has q ≤ 0.05"
    )
    point_text = contents.size_text(content, point)
    if contents.several_series(content):
        point_text = f"{point_text}, {point['series']}"
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
        note=f"From {pairs}, outcome {words}: the strongest, then evenly spaced ones down to the "
        "weakest, sorted by influence; none was picked by hand. q is given for listed pairs.",
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
