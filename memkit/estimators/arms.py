"""The two arms of every example: the runs that trained on it and the runs that did not.

All estimators read an outcome matrix through this module. It checks the matrices and reduces
them to counts, means and squared deviations in blocks of examples, so that 400 runs of 50,000
examples never become a float64 matrix.
"""

import dataclasses

import numpy as np

from memkit.errors import expected

_BLOCK_ELEMENTS = 2**21


@dataclasses.dataclass(frozen=True)
class Arm:
    """What one arm's runs said of each example.

    Attributes:
      num: [N] int64, number of runs in the arm.
      mean: [N] float64, mean outcome; NaN where num is 0.
      spread: [N] float64, sum of squared deviations from the mean; NaN where num is 0.
    """

    num: np.ndarray
    mean: np.ndarray
    spread: np.ndarray

    @property
    def squared_error(self):
        """Returns the squared standard error of the mean [N], NaN below 2 runs."""
        num = undefined_below(self.num, 2)
        return self.spread / (num - 1) / num


def undefined_below(num, smallest):
    """Returns counts as float64 with NaN for those below `smallest`, safe to divide by."""
    num = np.asarray(num, np.float64)
    return np.where(num >= smallest, num, np.nan)


def blocks(num_runs, num_examples):
    """Yields slices of examples whose [M, n] matrices stay small."""
    step = max(1, _BLOCK_ELEMENTS // max(num_runs, 1))
    for start in range(0, num_examples, step):
        yield slice(start, start + step)


def split(outcome, train_mask, low=0):
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


def check(outcome, train_mask, low=0):
    """Returns both as arrays after refusing wrong shapes, types and values with an InputError."""
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


def _check_values(outcome, low):
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


def _reduce(values, mask):
    """Returns num, mean and spread [3, n] of the values where the mask is True."""
    num = np.count_nonzero(mask, axis=0)
    mean = np.einsum("mn,mn->n", values, mask) / undefined_below(num, 1)
    deviations = values - mean
    spread = np.einsum("mn,mn,mn->n", deviations, deviations, mask)
    return np.array([num, mean, spread])


def _join(parts):
    num, mean, spread = np.concatenate(parts, axis=1) if parts else np.empty((3, 0))
    return Arm(num.astype(np.int64), mean, spread)
