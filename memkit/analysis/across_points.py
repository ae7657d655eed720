"""Chooses the points of a study that `memkit compare` compares, and pairs them with others."""

from collections.abc import Sequence

from memkit.errors import expected
from memkit.studies import Point, Study


def chosen_points(study: Study, names: Sequence[str]) -> list[Point]:
    """Returns the Points of some names, or all points if no name is given.

    Raises:
      InputError: a name is unknown.
    """
    return [study.point(name) for name in names] or list(study.points)


def matching_points(
    study: Study, other: Study, names: Sequence[str], other_names: Sequence[str]
) -> list[tuple[Point, Point]]:
    """Returns the pairs of Points to compare.

    Args:
      study: Study.
      other: Study.
      names: names of points of `study`; [] stands for the names that `other` has too, or, if each
        study has one point, for that point.
      other_names: as many names of points of `other`; [] stands for the same names.

    Raises:
      InputError: the names cannot be paired.
    """
    if len(study.points) == len(other.points) == 1 and not names and not other_names:
        return [(study.points[0], other.points[0])]
    if not names:
        present = {point.name for point in other.points}
        names = [point.name for point in study.points if point.name in present]
    other_names = other_names or names
    if not names or len(names) != len(other_names):
        known = ", ".join(point.name for point in other.points)
        raise expected("--with_points", f"{len(names) or 1} of {known}", ", ".join(other_names))
    return [(study.point(a), other.point(b)) for a, b in zip(names, other_names, strict=True)]
