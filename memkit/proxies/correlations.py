"""Agreement of a proxy with memorization: correlations at one size and across sizes.

A statistic is a function from a proxy [N, A] and memorization [N, A] to a float in [-1, 1].
"""

import numpy as np
from etils import epy

from memkit.estimators.correlation import pearson, spearman

with epy.lazy_imports():  # Slow to import, and a study without runs ranks nothing.
    import scipy.stats


def row_correlation(first, second):
    """Returns the mean over examples of the correlation along the axis of two [N, A] arrays.

    An example whose `first` does not change along the axis counts 0: it sees nothing of the
    change. One whose `second` does not change, or with a NaN in either, is left out.

    Returns:
      float in [-1, 1]; NaN if no example is left.
    """
    defined = ~np.isnan(first + second).any(axis=1)
    defined[defined] = np.ptp(second[defined], axis=1) > 0
    if not defined.any():
        return float("nan")
    first, second = (
        part[defined] - part[defined].mean(axis=1)[:, None] for part in (first, second)
    )
    lengths = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    products = (first * second).sum(axis=1)
    return float(np.mean(np.where(lengths > 0, products / np.where(lengths > 0, lengths, 1), 0)))


AT_ONE_SIZE = {
    "spearman": lambda proxy, score: spearman(proxy[:, 0], score[:, 0]),
    "pearson": lambda proxy, score: pearson(proxy[:, 0], score[:, 0]),
}


def across_sizes(nonconstant, examples, suffix=""):
    """Returns the statistics that ask whether a proxy sees the trajectories.

    `along_*` is the mean over examples of the correlation along the axis, `change_*` the
    correlation over examples of the last minus the first size.

    Args:
      nonconstant: [N] bool, the examples whose trajectory is not constant; `along_*` uses these.
      examples: [N] bool, the examples to look at.
      suffix: text to append to the names.
    """

    def ranks(values):
        return scipy.stats.rankdata(values, axis=1)  # a row with a NaN becomes all NaN

    def along(function):
        member = nonconstant & examples
        return lambda proxy, score: row_correlation(
            function(proxy[member]), function(score[member])
        )

    def change(function):
        return lambda proxy, score: function(
            *(part[examples, -1] - part[examples, 0] for part in (proxy, score))
        )

    return {
        f"along_spearman{suffix}": along(ranks),
        f"along_pearson{suffix}": along(np.asarray),
        f"change_spearman{suffix}": change(spearman),
        f"change_pearson{suffix}": change(pearson),
    }
