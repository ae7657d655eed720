"""Agreement between two scores of the same examples.

Feldman & Zhang (2020) measure consistency across architectures by the Jaccard index of the sets
above a threshold and the mean difference of the scores, as functions of the threshold.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from memkit import big_arrays
from memkit.errors import expected
from memkit.estimators import null_distribution, split_halves
from memkit.estimators.correlation import pearson, spearman
from memkit.estimators.memorization import memorization
from memkit.typing import Array, BoolArray, FloatArray, IntArray

THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(1, 20))


@dataclasses.dataclass(frozen=True)
class Agreement:
    """Agreement of two scores over the examples defined in both; NaN where undefined.

    Attributes:
      num_examples: number of examples defined in both.
      spearman: float in [-1, 1], rank correlation.
      pearson: float in [-1, 1].
      mean_difference: mean of second - first; positive = the second is higher.
      mean_absolute_difference: float >= 0.
    """

    num_examples: int
    spearman: float
    pearson: float
    mean_difference: float
    mean_absolute_difference: float


@dataclasses.dataclass(frozen=True, eq=False)
class Curves:
    """Agreement of the sets of examples at or above each of K thresholds.

    Only examples defined in both scores are counted.

    Attributes:
      thresholds: [K] float.
      num_first: [K] int, size of the first set.
      num_second: [K] int, size of the second set.
      num_both: [K] int, size of their intersection.
      jaccard: [K] float in [0, 1], intersection / union; higher = more agreement; NaN if both
        sets are empty.
      difference: [K] float, mean of second - first over the union; NaN if it is empty.
    """

    thresholds: FloatArray
    num_first: IntArray
    num_second: IntArray
    num_both: IntArray
    jaccard: FloatArray
    difference: FloatArray


@dataclasses.dataclass(frozen=True)
class CrossHalf:
    """Rank correlations between halves of the runs of two points a and b.

    Attributes:
      first: between the two halves of a.
      second: between the two halves of b.
      across: between one half of a and the other half of b, averaged over both
        assignments; the halves have no run and therefore no subset in common.
      corrected: across / sqrt(first x second), the correlation without the noise of the
        runs (Spearman 1904); may exceed 1 by chance; NaN if a correlation between halves is not
        positive.
    """

    first: float
    second: float
    across: float
    corrected: float


def compare(first: npt.ArrayLike, second: npt.ArrayLike) -> Agreement:
    """Returns the `Agreement` of two scores [N]; examples with a NaN are left out.

    Examples:
      >>> agreement = compare([0.1, 0.2, 0.9, np.nan], [0.2, 0.3, 0.8, 0.5])
      >>> agreement.num_examples, agreement.spearman, round(agreement.mean_difference, 3)
      (3, 1.0, 0.033)
    """
    first, second = _defined(first, second)
    difference = second - first
    return Agreement(
        num_examples=len(first),
        spearman=spearman(first, second),
        pearson=pearson(first, second),
        mean_difference=_mean(difference),
        mean_absolute_difference=_mean(np.abs(difference)),
    )


def threshold_curves(
    first: npt.ArrayLike, second: npt.ArrayLike, thresholds: Sequence[float] = THRESHOLDS
) -> Curves:
    """Returns the `Curves` of two scores [N]; examples with a NaN are left out.

    Args:
      first, second: [N] float.
      thresholds: [K] float, ascending.

    Examples:
      >>> curves = threshold_curves([0.1, 0.6, 0.9], [0.2, 0.3, 0.8], thresholds=(0.25, 0.5))
      >>> curves.jaccard.tolist(), curves.num_first.tolist()
      ([1.0, 0.5], [2, 2])
    """
    first, second = _defined(first, second)
    levels = reached(first, thresholds), reached(second, thresholds)
    return curves_of_levels(thresholds, levels, second - first)


def reached(values: FloatArray, thresholds: Sequence[float]) -> IntArray:
    """Returns how many of the ascending thresholds each value [N] reaches, [N] int."""
    levels = np.array(thresholds, np.float64) - null_distribution.ROUNDING
    return np.searchsorted(levels, values, side="right")


def curves_of_levels(
    thresholds: Sequence[float], levels: tuple[IntArray, IntArray], difference: FloatArray
) -> Curves:
    """Returns the `Curves` of two scores.

    Args:
      thresholds: [K] float, ascending.
      levels: how many thresholds the values of each score reach, see `reached`.
      difference: [N] float, second - first.
    """
    (first, second), num_thresholds = levels, len(thresholds)
    in_either = np.maximum(first, second)
    union = _reaching(in_either, num_thresholds)
    both = _reaching(np.minimum(first, second), num_thresholds)
    sums = _reaching(in_either, num_thresholds, weights=difference)
    size = np.where(union > 0, union, np.nan)
    return Curves(
        thresholds=np.array(thresholds, np.float64),
        num_first=_reaching(first, num_thresholds),
        num_second=_reaching(second, num_thresholds),
        num_both=both,
        jaccard=both / size,
        difference=sums / size,
    )


def _reaching(
    num_reached: IntArray, num_thresholds: int, weights: FloatArray | None = None
) -> Array:
    """Returns the number, or the total weight, of examples that reach each threshold [K]."""
    counts = np.bincount(num_reached, weights, minlength=num_thresholds + 1)
    return counts[::-1].cumsum()[::-1][1:]


def jaccard(first: npt.ArrayLike, second: npt.ArrayLike, threshold: float) -> float:
    """Returns the Jaccard index of the examples at or above a threshold; NaN if there are none.

    Examples:
      >>> jaccard([0.1, 0.6, 0.9], [0.2, 0.3, 0.8], threshold=0.5)
      0.5
    """
    return float(threshold_curves(first, second, (threshold,)).jaccard[0])


def pair_jaccard(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Returns the Jaccard index of two sets of pairs; NaN if both are empty.

    Args:
      first: [P, 2] int, pairs without repeats.
      second: [Q, 2] int.

    Examples:
      >>> pair_jaccard([(0, 1), (2, 3)], [(2, 3), (4, 5)]) == 1 / 3
      True
    """
    a, b = (set(map(tuple, np.asarray(pairs).reshape(-1, 2).tolist())) for pairs in (first, second))
    return len(a & b) / len(a | b) if a | b else float("nan")


