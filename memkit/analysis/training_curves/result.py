"""Result of the question whether the runs trained as they should."""

import dataclasses
from collections.abc import Mapping

from memkit.analysis.results import point_arrays
from memkit.typing import FloatArray


@dataclasses.dataclass(frozen=True, eq=False)
class Curves:
    """Loss, accuracy and learning rate of one point's runs per epoch.

    Attributes:
      mean: [epochs, 3] float, mean over runs of the training loss (nats), the training accuracy (0
        to 1) and the learning rate; numbers that are not finite are left out.
      lower: [epochs, 3] float, their 10% quantile over runs.
      upper: [epochs, 3] float, their 90% quantile over runs.
    """

    mean: FloatArray
    lower: FloatArray
    upper: FloatArray


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingCurves:
    """Training curves of every point.

    Attributes:
      points: {point: Curves}, of the points that have runs.
    """

    points: Mapping[str, Curves] = point_arrays()
