"""How well a score detects a known set of examples, such as planted labels."""

import numpy as np
import numpy.typing as npt

from memkit.errors import expected
from memkit.estimators.correlation import ranks


def auroc(score: npt.ArrayLike, positive: npt.ArrayLike) -> float:
    """Returns the area under the ROC curve of a score.

    It is the probability that a random positive example has a higher score than a random negative
    one, where a tie counts half (the Mann-Whitney statistic divided by the number of pairs).

    Args:
      score: [N] float; examples with NaN are left out.
      positive: [N] bool, True for the examples to be found.

    Returns:
      float in [0, 1]: 1 = every positive above every negative, 0.5 = chance. NaN if no positive
      or no negative is left.

    Raises:
      InputError: if the shapes differ or `positive` is not bool.

    Examples:
      >>> auroc([0.9, 0.8, 0.1, np.nan], np.array([True, False, False, True]))
      1.0
    """
    scores, is_positive = np.asarray(score), np.asarray(positive)
    if is_positive.dtype != bool or is_positive.shape != scores.shape:
        received = f"{is_positive.dtype} {is_positive.shape}"
        raise expected("positive", f"bool {scores.shape}", received)
    defined = ~np.isnan(scores)
    scores, is_positive = scores[defined], is_positive[defined]
    num_positive = np.count_nonzero(is_positive)
    num_negative = is_positive.size - num_positive
    if not num_positive or not num_negative:
        return float("nan")
    rank_sum = ranks(scores)[is_positive].sum()
    return float((rank_sum - num_positive * (num_positive + 1) / 2) / num_positive / num_negative)
