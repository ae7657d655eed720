"""A chart as files of any format, made offline by vl-convert."""

import io

# Options of each format: the PNG has 400 pixels per inch in a column, the page brings its scripts.
FORMATS = {"png": {"scale_factor": 3}, "svg": {}, "pdf": {}, "html": {"inline": True}}
TEXT = ("svg", "html")
USUAL = ("png", "svg")


def images(chart, formats=USUAL):
    """Returns the chart as {format: bytes}.

    Args:
      chart: alt.Chart.
      formats: keys of FORMATS.
    """
    return {kind: _render(chart, kind) for kind in formats}


def _render(chart, kind):
    file = io.StringIO() if kind in TEXT else io.BytesIO()
    chart.save(file, format=kind, **FORMATS[kind])
    return file.getvalue().encode() if kind in TEXT else file.getvalue()
