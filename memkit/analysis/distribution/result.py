"""Result of the question of the distribution of memorization."""

import dataclasses
from collections.abc import Mapping

from memkit.estimators import WithError


@dataclasses.dataclass(frozen=True)
class Means:
    """Means over examples, by the outcome right or wrong.

    Attributes:
      count: number of examples.
      memorization: mean memorization, -1 to 1, higher = more memorized.
      in_mean: mean outcome of the runs that trained on an example, 0 to 1.
      out_mean: mean outcome of the runs that did not, 0 to 1.
    """

    count: int
    memorization: WithError
    in_mean: WithError
    out_mean: WithError


@dataclasses.dataclass(frozen=True)
class PointDistribution:
    """The distribution of memorization at one point.

    Attributes:
      all_examples: Means of all train examples.
      clean: Means of the examples whose label was not planted.
      memorization_prob: mean memorization by the probability of the label, -1 to 1.
      share_below_01: share of the examples with memorization below 0.1, 0 to 1.
      share_above_025: share of the examples with memorization of at least 0.25.
      share_above_09: share of the examples with memorization of at least 0.9.
    """

    all_examples: Means
    clean: Means
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
