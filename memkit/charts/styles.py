"""The colors, dashes and markers of all charts.

The colors are those of Okabe and Ito (2008), which color-blind readers can tell apart. A quantity,
group or series has the same color, dash and marker in every chart.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from typing import TypeAlias

from etils import epy

from memkit.charts.theme import TEXT, WIDTH

with epy.lazy_imports():  # Slow to import.
    import altair as alt

Style: TypeAlias = tuple[str, list[int], str]  # color, dash and marker

# By name; a name that several charts share is listed once.
STYLES: dict[str, Style] = {
    "memorization": ("#222222", [1, 0], "circle"),
    "in-sample": ("#0072B2", [7, 3], "square"),
    "out-of-sample": ("#E69F00", [2, 2], "triangle-up"),
    "train, in-sample": ("#0072B2", [7, 3], "square"),
    "train, out-of-sample": ("#E69F00", [2, 2], "triangle-up"),
    "test": ("#009E73", [1, 0], "diamond"),
    "all": ("#56B4E9", [1, 0], "circle"),
    "clean": ("#56B4E9", [1, 0], "circle"),
    "planted": ("#D55E00", [5, 2], "diamond"),
    "by memorization": ("#222222", [1, 0], "circle"),
    "by 1 - out-of-sample probability": ("#CC79A7", [7, 3], "triangle-up"),
    "constant": ("#8A8A8A", [1, 0], "circle"),
    "increasing": ("#D55E00", [7, 3], "triangle-up"),
    "decreasing": ("#0072B2", [2, 2], "triangle-down"),
    "cap-shaped": ("#E69F00", [7, 2, 2, 2], "diamond"),
    "u-shaped": ("#CC79A7", [4, 4], "cross"),
    "mixed": ("#009E73", [10, 3], "square"),
    "undefined": ("#C8C8C8", [1, 3], "stroke"),
    "one_hot": ("#222222", [1, 0], "circle"),
    "distilled": ("#D55E00", [7, 3], "diamond"),
    "last_layer": ("#0072B2", [2, 2], "square"),
    "memorized removed": ("#D55E00", [7, 3], "diamond"),
    "random removed": ("#0072B2", [1, 0], "square"),
    "averaged over runs": ("#222222", [1, 0], "circle"),
    "one run": ("#E69F00", [2, 2], "triangle-up"),
    "all pairs": ("#C8C8C8", [1, 0], "square"),
    "q at most 0.05": ("#0072B2", [1, 0], "square"),
    "mean": ("#D55E00", [1, 0], "circle"),
    "beyond chance": ("#E69F00", [1, 0], "diamond"),
    "expected by chance": ("#222222", [1, 0], "stroke"),
}
# For names that depend on the study, in order of appearance.
OTHER_STYLES: tuple[Style, ...] = (
    ("#222222", [1, 0], "circle"),
    ("#D55E00", [7, 3], "diamond"),
    ("#0072B2", [2, 2], "square"),
    ("#009E73", [7, 2, 2, 2], "triangle-up"),
    ("#CC79A7", [4, 4], "cross"),
    ("#E69F00", [10, 3], "triangle-down"),
)


def of(names: Iterable[str]) -> dict[str, Style]:
    """Returns {name: (color, dash, marker)}.

    A name that `STYLES` lacks gets the next of `OTHER_STYLES` whose color no other name has.
    """
    names = list(names)
    colors = {STYLES[name][0] for name in names if name in STYLES}
    unused = [style for style in OTHER_STYLES if style[0] not in colors] or OTHER_STYLES
    others = itertools.cycle(unused)
    return {name: STYLES[name] if name in STYLES else next(others) for name in names}


def _columns(names: Collection[str]) -> int:
    """Returns the number of columns of a legend that fits into WIDTH; 0 = a single row."""
    widest = max(0.55 * TEXT * len(str(name)) + 34 for name in names)
    return 0 if widest * len(names) <= WIDTH else max(1, int(WIDTH / widest))


def scales(names: Iterable[str], field: str) -> tuple[alt.Color, alt.Shape]:
    """Returns color and shape channels that share one legend; a single name gets no legend.

    Args:
      names: the entries of the legend.
      field: the row field that holds the names.
    """
    by_name = of(names)
    color, _, shape = zip(*by_name.values(), strict=True)

    def scale(values: Iterable[str]) -> alt.Scale:
        return alt.Scale(domain=list(by_name), range=list(values))

    legend = alt.Legend(columns=_columns(by_name)) if len(by_name) > 1 else None
    return (
        alt.Color(f"{field}:N", scale=scale(color), legend=legend),
        alt.Shape(f"{field}:N", scale=scale(shape), legend=legend),
    )


def size_scales(sizes: list[str], field: str, *, title: str) -> tuple[alt.Color, alt.Shape]:
    """Returns color and shape channels of model sizes that share one legend; darker = larger.

    Args:
      sizes: the sizes as text, in order.
      field: the row field that holds them.
      title: title of the legend.
    """
    legend = alt.Legend(title=title, columns=_columns(sizes))
    scheme = alt.SchemeParams(name="viridis", extent=[0.85, 0])
    color = alt.Scale(domain=sizes, scheme=scheme)
    shape = alt.Scale(domain=sizes)
    return (
        alt.Color(f"{field}:N", sort=sizes, scale=color, legend=legend),
        alt.Shape(f"{field}:N", sort=sizes, scale=shape, legend=legend),
    )
