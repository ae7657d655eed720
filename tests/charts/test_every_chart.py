"""What holds for every chart: titles, descriptions, colors, size in print. One entry per chart."""

import importlib
import io
import pkgutil
import re

import numpy as np
import pytest

import memkit.charts
from memkit import comparisons
from memkit.charts import (
    accuracy,
    agreement,
    canaries,
    comparison,
    convergence,
    curves,
    detection,
    distillation,
    distribution,
    dots,
    histograms,
    influence,
    means,
    proxies,
    removal,
    styles,
    theme,
    trajectories,
)
from memkit.seeds import stream
from memkit.trajectories import CLASSES

TITLE = {"size_title": "Width (model.width)"}
# Drawn by the others, with titles and names that they give.
SHARED = {("lines", "chart"), ("dots", "chart")}
NEUTRAL = {"#777777", "#8A8A8A", "#000000", "#ffffff"}
SCHEMES = {"viridis", "blues"}
POINTS_HIGH, MM = 5.9, 84


def _draw(*shape):
    return stream(0, "tests/charts/every").random(shape)


def _sizes(points):
    keys = ("mean_memorization", "share_below_0.1", "share_above_0.9")
    found = {}
    for point in points:
        row = {k: point[k] for k in ("name", "series", "axis_value")}
        row |= dict.fromkeys(keys, 0.1) | {f"{k}_margin": 0.01 for k in keys}
        part = found.setdefault(point["series"], {"points": []})
        part["points"].append(row)
    parts = {"all": "all", "unsaturated_examples": "all"}
    return {
        s: dict.fromkeys(("correct", "prob"), dict.fromkeys(parts, p)) for s, p in found.items()
    }


def _board(points):
    entry = {"value": 0.5, "value_margin": 0.1, "value_single": 0.4}
    names = ("spearman", "auroc", *proxies.ACROSS)
    numbers = {k.replace("value", n): v for n in names for k, v in entry.items()}
    board = {"cumulative_correctness": numbers}
    part = {
        "ceiling": {k.replace("value", n): v for n in names for k, v in entry.items()},
        "board": board,
        "canaries": board,
        "means": {
            "cumulative_correctness": dict.fromkeys(
                ("all", "clean", "planted"), {"mean": 23.0, "margin": 0.1}
            )
        },
    }
    return {p["name"]: part for p in points}, {p["series"]: part for p in points}


def _agreement(points):
    pairs = [comparisons.threshold_curves(_draw(50), 1 - _draw(50)) for _ in points]
    stacked = {key: [getattr(one, key) for one in pairs] for key in vars(pairs[0])}
    rows = agreement.curve_table([(p["name"], p["axis_value"]) for p in points], stacked)
    return agreement.curve_chart(
        rows,
        group_title="Compared with width 16",
        difference_title=["Mean difference over the union,", "width 16 - the other size"],
    )


def _convergence(points):
    rows = [{"runs": m, "pearson": 1 - 1 / m, "pearson_margin": 0.05} for m in (4, 10, 100)]
    by_score = dict.fromkeys(("memorization", "consistency"), rows)
    agreed = {
        p["name"]: {"agreement": dict.fromkeys(("correct", "prob"), by_score)} for p in points
    }
    return convergence.chart(convergence.table(agreed, points, noun="width"))


def _trajectories(points):
    series = dict.fromkeys(p["series"] for p in points)
    rows = []
    for name in series:
        sizes = [p["axis_value"] for p in points if p["series"] == name]
        kinds = np.array(CLASSES)[np.arange(30) % 7]
        rows += trajectories.mean_table(_draw(30, len(sizes)), kinds, series=name, sizes=sizes)
    return trajectories.mean_chart(rows, **TITLE)


def _classes(points):
    by_alpha = {a: dict.fromkeys(CLASSES, 1 / len(CLASSES)) for a in ("0.1", "0.2", "0.3")}
    shares = {p["series"]: by_alpha for p in points}
    return trajectories.chart(trajectories.table(shares, shares, shares))


