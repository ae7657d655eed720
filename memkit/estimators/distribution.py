"""The shape of the distribution of a score over examples: mass at both ends, and two modes.

Lukasik et al. (2024), section 3.3, say that memorization becomes more bi-modal with size, which a
reviewer disputed; so it is put in numbers. The noise of each estimate blurs the distribution, and
not alike at all sizes with the same runs: outcomes near 0 and 1 vary less, so the variance of the
noise falls as examples are answered more surely (fourfold from the narrowest to the widest model
of the digits demo, docs/methods.md). A shape that changes with size is partly this.
"""

import numpy as np

from memkit.estimators import arms
from memkit.estimators.reliability import share_above

LOW, HIGH = 0.1, 0.9
MIDDLE = (0.25, 0.75)


def share_below(values, threshold=LOW):
    """Returns the share of values below a threshold, among those not NaN; NaN if none is."""
    return 1 - share_above(values, np.nextafter(threshold, 0))


def bimodality(values):
    """Returns Sarle's coefficient (1 + skewness^2) / kurtosis, of values that are not NaN.

    It lies in (0, 1]: 1 = two values only, 5/9 = uniform, 1/3 = normal. A long tail raises it too
    (exponential: 5/9), so read it beside `upper_mode`. NaN where values do not vary.
    """
    values = np.asarray(values, np.float64)
    values = values[~np.isnan(values)]
    if not len(values) or np.ptp(values) == 0:
        return float("nan")
    centered = values - values.mean()
    second, third, fourth = (np.mean(centered**power) for power in (2, 3, 4))
    return float((1 + third**2 / second**3) / (fourth / second**2))


def upper_mode(values):
    """Returns the density of values at or above 0.9 minus that between 0.25 and 0.75.

    In shares of the examples per unit of memorization. Above 0 = the distribution rises again
    towards 1: a second mode beside the one at 0. NaN values are left out; NaN if none is left.
    """
    values = np.asarray(values, np.float64)
    defined = arms.undefined_below(np.count_nonzero(~np.isnan(values)), 1)
    low, high = MIDDLE
    middle = np.count_nonzero((values >= low) & (values < high)) / defined / (high - low)
    return float(np.count_nonzero(values >= HIGH) / defined / (1 - HIGH) - middle)


# Statistics of a point's [N] scores, by the names that summaries use.
STATISTICS = {
    "share_below_0.1": share_below,
    "share_above_0.9": lambda values: share_above(values, HIGH),
    "bimodality": bimodality,
    "upper_mode": upper_mode,
}
