"""Consistency score: the mean outcome of an example among the runs that did not train on it."""

import dataclasses

import numpy as np

from memkit.estimators import arms, intervals
from memkit.typing import Array, BoolArray, FloatArray, IntArray


@dataclasses.dataclass(frozen=True)
class Mean:
    """A mean outcome of N examples.

    Attributes:
      value: [N] float64; NaN where num is 0.
      stderr: [N] float64, sample standard error; NaN where num is below 2.
      lower: [N] float64, lower end of the 95% interval.
      upper: [N] float64, upper end of the 95% interval.
      num: [N] int64, number of runs.
    """

    value: FloatArray
    stderr: FloatArray
    lower: FloatArray
    upper: FloatArray
    num: IntArray


def consistency(outcome: Array, train_mask: BoolArray) -> Mean:
    """Estimates the consistency score at the study's train fraction.

    The score is the mean outcome over the runs that did not train on the example, the C-score of
    Jiang et al. (2021) at one subset ratio. Higher = easier and more regular, which is the opposite
    direction of memorization.

    Args:
      outcome: [M, N] bool (Wilson intervals) or float in [0, 1] (normal intervals after padding
        with one 0 and one 1).
      train_mask: [M, N] bool, True where run m trained on example i.

    Returns:
      `Mean` with values in [0, 1].

    Raises:
      InputError: as `memorization` does.

    Examples:
      >>> train_mask = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], bool)
      >>> correct = np.array([[1, 1], [1, 1], [0, 1], [0, 1]], bool)
      >>> consistency(correct, train_mask).value
      array([0., 1.])
    """
    outcome = np.asarray(outcome)
    _, arm = arms.split(outcome, train_mask)
    if outcome.dtype == bool:
        bounds = intervals.wilson(np.rint(arm.num * arm.mean), arm.num)
    else:
        bounds = intervals.padded_normal(arm)
    return Mean(arm.mean, np.sqrt(arm.squared_error), *bounds, arm.num)
