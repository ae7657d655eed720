"""Result of the question of the distribution of memorization."""

import dataclasses
from collections.abc import Mapping

from memkit.analysis.results import point_arrays
from memkit.estimators import DatasetMeans, WithError
from memkit.typing import FloatArray


@dataclasses.dataclass(frozen=True)
class Shape:
    """The shape of the distribution of memorization over examples, or changes of these numbers.

    Attributes:
      share_below_01: share of the examples with memorization below 0.1, 0 to 1.
      share_above_025: share of the examples with memorization of at least 0.25.
      share_above_09: share of the examples with memorization of at least 0.9.
      bimodality: Sarle's coefficient, 0 to 1; 1 = two values only.
      upper_mode: density at or above 0.9 minus density from 0.25 to 0.75.
    """

    share_below_01: WithError
    share_above_025: WithError
    share_above_09: WithError
    bimodality: WithError
    upper_mode: WithError


@dataclasses.dataclass(frozen=True)
class PointDistribution:
    """The distribution of memorization at one point.

    Attributes:
      all_examples: means of all train examples, by the outcome right or wrong.
      clean: the same of the examples whose label was not planted.
      memorization_prob: mean memorization by the probability of the label, -1 to 1.
      shape: of the true scores, by the outcome right or wrong: without the noise of the estimates.
      noisy_shape: of the estimated scores.
    """

    all_examples: DatasetMeans
    clean: DatasetMeans
    memorization_prob: WithError
    shape: Shape
    noisy_shape: Shape


@dataclasses.dataclass(frozen=True, eq=False)
class Histograms:
    """Expected numbers of examples per bin of true memorization at one point.

    Attributes:
      clean: [40] float64 in bins of 0.05 from -1 to 1, of the examples whose label was not
        planted.
      planted: the same of the others.
    """

    clean: FloatArray
    planted: FloatArray


@dataclasses.dataclass(frozen=True, eq=False)
class Distribution:
    """The distribution of memorization at every point.

    Attributes:
      points: {point: PointDistribution}.
      histograms: {point: Histograms}.
    """

    points: Mapping[str, PointDistribution]
    histograms: Mapping[str, Histograms] = point_arrays()
