"""Result of the question of the distribution of memorization."""

import dataclasses
from collections.abc import Mapping

from memkit.estimators import DatasetMeans, WithError


@dataclasses.dataclass(frozen=True)
class PointDistribution:
    """The distribution of memorization at one point.

    Attributes:
      all_examples: means of all train examples, by the outcome right or wrong.
      clean: the same of the examples whose label was not planted.
      memorization_prob: mean memorization by the probability of the label, -1 to 1.
      share_below_01: share of the examples with memorization below 0.1, 0 to 1.
      share_above_025: share of the examples with memorization of at least 0.25.
      share_above_09: share of the examples with memorization of at least 0.9.
    """

    all_examples: DatasetMeans
    clean: DatasetMeans
    memorization_prob: WithError
    share_below_01: WithError
    share_above_025: WithError
    share_above_09: WithError


@dataclasses.dataclass(frozen=True)
class Distribution:
    """The distribution of memorization at every point.

    Attributes:
      points: {point: PointDistribution}.
    """

    points: Mapping[str, PointDistribution]
