"""Errors over runs by leaving out groups of runs: the delete-a-group jackknife (Kott 2001).

For numbers that compare estimates from separate runs, such as correlations between halves. Runs
that count twice, as in a bootstrap, would add noise to both sides of these.
"""

import numpy as np

from memkit import seeds
from memkit.estimators.margins import WithError

NUM_GROUPS = 20


def run_groups(num_runs, seed, *, num_groups=NUM_GROUPS, draw=0, num_first=0):
    """Returns [M] int, a random group of each run.

    Args:
      num_runs: int, M.
      seed: int >= 0.
      num_groups: int; where there are fewer runs, each is a group of its own.
      draw: int >= 0, which of several random groupings.
      num_first: int, the first runs, which are spread over the groups as evenly as all are.
    """
    rng = seeds.stream(seed, "run_groups", draw)
    order = np.concatenate(
        [rng.permutation(num_first), num_first + rng.permutation(num_runs - num_first)]
    )
    group = np.empty(num_runs, int)
    group[order] = np.arange(num_runs) % num_groups
    return group


def left_out(group):
    """Returns [G, M] bool, in row g False for the runs of group g and True for all others."""
    return group != np.unique(group)[:, None]


def with_error(numbers: np.ndarray) -> WithError:
    """Returns a number with the `jackknife` error of its replicates.

    Args:
      numbers: [1 + G] float: from all runs, then with each group left out.
    """
    df = len(numbers) - 2
    return WithError(float(numbers[0]), float(jackknife(numbers[1:])), df)


def jackknife(replicates):
    """Returns the standard errors [...] of [G, ...] replicates, each with a group left out.

    NaN below 2 groups, or where a replicate is NaN.
    """
    replicates = np.asarray(replicates, np.float64)
    if len(replicates) < 2:
        return np.full(replicates.shape[1:], np.nan)
    spread = np.sum((replicates - replicates.mean(axis=0)) ** 2, axis=0)
    return np.sqrt(spread * (len(replicates) - 1) / len(replicates))
