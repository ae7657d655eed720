"""Fits charts to a width of print: stretches their panels, wraps and splits them."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

from memkit.charts.images import size, to_svg
from memkit.charts.widths import USUAL_WIDTH, Width
from memkit.typing import Json

_WIDE = 1.5  # Charts this many times as wide as usual get more panels side by side:
_MORE_COLUMNS = (2, 1.5, 1)  # as many times more as fit
_TRIES = 6
_LEAST_PANEL = 40  # units
_PARTS = ("vconcat", "concat", "hconcat", "layer")


def fitted(spec: Json, width: Width) -> list[Json]:
    """Returns a chart as one or more charts that are exactly `width` wide and fit on a page.

    Panels become wider or narrower, and more of them stand side by side if there is room. The text
    keeps its size. A chart that is taller than a page is split between its panels; if it has a
    single one, it becomes less tall.

    Args:
      spec: what `alt.Chart.to_dict` returns.
      width: one of `widths.WIDTHS`.
    """
    spec = copy.deepcopy(spec)
    _give_data(spec)
    more = _MORE_COLUMNS if width.units > _WIDE * USUAL_WIDTH.units else (1,)
    for times in more:
        stretched, wide, height = _stretched(_spread(spec, times), width)
        if wide <= width.units:  # Else the titles of so many panels are wider than the panels.
            break
    if height <= width.tallest:
        return [stretched]
    parts = _split(spec, math.ceil(height / width.tallest))
    if len(parts) == 1:
        return [_lowered(stretched, width, height)]
    return [chart for part in parts for chart in fitted(part, width)]


def _give_data(chart: Json) -> None:
    """Gives the charts inside of a chart the data that they share, so that each stands alone."""
    for key in _PARTS:
        for part in chart[key] if key in chart and key != "layer" else ():
            if "data" in chart and "data" not in part:
                part["data"] = chart["data"]
            _give_data(part)


def _charts(spec: Json) -> Iterator[Json]:
    """Yields the chart and all charts inside of it."""
    yield spec
    for key in _PARTS:
        for part in spec[key] if key in spec else ():
            yield from _charts(part)
    if "spec" in spec:
        yield from _charts(spec["spec"])


def _views(spec: Json) -> Iterator[Json]:
    """Yields the charts that have a width and a height of their own, the panels."""
    for part in _charts(spec):
        if isinstance(part.get("width"), (int, float)) and "height" in part:
            yield part


def _spread(spec: Json, times: float) -> Json:
    """Returns the chart with more panels side by side where it wraps them."""
    spec = copy.deepcopy(spec)
    for chart in _charts(spec):
        if "columns" in chart and "facet" in chart:
            panels = len(_values(chart, chart["facet"]))
            chart["columns"] = min(int(times * chart["columns"]), panels)
    return spec


def _stretched(spec: Json, width: Width) -> tuple[Json, float, float]:
    """Returns the chart with panels as wide as the width needs, and its width and height.

    Axes, legends and titles keep their size, so the panels are found by trying. The height is that
    of a chart that is then drawn exactly as wide as `width`.
    """
    natural, height = size(to_svg(spec))
    factor, best = width.units / natural, (spec, natural, height)
    for _ in range(_TRIES):
        stretched = _scaled(spec, "width", factor)
        wide, height = size(to_svg(stretched))
        room = width.units - wide
        if _is_better(room, width.units - best[1]):
            best = stretched, wide, height
        if 0 <= room <= 1:
            break
        # Panels are most of the width, so a step of this size does not overshoot.
        factor += (room - 0.5) / natural
    stretched, wide, height = best
    return stretched, wide, height * width.units / wide


def _is_better(room: float, best: float) -> bool:
    """Returns True if this much room is left over rather than `best`; below 0 does not fit."""
    return room > best if best < 0 else 0 <= room < best


def _scaled(spec: Json, side: str, factor: float) -> Json:
    """Returns the chart with panels whose width or height is multiplied."""
    scaled = copy.deepcopy(spec)
    for view in _views(scaled):
        view[side] = max(_LEAST_PANEL, round(view[side] * factor, 1))
    return scaled


def _lowered(spec: Json, width: Width, height: float) -> Json:
    """Returns the chart with panels that are less tall, so that it fits on a page."""
    panels = max(view["height"] for view in _views(spec))
    rest = height - panels
    lowered = _scaled(spec, "height", (width.tallest - rest) / panels)
    return _stretched(lowered, width)[0]


def _split(spec: Json, count: int) -> list[Json]:
    """Returns the chart as at least `count` charts if it has so many panels above each other."""
    if "vconcat" in spec:
        parts = spec["vconcat"] if len(spec["vconcat"]) > 1 else _split(spec["vconcat"][0], count)
        return [{**spec, "vconcat": [part]} for part in parts]
    if "facet" not in spec:
        return [spec]
    facet = spec["facet"]["row"] if "row" in spec["facet"] else spec["facet"]
    if "field" not in facet:
        return [spec]
    values = _values(spec, facet)
    columns = spec["columns"] if "columns" in spec else 1
    rows = math.ceil(len(values) / columns)
    step = math.ceil(rows / count) * columns
    groups = [values[start : start + step] for start in range(0, len(values), step)]
    return [_of_values(spec, facet["field"], group) for group in groups]


def _values(chart: Json, facet: Json) -> list[Any]:
    """Returns the values of the field that makes panels, in their order."""
    values = facet["sort"] if "sort" in facet else []
    rows = chart["data"]["values"]
    return [value for value in values if any(row[facet["field"]] == value for row in rows)]


def _of_values(chart: Json, field: str, values: list[Any]) -> Json:
    part = copy.deepcopy(chart)
    part["data"]["values"] = [row for row in chart["data"]["values"] if row[field] in values]
    return part
