"""Standard errors over runs from leaving out groups of runs: the delete-a-group jackknife.

The method is that of Kott (2001). It serves numbers that compare estimates from separate runs, such
as correlations between halves: a bootstrap, in which runs count several times, would add noise to
both sides of the comparison.
"""

import numpy as np
import numpy.typing as npt

from memkit import seeds
from memkit.estimators.margins import WithError
from memkit.typing import BoolArray, FloatArray, IntArray

NUM_GROUPS = 20


def run_groups(
    num_runs: int, seed: int, *, num_groups: int = NUM_GROUPS, draw: int = 0, num_first: int = 0
) -> IntArray:
    """Assigns each run to a random group; returns the groups, [M] int.

    Args:
      num_runs: M, number of runs.
      seed: int >= 0.
      num_groups: if there are fewer runs, each is a group of its own.
      draw: int >= 0, which of several random groupings.
      num_first: so many of the first runs are spread over the groups evenly, as all runs are.
    """
    rng = seeds.stream(seed, "run_groups", draw)
    order = np.concatenate(
        [rng.permutation(num_first), num_first + rng.permutation(num_runs - num_first)]
    )
    group = np.empty(num_runs, int)
    group[order] = np.arange(num_runs) % num_groups
    return group


def left_out(group: IntArray) -> BoolArray:
    """Returns [G, M] bool; row g is False for the runs of group g and True for all others."""
    return group != np.unique(group)[:, None]


def with_error(numbers: FloatArray) -> WithError:
    """Returns a number with the `jackknife` error of its replicates.

    Args:
      numbers: [1 + G] float: from all runs, then with each group left out.
    """
    df = len(numbers) - 2
    return WithError(float(numbers[0]), float(jackknife(numbers[1:])), df)


def jackknife(replicates: npt.ArrayLike) -> FloatArray:
    """Returns the standard errors [...] of [G, ...] replicates, each with one group left out.

    NaN below 2 groups, or where a replicate is NaN.
    """
    numbers = np.asarray(replicates, np.float64)
    if len(numbers) < 2:
        return np.full(numbers.shape[1:], np.nan)
    spread = np.sum((numbers - numbers.mean(axis=0)) ** 2, axis=0)
    return np.sqrt(spread * (len(numbers) - 1) / len(numbers))
