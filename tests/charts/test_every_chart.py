"""What holds for every chart: titles, descriptions, colors, size in print. One entry per chart."""

import functools
import importlib
import pkgutil
import re

import numpy as np
import pytest
import vl_convert

from memkit import analysis, charts, comparisons
from memkit.analysis.accuracy import chart as accuracy_chart
from memkit.analysis.agreement import chart as agreement_chart
from memkit.analysis.convergence import chart as convergence_chart
from memkit.analysis.distillation import chart as distillation_chart
from memkit.analysis.distribution import chart as histograms_chart
from memkit.analysis.distribution import means_chart
from memkit.analysis.distribution.estimate import edges_of_scores, histograms
from memkit.analysis.influence import chart as influence_chart
from memkit.analysis.influence import given_chart
from memkit.analysis.planted import chart as planted_chart
from memkit.analysis.proxies import canaries_chart
from memkit.analysis.proxies import chart as proxies_chart
from memkit.analysis.removal import chart as removal_chart
from memkit.analysis.size_changes import chart as size_changes_chart
from memkit.analysis.training_curves import chart as curves_chart
from memkit.analysis.training_curves.estimate import curves
from memkit.analysis.trajectories import chart as trajectories_chart
from memkit.analysis.trajectories import examples_chart
from memkit.analysis.trajectories.result import ALPHAS
from memkit.charts import comparison, dots, styles, theme
from memkit.estimators.influence import BINS
from memkit.estimators.removal import Utility
from memkit.seeds import stream
from memkit.trajectories import CLASSES
from tests.charts.results import (
    ACCURACY,
    MEANS,
    PLANTED,
    class_change,
    class_shares,
    convergence,
    each,
    names_of,
    point_proxies,
    series_proxies,
    size_changes,
)
from tests.numbers import number

TITLE = {"size_title": "Width (model.width)"}
# Drawn by the others, with titles and names that they give.
SHARED = {"charts.lines.chart", "charts.dots.chart", "distribution.means_chart.memorization_chart"}
NEUTRAL = {"#777777", "#8A8A8A", "#000000", "#ffffff"}
SCHEMES = {"viridis", "blues"}
POINTS_HIGH, MM = 6, 84


def _draw(*shape):
    return stream(0, "tests/charts/every").random(shape)


def _proxies(points):
    agreements = {"cumulative_correctness": 0.5}
    return each(points, point_proxies(agreements, ("clean", "planted")))


def _across(points):
    result = series_proxies(proxies_chart.ACROSS, {"cumulative_correctness": 0.5})
    return dict.fromkeys(names_of(points), result)


def _agreement(points):
    pairs = [comparisons.threshold_curves(_draw(50), 1 - _draw(50)) for _ in points]
    stacked = {key: [getattr(curves, key) for curves in pairs] for key in vars(pairs[0])}
    rows = agreement_chart.curve_table([(p.name, p.axis_value) for p in points], stacked)
    return agreement_chart.curve_chart(
        rows,
        group_title="Compared with width 16",
        difference_title=["Mean difference over the union,", "width 16 - the other size"],
    )


def _convergence(points):
    result = convergence(points, {runs: number(1 - 1 / runs, 0.05) for runs in (4, 10, 100)})
    return convergence_chart.chart(convergence_chart.table(result, points, noun="width"))


def _trajectories(points):
    rows = []
    for name in names_of(points):
        sizes = [p.axis_value for p in points if p.series == name]
        kinds = np.array(CLASSES)[np.arange(30) % 7]
        rows += trajectories_chart.mean_table(
            _draw(30, len(sizes)), kinds, series=name, sizes=sizes
        )
    return trajectories_chart.mean_chart(rows, **TITLE)


def _examples(points):
    sizes = list(dict.fromkeys(point.axis_value for point in points))
    value, kinds = _draw(60, len(sizes)), np.array(CLASSES)[np.arange(60) % 7]
    rows = examples_chart.table(
        examples_chart.choose(value, kinds, np.arange(60) < 9),
        {"one_hot": (value, value - 0.1, value + 0.1)},
        sizes=sizes,
        pictures=(255 * _draw(60, 8, 8, 1)).astype(np.uint8),
        labels={i: f"{i % 10} (is 3)" for i in range(60)},
    )
    return examples_chart.chart(rows, **TITLE)


def _classes(points):
    return trajectories_chart.chart(trajectories_chart.table(class_shares(points)))


def _changes():
    changes = class_change(number(-0.1, 0.02), number(-0.05, 0.03))
    return dict.fromkeys(ALPHAS, dict.fromkeys(CLASSES[:-1], changes))


def _sizes(points):
    return size_changes(points, unsaturated=number(0.1))


def _joint(points):
    counts = stream(0, "tests/joint").integers(0, 200, size=(len(points), 20, 20))
    sizes = [p.axis_value for p in points]
    return distillation_chart.joint_table(counts, np.linspace(0, 1, 21), sizes)


