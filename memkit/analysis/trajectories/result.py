"""Result of the question of trajectories along the sizes."""

import dataclasses
from collections.abc import Mapping

from memkit.analysis.results import arrays
from memkit.typing import Array, FloatArray, IntArray

ALPHAS = (0.1, 0.2, 0.3)


@dataclasses.dataclass(frozen=True)
class ClassShares:
    """Shares of the classes of trajectory at one threshold, {class: share from 0 to 1} each.

    Attributes:
      shares: of the examples.
      stderr: standard errors of `shares` over runs.
      margin: half the widths of the 95% intervals of `shares`.
      null: shares in simulated studies in which memorization is the same at all sizes.
      nonconstant: of the examples whose trajectory is not constant.
    """

    shares: Mapping[str, float]
    stderr: Mapping[str, float]
    margin: Mapping[str, float]
    null: Mapping[str, float]
    nonconstant: Mapping[str, float]


@dataclasses.dataclass(frozen=True, eq=False)
class SeriesTrajectories:
    """The trajectories of one series of A points, over the runs that all of them have.

    Attributes:
      points: [A] text, names of the points.
      values: [A], their values on the axis.
      value: [N, A] float, memorization by the outcome right or wrong.
      in_mean: [N, A] float.
      out_mean: [N, A] float.
      p: [N] float, p-value of a trajectory's change, see `trajectories.change_test`.
      classes: {threshold alpha: [N] int8, indices into `trajectories.CLASSES`}.
    """

    points: Array
    values: Array
    value: FloatArray
    in_mean: FloatArray
    out_mean: FloatArray
    p: FloatArray
    classes: Mapping[float, IntArray]


@dataclasses.dataclass(frozen=True, eq=False)
class TrajectoryClasses:
    """Trajectories of every series of two points or more.

    Attributes:
      series: {series: {threshold alpha: ClassShares}}.
      arrays: {"<series>/<name>": array}, the content of trajectories.npz; see `of_series`.
    """

    series: Mapping[str, Mapping[float, ClassShares]]
    arrays: Mapping[str, Array] = arrays()

    def of_series(self, series: str) -> SeriesTrajectories:
        """Returns the arrays of one series, a key of `series`."""
        names = [f.name for f in dataclasses.fields(SeriesTrajectories) if f.name != "classes"]
        return SeriesTrajectories(
            **{name: self.arrays[f"{series}/{name}"] for name in names},
            classes={
                alpha: self.arrays[f"{series}/classes_{alpha}"] for alpha in self.series[series]
            },
        )
