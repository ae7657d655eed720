"""Renders charts to PNG, SVG, PDF and HTML, offline, with vl-convert."""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from etils import epy

from memkit.charts.widths import POINTS_PER_MM, USUAL_WIDTH, Width
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt
    import vl_convert

FORMATS = ("png", "svg", "pdf", "html")
USUAL = ("png", "svg")
_LESS_THAN = "\ue000less-than\ue000"
_SIZE = re.compile(r'(<svg[^>]*?) width="([\d.]+)" height="([\d.]+)"')


def images(
    spec: Json, formats: Collection[str] = USUAL, width: Width | None = None
) -> dict[str, bytes]:
    """Returns the chart of a Vega-Lite specification as {format: bytes}.

    PNG and PDF have a physical size. An SVG has one, in millimeters, if a width is given.

    Args:
      spec: what `alt.Chart.to_dict` returns, or a part that `widths.fitted` returns.
      formats: names among FORMATS.
      width: the Width that the specification was fitted to; None leaves the chart as wide as it is
        drawn.
    """
    rendered = {}
    if set(formats) - {"html"}:  # Rendered once; the other image formats are converted from SVG.
        svg = to_svg(spec)
        rendered["svg"] = (_printed(svg, width) if width else svg).encode()
        in_points = _in_points(svg, width)
        if "png" in formats:
            dpi = (width or USUAL_WIDTH).dpi
            rendered["png"] = vl_convert.svg_to_png(in_points, ppi=dpi)
        if "pdf" in formats:
            rendered["pdf"] = vl_convert.svg_to_pdf(in_points)
    if "html" in formats:
        rendered["html"] = _html(spec).encode()
    return {kind: rendered[kind] for kind in formats}


def to_svg(spec: Json) -> str:
    """Returns the chart of a Vega-Lite specification as SVG, its size in units of the chart."""
    svg: str = vl_convert.vegalite_to_svg(spec, vl_version=_version())
    return svg


def size(svg: str) -> tuple[float, float]:
    """Returns width and height of an SVG, in units of the chart."""
    match = _SIZE.search(svg)
    if match is None:
        raise AssertionError("vl-convert gives every SVG a width and a height")
    return float(match[2]), float(match[3])


def _version() -> str:
    return alt.SCHEMA_VERSION.rpartition(".")[0]


def _printed(svg: str, width: Width) -> str:
    """Returns the SVG exactly as wide as `width`, in millimeters."""
    wide, high = size(svg)
    millimeters = width.millimeters
    return _resized(svg, f"{millimeters:g}mm", f"{high * millimeters / wide:.3f}mm")


def _in_points(svg: str, width: Width | None) -> str:
    """Returns the SVG with its printed size in points, which is what PNG and PDF go by."""
    wide, high = size(svg)
    points = width.millimeters * POINTS_PER_MM if width else wide * USUAL_WIDTH.points_per_unit
    return _resized(svg, f"{points:.3f}", f"{high * points / wide:.3f}")


def _resized(svg: str, width: str, height: str) -> str:
    return _SIZE.sub(rf'\1 width="{width}" height="{height}"', svg, count=1)


def _html(spec: Json) -> str:
    """Returns an HTML page that draws the chart and contains every script it needs."""
    # vl-convert does not escape text inside script tags, and "</script>" would end the script.
    marked = json.dumps(spec).replace("<", _LESS_THAN)
    page = vl_convert.vegalite_to_html(marked, vl_version=_version(), bundle=True)
    return page.replace(_LESS_THAN, "\\u003c")
