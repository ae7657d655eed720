"""Memorization: how much training on an example changes the outcome on that example."""

import dataclasses

import numpy as np

from memkit.errors import expected
from memkit.estimators import arms, intervals, units
from memkit.estimators.arms import Arm
from memkit.typing import Array, BoolArray, FloatArray, IntArray


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Memorization of N examples, or its difference between two points.

    Attributes:
      value: [N] float64, in mean minus out mean; higher = more memorized; NaN where undefined.
      in_mean: [N] float64, mean outcome of the runs that trained on the example.
      out_mean: [N] float64, mean outcome of the runs that did not.
      stderr: [N] float64, sample standard error of value; NaN if an arm has fewer than 2 runs.
      lower: [N] float64, lower end of the 95% interval.
      upper: [N] float64, upper end of the 95% interval.
      num_in: [N] int64, number of runs that trained on the example.
      num_out: [N] int64, number of runs that did not.
    """

    value: FloatArray
    in_mean: FloatArray
    out_mean: FloatArray
    stderr: FloatArray
    lower: FloatArray
    upper: FloatArray
    num_in: IntArray
    num_out: IntArray


def memorization(outcome: Array, train_mask: BoolArray, unit: IntArray | None = None) -> Estimate:
    """Estimates memorization from runs on subsets.

    mem(i) = mean outcome over runs with i in the subset - mean outcome over the other runs:
    Feldman & Zhang (2020), section 2; Lukasik et al. (2024), equation 2.

    Args:
      outcome: [M, N] outcome of example i in run m, higher = better answered: bool (was the
        answer correct; Newcombe intervals) or float in [0, 1] (probability of the label; normal
        intervals with each arm padded by one 0 and one 1). The two are different estimands.
      train_mask: [M, N] bool, True where run m trained on example i.
      unit: [M] int, equal for runs that are paired, see `units`; each unit must have a run in both
        arms of every example. The errors and intervals are then those of the mean difference within
        a unit, see `intervals.padded_normal` (bool) and `intervals.padded_student` (float). None if
        no runs are paired.

    Returns:
      `Estimate` with values in [-1, 1]; NaN where an example was in all runs or in none.

    Raises:
      InputError: on shapes that differ, a mask that is not bool, or outcomes that are NaN or
        outside [0, 1].

    Examples:
      >>> train_mask = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], bool)
      >>> correct = np.array([[1, 1], [1, 1], [0, 1], [0, 1]], bool)
      >>> memorization(correct, train_mask).value
      array([1., 0.])
    """
    outcome = np.asarray(outcome)
    in_arm, out_arm = arms.split(outcome, train_mask)
    numbered = units.numbered(unit, len(outcome))
    if not units.are_single(numbered):
        differences = arms.paired(outcome, np.asarray(train_mask), numbered)
        if outcome.dtype == bool:
            bounds = intervals.padded_normal(differences, low=-1)
        else:
            bounds = intervals.padded_student(differences)
        estimate = _estimate(in_arm, out_arm, bounds)
        return dataclasses.replace(estimate, stderr=np.sqrt(differences.squared_error))
    if outcome.dtype == bool:
        bounds = intervals.newcombe(
            _successes(in_arm), in_arm.num, _successes(out_arm), out_arm.num
        )
    else:
        bounds = intervals.padded_normal_difference(in_arm, out_arm)
    return _estimate(in_arm, out_arm, bounds)


def memorization_difference(outcome_a: Array, outcome_b: Array, train_mask: BoolArray) -> Estimate:
    """Estimates how memorization changes from point a to point b, over the runs both have.

    The points of a study share their subsets, so the estimator is applied to each run's change
    of outcome: effects of a subset that both points share cancel, and the standard error is
    smaller than that of two separate estimates.

    Args:
      outcome_a: [M, N] bool or float in [0, 1], outcomes of point a.
      outcome_b: [M, N] outcomes of point b, of the same kind, for the same runs in the same order.
      train_mask: [M, N] bool, True where run m trained on example i.

    Returns:
      `Estimate` of outcome_b - outcome_a: value in [-2, 2] is memorization at b minus
      memorization at a (positive = b memorizes more); in_mean and out_mean are the changes of the
      two means. Intervals are normal, with each arm padded by one -1 and one 1.

    Raises:
      InputError: as `memorization` does, and if one point's outcomes are bool and the other's not.

    Examples:
      >>> train_mask = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], bool)
      >>> correct_a = np.array([[1, 1], [1, 1], [0, 1], [0, 1]], bool)
      >>> correct_b = np.ones((4, 2), bool)
      >>> memorization_difference(correct_a, correct_b, train_mask).value
      array([-1.,  0.])
    """
    outcome_a, train_mask = arms.check(outcome_a, train_mask)
    outcome_b, train_mask = arms.check(outcome_b, train_mask)
    if (outcome_a.dtype == bool) != (outcome_b.dtype == bool):
        raise expected(
            "outcome_b", f"the kind of outcome of point a ({outcome_a.dtype})", outcome_b.dtype
        )
    smallest = np.float16 if outcome_a.dtype == bool else np.float32
    kind = np.result_type(outcome_a, outcome_b, smallest)
    change = outcome_b.astype(kind) - outcome_a.astype(kind)
    in_arm, out_arm = arms.split(change, train_mask, low=-1)
    bounds = intervals.padded_normal_difference(in_arm, out_arm, low=-1)
    return _estimate(in_arm, out_arm, bounds)


def _successes(arm: Arm) -> FloatArray:
    """Returns the number of True outcomes [N]; 0 where the arm is empty."""
    return np.rint(np.where(arm.num > 0, arm.mean, 0) * arm.num)


def _estimate(in_arm: Arm, out_arm: Arm, bounds: tuple[FloatArray, FloatArray]) -> Estimate:
    return Estimate(
        value=in_arm.mean - out_arm.mean,
        in_mean=in_arm.mean,
        out_mean=out_arm.mean,
        stderr=np.sqrt(in_arm.squared_error + out_arm.squared_error),
        lower=bounds[0],
        upper=bounds[1],
        num_in=in_arm.num,
        num_out=out_arm.num,
    )
