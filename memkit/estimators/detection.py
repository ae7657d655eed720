"""How well a score finds a known set of examples, such as planted labels."""

import numpy as np
from etils import epy

from memkit.errors import expected

with epy.lazy_imports():  # Ranks need it; commands that rank nothing start sooner.
    import scipy.stats


def auroc(score, positive):
    """Returns the area under the ROC curve of a score.

    It is the chance that a random positive example has a higher score than a random negative
    one, ties counting half (the Mann-Whitney statistic divided by the number of pairs).

    Args:
      score: [N] float; examples with NaN are left out.
      positive: [N] bool, True for the examples to be found.

    Returns:
      float in [0, 1]: 1 = every positive above every negative, 0.5 = chance. NaN if no positive
      or no negative is left.

    Raises:
      InputError: if the shapes differ or `positive` is not bool.
    """
    score, positive = np.asarray(score), np.asarray(positive)
    if positive.dtype != bool or positive.shape != score.shape:
        raise expected("positive", f"bool {score.shape}", f"{positive.dtype} {positive.shape}")
    defined = ~np.isnan(score)
    score, positive = score[defined], positive[defined]
    num_positive = np.count_nonzero(positive)
    num_negative = positive.size - num_positive
    if not num_positive or not num_negative:
        return float("nan")
    ranks = scipy.stats.rankdata(score)[positive].sum()
    return float((ranks - num_positive * (num_positive + 1) / 2) / num_positive / num_negative)
