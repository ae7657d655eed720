"""Extrapolates memorization from subsets of several sizes to leaving out one example alone.

An example is memorized more by runs on small subsets, which hold fewer examples like it. Subsets of
70% therefore overstate the effect of leaving out one example of the whole data set. A line through
the scores of one example at several fractions, continued to all examples, has no such bias, but
it multiplies the noise of the scores and thereby loses their ranks. Here the examples share a line:
the change from a weighted mean of the scores to the extrapolated ones is a linear function of this
mean, fitted over all examples. The mean over examples is that of the separate lines, and the ranks
are those of the weighted mean.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from memkit.errors import expected
from memkit.typing import FloatArray


def to_leaving_one_out(
    scores: npt.ArrayLike, stderrs: npt.ArrayLike, fractions: Sequence[float]
) -> FloatArray:
    """Estimates the memorization that leaving out one example alone would show.

    Args:
      scores: [F, N] float, memorization estimated from runs on subsets of F fractions.
      stderrs: [F, N] float, their standard errors.
      fractions: F different shares of the examples that the runs train on, in (0, 1); F >= 2.

    Returns:
      [N] float64; NaN where a score is undefined.

    Raises:
      InputError: there are fewer than two different fractions, or the shapes do not fit.

    Examples:
      >>> scores = [[0.5, 0.25, 0.75], [0.3, 0.15, 0.45]]
      >>> to_leaving_one_out(scores, np.full((2, 3), 0.01), fractions=(0.5, 0.75)).round(6)
      array([0.1 , 0.05, 0.15])
    """
    values, errors = np.asarray(scores, np.float64), np.asarray(stderrs, np.float64)
    distance = 1 - np.asarray(fractions, np.float64)
    if len(set(distance.tolist())) < max(2, len(distance)):
        raise expected("fractions", "two or more different ones", list(fractions))
    if values.ndim != 2 or len(values) != len(distance) or errors.shape != values.shape:
        raise expected("scores", f"{len(distance)} rows", f"shape {values.shape}")
    extrapolated = np.full(values.shape[1], np.nan)
    defined = ~np.isnan(values).any(axis=0)
    if np.count_nonzero(defined) < 2:
        return extrapolated
    values, noise = values[:, defined], np.nanmean(errors[:, defined] ** 2, axis=1)
    # Rows that turn the scores of an example into the ends and the slopes of its line.
    at_end, slope = np.linalg.pinv(np.stack([np.ones_like(distance), distance], axis=1))
    weights = _weights(values, np.maximum(noise, 1e-12), distance, slope)
    center = weights @ values
    extrapolated[defined] = center + _line(center, at_end @ values - center)
    return extrapolated


def _weights(
    values: FloatArray, noise: FloatArray, distance: FloatArray, slope: FloatArray
) -> FloatArray:
    """Returns the weights [F] of the scores in their mean, which sum to 1.

    The weight of a fraction is the inverse of the mean squared error of its scores: the noise, plus
    the variance of the slopes (beyond the common line and the noise) times the squared distance.
    """
    center = (1 / noise) @ values / np.sum(1 / noise)
    slopes = slope @ values
    variance = np.mean((slopes - _line(center, slopes)) ** 2) - slope**2 @ noise
    weights = 1 / (noise + max(float(variance), 0.0) * distance**2)
    return weights / weights.sum()


def _line(x: FloatArray, y: FloatArray) -> FloatArray:
    """Returns the values [N] at x of the line through (x, y) with the least squared error."""
    deviation = x - x.mean()
    spread = deviation @ deviation
    return y.mean() + (deviation @ y / spread if spread > 0 else 0.0) * deviation
