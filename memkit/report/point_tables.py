"""Tables with one row per point, from the numbers of a study's summary."""

from collections.abc import Callable, Mapping, Sequence

from memkit.report import content as contents
from memkit.report import formatting
from memkit.report.blocks import Table
from memkit.report.content import Content
from memkit.typing import Json

NOTE = f"± is half a 95% interval over runs (Student's t); {formatting.ABSENT} is not available."

Cell = Callable[[Json], str]


def per_point(
    content: Content,
    caption: str,
    cells: Mapping[str, Cell],
    points: Sequence[Json] | None = None,
) -> Table:
    """Returns a table with one row per point.

    Args:
      content: Content.
      caption: of the table.
      cells: {column title: function of a point of the summary that returns the text of its cell}.
      points: of the summary; None takes all.
    """
    points = content.summary["points"] if points is None else points
    has_series = contents.several_series(content)
    columns = (contents.size_title(content), *(("Series",) if has_series else ()), *cells)
    rows = tuple(
        (
            _row_head(content, point),
            *((point["series"],) if has_series else ()),
            *(cell(point) for cell in cells.values()),
        )
        for point in points
    )
    return Table(caption=caption, columns=columns, rows=rows)


def estimate(key: str, part: str = "", text: Callable[..., str] = formatting.number) -> Cell:
    """Returns the cell of a number with its 95% margin.

    Args:
      key: of the number in a point; its margin is `<key>_margin`.
      part: entry of the point that holds the number, such as "clean"; "" = the point itself.
      text: formats number and margin.
    """

    def cell(point: Json) -> str:
        numbers = point[part] if part else point
        if numbers is None:
            return formatting.ABSENT
        return formatting.estimate_cell(numbers, key, text)

    return cell


def count(key: str) -> Cell:
    """Returns the cell of a count."""
    return lambda point: formatting.ABSENT if point[key] is None else str(point[key])


def _row_head(content: Content, point: Json) -> str:
    value = point["axis_value"]
    return point["name"] if value is None or content.summary["axis"] is None else str(value)
