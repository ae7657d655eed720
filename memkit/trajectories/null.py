"""Permutation test of whether a trajectory's range exceeds what noise alone produces.

Noise alone produces trajectories: with 400 runs, most examples that do not change at all have a
range of at least 0.1. An example is therefore assigned to a class other than constant only if its
range exceeds the ranges that result from shuffling the points within each run.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from memkit import big_arrays, seeds
from memkit.errors import expected
from memkit.estimators import units
from memkit.trajectories.classes import CLASSES, LEVEL, ROUNDING, classify, shares_of_counts
from memkit.typing import Array, BoolArray, FloatArray, IntArray

_BLOCK_ELEMENTS = 10**7


@dataclasses.dataclass(frozen=True)
class RangeTest:
    """Result of the permutation test of each example's range along the axis.

    Attributes:
      p: [N] float64 in (0, 1]; small = the example changes along the axis; NaN where undefined.
      null_shares: {alpha: {class: share}}, mean shares of the classes among the defined examples of
        permuted studies, each classified with its own p.
    """

    p: FloatArray
    null_shares: dict[float, dict[str, float]]


def permutation_null(
    outcomes: Sequence[Array] | Array,
    train_mask: BoolArray,
    alphas: Iterable[float] = (0.1, 0.2, 0.3),
    num_permutations: int = 199,
    seed: int = 0,
    level: float = LEVEL,
    unit: IntArray | None = None,
) -> RangeTest:
    """Tests whether each example's memorization changes along the axis at all.

    Under the null hypothesis that the points do not matter, the outcomes of a run at the A points
    are exchangeable. A permuted study shuffles the points within each run, in the same way for all
    examples, which preserves the dependence between the examples of a run. p = (1 + number of
    permuted studies whose range is at least the observed one) / (1 + num_permutations). The p of a
    permuted study is its rank among the same ranges, including the observed one.

    Args:
      outcomes: [A, M, N] bool or float, or A matrices [M, N]: the outcomes of the same runs at the
        points of the axis.
      train_mask: [M, N] bool, True where run m trained on example i.
      alphas: floats > 0, the thresholds of `classify` for which to return null shares.
      num_permutations: large enough for a p at or below the level.
      seed: int >= 0.
      level: float in (0, 1), as in `classify`.
      unit: [M] int, equal for runs whose points are shuffled in the same way, see
        `estimators.units`.

    Returns:
      `RangeTest`. Time grows with num_permutations * A^2 * M * N.

    Raises:
      InputError: the shapes do not fit, or there are too few permutations for the level.

    Examples:
      >>> mask = np.arange(20)[:, None] % 2 == np.zeros(3, int)
      >>> never, always = np.zeros((20, 3), bool), mask
      >>> test = permutation_null([never, never, always], mask)
      >>> test.p.round(3).tolist()
      [0.005, 0.005, 0.005]
    """
    outcomes, train_mask = [np.asarray(point) for point in outcomes], np.asarray(train_mask)
    check(outcomes, train_mask, num_permutations, level)
    num_points, (num_runs, num_examples) = len(outcomes), train_mask.shape
    chosen = selection(num_points, units.numbered(unit, num_runs), num_permutations, seed)
    p = np.full(num_examples, np.nan)
    counts = {alpha: np.zeros(len(CLASSES), int) for alpha in alphas}
    step = max(1, _BLOCK_ELEMENTS // max(chosen.shape))
    for start in range(0, num_examples, step):
        columns = slice(start, start + step)
        signed, defined = _signed_weights(train_mask[:, columns])
        terms = [np.multiply(o[:, columns], signed, dtype=np.float32) for o in outcomes]
        values = chosen @ np.concatenate(terms)
        values = values.reshape(1 + num_permutations, num_points, -1)[:, :, defined]
        ranks = _range_p(values)
        p[start + np.flatnonzero(defined)] = ranks[0]
        _count_null_classes(counts, values[1:], ranks[1:], level)
    return RangeTest(p, {alpha: shares_of_counts(count) for alpha, count in counts.items()})


def check(
    outcomes: Sequence[Array], train_mask: BoolArray, num_permutations: int, level: float
) -> None:
    """Raises an InputError if shapes do not fit, values are not finite or permutations too few."""
    if train_mask.ndim != 2 or train_mask.dtype != bool:
        raise expected(
            "train_mask", "a bool matrix [M, N]", f"{train_mask.dtype} {train_mask.shape}"
        )
    shapes = {point.shape for point in outcomes}
    if shapes != {train_mask.shape}:
        raise expected(
            "outcomes",
            "shape (A, {}, {}) with A >= 1".format(*train_mask.shape),
            f"{len(outcomes)} of shapes {sorted(shapes)}",
        )
    if not all(np.isfinite(o[rows]).all() for o in outcomes for rows in big_arrays.row_blocks(o)):
        raise expected(
            "outcomes", "finite values (diverged runs must be left out first)", "NaN or infinity"
        )
    if 1 / (1 + num_permutations) > level:
        raise expected("num_permutations", f"enough for a p of {level} or less", num_permutations)


def selection(
    num_points: int, unit: IntArray, num_permutations: int, seed: int
) -> npt.NDArray[np.float32]:
    """Returns the matrix [(R + 1) * A, A * M] float32 that maps terms to (permuted) values.

    Row (r, a) selects for each run the point that permutation r moves to position a; the first
    "permutation" is the study as observed.

    Args:
      unit: [M] int from `estimators.units.numbered`.
    """
    num_runs = len(unit)
    points = np.tile(np.arange(num_points), (1 + num_permutations, units.count(unit), 1))
    seeds.stream(seed, "permutation_null").permuted(points[1:], axis=2, out=points[1:])
    points = points[:, unit]
    is_selected = points.transpose(0, 2, 1)[:, :, None, :] == np.arange(num_points)[:, None]
    return is_selected.reshape(-1, num_points * num_runs).astype(np.float32)


def _signed_weights(train_mask: BoolArray) -> tuple[npt.NDArray[np.float32], BoolArray]:
    """Returns weights [M, n] that turn outcomes into memorization, and where it is defined [n]."""
    num_in = np.count_nonzero(train_mask, axis=0)
    num_out = len(train_mask) - num_in
    weights = np.where(train_mask, 1 / np.maximum(num_in, 1), -1 / np.maximum(num_out, 1))
    return weights.astype(np.float32), (num_in > 0) & (num_out > 0)


def _range_p(values: FloatArray) -> FloatArray:
    """Returns p [R + 1, n] of values [R + 1, A, n]: the share of studies with no smaller range."""
    ranges = np.ptp(values, axis=1)
    at_least = [np.count_nonzero(ranges >= row - ROUNDING, axis=0) for row in ranges]
    return np.array(at_least) / len(ranges)


def _count_null_classes(
    counts: dict[float, IntArray], values: FloatArray, p: FloatArray, level: float
) -> None:
    """Adds the classes of permuted studies to counts[alpha] [K]; values [R, A, n], p [R, n]."""
    changing = p <= level
    candidates = values.transpose(0, 2, 1)[changing]
    for alpha, count in counts.items():
        count += np.bincount(classify(candidates, alpha), minlength=len(CLASSES))
        count[CLASSES.index("constant")] += np.count_nonzero(~changing)
