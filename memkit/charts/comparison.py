"""Charts that compare scores: overlaid histograms, and joint histograms of two scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from etils import epy

from memkit.charts import layout, lines, styles, theme
from memkit.typing import FloatArray, Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

JOINT_BINS = 20


def histogram_table(
    panels: Mapping[str, Mapping[str, npt.ArrayLike]], edges: FloatArray
) -> list[Json]:
    """Returns the share of examples in each bin, for every score.

    Args:
      panels: {panel: {name of a score: float [J] in [-1, 1]}}; NaN is ignored.
      edges: [B + 1], edges of the bins.

    Returns:
      Row dicts with panel, name, start and end of the bin, share in [0, 1], count.
      All scores of a panel have rows for the same bins, from its lowest nonempty bin to its
      highest.
    """
    rows: list[Json] = []
    for panel, scores in panels.items():
        counts = {}
        for name, values in scores.items():
            values = np.asarray(values, float)
            # Means of 0/1 outcomes lie on bin edges up to float rounding.
            values = np.clip(values[np.isfinite(values)] + 1e-9, -1, 1)
            counts[name] = np.histogram(values, edges)[0]
        nonempty = np.flatnonzero(sum(counts.values()))
        if not nonempty.size:
            continue
        rows.extend(
            {
                "panel": panel,
                "name": name,
                "start": float(edges[b]),
                "end": float(edges[b + 1]),
                "share": count[b] / max(1, count.sum()),
                "count": int(count[b]),
            }
            for name, count in counts.items()
            for b in range(nonempty[0], nonempty[-1] + 1)
        )
    return rows


def histogram_chart(rows: list[Json], *, title: theme.Title) -> theme.Panels:
    """Returns histograms: the first score of each panel as bars, the others as step lines.

    Args:
      rows: rows of `histogram_table`.
      title: title of the horizontal axis; names the quantity, its range and direction.
    """
    names = list(dict.fromkeys(r["name"] for r in rows))
    color, _ = styles.scales(names, "name")
    y = alt.Y(
        "share:Q",
        title="Share of examples",
        scale=alt.Scale(type="sqrt", domain=[0, 1.08 * max(r["share"] for r in rows)]),
        axis=alt.Axis(values=[0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1], format="~%"),
    )
    tooltip = [
        alt.Tooltip("name:N", title="score"),
        alt.Tooltip("start:Q", format=".2f"),
        alt.Tooltip("end:Q", format=".2f"),
        alt.Tooltip("share:Q", format=".1%"),
        alt.Tooltip("count:Q"),
    ]
    x = alt.X("start:Q", title=title, axis=alt.Axis(grid=False, tickCount=6))
    base = alt.Chart().encode(color=color, tooltip=tooltip)
    bars = base.transform_filter(alt.datum.name == names[0]).mark_bar(opacity=0.35)
    layers = [bars.encode(x=x, x2="end:Q", y=y, y2=alt.datum(0))]
    dashes = {name: dash for name, (_, dash, _) in styles.of(names).items()}
    for name in names[1:]:
        steps = base.transform_filter(alt.datum.name == name)
        line = steps.mark_line(interpolate="step-after", strokeWidth=2, strokeDash=dashes[name])
        layers.append(line.encode(x=x, y=y))
    layered = alt.LayerChart(layer=layers).properties(
        width=layout.panel_width(rows, "panel"), height=lines.PANEL_HEIGHT
    )
    return layout.facets(layered, rows + _last_steps(rows, names), column="panel").properties(
        description="Overlaid histograms of scores, the first as bars and the others as step "
        "lines: share of the examples per bin, on a square-root scale."
    )


def _last_steps(rows: list[Json], names: list[str]) -> list[Json]:
    """Returns the rows that extend each step line to the end of its last bin."""
    last = {(r["panel"], r["name"]): r for r in rows if r["name"] in names[1:]}
    return [row | {"start": row["end"]} for row in last.values()]


def joint_table(
    panels: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    edges: Sequence[FloatArray | None] = (None, None),
) -> list[Json]:
    """Returns the number of examples in each cell of a joint histogram of two scores.

    Args:
      panels: {panel: (float [J], float [J])}; an example with a NaN is ignored.
      edges: of the cells of each score, which cover its values; None divides its range over all
        panels, rounded outwards to tenths, into 20 cells.

    Returns:
      Row dicts with panel, the edges x, x_end, y, y_end of the cell, and count >= 1.
    """
    defined = {}
    for panel, scores in panels.items():
        both = np.array(scores, float)
        defined[panel] = both[:, np.isfinite(both).all(axis=0)]
    if not any(both.size for both in defined.values()):
        return []
    values = np.concatenate(list(defined.values()), axis=1)
    x, y = (_edges(of) if given is None else given for given, of in zip(edges, values))
    rows: list[Json] = []
    for panel, both in defined.items():
        # Means of 0/1 outcomes lie on cell edges up to float rounding.
        counts, _, _ = np.histogram2d(both[0] + 1e-9, both[1] + 1e-9, (x, y))
        rows.extend(
            {
                "panel": panel,
                "x": float(x[i]),
                "x_end": float(x[i + 1]),
                "y": float(y[j]),
                "y_end": float(y[j + 1]),
                "count": int(counts[i, j]),
            }
            for i, j in np.argwhere(counts)
        )
    return rows


def _edges(values: FloatArray) -> FloatArray:
    low = min(0.0, np.floor(values.min() * 10) / 10)
    high = max(1.0, np.ceil(values.max() * 10) / 10)
    edges = np.linspace(low, high, JOINT_BINS + 1)
    edges[-1] += 1e-6
    return edges


def joint_chart(
    rows: list[Json],
    *,
    first: theme.Title,
    second: theme.Title,
    over: alt.LayerChart | None = None,
) -> theme.Panels:
    """Returns joint histograms of two scores; darker = more examples, on a log scale.

    Args:
      rows: rows of `joint_table`, and those of `over`, which have no count.
      first: title of the horizontal axis; names the quantity and its direction.
      second: title of the vertical axis; likewise.
      over: what to draw in front of the cells.
    """
    fill = alt.Fill(  # What is in front may have a scale of its own for `color`.
        "count:Q",
        title="Number of examples, log scale",
        scale=alt.Scale(type="log", scheme="blues", domainMin=1),
        legend=alt.Legend(orient="top", gradientLength=200, tickCount=4, format=",d"),
    )
    axis = alt.Axis(grid=False, tickCount=6)
    cells = (
        alt.Chart()
        .transform_filter("isValid(datum.count)")
        .mark_rect(stroke="#ffffff", strokeWidth=0.5)
        .encode(
            x=alt.X("x:Q", title=first, axis=axis, scale=alt.Scale(nice=False)),
            x2="x_end:Q",
            y=alt.Y("y:Q", title=second, axis=axis, scale=alt.Scale(nice=False)),
            y2="y_end:Q",
            fill=fill,
            tooltip=[
                alt.Tooltip("x:Q", format=".2f", title=first),
                alt.Tooltip("y:Q", format=".2f", title=second),
                alt.Tooltip("count:Q"),
            ],
        )
    )
    # The label at the end of the horizontal axis reaches beyond the panel.
    side = min(300, layout.panel_width(rows, "panel", width=theme.WIDTH - theme.TEXT))
    layered = alt.LayerChart(layer=[cells, over] if over else [cells])
    layered = layered.properties(width=side, height=side)
    return layout.facets(layered, rows, column="panel").properties(
        description="Joint histogram of two scores of the same examples: number of examples per "
        "cell, darker = more, on a log scale."
    )
