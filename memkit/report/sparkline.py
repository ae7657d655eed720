"""A trajectory as a tiny inline SVG."""

import numpy as np
from markupsafe import Markup, escape

WIDTH, HEIGHT, MARGIN = 132, 46, 4


def sparkline(value, in_mean, out_mean, *, sizes):
    """Returns SVG of memorization (thick) with its in- and out-of-sample means (thin).

    Sizes are evenly spaced; the height runs from the lower of 0 and the least value to 1.
    Undefined values leave a gap, lone values a dot.

    Args:
      value, in_mean, out_mean: float [A].
      sizes: A names, for the text that screen readers get.
    """
    lines = {"in": in_mean, "out": out_mean, "mem": value}
    lines = {name: np.asarray(line, dtype=float) for name, line in lines.items()}
    known = lines["mem"][np.isfinite(lines["mem"])]
    floor = min(0.0, *known) if known.size else 0.0
    marks = "".join(_line(name, line, floor) for name, line in lines.items())
    zero = _height(0.0, floor)
    said = ", ".join(
        f"{size}: {v:.2f}" if np.isfinite(v) else f"{size}: undefined"
        for size, v in zip(sizes, lines["mem"], strict=True)
    )
    return Markup(
        f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="Memorization by size: {escape(said)}">'
        f"<title>Memorization by size: {escape(said)}</title>"
        f'<line class="zero" x1="0" x2="{WIDTH}" y1="{zero:.1f}" y2="{zero:.1f}"/>{marks}</svg>'
    )


def _height(value, floor):
    return HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (value - floor) / (1 - floor)


def _line(name, line, floor):
    places = np.linspace(MARGIN, WIDTH - MARGIN, len(line)) if len(line) > 1 else [WIDTH / 2]
    dots, pieces, piece = [], [], []
    for x, y in zip(places, line, strict=True):
        if np.isfinite(y):
            piece.append(f"{x:.1f},{_height(y, floor):.1f}")
            dots.append(piece[-1])
        elif piece:
            pieces, piece = [*pieces, piece], []
    pieces.append(piece)
    drawn = [f'<polyline class="{name}" points="{" ".join(p)}"/>' for p in pieces if len(p) > 1]
    if name == "mem":
        drawn += [
            f'<circle class="mem" cx="{x}" cy="{y}" r="2.2"/>'
            for x, y in (dot.split(",") for dot in dots)
        ]
    else:
        drawn += [
            f'<circle class="{name}" cx="{p[0].split(",")[0]}" cy="{p[0].split(",")[1]}" r="1.4"/>'
            for p in pieces
            if len(p) == 1
        ]
    return "".join(drawn)