def _removal():
    accuracy = number(0.9)
    return [
        Utility("memorized", t, 5, 1 - t / 2, accuracy, accuracy, accuracy, number(0.0))
        for t in (0.1, 0.5, 0.9)
    ]


def _pairs(points):
    infl = 0.15 + 0.85 * _draw(9_000) ** 4
    return each(points, (infl, np.where(infl > 0.5, 0.01, 0.4), np.linspace(99, 0, BINS)))


LABELS = {"cumulative_correctness": "cumulative correctness", "memorization": "memorization"}
SCORES = {f"width {size}": {"ours": _draw(500), "theirs": 1 - _draw(500)} for size in (1, 2, 16)}
CHARTS = {
    "accuracy.chart.chart": lambda p: accuracy_chart.chart(
        accuracy_chart.table(p, each(p, ACCURACY)), **TITLE
    ),
    "agreement.chart.curve_chart": _agreement,
    "proxies.canaries_chart.detection_chart": lambda p: canaries_chart.detection_chart(
        canaries_chart.detection_table(p, _proxies(p), labels=LABELS), **TITLE
    ),
    "proxies.canaries_chart.paths_chart": lambda p: canaries_chart.paths_chart(
        canaries_chart.paths_table(p, each(p, MEANS), each(p, MEANS)), **TITLE
    ),
    "charts.comparison.histogram_chart": lambda p: comparison.histogram_chart(
        comparison.histogram_table(SCORES, edges_of_scores(100)),
        title=["Memorization (-1 to 1,", "higher = more memorized)"],
    ),
    "charts.comparison.joint_chart": lambda p: comparison.joint_chart(
        comparison.joint_table({k: tuple(v.values()) for k, v in SCORES.items()}),
        first=["This study: memorization (-1 to 1,", "higher = more memorized)"],
        second=["Other score", "(direction unknown)"],
    ),
    "convergence.chart.chart": _convergence,
    "training_curves.chart.chart": lambda p: curves_chart.chart(
        curves_chart.table(p, each(p, curves(_draw(4, 30, 3)))), **TITLE
    ),
    "planted.chart.chart": lambda p: planted_chart.chart(
        planted_chart.table(p, each(p, PLANTED)), **TITLE
    ),
    "distillation.chart.class_chart": lambda p: distillation_chart.class_chart(
        distillation_chart.class_table(_changes())
    ),
    "distillation.chart.joint_chart": lambda p: distillation_chart.joint_chart(_joint(p), **TITLE),
    "distillation.chart.means_chart": lambda p: distillation_chart.means_chart(
        distillation_chart.means_table(p, each(p, MEANS), each(p, ACCURACY)), **TITLE
    ),
    "size_changes.chart.chart": lambda p: size_changes_chart.chart(
        size_changes_chart.table(p, _sizes(p)), **TITLE
    ),
    "size_changes.chart.means_chart": lambda p: size_changes_chart.means_chart(
        size_changes_chart.means_table(p, _sizes(p)), **TITLE
    ),
    "distribution.chart.chart": lambda p: histograms_chart.chart(
        histograms_chart.table(p, each(p, histograms(_draw(90)[None], np.arange(90) < 9))), **TITLE
    ),
    "trajectories.examples_chart.chart": _examples,
    "influence.given_chart.chart": lambda p: given_chart.chart(
        given_chart.table(
            {"all": (_draw(400), 3 * _draw(400), _draw(400) < 0.05)}, np.linspace(-1, 1.1, 22)
        ),
        min_influence=0.15,
        strongest=10,
    ),
    "influence.chart.chart": lambda p: influence_chart.chart(
        influence_chart.table(p, _pairs(p), min_influence=0.15), **TITLE
    ),
    "distribution.means_chart.chart": lambda p: means_chart.chart(
        means_chart.table(p, dict.fromkeys(("clean labels", "planted labels"), each(p, MEANS))),
        **TITLE,
    ),
    "proxies.chart.across_chart": lambda p: proxies_chart.across_chart(
        proxies_chart.across_table(_across(p), labels=LABELS)
    ),
    "proxies.chart.board_chart": lambda p: proxies_chart.board_chart(
        proxies_chart.board_table(p, _proxies(p), labels=LABELS), **TITLE
    ),
    "proxies.chart.means_chart": lambda p: proxies_chart.means_chart(
        proxies_chart.means_table(
            p,
            _proxies(p),
            dict.fromkeys(("clean", "planted"), each(p, number())),
            titles={"cumulative_correctness": "cumulative correctness (lower = harder)"},
        ),
        **TITLE,
    ),
    "removal.chart.chart": lambda p: removal_chart.chart(removal_chart.table(_removal())),
    "trajectories.chart.chart": _classes,
    "trajectories.chart.mean_chart": _trajectories,
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


def _modules_with_charts():
    """Yields (name below `memkit.analysis` or `memkit`, module) of everything that may draw."""
    for module in pkgutil.iter_modules(charts.__path__, "charts."):
        yield module.name, importlib.import_module(f"memkit.{module.name}")
    for question in analysis.QUESTIONS:
        package = importlib.import_module(f"memkit.analysis.{question.name}")
        for module in pkgutil.iter_modules(package.__path__, f"{question.name}."):
            if module.name.endswith("chart"):
                yield module.name, importlib.import_module(f"memkit.analysis.{module.name}")


def test_every_chart_function_is_tested_here():
    names = {
        f"{module}.{name}"
        for module, content in _modules_with_charts()
        for name, value in vars(content).items()
        if re.fullmatch(r"chart|[a-z]+(_[a-z]+)*_chart", name) and callable(value)
    }
    assert names - SHARED == set(CHARTS)


@pytest.fixture(scope="module")
def spec_of(make_points):
    """Returns a function (chart, study) -> Vega-Lite specification, which makes each once."""

    def make(name, study):
        return CHARTS[name](make_points(**STUDIES[study])).to_dict()

    return functools.cache(make)


@study
@every
def test_a_chart_has_a_description_and_a_title_on_every_axis(spec_of, name, study):
    spec = spec_of(name, study)
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
def test_a_chart_shows_no_title_twice_and_no_legend_of_one_entry(spec_of, name):
    spec = spec_of(name, "one series")
    scene = vl_convert.vegalite_to_scenegraph(spec)["scenegraph"]
    titles = [text for text, role in _texts(scene) if role in ("axis-title", "title-text")]
    # Panels above each other may have the names of the same groups.
    values = {v for part in _parts(spec) for row in part.get("values", []) if isinstance(row, dict)
              for v in row.values()}  # fmt: skip
    assert len(titles) >= 2 and {t for t in titles if titles.count(t) > 1} <= values
    for part in _parts(scene):
        if "role" in part and part["role"] == "legend-entry":
            assert sum(role == "legend-label" for _, role in _texts(part)) != 1


def _texts(part, role=""):
    """Yields (text, role of the mark it belongs to) of a scene graph."""
    if isinstance(part, list):
        for entry in part:
            yield from _texts(entry, role)
    elif isinstance(part, dict):
        role = part["role"] if "role" in part else role
        if "text" in part:
            text = part["text"]
            yield " ".join(text) if isinstance(text, list) else str(text), role
        for key in ("items", "groups"):
            yield from _texts(part[key] if key in part else [], role)


@every
def test_a_chart_uses_only_colors_of_the_theme(spec_of, name):
    spec = spec_of(name, "two series")
    allowed = {c for c, *_ in (*styles.STYLES.values(), *styles.OTHER_STYLES)} | NEUTRAL
    parts = list(_parts(_without_rows(spec)))
    result = {v for p in parts for x in p.values() for v in (x if isinstance(x, list) else [x])
             if isinstance(v, str) and v.startswith("#")}  # fmt: skip
    assert result <= allowed, result - allowed
    schemes = [p["scheme"] for p in parts if "scheme" in p]
    assert {s["name"] if isinstance(s, dict) else s for s in schemes} <= SCHEMES


@study
@every
def test_a_chart_is_readable_at_the_width_of_a_column(spec_of, name, study):
    svg = charts.images(spec_of(name, study), ["svg"])["svg"].decode()
    (width,) = re.findall(r'<svg[^>]* width="([\d.]+)"', svg)
    smallest = min(map(float, re.findall(r'font-size="([\d.]+)px"', svg)))
    assert smallest * MM / 25.4 * 72 / float(width) >= POINTS_HIGH
    texts = re.findall(r"<text[^>]*>(?:<tspan[^>]*>)?([^<]*)", svg)
    assert texts and not [t for t in texts if re.search(r"\de[+-]?\d|NaN|undefined\d", t)]


def test_the_style_of_a_series_does_not_depend_on_the_others():
    for names in (["distilled"], ["one_hot", "distilled"], ["x", "distilled", "one_hot"]):
        assert styles.of(names)["distilled"] == styles.STYLES["distilled"]
    result = styles.of(["one_hot", "a", "b", "distilled"])
    assert len({color for color, *_ in result.values()}) == 4


def test_titles_wrap_between_words_and_not_within_ranges():
    title = theme.fitted(["Mean memorization (-1 to 1,", "higher = more memorized)"], 150)
    assert len(title) == 3 and any(
        "(-1\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}1," in t for t in title
    )
    assert theme.fitted("Epoch", 10) == ["Epoch"]


def test_averaged_values_have_errors_and_single_ones_do_not():
    averaged, single = dots.averaged_and_single(number(0.9, 0.1), 0.7)
    assert averaged == (dots.AVERAGED, number(0.9, 0.1))
    assert single[0] == dots.SINGLE
    assert single[1].value == 0.7 and np.isnan(single[1].margin)
    assert list(dots.averaged_and_single(number(0.9, 0.1), None)) == [averaged]