def _changes():
    numbers = {"count": 3, "change": -0.1, "disjoint": -0.05}
    numbers |= {"change_margin": 0.02, "disjoint_margin": 0.03}
    return {a: dict.fromkeys(CLASSES[:-1], numbers) for a in ("0.1", "0.2", "0.3")}


def _joint(points):
    counts = stream(0, "tests/joint").integers(0, 200, size=(len(points), 20, 20))
    sizes = [p["axis_value"] for p in points]
    return distillation.joint_table(counts, np.linspace(0, 1, 21), sizes)


def _removal():
    keys = ("without", "random")
    return [
        {"kind": "memorized", "threshold": t, "remaining": 1 - t / 2}
        | dict.fromkeys(keys, 0.9)
        | {f"{k}_margin": 0.01 for k in keys}
        for t in (0.1, 0.5, 0.9)
    ]


def _pairs(points):
    infl = 0.15 + 0.85 * _draw(9_000) ** 4
    return {p["name"]: (infl, np.where(infl > 0.5, 0.01, 0.4)) for p in points}


LABELS = {"cumulative_correctness": "cumulative correctness"}
SCORES = {f"width {size}": {"ours": _draw(500), "theirs": 1 - _draw(500)} for size in (1, 2, 16)}
CHARTS = {
    "accuracy.chart": lambda p: accuracy.chart(accuracy.table(p), **TITLE),
    "agreement.curve_chart": _agreement,
    "canaries.detection_chart": lambda p: canaries.detection_chart(
        canaries.detection_table(p, _board(p)[0], labels=LABELS), **TITLE
    ),
    "canaries.paths_chart": lambda p: canaries.paths_chart(canaries.paths_table(p), **TITLE),
    "comparison.histogram_chart": lambda p: comparison.histogram_chart(
        comparison.histogram_table(SCORES),
        title=["Memorization (-1 to 1,", "higher = more memorized)"],
    ),
    "comparison.joint_chart": lambda p: comparison.joint_chart(
        comparison.joint_table({k: tuple(v.values()) for k, v in SCORES.items()}),
        first=["This study: memorization (-1 to 1,", "higher = more memorized)"],
        second=["Other score", "(direction unknown)"],
    ),
    "convergence.chart": _convergence,
    "curves.chart": lambda p: curves.chart(
        curves.table(p, {one["name"]: _draw(4, 30, 3) for one in p}), **TITLE
    ),
    "detection.chart": lambda p: detection.chart(detection.table(p), **TITLE),
    "distillation.class_chart": lambda p: distillation.class_chart(
        distillation.class_table(_changes())
    ),
    "distillation.joint_chart": lambda p: distillation.joint_chart(_joint(p), **TITLE),
    "distillation.means_chart": lambda p: distillation.means_chart(
        distillation.means_table(p), **TITLE
    ),
    "distribution.chart": lambda p: distribution.chart(distribution.table(_sizes(p)), **TITLE),
    "distribution.means_chart": lambda p: distribution.means_chart(
        distribution.means_table(_sizes(p)), **TITLE
    ),
    "histograms.chart": lambda p: histograms.chart(
        histograms.table(p, {one["name"]: _draw(90) for one in p}, planted=np.arange(90) < 9),
        **TITLE,
    ),
    "influence.chart": lambda p: influence.chart(
        influence.table(p, _pairs(p), min_influence=0.15), **TITLE
    ),
    "means.chart": lambda p: means.chart(means.table(p), **TITLE),
    "proxies.across_chart": lambda p: proxies.across_chart(
        proxies.across_table(_board(p)[1], labels=LABELS)
    ),
    "proxies.board_chart": lambda p: proxies.board_chart(
        proxies.board_table(p, _board(p)[0], labels=LABELS), **TITLE
    ),
    "proxies.means_chart": lambda p: proxies.means_chart(
        proxies.means_table(
            p,
            _board(p)[0],
            titles={"cumulative_correctness": "cumulative correctness (lower = harder)"},
        ),
        **TITLE,
    ),
    "removal.chart": lambda p: removal.chart(removal.table(_removal())),
    "trajectories.chart": _classes,
    "trajectories.mean_chart": _trajectories,
}
STUDIES = {
    "one series": {},
    "two series": {"sizes": (10, 20, 100), "series": ("one_hot", "distilled")},
}
every = pytest.mark.parametrize("name", CHARTS)
study = pytest.mark.parametrize("study", STUDIES)


