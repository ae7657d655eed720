"""A chart as files of any format, made offline by vl-convert."""

import json
from collections.abc import Collection

import altair as alt
import vl_convert

from memkit.typing import Json

# The PNG has 400 pixels per inch in a column; the page brings its scripts.
_PNG_SCALE = 3
FORMATS = ("png", "svg", "pdf", "html")
USUAL = ("png", "svg")
_LESS_THAN = "\ue000less-than\ue000"


def images(spec: Json, formats: Collection[str] = USUAL) -> dict[str, bytes]:
    """Returns the chart of a Vega-Lite specification as {format: bytes}.

    Args:
      spec: dict, what `alt.Chart.to_dict` returns.
      formats: names among FORMATS.
    """
    version = alt.SCHEMA_VERSION.rpartition(".")[0]
    found = {}
    if set(formats) - {"html"}:  # The picture is drawn once, and the other formats come from it.
        drawn = vl_convert.vegalite_to_svg(spec, vl_version=version)
        found["svg"] = drawn.encode()
        if "png" in formats:
            found["png"] = vl_convert.svg_to_png(drawn, scale=_PNG_SCALE)
        if "pdf" in formats:
            found["pdf"] = vl_convert.svg_to_pdf(drawn)
    if "html" in formats:
        found["html"] = _html(spec, version).encode()
    return {kind: found[kind] for kind in formats}


def _html(spec: Json, version: str) -> str:
    """Returns a page that draws the chart, and no other scripts than those it needs."""
    # vl-convert writes texts between script tags as they are; one could end the script.
    marked = json.dumps(spec).replace("<", _LESS_THAN)
    page = vl_convert.vegalite_to_html(marked, vl_version=version, bundle=True)
    return page.replace(_LESS_THAN, "\\u003c")
