"""Means and variances of many small samples, each estimated with the help of all others.

The mean of a sample is a compromise between the sample and a regression on what is known about it
(Fay & Herriot 1979); so is the logarithm of its variance (Smyth 2004). How far the regressions are
trusted follows from how well they predict.
"""

import dataclasses

import numpy as np
from etils import epy

from memkit.typing import FloatArray

with epy.lazy_imports():  # Slow to import.
    from scipy import special

_PENALTY = 30.0  # of the squared coefficients of standardized columns
_LEAST_BETWEEN = 0.02  # smallest variance around the regression, in variances of an observation
_MOST_DEGREES = 1000.0
_MOST_LEVERAGE = 0.9
_ROUNDS = 5  # after which means and variances no longer change


@dataclasses.dataclass(frozen=True)
class Samples:
    """Small samples of N examples, reduced to their moments.

    Attributes:
      num: [N] float64, number of observations.
      mean: [N] float64; any number where there is none.
      variance: [N] float64, with num - 1 as the divisor; NaN below 2 observations.
    """

    num: FloatArray
    mean: FloatArray
    variance: FloatArray

    @property
    def degrees(self) -> FloatArray:
        """[N] float64, degrees of freedom of each variance."""
        return np.maximum(self.num - 1, 0)

    @property
    def squares(self) -> FloatArray:
        """[N] float64, sums of squared deviations."""
        return np.nan_to_num(self.variance) * self.degrees

    @property
    def mean_variance(self) -> float:
        """Mean of the variances, weighted by their degrees of freedom."""
        return float(self.squares.sum() / max(self.degrees.sum(), 1))


@dataclasses.dataclass(frozen=True)
class Normal:
    """Normal distributions of N examples.

    Attributes:
      mean: [N] float64, posterior mean of the mean.
      mean_error: [N] float64, its posterior variance.
      variance: [N] float64, moderated variance of an observation.
      log_error: [N] float64, variance of the logarithm of `variance`.
    """

    mean: FloatArray
    mean_error: FloatArray
    variance: FloatArray
    log_error: FloatArray


def fit(samples: Samples, mean_columns: FloatArray, variance_columns: FloatArray) -> Normal:
    """Estimates the mean and the variance behind each sample.

    Args:
      samples: Samples of N examples.
      mean_columns: [N, K], finite numbers that predict the mean.
      variance_columns: [N, L], finite numbers that predict the variance, beside the mean.
    """
    basis = _basis(mean_columns)
    variance = np.full(len(basis), samples.mean_variance)
    between = samples.mean_variance / 4
    for _ in range(_ROUNDS):
        mean, mean_error, between = _means(samples, basis, variance, between)
        columns = np.hstack([mean[:, None], variance_columns])
        variance, log_error = _variances(samples, _basis(columns))
    return Normal(mean, mean_error, variance, log_error)


def _basis(columns: FloatArray) -> FloatArray:
    """Returns a constant, standardized columns and their squares, [N, 1 + 2 K]."""
    spread = columns.std(axis=0)
    scores = (columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1)
    scores = np.clip(scores, -4, 4)
    return np.hstack([np.ones((len(columns), 1)), scores, scores**2 - 1])


def _ridge(
    basis: FloatArray, target: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Returns the values [N] of a weighted ridge regression, and the variance of each of them.

    Args:
      basis: [N, F], the constant first, which is not penalized.
      target: [N].
      weight: [N], inverse variances of the targets; 0 leaves an example out.
    """
    penalty = np.full(basis.shape[1], _PENALTY * np.mean(weight))
    penalty[0] = 0
    weighted = basis * weight[:, None]
    inverse = np.linalg.pinv(weighted.T @ basis + np.diag(penalty), hermitian=True)
    fitted = basis @ (inverse @ (weighted.T @ target))
    return fitted, np.einsum("nf,nf->n", basis @ inverse, basis)


def _means(
    samples: Samples, basis: FloatArray, variance: FloatArray, between: float
) -> tuple[FloatArray, FloatArray, float]:
    """Returns posterior means [N], their variances [N], and `between`.

    The mean of an example is normal around the regression with the variance `between`, and the
    mean of its sample is normal around it with variance / num.
    """
    noise = variance / np.maximum(samples.num, 1e-9)
    weight = 1 / (between + noise)
    fitted, error = _ridge(basis, samples.mean, weight)
    leverage = np.minimum(error * weight, _MOST_LEVERAGE)
    excess = (samples.mean - fitted) ** 2 / (1 - leverage) - noise
    between = float(np.average(excess, weights=weight**2))
    between = max(between, _LEAST_BETWEEN * float(np.mean(variance)))
    trust = between / (between + noise)
    mean = fitted + trust * (samples.mean - fitted)
    return mean, trust * noise + (1 - trust) ** 2 * error, between


def _variances(samples: Samples, basis: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns moderated variances [N], and the variances [N] of their logarithms.

    Smyth (2004), with a regression: a variance is scaled inverse chi-square around the regression
    of the logarithms, with the degrees of freedom that explain how far these lie from it.
    """
    known = samples.squares > 0
    half = np.where(known, samples.degrees, 1) / 2
    observed = np.where(known, samples.variance, 1)
    logs = np.log(observed) - special.digamma(half) + np.log(half)
    noise = special.polygamma(1, half)
    weight = known / noise
    fitted, error = _ridge(basis, logs, weight)
    leverage = np.minimum(error * weight, _MOST_LEVERAGE)
    excess = (logs - fitted) ** 2 / (1 - leverage) - noise
    between = float(np.average(excess, weights=weight))
    degrees = 2 * _inverse_trigamma(between) if between > 0 else np.inf
    degrees = min(degrees, _MOST_DEGREES)
    total = degrees + samples.degrees
    return (degrees * np.exp(fitted) + samples.squares) / total, 2 / total


def _inverse_trigamma(value: float) -> float:
    """Returns x > 0 with trigamma(x) = value > 0, by Newton's method (Smyth 2004, appendix)."""
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = special.polygamma(1, x)
        step = trigamma * (1 - trigamma / value) / special.polygamma(2, x)
        x += step
        if abs(step) <= 1e-12 * x:
            break
    return float(x)