def ceiling(first: float, second: float = 1.0) -> float:
    """Returns the largest correlation that two noisy scores can be expected to have.

    Args:
      first: reliability of one score, such as `SplitHalf.spearman_brown`.
      second: reliability of the other; 1 for a score without noise.

    Returns:
      float, sqrt(first x second) (Spearman 1904); NaN if a reliability is not positive.

    Examples:
      >>> ceiling(0.81), round(ceiling(0.81, 0.64), 3)
      (0.9, 0.72)
    """
    is_positive = first > 0 and second > 0
    return float(np.sqrt(first * second)) if is_positive else float("nan")


def cross_half(
    outcome_a: Array,
    outcome_b: Array,
    train_mask: BoolArray,
    seed: int,
    unit: IntArray | None = None,
) -> CrossHalf:
    """Correlates two points of a study over disjoint halves of their runs.

    The points share their subsets, so their estimates also share the noise of the subsets.
    Estimates from disjoint halves do not.

    Args:
      outcome_a: [M, N] bool or float in [0, 1], outcomes of point a.
      outcome_b: [M, N], of point b, for the same runs in the same order.
      train_mask: [M, N] bool, True where run m trained on example i.
      seed: int >= 0; the split is that of `estimators.split_half`.
      unit: [M] int, equal for runs that stay in one half.

    Returns:
      `CrossHalf` over the examples defined in both halves.

    Raises:
      InputError: for the reasons of `estimators.memorization`, or the points have different runs.
    """
    if np.shape(outcome_a) != np.shape(outcome_b):
        raise expected("outcome_b", f"shape {np.shape(outcome_a)}", f"shape {np.shape(outcome_b)}")
    halves = split_halves.halves(len(train_mask), seed, unit)
    masks = [big_arrays.take(train_mask, runs) for runs in halves]
    estimates = np.array(
        [
            [memorization(big_arrays.take(o, runs), m).value for runs, m in zip(halves, masks)]
            for o in (outcome_a, outcome_b)
        ]
    )
    a, b = estimates[:, :, ~np.isnan(estimates).any(axis=(0, 1))]
    first, second = spearman(*a), spearman(*b)
    across = (spearman(a[0], b[1]) + spearman(a[1], b[0])) / 2
    return CrossHalf(first, second, across, across / ceiling(first, second))


def _defined(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise expected("second", f"shape {first.shape}", f"shape {second.shape}")
    defined = ~np.isnan(first) & ~np.isnan(second)
    return first[defined], second[defined]


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else float("nan")
