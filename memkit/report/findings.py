"""Words for headings that state what a section finds."""

from collections.abc import Callable, Sequence

from memkit.analysis import PointSummary
from memkit.estimators import WithError
from memkit.report import content as contents
from memkit.report import formatting
from memkit.report.content import Content


def finished(content: Content) -> Sequence[PointSummary]:
    """Returns the points of the first series that have runs, in the order of their sizes."""
    points = next(iter(contents.series(content).values()))
    return [point for point in points if point.num_runs]


def along(content: Content, choose: Callable[[str], WithError]) -> str:
    """Returns how a number changes along the sizes of the first series, such as "falls with width".

    Args:
      content: Content, of which the first series has a point with runs.
      choose: returns the number of a point from its name.
    """
    points = finished(content)
    estimates = [choose(point.name) for point in points]
    sizes = [contents.size_text(content, point) for point in points]
    return formatting.direction(estimates, sizes, contents.noun(content))


def at_last(content: Content) -> str:
    """Returns the largest size in words, such as "at width 16"; "" in a study of one size."""
    points = finished(content)
    return f"at {contents.size_text(content, points[-1])}" if len(points) > 1 else ""


def counted(count: int, singular: str, plural: str = "") -> str:
    """Returns a number with its noun, such as "1,204 pairs".

    Examples:
      >>> counted(1, "pair"), counted(1204, "pair")
      ('1 pair', '1,204 pairs')
    """
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"
