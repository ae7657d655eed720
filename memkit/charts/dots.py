"""Dot plots of agreements: one row of dots per score, one color per kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
from etils import epy

from memkit.charts import layout, lines, styles, theme
from memkit.estimators import WithError
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

_T = TypeVar("_T")

CEILING = "ceiling"
AVERAGED, SINGLE = "averaged over runs", "one run"
_LABEL_WIDTH = 134  # Names of scores are this much wider than the labels of numbers.


def row(fields: Mapping[str, str], panel: str, label: str, estimate: WithError) -> Json:
    """Returns one row: a number and its 95% interval, clipped to [-1, 1].

    Args:
      fields: the fields series and kind.
      panel: title of the panel.
      label: name of the score.
      estimate: the number; if its standard error is NaN, no interval is drawn.
    """
    return {**fields, "panel": panel, "label": label, **lines.interval(estimate, (-1, 1))}


def per_size(
    points: Sequence[lines.OnAxis], entries: Mapping[str, _T]
) -> Iterator[tuple[dict[str, str], _T]]:
    """Yields the fields series and kind of each point, and its entry.

    Args:
      points: points of a study.
      entries: {point name: entry}; points without an entry are skipped.
    """
    for point in lines.sized(points):
        if point.name in entries:
            yield {"series": point.series, "kind": str(point.size)}, entries[point.name]


def averaged_and_single(
    averaged: WithError, single: float | None
) -> Iterator[tuple[str, WithError]]:
    """Yields (AVERAGED, estimate) and, if it is known, (SINGLE, estimate without an error)."""
    yield AVERAGED, averaged
    if single is not None:
        yield SINGLE, WithError(single, np.nan, np.nan)


def chart(
    rows: Iterable[Json],
    *,
    title: theme.Title,
    rule: float,
    color_title: str,
    description: str,
    scale: alt.Scale | None = None,
    axis: alt.Axis | None = None,
    lowest_first: bool = False,
) -> theme.Panels:
    """Returns a dot plot: a row of dots per label, a color per kind, a panel per panel title.

    The charts of several series are stacked vertically.

    Args:
      rows: dicts with series, panel, label, kind, value, lower and upper; if a bound is NaN, no
        interval is drawn. Labels are sorted by their mean value in the first panel, the highest
        first, with the ceiling on top.
      title: title of the horizontal axis.
      rule: value at which to draw a reference line.
      color_title: title of the legend.
      description: one or two sentences for screen readers.
      scale, axis: of the horizontal axis; by default a linear one up to 1.
      lowest_first: True sorts the labels with the lowest mean value first.
    """
    rows = lines.defined(rows)
    scale = scale or _linear(rows, rule)
    x = alt.X("value:Q", title=title, scale=scale, axis=axis or alt.Axis(tickCount=3))
    by_series: dict[str, list[Json]] = {}
    for r in rows:
        by_series.setdefault(r["series"], []).append(r)
    color, shape = _kind_scales(list(dict.fromkeys(r["kind"] for r in rows)), color_title)
    charts = {
        name: _series(series_rows, x, rule, color, shape, lowest_first=lowest_first)
        for name, series_rows in by_series.items()
    }
    return layout.stacked(charts, description)


def _linear(rows: list[Json], rule: float) -> alt.Scale:
    low = min(rule, *(np.nanmin([r["lower"], r["value"]]) for r in rows))
    return alt.Scale(domain=[float(np.floor(low * 10) / 10), 1], padding=7, nice=False)


def _series(
    rows: list[Json],
    x: alt.X,
    rule: float,
    color: alt.Color,
    shape: alt.Shape,
    *,
    lowest_first: bool,
) -> theme.Panels:
    kinds = list(dict.fromkeys(r["kind"] for r in rows))
    width = layout.panel_width(rows, "panel", width=theme.WIDTH - _LABEL_WIDTH)
    x = x.title(theme.fitted(x["title"], width))
    panels = list(dict.fromkeys(r["panel"] for r in rows))
    labels = _order(rows, panels[0], sign=-1 if lowest_first else 1)
    y = alt.Y("label:N", sort=labels, title="Score", axis=alt.Axis(labelLimit=200, grid=True))
    offset = alt.YOffset("kind:N", sort=kinds, scale=alt.Scale(paddingOuter=0.4))
    base = alt.Chart().encode(y=y, yOffset=offset, color=color)
    tooltip = [
        *(alt.Tooltip(f"{k}:N") for k in ("label", "kind")),
        *(alt.Tooltip(f"{k}:Q", format=".3~g") for k in ("value", "lower", "upper")),
    ]
    layers = (
        alt.Chart().mark_rule(**theme.REFERENCE).encode(x=alt.XDatum(rule, scale=x["scale"])),
        base.mark_rule(strokeWidth=2).encode(
            x=alt.X("lower:Q", title=x["title"], scale=x["scale"]), x2="upper:Q"
        ),
        base.mark_point(filled=True, size=45, opacity=1).encode(x=x, shape=shape, tooltip=tooltip),
    )
    height = len(labels) * max(18, 9 * len(kinds))
    layered = alt.LayerChart(layer=layers).properties(width=width, height=height)
    return layout.facets(layered, rows, column="panel")


def _order(rows: list[Json], panel: str, *, sign: int) -> list[str]:
    values: dict[str, list[float]] = {}
    for r in rows:
        values.setdefault(r["label"], []).append(r["value"] if r["panel"] == panel else np.nan)
    means = {
        k: np.mean([sign * x for x in v if np.isfinite(x)] or [-np.inf]) for k, v in values.items()
    }
    return sorted(means, key=lambda k: (k != CEILING, -means[k]))


def _kind_scales(kinds: list[str], title: str) -> tuple[alt.Color, alt.Shape]:
    if set(kinds) <= {AVERAGED, SINGLE}:
        return styles.scales(kinds, "kind")
    return styles.size_scales(kinds, "kind", title=title)
