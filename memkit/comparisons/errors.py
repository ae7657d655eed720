"""Errors over runs of how well two scores agree, from replicates of both."""

import numpy as np
from etils import epy

from memkit.comparisons.agreement import jaccard, pearson, threshold_curves

with epy.lazy_imports():  # Ranks need it; commands that rank nothing start sooner.
    import scipy.stats

_KEYS = ("spearman", "mean_difference", "jaccard")


def agreement(first, second, threshold, *, ranks=None):
    """Returns the numbers of one replicate, for `standard_errors`.

    Args:
      first, second: [N] float without NaN, the scores in this replicate.
      threshold: float, where the Jaccard index is taken.
      ranks: the ranks [N] of both where they are known.
    """
    if ranks is None:
        ranks = scipy.stats.rankdata(first), scipy.stats.rankdata(second)
    difference = second - first
    numbers = (
        pearson(*ranks),
        difference.mean() if difference.size else np.nan,
        jaccard(first, second, threshold),
    )
    curves = threshold_curves(first, second)
    return np.concatenate([numbers, curves.jaccard, curves.difference])


def standard_errors(replicates):
    """Returns the standard deviations over a list of what `agreement` returned.

    Returns:
      (numbers, curves): {"spearman_stderr", "mean_difference_stderr", "jaccard_stderr": float} and
      {"jaccard_stderr", "difference_stderr": [K]} of `Curves`; NaN where a replicate is undefined.
    """
    errors = np.std(replicates, axis=0, ddof=1)
    numbers = dict(zip(_KEYS, errors[: len(_KEYS)].tolist(), strict=True))
    curves = dict(zip(("jaccard", "difference"), np.split(errors[len(_KEYS) :], 2), strict=True))
    return tuple(
        {f"{key}_stderr": error for key, error in found.items()} for found in (numbers, curves)
    )
