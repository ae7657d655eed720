"""Correlations of a proxy with memorization, at one model size and across sizes.

A statistic is a function from a proxy [N, A] and memorization [N, A] to a float in [-1, 1].
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from etils import epy

from memkit.estimators.correlation import pearson, spearman
from memkit.typing import BoolArray, FloatArray

with epy.lazy_imports():  # Slow to import, and not needed for a study without runs.
    import scipy.stats

Statistic: TypeAlias = Callable[[FloatArray, FloatArray], float]


def row_correlation(first: FloatArray, second: FloatArray) -> float:
    """Returns the mean over examples of the correlation of two [N, A] arrays along the axis.

    An example whose `first` is constant along the axis counts as 0, since it reveals nothing of the
    change. An example whose `second` is constant, or with a NaN in either, is left out.

    Returns:
      float in [-1, 1]; NaN if no example remains.
    """
    # np.ptp of a row with a NaN is NaN, which is not above 0.
    defined = ~np.isnan(first).any(axis=1) & (np.ptp(second, axis=1) > 0)
    if not defined.any():
        return float("nan")
    first, second = (
        values[defined] - values[defined].mean(axis=1)[:, None] for values in (first, second)
    )
    lengths = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    products = (first * second).sum(axis=1)
    return float(np.mean(np.where(lengths > 0, products / np.where(lengths > 0, lengths, 1), 0)))


AT_ONE_SIZE: dict[str, Statistic] = {
    "spearman": lambda proxy, score: spearman(proxy[:, 0], score[:, 0]),
    "pearson": lambda proxy, score: pearson(proxy[:, 0], score[:, 0]),
}


def across_sizes(
    nonconstant: BoolArray, examples: BoolArray, suffix: str = ""
) -> dict[str, Statistic]:
    """Returns statistics that measure whether a proxy follows the trajectories.

    `along_*` is the mean over examples of the correlation along the axis. `change_*` is the
    correlation over examples of the changes from the first to the last size.

    Args:
      nonconstant: [N] bool, the examples whose trajectory is not constant; only `along_*` is
        restricted to them.
      examples: [N] bool, the examples to use.
    """

    def ranks(values: FloatArray) -> FloatArray:
        return scipy.stats.rankdata(values, axis=1)  # A row with a NaN becomes all NaN.

    def along(function: Callable[[FloatArray], FloatArray]) -> Statistic:
        member = nonconstant & examples
        return lambda proxy, score: row_correlation(
            function(proxy[member]), function(score[member])
        )

    def change(function: Statistic) -> Statistic:
        return lambda proxy, score: function(
            *(values[examples, -1] - values[examples, 0] for values in (proxy, score))
        )

    return {
        f"along_spearman{suffix}": along(ranks),
        f"along_pearson{suffix}": along(np.asarray),
        f"change_spearman{suffix}": change(spearman),
        f"change_pearson{suffix}": change(pearson),
    }
