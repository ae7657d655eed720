"""Result of the question how distillation changes memorization."""

import dataclasses
from collections.abc import Mapping

from memkit.analysis.distribution.result import Shape
from memkit.analysis.results import arrays
from memkit.estimators import WithError
from memkit.typing import Array


@dataclasses.dataclass(frozen=True)
class SizeChange:
    """Changes by distillation at one size: distilled minus one-hot, over the runs of both.

    Attributes:
      name: name of the distilled point.
      series: its series.
      axis_value: its value on the axis.
      one_hot: name of the one-hot point.
      teacher: name of the teacher's point.
      num_runs: number of runs that both points have.
      memorization: change of mean memorization, below 0 = distillation lowers it.
      memorization_prob: the same, by the probability of the label.
      in_mean: change of the in-sample mean.
      out_mean: change of the out-of-sample mean.
      test_accuracy: change of the test accuracy.
      shape: change of the shape of the distribution of true scores.
    """

    name: str
    series: str
    axis_value: int | float | str | None
    one_hot: str
    teacher: str
    num_runs: int
    memorization: WithError
    memorization_prob: WithError
    in_mean: WithError
    out_mean: WithError
    test_accuracy: WithError
    shape: Shape


@dataclasses.dataclass(frozen=True)
class ClassChange:
    """Change of memorization of the examples of one class of one-hot trajectory.

    Attributes:
      count: number of examples of the class.
      share: their share of all examples, 0 to 1.
      change: mean change over sizes, with classes from the same runs.
      disjoint: the same with classes from the other half of the runs, both halves pooled.
      disjoint_count: mean number of examples of the class in a half.
      contribution: share times change; over classes they sum to the change of mean memorization.
      by_size: change at each size, in the order of `SeriesDistillation.sizes`.
    """

    count: int
    share: float
    change: WithError
    disjoint: WithError
    disjoint_count: float
    contribution: float
    by_size: tuple[WithError, ...]


@dataclasses.dataclass(frozen=True)
class SeriesDistillation:
    """Changes by distillation in one distilled series.

    Attributes:
      sizes: the changes at each size.
      num_runs: number of runs that all sizes have.
      classes: {threshold alpha: {class: ClassChange}}; empty with fewer than two sizes or
        four runs.
    """

    sizes: tuple[SizeChange, ...]
    num_runs: int
    classes: Mapping[float, Mapping[str, ClassChange]]


@dataclasses.dataclass(frozen=True, eq=False)
class Distillation:
    """Changes by distillation in every distilled series.

    Attributes:
      series: {series: SeriesDistillation}.
      histograms: {"<series>/<outcome>": [A, 20, 20] int}, joint histograms of the scores with bins
        of the distilled score first, and "edges" [21] of the bins.
    """

    series: Mapping[str, SeriesDistillation]
    histograms: Mapping[str, Array] = arrays()
