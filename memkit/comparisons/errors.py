"""Standard errors over runs of the agreement of two scores, from replicates of both."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from memkit.comparisons.agreement import jaccard, threshold_curves
from memkit.estimators import correlation, margin
from memkit.typing import FloatArray

_KEYS = ("spearman", "mean_difference", "jaccard")
_Value = TypeVar("_Value")


def agreement(
    first: FloatArray,
    second: FloatArray,
    threshold: float,
    *,
    ranks: tuple[FloatArray, FloatArray] | None = None,
) -> FloatArray:
    """Returns the numbers that describe the agreement in one replicate, for `standard_errors`.

    Args:
      first, second: [N] float without NaN, the scores in this replicate.
      threshold: the threshold of the Jaccard index.
      ranks: the ranks [N] of both scores, if they are already known.
    """
    if ranks is None:
        ranks = correlation.ranks(first), correlation.ranks(second)
    difference = second - first
    numbers = (
        correlation.pearson(*ranks),
        difference.mean() if difference.size else np.nan,
        jaccard(first, second, threshold),
    )
    curves = threshold_curves(first, second)
    return np.concatenate([numbers, curves.jaccard, curves.difference])


def standard_errors(
    replicates: Sequence[FloatArray], num_runs: int
) -> tuple[dict[str, float], dict[str, FloatArray]]:
    """Returns the standard deviations over replicates, and the margins that follow from them.

    Args:
      num_runs: number of runs that the replicates weight.

    Returns:
      (numbers, curves): {"spearman_stderr", "mean_difference_stderr", "jaccard_stderr": float} and
      {"jaccard_stderr", "difference_stderr": [K]} of `Curves`, and the same with "_margin" for half
      the width of the 95% interval; NaN if a replicate is undefined.
    """
    errors = np.std(replicates, axis=0, ddof=1)
    numbers: dict[str, float] = {}
    curves: dict[str, FloatArray] = {}
    for kind, values in (("stderr", errors), ("margin", margin(errors, num_runs - 1))):
        numbers |= _named(kind, _KEYS, values[: len(_KEYS)].tolist())
        curves |= _named(kind, ("jaccard", "difference"), np.split(values[len(_KEYS) :], 2))
    return numbers, curves


def _named(kind: str, keys: Sequence[str], values: Sequence[_Value]) -> dict[str, _Value]:
    return {f"{key}_{kind}": value for key, value in zip(keys, values, strict=True)}
