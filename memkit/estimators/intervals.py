"""95% intervals of means and of differences of means of outcomes, vectorized over examples.

The plain normal ("Wald") interval is never used: at 50 runs it covers the truth in only 81 to 88%
of cases, because an arm whose outcomes are all correct has no spread. A count of 0 gives NaN.
"""

import numpy as np
import numpy.typing as npt

from memkit.estimators import arms
from memkit.estimators.arms import Arm
from memkit.estimators.margins import NORMAL_QUANTILE as Z
from memkit.estimators.margins import margin
from memkit.typing import FloatArray, IntArray


def wilson(
    successes: FloatArray | IntArray, n: FloatArray | IntArray
) -> tuple[FloatArray, FloatArray]:
    """Returns the score interval of a proportion (Wilson 1927; Newcombe 1998a, method 3).

    Args:
      successes: [N] number of successes, from 0 to n.
      n: [N] number of trials.

    Returns:
      (lower, upper), [N] float64 in [0, 1] each.
    """
    num = arms.undefined_below(n, 1)
    share = successes / num
    center = share + Z**2 / (2 * num)
    half = Z * np.sqrt(share * (1 - share) / num + Z**2 / (4 * num**2))
    # At 0 and n successes one end is the share itself; rounding could miss it.
    lower = np.where(share == 0, 0, (center - half) / (1 + Z**2 / num))
    upper = np.where(share == 1, 1, (center + half) / (1 + Z**2 / num))
    return lower, upper


def newcombe(
    in_successes: FloatArray, num_in: IntArray, out_successes: FloatArray, num_out: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Returns the hybrid score interval of a difference of proportions (Newcombe 1998b, method 10).

    At 70% in, exact coverage from 20 to 1000 runs is at least 92.7% for rates of 0, 1 or between
    .1 and .9, and 95 to 96% on average. If both rates lie within .05 of 0 or 1 it can fall to 87%
    at 20 runs, 89% at 40 and 92% at 100.

    Args:
      in_successes: [N] number of successes among the runs that trained on the example.
      num_in: [N] number of those runs.
      out_successes: [N] number of successes among the runs that did not.
      num_out: [N] number of those runs.

    Returns:
      (lower, upper), [N] float64 in [-1, 1] each, of in share minus out share.
    """
    in_lower, in_upper = wilson(in_successes, num_in)
    out_lower, out_upper = wilson(out_successes, num_out)
    in_share = in_successes / arms.undefined_below(num_in, 1)
    out_share = out_successes / arms.undefined_below(num_out, 1)
    difference = in_share - out_share
    below = np.hypot(in_share - in_lower, out_upper - out_share)
    above = np.hypot(in_upper - in_share, out_share - out_lower)
    return np.clip(difference - below, -1, 1), np.clip(difference + above, -1, 1)


def padded_normal(arm: Arm, low: int = 0) -> tuple[FloatArray, FloatArray]:
    """Returns the normal interval of a mean of values in [low, 1], with one `low` and one 1 added.

    For differences of paired 0/1 outcomes, with low = -1, this is the adjusted Wald interval of
    Bonett and Price (2012), with the sample variance. Its exact coverage with 8 pairs is at least
    93%, and 99% on average.

    Returns:
      (lower, upper), [N] float64, clipped to [low, 1].
    """
    mean, squared_error = _pad(arm, low)
    half = Z * np.sqrt(squared_error)
    return np.clip(mean - half, low, 1), np.clip(mean + half, low, 1)


def padded_normal_difference(
    in_arm: Arm, out_arm: Arm, low: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Returns the normal interval of in mean - out mean, with one `low` and one 1 in each arm.

    This extends the idea of Agresti and Caffo (2000) from proportions to any bounded values.

    Args:
      in_arm: `Arm` of the runs that trained on each of N examples.
      out_arm: `Arm` of the runs that did not.
      low: smallest possible outcome; 0, or -1 for differences of outcomes.

    Returns:
      (lower, upper), [N] float64, clipped to [low - 1, 1 - low].
    """
    in_mean, in_squared_error = _pad(in_arm, low)
    out_mean, out_squared_error = _pad(out_arm, low)
    half = Z * np.sqrt(in_squared_error + out_squared_error)
    difference, limit = in_mean - out_mean, 1 - low
    return np.clip(difference - half, -limit, limit), np.clip(difference + half, -limit, limit)


def padded_student(arm: Arm, pad: float = 0.1) -> tuple[FloatArray, FloatArray]:
    """Returns Student's interval of a mean of values in [-1, 1], with mean -/+ pad added to them.

    For differences of paired probabilities. Without the two values it covers too rarely, because
    the differences of an example are skewed and few of them may have almost no spread. If
    differences are rarely large, as those of 0/1 outcomes are, few values may not show it;
    `padded_normal` covers these as well, but is many times wider.

    Returns:
      (lower, upper), [N] float64, clipped to [-1, 1]; NaN below 2 values.
    """
    num = arms.undefined_below(arm.num, 2)
    squared_error = (arm.spread + 2 * pad**2) / (num + 1) / (num + 2)
    half = margin(np.sqrt(squared_error), num + 1)
    return np.clip(arm.mean - half, -1, 1), np.clip(arm.mean + half, -1, 1)


def half_widths(lower: npt.ArrayLike, upper: npt.ArrayLike) -> FloatArray:
    """Returns half the width of each defined interval, [n] float64 with n <= N.

    Args:
      lower: [N] float, lower ends; NaN where undefined.
      upper: [N] float, upper ends.
    """
    halves = (np.asarray(upper, np.float64) - np.asarray(lower, np.float64)) / 2
    return halves[~np.isnan(halves)]


def _pad(arm: Arm, low: int) -> tuple[FloatArray, FloatArray]:
    """Returns mean and squared standard error [N] with one `low` and one 1 added to the arm."""
    num = arms.undefined_below(arm.num, 1) + 2
    mean = (arm.num * arm.mean + low + 1) / num
    spread = arm.spread + arm.num * (arm.mean - mean) ** 2 + (low - mean) ** 2 + (1 - mean) ** 2
    return mean, spread / (num - 1) / num
