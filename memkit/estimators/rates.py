"""Rates of right answers that follow from margins, corrected by the observed rates.

The rate of an example is the probability of a margin above 0. It has a posterior distribution: the
normal score of the rate, which is its value on the scale of the normal quantiles, is normal.
"""

import dataclasses

import numpy as np
from etils import epy

from memkit.estimators import small_area
from memkit.estimators.margins import NORMAL_QUANTILE as Z
from memkit.estimators.small_area import Samples
from memkit.typing import FloatArray

with epy.lazy_imports():  # Slow to import.
    from scipy import special

_GROUPS = 10
_TAIL = 5.0  # degrees of freedom of Student's t, whose tails the bounds allow for
_LEAST_DENSITY = 0.05  # of the normal distribution, so that normal scores do not diverge


@dataclasses.dataclass(frozen=True)
class Answers:
    """Answers of the runs of one arm to each of N examples.

    Attributes:
      margins: Samples of the margins.
      rate: [N] float64, share of right answers; NaN without runs.
    """

    margins: Samples
    rate: FloatArray


@dataclasses.dataclass(frozen=True)
class Rate:
    """Rates of right answers in one arm.

    Attributes:
      value: [N] float64 in [0, 1]; NaN without runs.
      stderr: [N] float64.
      lower: [N] float64, lower end of the 95% interval.
      upper: [N] float64, upper end.
      score: [N] float64, posterior mean of the normal score of the rate.
      score_stderr: [N] float64, its posterior standard deviation.
    """

    value: FloatArray
    stderr: FloatArray
    lower: FloatArray
    upper: FloatArray
    score: FloatArray
    score_stderr: FloatArray


def rate(answers: Answers, mean_columns: FloatArray, variance_columns: FloatArray) -> Rate:
    """Estimates the rate of right answers of one arm, that of margins above 0.

    Args:
      answers: of the runs of this arm.
      mean_columns: [N, K], what predicts the mean margin.
      variance_columns: [N, L], what predicts its variance, beside the mean margin.
    """
    normal = small_area.fit(answers.margins, mean_columns, variance_columns)
    score = normal.mean / np.sqrt(normal.variance)
    error = normal.mean_error / normal.variance + score**2 * normal.log_error / 4
    return _corrected(answers, score, error)


def _offset(answers: Answers, score: FloatArray, score_error: FloatArray) -> float:
    """Returns what to add to the scores so that the mean rate is the observed one (bisection)."""
    num = answers.margins.num
    right = np.nansum(num * answers.rate)
    low, high = -2.0, 2.0
    for _ in range(40):
        middle = (low + high) / 2
        is_below = num @ special.ndtr((score + middle) / np.sqrt(1 + score_error)) < right
        low, high = (middle, high) if is_below else (low, middle)
    return (low + high) / 2


def _shared_misfit(score: FloatArray, gap: FloatArray, difference: FloatArray) -> FloatArray:
    """Returns squared mean gaps [N] of tenths of the examples in the order of their scores.

    The sampling variance of a mean gap is subtracted. What remains are tails that are heavier or
    lighter than normal ones, which no single example shows.
    """
    squares = np.empty(len(score))
    for members in np.array_split(np.argsort(score), _GROUPS):
        excess = gap[members].mean() ** 2 - difference[members].mean() / len(members)
        squares[members] = max(float(excess), 0.0)
    return squares


def _corrected(answers: Answers, score: FloatArray, score_error: FloatArray) -> Rate:
    """Returns the rates that follow from normal margins, corrected by the observed rates.

    Args:
      answers: of the runs of this arm.
      score: [N], posterior mean of mean margin / standard deviation.
      score_error: [N], its variance.
    """
    num = answers.margins.num
    some = num > 0
    score = score + _offset(answers, score, score_error)
    modeled = special.ndtr(score / np.sqrt(1 + score_error))
    slope = (special.ndtr(score + 0.5) - special.ndtr(score - 0.5)) ** 2
    binomial = np.clip(modeled * (1 - modeled), 1e-12, None)
    sampling = binomial / np.maximum(num, 1e-9)
    # Under the model, observed - modeled has the difference of both variances; the rest is misfit.
    difference = np.maximum(sampling - slope * score_error, sampling * 0.05)
    gap = np.where(some, np.nan_to_num(answers.rate) - modeled, 0)
    share = max(float(np.sum((gap**2 - difference)[some]) / np.sum(binomial[some])), 0.0)
    misfit = share * binomial + _shared_misfit(score, gap, difference)
    trust = misfit / (misfit + difference)
    value = np.clip(modeled + trust * gap, 0, 1)
    center = special.ndtri(np.clip(value, 1e-12, 1 - 1e-12))
    half = Z * np.sqrt(score_error)
    rest = Z * np.sqrt(misfit * (1 - trust))
    # Tails of margins may be heavier than normal ones, which few runs cannot show.
    low = np.minimum(special.ndtr(center - half), special.stdtr(_TAIL, center - half))
    high = np.maximum(special.ndtr(center + half), special.stdtr(_TAIL, center + half))
    below = np.hypot(value - low, rest)
    above = np.hypot(high - value, rest)
    density = np.maximum(np.exp(-(center**2) / 2) / np.sqrt(2 * np.pi), _LEAST_DENSITY)
    spread = np.sqrt(score_error + misfit * (1 - trust) / density**2)
    undefined = np.where(some, 0.0, np.nan)
    return Rate(
        value=value + undefined,
        stderr=np.sqrt(slope * score_error + misfit * (1 - trust)) + undefined,
        lower=np.clip(value - below, 0, 1) + undefined,
        upper=np.clip(value + above, 0, 1) + undefined,
        score=center * np.sqrt(1 + spread**2) + undefined,
        score_stderr=spread,
    )
