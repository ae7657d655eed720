"""Renders charts to PNG, SVG, PDF and HTML, offline, with vl-convert."""

from __future__ import annotations

import json
from collections.abc import Collection

from etils import epy

from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt
    import vl_convert

_PNG_SCALE = 3  # About 400 pixels per inch in a column of a paper.
FORMATS = ("png", "svg", "pdf", "html")
USUAL = ("png", "svg")
_LESS_THAN = "\ue000less-than\ue000"


def images(spec: Json, formats: Collection[str] = USUAL) -> dict[str, bytes]:
    """Returns the chart of a Vega-Lite specification as {format: bytes}.

    Args:
      spec: what `alt.Chart.to_dict` returns.
      formats: names among FORMATS.
    """
    version = alt.SCHEMA_VERSION.rpartition(".")[0]
    rendered = {}
    if set(formats) - {"html"}:  # Rendered once; the other image formats are converted from SVG.
        svg = vl_convert.vegalite_to_svg(spec, vl_version=version)
        rendered["svg"] = svg.encode()
        if "png" in formats:
            rendered["png"] = vl_convert.svg_to_png(svg, scale=_PNG_SCALE)
        if "pdf" in formats:
            rendered["pdf"] = vl_convert.svg_to_pdf(svg)
    if "html" in formats:
        rendered["html"] = _html(spec, version).encode()
    return {kind: rendered[kind] for kind in formats}


def _html(spec: Json, version: str) -> str:
    """Returns an HTML page that draws the chart and contains every script it needs."""
    # vl-convert does not escape text inside script tags, and "</script>" would end the script.
    marked = json.dumps(spec).replace("<", _LESS_THAN)
    page = vl_convert.vegalite_to_html(marked, vl_version=version, bundle=True)
    return page.replace(_LESS_THAN, "\\u003c")
