"""Standard errors over runs of the shares of trajectory classes."""

from collections.abc import Iterable, Sequence

import numpy as np

from memkit.estimators import grouped, margin, units
from memkit.trajectories import null
from memkit.trajectories.classes import CLASSES, LEVEL, classify, shares_of_counts
from memkit.typing import Array, BoolArray, FloatArray, IntArray

GROUPINGS, NUM_GROUPS = 4, 4
_BLOCK_ELEMENTS = 10**7


def share_errors(
    outcomes: Sequence[Array] | Array,
    train_mask: BoolArray,
    alphas: Iterable[float],
    *,
    num_draws: int = 256,
    seed: int = 0,
    level: float = LEVEL,
    unit: IntArray | None = None,
) -> dict[float, dict[str, float]]:
    """Returns the standard errors over runs of the shares of the classes.

    They come from the delete-a-group jackknife of `estimators.grouped`; the variances of several
    groupings are averaged. Leaving out each quarter of the runs in turn, memorization, its noise,
    the test of change (with the same draws) and the classes are recomputed. Smaller groups would
    make the errors too large by a factor of two, since examples near a threshold change class when
    any few runs are left out. In simulated studies of 40 to 400 runs the errors are between 12% too
    small and 48% too large.

    Args:
      outcomes, train_mask, num_draws, seed, level: see `change_test`.
      unit: [M] int, equal for runs that are left out together, see `estimators.units`.
      alphas: floats > 0, the thresholds of `classify`.

    Returns:
      {alpha: {class: standard error}} of the shares that `shares` returns; NaN below 2 runs.

    Raises:
      InputError: for the same reasons as `change_test`.
    """
    outcomes, train_mask = [np.asarray(point) for point in outcomes], np.asarray(train_mask)
    null.check(outcomes, train_mask, num_draws, level)
    num_points, (num_runs, num_examples) = len(outcomes), train_mask.shape
    draws = null.normal_draws(num_points, num_draws, seed)
    numbered = units.numbered(unit, num_runs)
    num_units = units.count(numbered)
    groupings = [
        grouped.left_out(
            grouped.run_groups(num_units, seed, num_groups=NUM_GROUPS, draw=draw)[numbered]
        )
        for draw in range(GROUPINGS if num_units > 1 else 0)
    ]
    counts = {
        alpha: [np.zeros((len(kept), len(CLASSES)), int) for kept in groupings] for alpha in alphas
    }
    step = max(1, _BLOCK_ELEMENTS // max(draws.size, num_points * num_runs))
    for start in range(0, num_examples, step):
        block = [o[:, start : start + step] for o in outcomes]
        mask = train_mask[:, start : start + step]
        for draw, kept in enumerate(groupings):
            for group, runs in enumerate(kept):
                value, p = _left_out([o[runs] for o in block], mask[runs], draws)
                for alpha, of_groupings in counts.items():
                    classes = classify(value, alpha, p, level)
                    of_groupings[draw][group] += np.bincount(classes, minlength=len(CLASSES))
    return {
        alpha: dict(zip(CLASSES, _error(of_groupings).tolist(), strict=True))
        for alpha, of_groupings in counts.items()
    }


def share_margins(
    errors: dict[float, dict[str, float]], num_runs: int
) -> dict[float, dict[str, float]]:
    """Returns half the widths of the 95% intervals that follow from `share_errors`.

    The groupings are nearly independent of each other, so their degrees of freedom add up, to at
    most those of the runs.

    Args:
      num_runs: number of runs (or units of runs) of each point.
    """
    df = min(GROUPINGS * (min(NUM_GROUPS, num_runs) - 1), num_runs - 1)
    return {
        alpha: {name: float(margin(error, df)) for name, error in by_class.items()}
        for alpha, by_class in errors.items()
    }


def _left_out(
    outcomes: list[Array], mask: BoolArray, draws: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Returns memorization [n, A] and p [n] of the remaining runs."""
    value, sd = null.noise(outcomes, mask)
    p = null.p_value(null.deviation(value), null.null_deviations(draws, sd))
    return value.T, p


def _error(counts: Sequence[IntArray]) -> FloatArray:
    """Returns the standard errors [K] of shares, from the counts [G, K] of several groupings."""
    variances = []
    for of_groups in counts:
        shares = [list(shares_of_counts(count).values()) for count in of_groups]
        replicates = np.array(shares).reshape(-1, len(CLASSES))
        variances.append(grouped.jackknife(replicates) ** 2)
    return np.sqrt(np.mean(variances, axis=0))
