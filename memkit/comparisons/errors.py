"""Standard errors over runs of the agreement of two scores, from replicates of both."""

import dataclasses
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from memkit.comparisons.agreement import THRESHOLDS, curves_of_levels, reached
from memkit.estimators import correlation, margin
from memkit.typing import BoolArray, FloatArray, IntArray

_KEYS = ("spearman", "mean_difference", "jaccard")
_Value = TypeVar("_Value")


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """One score in one replicate, with what every comparison with another score needs of it.

    Attributes:
      values: [N] float without NaN.
      ranks: [N] float, its ranks, centered and of length 1; NaN if they do not vary.
      levels: [N] int, number of `THRESHOLDS` that each value reaches.
      is_high: [N] bool, at or above the threshold of the Jaccard index.
    """

    values: FloatArray
    ranks: FloatArray
    levels: IntArray
    is_high: BoolArray


def prepare(values: FloatArray, threshold: float) -> Prepared:
    """Returns a score [N] without NaN for `agreement`; threshold is that of the Jaccard index."""
    ranks = correlation.ranks(values) if len(values) >= correlation.LEAST_PAIRS else values * np.nan
    centered = ranks - ranks.mean() if len(ranks) else ranks
    length = np.sqrt(np.sum(centered**2))
    return Prepared(
        values=values,
        ranks=centered / (length if length > 0 else np.nan),
        levels=reached(values, THRESHOLDS),
        is_high=reached(values, (threshold,)) > 0,
    )


def agreement(first: Prepared, second: Prepared) -> FloatArray:
    """Returns the numbers that describe the agreement in one replicate, for `standard_errors`."""
    difference = second.values - first.values
    union = np.count_nonzero(first.is_high | second.is_high)
    both = np.count_nonzero(first.is_high & second.is_high)
    numbers = (
        np.clip(np.sum(first.ranks * second.ranks), -1, 1),
        difference.mean() if difference.size else np.nan,
        both / union if union else np.nan,
    )
    curves = curves_of_levels(THRESHOLDS, (first.levels, second.levels), difference)
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
