"""Dot plots of agreements: one line per score, one color per kind."""

import altair as alt
import numpy as np

from memkit.charts import lines, theme

CEILING = "ceiling"
AVERAGED, SINGLE = "averaged over runs", "one run"
_KINDS = {AVERAGED: ("#222222", "circle"), SINGLE: ("#E69F00", "triangle-up")}


def row(same, panel, label, value, stderr):
    """Returns one row: a number and its 95% interval, clipped to [-1, 1].

    Args:
      same: the fields series and kind.
      panel: the panel's title.
      label: the line's name.
      value, stderr: numbers or None; without a standard error there is no bar.
    """
    value, stderr = theme.number(value), theme.number(stderr)
    half = lines.Z * stderr
    return {
        **same,
        "panel": panel,
        "label": label,
        "value": value,
        "lower": float(np.clip(value - half, -1, 1)),
        "upper": float(np.clip(value + half, -1, 1)),
    }


def chart(rows, *, title, rule, color_title, description):
    """Returns a dot plot: a line per label, a color and height per kind, a panel per panel.

    Args:
      rows: dicts with series, panel, label, kind, value, lower and upper (NaN: no bar). Labels
        are sorted by the mean value of the first panel, the ceiling on top.
      title: of the horizontal axis.
      rule: where to draw a reference line.
      color_title: what the kinds are.
      description: one or two sentences for screen readers.
    """
    rows = lines.defined(rows)
    kinds = list(dict.fromkeys(r["kind"] for r in rows))
    panels = list(dict.fromkeys(r["panel"] for r in rows))
    labels = _order(rows, panels[0])
    color, shape = _kind_scales(kinds, color_title)
    low = min(rule, *(np.nanmin([r["lower"], r["value"]]) for r in rows))
    scale = alt.Scale(domain=[float(np.floor(low * 10) / 10), 1], padding=7, nice=False)
    y = alt.Y("label:N", sort=labels, title=None, axis=alt.Axis(labelLimit=260, grid=True))
    offset = alt.YOffset("kind:N", sort=kinds, scale=alt.Scale(paddingOuter=0.4))
    base = alt.Chart().encode(y=y, yOffset=offset, color=color)
    tips = [
        *(alt.Tooltip(f"{k}:N") for k in ("label", "kind")),
        *(alt.Tooltip(f"{k}:Q", format=".3f") for k in ("value", "lower", "upper")),
    ]
    layers = (
        alt.Chart()
        .mark_rule(color="#777777", strokeDash=[4, 4])
        .encode(x=alt.XDatum(rule, scale=scale)),
        base.mark_rule(strokeWidth=2).encode(
            x=alt.X("lower:Q", title=title, scale=scale), x2="upper:Q"
        ),
        base.mark_point(filled=True, size=45, opacity=1).encode(
            x=alt.X("value:Q", title=title, scale=scale), shape=shape, tooltip=tips
        ),
    )
    height = len(labels) * max(18, 9 * len(kinds))
    layered = alt.layer(*layers).properties(
        width=(theme.WIDTH - 20 * (len(panels) - 1)) // len(panels), height=height
    )
    return theme.facets(layered, rows, column="panel", row="series").properties(
        description=description
    )


def _order(rows, panel):
    values = {}
    for r in rows:
        values.setdefault(r["label"], []).append(r["value"] if r["panel"] == panel else np.nan)
    means = {k: np.mean([x for x in v if np.isfinite(x)] or [-np.inf]) for k, v in values.items()}
    return sorted(means, key=lambda k: (k != CEILING, -means[k]))


def _kind_scales(kinds, title):
    legend = alt.Legend(title=title, titleLimit=300)
    if set(kinds) <= set(_KINDS):
        colors, shapes = zip(*(_KINDS[kind] for kind in kinds), strict=True)
        color = alt.Scale(domain=kinds, range=list(colors))
        shape = alt.Scale(domain=kinds, range=list(shapes))
    else:
        color = alt.Scale(domain=kinds, scheme=alt.SchemeParams(name="viridis", extent=[0.85, 0]))
        shape = alt.Scale(domain=kinds)
    return (
        alt.Color("kind:N", sort=kinds, scale=color, legend=legend),
        alt.Shape("kind:N", sort=kinds, scale=shape, legend=legend),
    )
