"""A chart as picture files, made offline by vl-convert."""

import io

SCALE_FACTOR = 2


def images(chart):
    """Returns the chart as `{"png": bytes, "svg": bytes}`; the PNG has two pixels per unit."""
    png, svg = io.BytesIO(), io.StringIO()
    chart.save(png, format="png", scale_factor=SCALE_FACTOR)
    chart.save(svg, format="svg")
    return {"png": png.getvalue(), "svg": svg.getvalue().encode()}
