"""Consistency: how well an example is answered by runs that never saw it."""

import dataclasses

import numpy as np

from memkit.estimators import arms, intervals


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

    value: np.ndarray
    stderr: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    num: np.ndarray


def consistency(outcome, train_mask):
    """Estimates the consistency score at the study's train fraction.

    The score is the mean outcome over the runs that did not train on the example, the C-score of
    Jiang et al. (2021) at one subset ratio. Higher = easier and more regular, so it points the
    other way than memorization.

    Args:
      outcome: [M, N] bool (Wilson intervals) or float in [0, 1] (normal intervals after padding
        with one 0 and one 1).
      train_mask: [M, N] bool, True where run m trained on example i.

    Returns:
      `Mean` with values in [0, 1].

    Raises:
      InputError: as `memorization` does.
    """
    outcome = np.asarray(outcome)
    _, arm = arms.split(outcome, train_mask)
    if outcome.dtype == bool:
        bounds = intervals.wilson(np.rint(arm.num * arm.mean), arm.num)
    else:
        bounds = intervals.padded_normal(arm)
    return Mean(arm.mean, np.sqrt(arm.squared_error), *bounds, arm.num)
