"""Sampling units: runs that are weighted, permuted and left out together.

Runs that share random numbers are not independent of each other, such as the run on all examples
and the runs that leave one of them out, which start from the same initial values. They are one
unit: every standard error, bootstrap, jackknife and split into halves is one over units. Most runs
are units of their own.
"""

import numpy as np
import numpy.typing as npt

from memkit.errors import expected
from memkit.typing import Array, FloatArray, IntArray


def numbered(unit: npt.ArrayLike | None, num_runs: int) -> IntArray:
    """Returns the unit of each run as numbers from 0 to U - 1, [M] int.

    Args:
      unit: [M] int, equal for runs of one unit; None if each run is a unit of its own.
      num_runs: M.

    Raises:
      InputError: there is not one unit per run.
    """
    if unit is None:
        return np.arange(num_runs)
    values = np.asarray(unit)
    if values.shape != (num_runs,):
        raise expected("unit", f"shape ({num_runs},)", f"shape {values.shape}")
    return np.unique(values, return_inverse=True)[1]


def count(unit: IntArray) -> int:
    """Returns the number of units of `numbered` ones."""
    return int(unit.max(initial=-1)) + 1


def are_single(unit: IntArray) -> bool:
    """Returns whether each run is a unit of its own."""
    return count(unit) == len(unit)


def runs(chosen: IntArray, unit: IntArray) -> IntArray:
    """Returns the runs of some units, in the order of the units."""
    if are_single(unit):
        return np.argsort(unit)[chosen]
    return np.concatenate([np.empty(0, int), *(np.flatnonzero(unit == u) for u in chosen)])


def sums(values: Array, unit: IntArray) -> FloatArray:
    """Returns the sums [U, ...] of values [M, ...] over the runs of each unit.

    Args:
      values: [M, ...] bool or float.
      unit: [M] int from `numbered`.
    """
    if np.array_equal(unit, np.arange(len(unit))):
        return np.asarray(values)
    order = np.argsort(unit, kind="stable")
    first = np.flatnonzero(np.diff(unit[order], prepend=-1))
    return np.add.reduceat(np.asarray(values, np.float64)[order], first, axis=0)


def means(values: FloatArray, unit: IntArray) -> FloatArray:
    """Returns the means [U] of a number per run [M] over the runs of each unit.

    Args:
      values: [M] float.
      unit: [M] int, equal for runs of one unit.
    """
    number = numbered(unit, len(values))
    return sums(values, number) / np.bincount(number)
