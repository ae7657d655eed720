"""The shape of the distribution of a score over examples: mass at both ends, and two modes.

Lukasik et al. (2024), section 3.3, report that memorization becomes more bimodal with model size,
which a reviewer disputed; these statistics measure it. Of estimated scores, they describe the noise
of the estimates, too, which differs between sizes; `noise_free` gives those of the true scores.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from memkit.estimators import arms
from memkit.estimators.reliability import share_above
from memkit.typing import FloatArray

LOW, HIGH = 0.1, 0.9
MIDDLE = (0.25, 0.75)


def share_below(values: npt.ArrayLike) -> float:
    """Returns the share of the defined values below `LOW`; NaN if none is defined."""
    return 1 - share_above(values, float(np.nextafter(LOW, 0)))


def bimodality(values: npt.ArrayLike) -> float:
    """Returns Sarle's coefficient of the defined values, (1 + skewness^2) / kurtosis.

    It lies in (0, 1]: 1 = two values only, 5/9 = uniform, 1/3 = normal. A long tail raises it too
    (exponential: 5/9), so read it together with `upper_mode`. NaN if the values do not vary.
    """
    scores = _defined(values)
    if not len(scores) or np.ptp(scores) == 0:
        return float("nan")
    centered = scores - scores.mean()
    # Powers above 2 call a function for each value, which takes 20 times as long as products.
    squared = centered**2
    second, third, fourth = map(np.mean, (squared, squared * centered, squared**2))
    return float((1 + third**2 / second**3) / (fourth / second**2))


def upper_mode(values: npt.ArrayLike) -> float:
    """Returns the density of values at or above 0.9 minus that between 0.25 and 0.75.

    The unit is the share of examples per unit of memorization. Above 0, the distribution rises
    again towards 1: it has a second mode beside the one at 0. NaN if no value is defined.
    """
    scores = _defined(values)
    num_defined = arms.undefined_below(len(scores), 1)
    low, high = MIDDLE
    middle = np.count_nonzero((scores >= low) & (scores < high)) / num_defined / (high - low)
    return float(np.count_nonzero(scores >= HIGH) / num_defined / (1 - HIGH) - middle)


def _defined(values: npt.ArrayLike) -> FloatArray:
    scores = np.asarray(values, np.float64)
    return scores[~np.isnan(scores)]


# Statistics of the scores [N] of a point, under their names in summaries.
STATISTICS: dict[str, Callable[[FloatArray], float]] = {
    "share_below_01": share_below,
    "share_above_025": lambda values: share_above(values, 0.25),
    "share_above_09": lambda values: share_above(values, HIGH),
    "bimodality": bimodality,
    "upper_mode": upper_mode,
}
