"""Pictures of examples with their trajectories: a row per class, clean and planted labels apart.

After Lukasik et al. (2024), figure 1, with the intervals of every trajectory.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import PIL.Image
from etils import epy

from memkit.analysis.trajectories.chart import CONSTANT, label
from memkit.charts import layout, styles, theme
from memkit.printable import printable
from memkit.trajectories import CLASSES
from memkit.typing import Array, Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

SHOWN = 4  # examples per row
PLANTED, CLEAN = "planted labels", "clean labels"
_PICTURE, _CURVE, _GAP = 44, 46, 8  # heights in units of the chart
_MARGIN = 0.15  # of a place, beside its curve
_SHARPEST = 64  # Smaller pictures are enlarged without smoothing, as readers of pixels expect.


class Pictures(Protocol):
    """A picture per example, uint8 [h, w, 1 or 3]."""

    def __getitem__(self, index: int, /) -> Array:
        """Returns the picture of an example."""


def choose(
    values: npt.ArrayLike, classes: npt.ArrayLike, planted: npt.ArrayLike
) -> dict[str, list[int]]:
    """Chooses the examples to show by a rule, so that nobody picks them.

    Args:
      values: memorization float [N, A] along the axis.
      classes: the class of each example, text [N].
      planted: bool [N], True where the label was planted.

    Returns:
      {title of the row: up to SHOWN examples}: those whose memorization changes most along the
      axis, of constant trajectories the most memorized ones. Examples without a defined value are
      left out, and so are rows without examples.
    """
    values, classes, planted = np.asarray(values, float), np.asarray(classes), np.asarray(planted)
    defined = np.isfinite(values).all(axis=1)
    chosen = {}
    for kind in CLASSES:
        score = values.mean(axis=1) if kind == CONSTANT else np.ptp(values, axis=1)
        for group, is_member in ((CLEAN, ~planted), (PLANTED, planted)):
            members = np.flatnonzero(defined & is_member & (classes == kind))
            if len(members):
                order = np.argsort(-score[members], kind="stable")[:SHOWN]
                of = f", {group}" if planted.any() else ""
                title = f"{label(kind)}{of} ({len(members)} example{'s'[: len(members) - 1]})"
                chosen[title] = members[order].tolist()
    return chosen


def table(
    chosen: Mapping[str, Sequence[int]],
    trajectories: Mapping[str, tuple[Array, Array, Array]],
    *,
    sizes: Sequence[theme.Size],
    pictures: Pictures,
    labels: Mapping[int, str],
) -> list[Json]:
    """Returns the trajectories of the chosen examples, and their pictures.

    Args:
      chosen: {title of the row: examples}, as `choose` returns them.
      trajectories: {series: (memorization, lower, upper) [N, A] each}.
      sizes: the A axis values.
      pictures: uint8 [h, w, 1 or 3] per example.
      labels: {example: what to write below its picture}.

    Returns:
      Row dicts with row, place (0 to SHOWN - 1), label, series, size, value, lower, upper, and at
      (where the size stands on the horizontal axis, on which every place is one unit wide). The
      first row of an example has its picture as url.
    """
    steps = np.linspace(_MARGIN, 1 - _MARGIN, len(sizes)).tolist()
    return [
        {
            "row": title,
            "place": place,
            "label": printable(labels[example]),
            "series": series,
            "size": str(size),
            "at": place + step,
            "value": float(value[example, a]),
            "lower": float(lower[example, a]),
            "upper": float(upper[example, a]),
            "url": _url(pictures[example]) if s == a == 0 else None,
        }
        for title, examples in chosen.items()
        for place, example in enumerate(examples)
        for s, (series, (value, lower, upper)) in enumerate(trajectories.items())
        for a, (size, step) in enumerate(zip(sizes, steps, strict=True))
    ]


def _url(picture: Array) -> str:
    """Returns a picture as a data URL, PNG."""
    picture = np.broadcast_to(picture, (*picture.shape[:2], 3))
    times = max(1, _SHARPEST // max(picture.shape[:2]))
    buffer = io.BytesIO()
    enlarged = picture.repeat(times, axis=0).repeat(times, axis=1)
    PIL.Image.fromarray(enlarged).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
    """Returns pictures of examples above their trajectories, a row per class of trajectory.

    Args:
      rows: rows of `table`.
      size_title: title of the axis of sizes.
    """
    top = _PICTURE + theme.TEXT + _GAP
    lowest = min(-0.2, *(r["lower"] for r in rows if np.isfinite(r["lower"])))
    # The curve takes the lower part of a panel.
    scale = alt.Scale(domain=[lowest, 1], range=[top + _CURVE, top], clamp=True)
    title = "Memorization (-1 to 1, higher = more memorized)"
    names = list(dict.fromkeys(r["series"] for r in rows))
    color, _ = styles.scales(names, "series")
    base = alt.Chart().encode(
        x=_places(rows, size_title), color=color, detail=["place:O", "series:N"]
    )
    once = alt.Chart().transform_filter("isValid(datum.url)")
    once = once.transform_calculate(middle="datum.place + 0.5")
    x = alt.X("middle:Q", title=size_title, scale=_scale())
    axis = alt.Axis(values=[0, 1])
    low, y = (
        alt.Y(f"{field}:Q", title=title, scale=scale, axis=axis) for field in ("lower", "value")
    )
    tooltip = [
        "label:N",
        "size:N",
        *(alt.Tooltip(f"{k}:Q", format=".2f") for k in ("value", "lower", "upper")),
    ]
    layers = [
        once.mark_image(width=_PICTURE, height=_PICTURE).encode(
            x=x, y=alt.value(_PICTURE / 2), url="url:N"
        ),
        once.mark_text(
            fontSize=theme.TEXT, baseline="top", limit=theme.WIDTH / SHOWN, color="#222222"
        ).encode(x=x, y=alt.value(_PICTURE + 3), text="label:N"),
        base.mark_area(opacity=0.18).encode(y=low, y2="upper:Q"),
        base.mark_line().encode(y=y),
        base.mark_point(filled=True, size=22, opacity=1).encode(y=y, tooltip=tooltip),
    ]
    layered = alt.LayerChart(layer=layers).properties(width=theme.WIDTH, height=top + _CURVE)
    return layout.facets(layered, rows, row="row").properties(
        description="Pictures of examples of each class of trajectory, with clean and planted "
        "labels apart, and below each picture its memorization against model size with a 95% "
        "interval."
    )


def _scale() -> alt.Scale:
    return alt.Scale(domain=[0, SHOWN], nice=False)


def _places(rows: Sequence[Json], size_title: str) -> alt.X:
    """Returns the horizontal axis, on which the first and last size are repeated at each place."""
    sizes = list(dict.fromkeys(r["size"] for r in rows))
    values = [place + at for place in range(SHOWN) for at in (_MARGIN, 1 - _MARGIN)]
    first, last = json.dumps(sizes[0]), json.dumps(sizes[-1])
    axis = alt.Axis(
        values=values,
        labelExpr=f"datum.value % 1 < 0.5 ? {first} : {last}",
        labelOverlap="greedy",
        grid=False,
    )
    return alt.X("at:Q", title=size_title, axis=axis, scale=_scale())
