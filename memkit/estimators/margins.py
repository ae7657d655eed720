"""Numbers with a standard error over runs, and the 95% intervals that follow from the error.

Intervals are value -/+ margin, where the margin is a quantile of Student's t times the standard
error. With few runs the standard error is itself uncertain, so the normal quantile 1.96 would make
intervals too narrow: t needs 2.26 with 10 runs, 2.09 with 20 and 1.97 with 400.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from etils import epy

from memkit.typing import FloatArray

with epy.lazy_imports():  # Slow to import.
    from scipy import special

LEVEL = 0.95
NORMAL_QUANTILE = 1.959963984540054  # special.ndtri((1 + LEVEL) / 2), of two-sided intervals


@dataclasses.dataclass(frozen=True)
class WithError:
    """A number and its standard error over runs.

    Attributes:
      value: the number.
      stderr: standard error over runs; NaN where undefined.
      df: degrees of freedom behind the standard error: the number of runs, or of groups of
        runs, minus 1.
    """

    value: float
    stderr: float
    df: float

    @property
    def margin(self) -> float:
        """Returns half the width of the 95% interval."""
        return float(margin(self.stderr, self.df))

    @property
    def lower(self) -> float:
        """Returns the lower end of the 95% interval."""
        return self.value - self.margin

    @property
    def upper(self) -> float:
        """Returns the upper end of the 95% interval."""
        return self.value + self.margin


def student(df: npt.ArrayLike) -> FloatArray:
    """Returns the quantile of Student's t that a 95% interval multiplies a standard error by.

    Args:
      df: degrees of freedom behind the standard error; infinity gives the normal quantile, 1.96.

    Returns:
      float64 of the same shape; NaN where df is below 1 (one value has no spread) or NaN.
    """
    degrees = np.asarray(df, np.float64)
    is_defined = degrees >= 1
    finite = np.where(is_defined & np.isfinite(degrees), degrees, 1)
    quantile = special.stdtrit(finite, (1 + LEVEL) / 2)
    quantile = np.where(np.isinf(degrees), NORMAL_QUANTILE, quantile)
    return np.where(is_defined, quantile, np.nan)


def margin(stderr: npt.ArrayLike, df: npt.ArrayLike) -> FloatArray:
    """Returns half the width of the 95% interval: the quantile of `student` times stderr.

    Args:
      stderr: [...] float, standard errors.
      df: degrees of freedom behind them.

    Examples:
      >>> np.round(margin(stderr=[0.01, 0.02], df=19), 3)
      array([0.021, 0.042])
    """
    return student(df) * np.asarray(stderr, np.float64)


def pooled_df(stderrs: Sequence[float], dfs: Sequence[float]) -> float:
    """Returns the degrees of freedom of a sum or difference of independent estimates.

    Welch (1947) and Satterthwaite (1946): the square of the sum of the squared standard errors,
    over the sum of each one's fourth power divided by its own degrees of freedom.

    Args:
      stderrs: K standard errors.
      dfs: K degrees of freedom behind them.

    Returns:
      float; infinity where all standard errors are 0, NaN where one is NaN.
    """
    squares = np.square(np.asarray(stderrs, np.float64))
    total = squares.sum()
    if total == 0:
        return float("inf")
    return float(1 / np.sum((squares / total) ** 2 / np.asarray(dfs, np.float64)))


def mean_over_runs(values: npt.ArrayLike) -> WithError:
    """Returns the mean of one number per run, such as the test accuracy; NaN without runs.

    Args:
      values: [M] float.

    Examples:
      >>> accuracy = mean_over_runs([0.5, 0.75, 1.0])
      >>> accuracy.value, round(accuracy.stderr, 3), accuracy.df
      (0.75, 0.144, 2)
    """
    numbers = np.asarray(values, np.float64)
    num_runs = len(numbers)
    mean = float(numbers.mean()) if num_runs else np.nan
    error = float(numbers.std(ddof=1) / np.sqrt(num_runs)) if num_runs > 1 else np.nan
    return WithError(mean, error, num_runs - 1)


def over_replicates(numbers: Sequence[float] | FloatArray, num_runs: int) -> WithError:
    """Returns a number whose standard error is its spread over weightings of the runs.

    Args:
      numbers: [1 + R] float: from the runs as they are, then from each replicate of
        `reliability.run_weights`.
      num_runs: number of runs that are weighted.

    Examples:
      >>> share = over_replicates([0.5, 0.25, 0.75, 0.5], num_runs=20)
      >>> share.value, share.stderr, share.df
      (0.5, 0.25, 19)
    """
    error = float(np.std(numbers[1:], ddof=1))
    return WithError(float(numbers[0]), error, num_runs - 1)