def _parts(part):
    """Yields every dict of a spec, the spec itself first."""
    if isinstance(part, dict):
        yield part
    for entry in (
        part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    ):
        yield from _parts(entry)


def _without_rows(spec):
    return {k: v for k, v in spec.items() if k not in ("data", "datasets", "config")}


def test_every_function_that_draws_is_checked_here():
    found = set()
    for module in pkgutil.iter_modules(memkit.charts.__path__):
        names = vars(importlib.import_module(f"memkit.charts.{module.name}"))
        drawing = [n for n in names if re.fullmatch(r"chart|[a-z]+(_[a-z]+)*_chart", n)]
        found |= {(module.name, n) for n in drawing}
    assert {f"{module}.{n}" for module, n in found - SHARED} == set(CHARTS)


@study
@every
def test_a_chart_has_a_description_and_a_title_on_every_axis(make_points, name, study):
    spec = CHARTS[name](make_points(**STUDIES[study])).to_dict()
    assert len(spec["description"]) > 40
    axes = 0
    for part in _parts(_without_rows(spec)):
        for channel in ("x", "y"):
            if channel in part.get("encoding", {}) and "field" in part["encoding"][channel]:
                title = part["encoding"][channel].get("title")
                assert title and len("".join(title)) > 4, part["encoding"][channel]
                axes += 1
    assert axes >= 2


@every
def test_a_chart_has_no_colors_but_those_of_the_theme(make_points, name):
    spec = CHARTS[name](make_points(series=("one_hot", "distilled", "other"))).to_dict()
    allowed = {c for c, *_ in (*styles.STYLES.values(), *styles.LOOKS)} | NEUTRAL
    parts = list(_parts(_without_rows(spec)))
    found = {v for p in parts for x in p.values() for v in (x if isinstance(x, list) else [x])
             if isinstance(v, str) and v.startswith("#")}  # fmt: skip
    assert found <= allowed, found - allowed
    schemes = [p["scheme"] for p in parts if "scheme" in p]
    assert {s["name"] if isinstance(s, dict) else s for s in schemes} <= SCHEMES


@study
@every
def test_a_chart_is_readable_at_the_width_of_a_column(make_points, name, study):
    svg = io.StringIO()
    CHARTS[name](make_points(**STUDIES[study])).save(svg, format="svg")
    (width,) = re.findall(r'<svg[^>]* width="([\d.]+)"', svg.getvalue())
    smallest = min(map(float, re.findall(r'font-size="([\d.]+)px"', svg.getvalue())))
    assert smallest * MM / 25.4 * 72 / float(width) >= POINTS_HIGH
    texts = re.findall(r"<text[^>]*>(?:<tspan[^>]*>)?([^<]*)", svg.getvalue())
    assert texts and not [t for t in texts if re.search(r"\de[+-]?\d|NaN|undefined\d", t)]


def test_a_series_looks_the_same_beside_any_others():
    for names in (["distilled"], ["one_hot", "distilled"], ["x", "distilled", "one_hot"]):
        assert styles.of(names)["distilled"] == styles.STYLES["distilled"]
    found = styles.of(["one_hot", "a", "b", "distilled"])
    assert len({color for color, *_ in found.values()}) == 4


def test_titles_break_between_words_and_keep_ranges_whole():
    title = theme.fitted(["Mean memorization (-1 to 1,", "higher = more memorized)"], 150)
    assert len(title) == 3 and any(
        "(-1\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}1," in t for t in title
    )
    assert theme.fitted("Epoch", 10) == ["Epoch"]


def test_both_halves_of_a_score_are_rows_with_and_without_error():
    entry = {"auroc": 0.9, "auroc_margin": 0.1, "auroc_single": 0.7}
    expected = [(dots.AVERAGED, 0.9, 0.1), (dots.SINGLE, 0.7, None)]
    assert list(dots.both(entry, "auroc")) == expected
    del entry["auroc_single"]
    assert list(dots.both(entry, "auroc")) == expected[:1]
