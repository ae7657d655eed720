"""Correlations between two scores of the same examples: the only implementation in memkit.

One rule holds for all of them. A pair with NaN on either side is left out. The correlation is NaN
if fewer than 3 pairs remain, because two pairs always correlate perfectly, or if one side does not
vary.
"""

import numpy as np
import numpy.typing as npt

from memkit.typing import FloatArray

LEAST_PAIRS = 3


def pearson(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Returns Pearson's linear correlation of two scores.

    Args:
      first: [N] float.
      second: [N] float, the other score of the same examples.

    Returns:
      float in [-1, 1]; NaN by the rule of this module.

    Examples:
      >>> round(pearson([0.1, 0.2, 0.3, np.nan], [0.2, 0.4, 0.6, 0.1]), 6)
      1.0
      >>> pearson([0.1, 0.2], [0.3, 0.4])
      nan
    """
    return _correlation(*_defined(first, second))


def spearman(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Returns Spearman's rank correlation of two scores; ties share their mean rank.

    Args:
      first: [N] float.
      second: [N] float, the other score of the same examples.

    Returns:
      float in [-1, 1]; NaN by the rule of this module.

    Examples:
      >>> round(spearman([1, 2, 3, 4], [10, 100, 1000, 500]), 6)
      0.8
    """
    return _correlation(*map(ranks, _defined(first, second)))


def ranks(values: npt.ArrayLike) -> FloatArray:
    """Returns the ranks 1 to N of values [N] without NaN; ties share their mean rank.

    Examples:
      >>> ranks([0.3, 0.1, 0.3])
      array([2.5, 1. , 2.5])
    """
    # SciPy sorts stably, which takes six times as long and changes no mean rank.
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: FloatArray = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def _defined(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    is_defined = ~(np.isnan(first) | np.isnan(second))
    return first[is_defined], second[is_defined]


def _correlation(first: FloatArray, second: FloatArray) -> float:
    if len(first) < LEAST_PAIRS or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    first, second = first - first.mean(), second - second.mean()
    # On busy processors, @ waits a hundred times longer for the threads of BLAS than it computes.
    lengths = np.sqrt(np.sum(first**2) * np.sum(second**2))
    return float(np.clip(np.sum(first * second) / lengths, -1, 1))
