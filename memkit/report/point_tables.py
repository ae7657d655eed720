"""Tables with one row per point, from the numbers of a study's summary."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from memkit.analysis.distribution.result import Distribution
from memkit.analysis.planted.result import Planted
from memkit.analysis.summary import PointSummary
from memkit.estimators import DatasetMeans, WithError
from memkit.report import content as contents
from memkit.report import formatting
from memkit.report.blocks import Table
from memkit.report.content import Content

_P = TypeVar("_P")
NOTE = f"± is half a 95% interval over runs (Student's t); {formatting.ABSENT} is not available."

GROUPS = {"all": "all examples", "clean": "clean labels", "planted": "planted labels"}

Cell = Callable[[PointSummary], str]


def per_point(
    content: Content,
    caption: str,
    cells: Mapping[str, Cell],
    points: Sequence[PointSummary] | None = None,
) -> Table:
    """Returns a table with one row per point.

    Args:
      content: Content.
      caption: of the table.
      cells: {column title: function of a point of the summary that returns the text of its cell}.
      points: of the summary; None takes all.
    """
    points = content.summary.points if points is None else points
    has_series = contents.several_series(content)
    columns = (contents.size_title(content), *(("Series",) if has_series else ()), *cells)
    rows = tuple(
        (
            _row_head(content, point),
            *((point.series,) if has_series else ()),
            *(cell(point) for cell in cells.values()),
        )
        for point in points
    )
    return Table(caption=caption, columns=columns, rows=rows)


def estimate(
    points: Mapping[str, _P],
    choose: Callable[[_P], WithError],
    text: Callable[..., str] = formatting.number,
) -> Cell:
    """Returns the cell of a number with its 95% margin.

    Args:
      points: {point name: numbers}; a dash stands for points that are absent.
      choose: returns the number of a point.
      text: formats number and margin.
    """

    def cell(point: PointSummary) -> str:
        if point.name not in points:
            return formatting.ABSENT
        return formatting.estimate_cell(choose(points[point.name]), text)

    return cell


def means_by_group(content: Content) -> dict[str, dict[str, DatasetMeans]]:
    """Returns {group of examples: {point name: means}}.

    The groups are "clean" and "planted", or "all" in a study without planted labels.
    """
    points, planted = content.results[Distribution].points, content.results[Planted].points
    if not planted:
        return {"all": {name: of_point.all_examples for name, of_point in points.items()}}
    return {
        "clean": {name: of_point.clean for name, of_point in points.items()},
        "planted": {name: of_point.means for name, of_point in planted.items()},
    }


def _row_head(content: Content, point: PointSummary) -> str:
    value = point.axis_value
    return point.name if value is None or content.summary.axis is None else str(value)
