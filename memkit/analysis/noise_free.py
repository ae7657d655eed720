"""The shape of the distribution of memorization without the noise of the scores, with errors.

The error of a number has two parts: how much it varies between draws of the same posterior
distributions, and how much it changes without a fifth of the runs (a jackknife over groups of runs,
in studies of many examples with a sample of them).
"""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from memkit import seeds
from memkit.analysis.distribution.result import Shape
from memkit.estimators import WithError, grouped, noise_free, units
from memkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from memkit.analysis.outcomes import PointOutcomes

GROUPS = 5
NUM_DRAWS, NUM_REPLICATE_DRAWS = 40, 20
MAX_REPLICATE_EXAMPLES = 5000


@dataclasses.dataclass(frozen=True, eq=False)
class NoiseFree:
    """True memorization at one point, as far as the runs tell.

    Attributes:
      runs: [R] int, numbers of the runs.
      draws: [D, N] float32, see `estimators.noise_free.draws`, from all runs.
      sample: [n] int, the examples of `replicates`, ascending.
      replicates: [G][d, n] float32, draws without the runs of one group.
      df: degrees of freedom of the errors.
    """

    runs: IntArray
    draws: FloatArray
    sample: IntArray
    replicates: tuple[FloatArray, ...]
    df: int


def scores(outcomes: "PointOutcomes", seed: int) -> NoiseFree:
    """Returns true memorization at one point.

    Args:
      outcomes: of the point.
      seed: of the study.
    """
    rng = seeds.stream(seed, "noise_free")
    num_examples = outcomes.mask.shape[1]
    size = min(num_examples, MAX_REPLICATE_EXAMPLES)
    sample = np.sort(rng.choice(num_examples, size, replace=False))
    group = grouped.run_groups(outcomes.num_units, seed, num_groups=GROUPS)
    group = group[units.numbered(outcomes.unit, len(outcomes.unit))]
    replicates = [
        noise_free.draws(
            outcomes.posterior_of(np.flatnonzero(is_in), sample),
            rng=rng,
            num_draws=NUM_REPLICATE_DRAWS,
        )
        for is_in in grouped.left_out(group)
    ]
    return NoiseFree(
        runs=outcomes.index,
        draws=noise_free.draws(outcomes.posterior, rng=rng, num_draws=NUM_DRAWS),
        sample=sample,
        replicates=tuple(replicates),
        df=outcomes.num_units - 1,
    )


def shape(point: NoiseFree, examples: BoolArray) -> Shape:
    """Returns the shape of the distribution of some examples, [N] bool, at a point."""
    return Shape(
        **{name: number.with_error(point.df) for name, number in _numbers(point, examples).items()}
    )


def change(first: NoiseFree, last: NoiseFree, examples: BoolArray) -> Shape:
    """Returns the shape at the last point minus that at the first one, for examples [N] bool.

    The jackknife is paired if both points have the same runs. Otherwise its variances add up.
    """
    before, after = (_numbers(point, examples) for point in (first, last))
    df, is_paired = min(first.df, last.df), np.array_equal(first.runs, last.runs)
    return Shape(
        **{name: after[name].minus(before[name], is_paired).with_error(df) for name in before}
    )


@dataclasses.dataclass(frozen=True)
class _Number:
    """A number of the shape, the variance between draws, and that of the jackknife.

    Attributes:
      replicates: [G] float64, each without the runs of one group.
    """

    value: float
    variance: float
    jackknife: float
    replicates: FloatArray

    def minus(self, other: "_Number", is_paired: bool) -> "_Number":
        jackknife = self.jackknife + other.jackknife
        if is_paired:
            jackknife = float(grouped.jackknife(self.replicates - other.replicates)) ** 2
        return _Number(
            self.value - other.value, self.variance + other.variance, jackknife, np.empty(0)
        )

    def with_error(self, df: int) -> WithError:
        return WithError(self.value, float(np.sqrt(self.variance + self.jackknife)), df)


def _numbers(point: NoiseFree, examples: BoolArray) -> dict[str, _Number]:
    estimate = noise_free.statistics(point.draws[:, examples])
    members = examples[point.sample]
    without = [noise_free.statistics(draws[:, members]) for draws in point.replicates]
    numbers = {}
    for name, (value, variance) in estimate.items():
        replicates = np.array([statistics[name][0] for statistics in without])
        jackknife = float(grouped.jackknife(replicates)) ** 2
        numbers[name] = _Number(value, variance, jackknife, replicates)
    return numbers
