"""Result of the question how memorization changes with size."""

import dataclasses
from collections.abc import Mapping

from memkit.analysis.distribution.result import Shape
from memkit.estimators import DatasetMeans


@dataclasses.dataclass(frozen=True)
class Numbers:
    """Means and shape of the distribution of memorization over examples, or changes of these.

    Attributes:
      means: mean memorization, and the two means whose difference it is.
      shape: of the true scores by the outcome right or wrong; of the noisy scores by the
        probability of the label.
    """

    means: DatasetMeans
    shape: Shape


@dataclasses.dataclass(frozen=True)
class Change:
    """The change from the first to the last point, last minus first, with paired errors.

    Attributes:
      first: name of the first point.
      last: name of the last point.
      change: differences of both.
    """

    first: str
    last: str
    change: Numbers


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
      points: {point: Numbers}, along the axis.
      first_to_last: None with fewer than two points or without examples.
      classes: {threshold alpha: Classes}; empty with fewer than two points or without examples.
    """

    num_examples: int
    points: Mapping[str, Numbers]
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
