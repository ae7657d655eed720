"""Numbers with a standard error over runs, and the 95% intervals that follow from it.

Intervals are value -/+ margin, where the margin is a quantile of Student's t times the standard
error. With few runs the standard error is itself uncertain, so the normal quantile 1.96 would make
intervals too narrow: t needs 2.26 with 10 runs, 2.09 with 20 and 1.97 with 400.
"""

import dataclasses

import numpy as np
from scipy import special

LEVEL = 0.95


@dataclasses.dataclass(frozen=True)
class WithError:
    """A number and its standard error over runs.

    Attributes:
      value: float.
      stderr: float, standard error over runs; NaN where undefined.
      df: float, degrees of freedom behind the standard error: the number of runs, or of groups of
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

    def named(self, name: str) -> dict[str, float]:
        """Returns what a summary holds of a number: `name`, `<name>_stderr`, `<name>_margin`."""
        return {name: self.value, f"{name}_stderr": self.stderr, f"{name}_margin": self.margin}


def student(df: float | np.ndarray) -> np.ndarray:
    """Returns the quantile of Student's t that a 95% interval multiplies a standard error by.

    Args:
      df: degrees of freedom behind the standard error; infinity gives the normal quantile, 1.96.

    Returns:
      float64 of the same shape; NaN where df is below 1 (one value has no spread) or NaN.
    """
    df = np.asarray(df, np.float64)
    usable = df >= 1
    quantile = special.stdtrit(np.where(usable & np.isfinite(df), df, 1), (1 + LEVEL) / 2)
    quantile = np.where(np.isinf(df), special.ndtri((1 + LEVEL) / 2), quantile)
    return np.where(usable, quantile, np.nan)


def margin(stderr: float | np.ndarray, df: float | np.ndarray) -> np.ndarray:
    """Returns half the width of the 95% interval: the quantile of `student` times stderr."""
    return student(df) * np.asarray(stderr, np.float64)


def pooled_df(stderrs: list[float], dfs: list[float]) -> float:
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


def mean_over_runs(values: list[float] | np.ndarray) -> WithError:
    """Returns the mean of one number per run, such as the test accuracy; NaN without runs.

    Args:
      values: [M] float.
    """
    values = np.asarray(values, np.float64)
    number = len(values)
    mean = float(values.mean()) if number else np.nan
    error = float(values.std(ddof=1) / np.sqrt(number)) if number > 1 else np.nan
    return WithError(mean, error, number - 1)


def over_replicates(numbers: list[float] | np.ndarray, num_runs: int) -> WithError:
    """Returns a number whose standard error is its spread over weightings of the runs.

    Args:
      numbers: [1 + R] float: from the runs as they are, then from each replicate of
        `reliability.run_weights`.
      num_runs: number of runs that are weighted.
    """
    error = float(np.std(numbers[1:], ddof=1))
    return WithError(float(numbers[0]), error, num_runs - 1)
