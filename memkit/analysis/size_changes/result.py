"""Result of the question how memorization changes with size."""

import dataclasses
from collections.abc import Mapping

from memkit.estimators import DatasetMeans, WithError


@dataclasses.dataclass(frozen=True)
class Shape:
    """Means and shape of the distribution of memorization over examples, or changes of these.

    Attributes:
      means: mean memorization, and the two means whose difference it is.
      share_below_01: share of the examples with memorization below 0.1, 0 to 1.
      share_above_09: share of the examples with memorization of at least 0.9.
      bimodality: Sarle's coefficient, 0 to 1; 1 = two values only.
      upper_mode: density at or above 0.9 minus density from 0.25 to 0.75.
    """

    means: DatasetMeans
    share_below_01: WithError
    share_above_09: WithError
    bimodality: WithError
    upper_mode: WithError


@dataclasses.dataclass(frozen=True)
class Change:
    """The change from the first to the last point, last minus first, with paired errors.

    Attributes:
      first: name of the first point.
      last: name of the last point.
      change: differences of the numbers of `Shape`.
    """

    first: str
    last: str
    change: Shape


@dataclasses.dataclass(frozen=True)
class Classes:
    """Shares of the classes of trajectory, {class: share from 0 to 1} each.

    Attributes:
      shares: of the examples.
      null: shares in simulated studies in which memorization is the same at all sizes.
      nonconstant: of the examples whose trajectory is not constant.
    """

    shares: Mapping[str, float]
    null: Mapping[str, float]
    nonconstant: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Restricted:
    """Numbers under one restriction of points or examples.

    Attributes:
      num_examples: number of examples.
      points: {point: Shape}, along the axis.
      first_to_last: None with fewer than two points or without examples.
      classes: {threshold alpha: Classes}; empty with fewer than two points or without examples.
    """

    num_examples: int
    points: Mapping[str, Shape]
    first_to_last: Change | None
    classes: Mapping[float, Classes]


@dataclasses.dataclass(frozen=True)
class SeriesChanges:
    """Change with size in one series, over the runs that all of its points have.

    Attributes:
      points: names of the points.
      num_runs: number of runs.
      outcomes: {outcome: {restriction: Restricted}}; the restrictions are "all",
        "unsaturated_examples" and "unsaturated_points", see `estimators.restricted`.
    """

    points: tuple[str, ...]
    num_runs: int
    outcomes: Mapping[str, Mapping[str, Restricted]]


@dataclasses.dataclass(frozen=True)
class SizeChanges:
    """Change with size in every series that has two common runs.

    Attributes:
      series: {series: SeriesChanges}.
    """

    series: Mapping[str, SeriesChanges]
