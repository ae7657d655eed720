"""Reliability of memorization from two disjoint halves of the runs."""

import dataclasses

import numpy as np

from memkit import big_arrays, seeds
from memkit.estimators import arms, units
from memkit.estimators.convergence import spearman_brown
from memkit.estimators.correlation import spearman
from memkit.estimators.memorization import memorization
from memkit.typing import Array, BoolArray, IntArray


def halves(num_runs: int, seed: int, unit: IntArray | None = None) -> tuple[IntArray, IntArray]:
    """Returns the runs of two random halves; an odd run or unit is left out.

    Args:
      num_runs: M.
      seed: int >= 0.
      unit: [M] int, equal for runs that stay in one half, see `units`.
    """
    numbered = units.numbered(unit, num_runs)
    order = seeds.stream(seed, "split_half").permutation(units.count(numbered))
    half = len(order) // 2
    return units.runs(order[:half], numbered), units.runs(order[half : 2 * half], numbered)


@dataclasses.dataclass(frozen=True)
class SplitHalf:
    """Agreement of two estimates from disjoint halves of the runs.

    Attributes:
      spearman: float in [-1, 1], rank correlation between the halves; higher = more reliable.
      spearman_brown: float in [0, 1], reliability predicted for all the runs, 2 r / (1 + r); a
        correlation of the full estimate with anything is capped by its square root. NaN if r < 0.
      num_examples: examples defined in both halves.
    """

    spearman: float
    spearman_brown: float
    num_examples: int


def split_half(
    outcome: Array, train_mask: BoolArray, seed: int, unit: IntArray | None = None
) -> SplitHalf:
    """Compares memorization between two random halves of the runs.

    Args:
      outcome: [M, N] bool or float in [0, 1].
      train_mask: [M, N] bool, True where run m trained on example i.
      seed: int >= 0, for the split; an odd run is left out.
      unit: [M] int, equal for runs that stay in one half, see `units`.

    Returns:
      `SplitHalf` over the examples defined in both halves; NaN by the rule of `correlation`.

    Raises:
      InputError: as `memorization` does.

    Examples:
      >>> train_mask = (np.arange(64)[:, None] >> np.arange(6)) % 2 == 1
      >>> correct = train_mask | (np.arange(6) >= 3)
      >>> split_half(correct, train_mask, seed=0)
      SplitHalf(spearman=1.0, spearman_brown=1.0, num_examples=6)
    """
    outcome, train_mask = arms.check(outcome, train_mask)
    first, second = (
        memorization(big_arrays.take(outcome, runs), big_arrays.take(train_mask, runs)).value
        for runs in halves(len(outcome), seed, unit)
    )
    defined = ~np.isnan(first) & ~np.isnan(second)
    between_halves = spearman(first, second)
    doubled = spearman_brown(between_halves)
    return SplitHalf(between_halves, doubled, int(np.count_nonzero(defined)))
