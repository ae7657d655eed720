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
from memkit.estimators import WithError, distribution, grouped, noise_free, units
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
      draws: [D, N] float32, see `estimators.noise_free.draws`, from all runs.
      sample: [n] int, the examples of `replicates`, ascending.
      replicates: [G][d, n] float32, draws without the runs of one group.
      df: degrees of freedom of the errors.
    """

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
        draws=noise_free.draws(outcomes.posterior, rng=rng, num_draws=NUM_DRAWS),
        sample=sample,
        replicates=tuple(replicates),
        df=outcomes.num_units - 1,
    )


def shape(point: NoiseFree, examples: BoolArray) -> Shape:
    """Returns the shape of the distribution of some examples, [N] bool, at a point."""
    estimate = noise_free.statistics(point.draws[:, examples])
    replicates = _replicates(point, examples)
    return Shape(
        **{
            name: _with_error(value, variance, replicates[name], point.df)
            for name, (value, variance) in estimate.items()
        }
    )


def change(first: NoiseFree, last: NoiseFree, examples: BoolArray) -> Shape:
    """Returns the shape at the last point minus that at the first one.

    The jackknife is paired if both points have the same runs.
    """
    before, after = (noise_free.statistics(point.draws[:, examples]) for point in (first, last))
    old, new = (_replicates(point, examples) for point in (first, last))
    df = min(first.df, last.df)
    changes = {}
    for name in before:
        (value, variance), (value_after, variance_after) = before[name], after[name]
        replicates = new[name] - old[name]
        changes[name] = _with_error(value_after - value, variance + variance_after, replicates, df)
    return Shape(**changes)


def _replicates(point: NoiseFree, examples: BoolArray) -> dict[str, FloatArray]:
    """Returns {statistic: [G]}, each without the runs of one group."""
    members = examples[point.sample]
    numbers = [noise_free.statistics(draws[:, members]) for draws in point.replicates]
    return {name: np.array([of[name][0] for of in numbers]) for name in distribution.STATISTICS}


def _with_error(value: float, variance: float, replicates: FloatArray, df: int) -> WithError:
    return WithError(value, float(np.hypot(np.sqrt(variance), grouped.jackknife(replicates))), df)
