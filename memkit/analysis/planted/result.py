"""Result of the question whether the scores find planted labels."""

import dataclasses
from collections.abc import Mapping

from memkit.estimators import DatasetMeans, WithError


@dataclasses.dataclass(frozen=True)
class PointPlanted:
    """The planted labels at one point, and how well scores find them.

    Attributes:
      count: number of planted labels.
      means: their means, by the outcome right or wrong.
      auroc: of memorization by the outcome right or wrong; 0.5 = chance, 1 = all planted labels
        rank first.
      auroc_out_prob: of one minus the out-of-sample probability of the given label.
    """

    count: int
    means: DatasetMeans
    auroc: WithError
    auroc_out_prob: WithError


@dataclasses.dataclass(frozen=True)
class Planted:
    """Planted labels at every point.

    Attributes:
      points: {point: PointPlanted}; empty in a study without planted labels.
    """

    points: Mapping[str, PointPlanted]
