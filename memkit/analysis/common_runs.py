"""The runs that several points have, for comparisons between points."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from memkit import big_arrays
from memkit.analysis.outcomes import PointOutcomes
from memkit.typing import Array, BoolArray, IntArray


@dataclasses.dataclass(frozen=True, eq=False)
class CommonRuns:
    """The runs that several points have.

    Attributes:
      index: [M] int, their numbers, ascending.
      mask: [M, N] bool, True where a run trained on an example.
      unit: [M] int, the sampling unit of each.
    """

    index: IntArray
    mask: BoolArray
    unit: IntArray

    @property
    def num_units(self) -> int:
        """The number of sampling units."""
        return len(np.unique(self.unit))

    def take(self, point: PointOutcomes, name: str) -> Array:
        """Returns the rows of an array of a point, such as "correct", that belong to these runs."""
        return big_arrays.take(getattr(point, name), np.isin(point.index, self.index))

    def among(self, index: IntArray) -> "CommonRuns":
        """Returns those of the runs that have one of some numbers."""
        chosen = np.isin(self.index, index)
        return CommonRuns(self.index[chosen], big_arrays.take(self.mask, chosen), self.unit[chosen])


def common_runs(points: Sequence[PointOutcomes]) -> CommonRuns:
    """Returns the runs that all points have; none without points."""
    if not points:
        return CommonRuns(np.empty(0, int), np.empty((0, 0), bool), np.empty(0, int))
    first = points[0]
    index = functools.reduce(np.intersect1d, [point.index for point in points])
    return CommonRuns(first.index, first.mask, first.unit).among(index)
