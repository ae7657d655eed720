"""The two arms of every example: the runs that trained on it and the runs that did not.

All estimators read an outcome matrix through this module. It checks the matrices and reduces
them to counts, means and squared deviations in blocks of examples, so that the outcomes of 400 runs
on 50,000 examples are never held as one float64 matrix.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from memkit.errors import expected
from memkit.estimators import units
from memkit.typing import Array, BoolArray, FloatArray, IntArray

_BLOCK_ELEMENTS = 2**21


@dataclasses.dataclass(frozen=True)
class Arm:
    """Outcomes of the runs of one arm, reduced for each example.

    Attributes:
      num: [N] int64, number of runs in the arm.
      mean: [N] float64, mean outcome; NaN where num is 0.
      spread: [N] float64, sum of squared deviations from the mean; NaN where num is 0.
    """

    num: IntArray
    mean: FloatArray
    spread: FloatArray

    @property
    def squared_error(self) -> FloatArray:
        """Squared standard error of the mean, [N] float64; NaN below 2 runs."""
        num = undefined_below(self.num, 2)
        return self.spread / (num - 1) / num


def undefined_below(num: npt.ArrayLike, smallest: int) -> FloatArray:
    """Returns counts as float64, with NaN for those below `smallest`, so that one can divide."""
    counts = np.asarray(num, np.float64)
    return np.where(counts >= smallest, counts, np.nan)


def blocks(num_runs: int, num_examples: int) -> Iterator[slice]:
    """Yields slices of examples, small enough that an [M, n] matrix of float64 fits in memory."""
    step = max(1, _BLOCK_ELEMENTS // max(num_runs, 1))
    for start in range(0, num_examples, step):
        yield slice(start, start + step)


def split(outcome: Array, train_mask: BoolArray, low: int = 0) -> tuple[Arm, Arm]:
    """Reduces outcomes to the arms of every example.

    Args:
      outcome: [M, N] bool, or float in [low, 1] without NaN.
      train_mask: [M, N] bool, True where run m trained on example i.
      low: smallest valid outcome; 0, or -1 for differences of outcomes.

    Returns:
      (in_arm, out_arm), an `Arm` each.

    Raises:
      InputError: on matrices of other shapes, types or values.
    """
    outcome, train_mask = check(outcome, train_mask, low)
    inside, outside = [], []
    for columns in blocks(*outcome.shape):
        values, mask = outcome[:, columns].astype(np.float64), train_mask[:, columns]
        inside.append(_reduce(values, mask))
        outside.append(_reduce(values, ~mask))
    return _join(inside), _join(outside)


def paired(outcome: Array, train_mask: BoolArray, unit: IntArray) -> Arm:
    """Reduces the differences between the two arms within each unit to an `Arm` of U differences.

    Args:
      outcome: [M, N] bool or float.
      train_mask: [M, N] bool.
      unit: [M] int, see `units.numbered`; every unit has a run in both arms of every example.

    Returns:
      `Arm` of in mean - out mean of each unit; NaN where a unit has an empty arm.
    """
    reduced = []
    for columns in blocks(*outcome.shape):
        values, mask = outcome[:, columns].astype(np.float64), train_mask[:, columns]
        inside, outside = (
            units.sums(values * arm, unit) / undefined_below(units.sums(1.0 * arm, unit), 1)
            for arm in (mask, ~mask)
        )
        reduced.append(_reduce(inside - outside, np.ones_like(inside, bool)))
    return _join(reduced)


def check(outcome: Array, train_mask: BoolArray, low: int = 0) -> tuple[Array, BoolArray]:
    """Checks the matrices of an estimator and returns both as arrays; arguments as `split`.

    Raises:
      InputError: on matrices of other shapes, types or values.
    """
    outcome, train_mask = np.asarray(outcome), np.asarray(train_mask)
    if train_mask.ndim != 2 or train_mask.dtype != bool:
        raise expected(
            "train_mask", "a bool matrix [M, N]", f"{train_mask.dtype} {train_mask.shape}"
        )
    if outcome.shape != train_mask.shape:
        raise expected(
            "outcome", f"the train mask's shape {train_mask.shape}", f"shape {outcome.shape}"
        )
    if outcome.dtype != bool and outcome.dtype.kind != "f":
        raise expected("outcome", "bool or float values", f"dtype {outcome.dtype}")
    if outcome.dtype != bool and outcome.size:
        _check_values(outcome, low)
    return outcome, train_mask


def _check_values(outcome: Array, low: int) -> None:
    smallest, largest = outcome.min(), outcome.max()
    if low <= smallest and largest <= 1:
        return
    received = f"values from {smallest} to {largest}"
    if np.isnan(smallest):
        diverged = np.count_nonzero(np.isnan(outcome).any(axis=1))
        received = f"NaN in {diverged} of {len(outcome)} runs"
    raise expected(
        "outcome", f"values in [{low}, 1] (diverged runs must be left out first)", received
    )


def _reduce(values: FloatArray, mask: BoolArray) -> FloatArray:
    """Returns num, mean and spread, [3, n], of the values where the mask is True."""
    num = np.count_nonzero(mask, axis=0)
    mean = np.einsum("mn,mn->n", values, mask) / undefined_below(num, 1)
    deviations = values - mean
    spread = np.einsum("mn,mn,mn->n", deviations, deviations, mask)
    return np.array([num, mean, spread])


def _join(blocks_of_arm: Sequence[FloatArray]) -> Arm:
    num, mean, spread = np.concatenate([np.empty((3, 0)), *blocks_of_arm], axis=1)
    return Arm(num.astype(np.int64), mean, spread)
