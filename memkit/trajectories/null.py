"""Monte Carlo test of whether memorization changes along the axis more than noise alone explains.

Noise alone produces trajectories: with 400 runs, most examples that do not change at all have a
range of at least 0.1. An example is therefore assigned to a class other than constant only if its
trajectory deviates from a constant more than simulated noise does. Only memorization is assumed to
be constant under the null hypothesis. The accuracy of an example may change along the axis.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from memkit import big_arrays, seeds
from memkit.errors import expected
from memkit.estimators.margins import NORMAL_QUANTILE, student
from memkit.trajectories.classes import CLASSES, LEVEL, ROUNDING, classify, shares_of_counts
from memkit.typing import Array, BoolArray, FloatArray, IntArray

# Each arm's variance includes that of so many typical runs, so that no arm is without variation.
PRIOR_RUNS = 2
# Weight of what a parabola does not explain, relative to what it explains.
ROUGHNESS = 0.5
_BLOCK_ELEMENTS = 10**7


@dataclasses.dataclass(frozen=True)
class ChangeTest:
    """Result of the test of each example's trajectory against a constant one.

    Attributes:
      p: [N] float64 in (0, 1]; small = the example changes along the axis; NaN where undefined.
      null_shares: {alpha: {class: share}}, mean shares of the classes among the defined examples of
        simulated studies without change, each classified with its own p.
    """

    p: FloatArray
    null_shares: dict[float, dict[str, float]]


def change_test(
    outcomes: Sequence[Array] | Array,
    train_mask: BoolArray,
    alphas: Iterable[float] = (0.1, 0.2, 0.3),
    num_draws: int = 1024,
    seed: int = 0,
    level: float = LEVEL,
) -> ChangeTest:
    """Tests whether each example's memorization changes along the axis at all.

    The null hypothesis is that the memorization of the example is the same at all points, whatever
    its accuracy is. A trajectory of noise consists of normal deviates with the `noise` of the
    example. p = (1 + number of trajectories of noise whose `deviation` is at least the observed
    one) / (1 + num_draws). The normal deviates are the same for all examples. The p of a trajectory
    of noise is its rank among the same deviations, including the observed one. Runs that are paired
    across the arms, as in studies that leave one example out, count as independent, which makes the
    noise too large.

    Args:
      outcomes: [A, M, N] bool or float, or A matrices [M, N]: the outcomes of the same runs at the
        points of the axis.
      train_mask: [M, N] bool, True where run m trained on example i.
      alphas: floats > 0, the thresholds of `classify` for which to return null shares.
      num_draws: number of trajectories of noise, a power of two that is large enough for a p at or
        below the level.
      seed: int >= 0.
      level: float in (0, 1), as in `classify`.

    Returns:
      `ChangeTest`. Time grows with A * M * N + num_draws * A^2 * N.

    Raises:
      InputError: the shapes do not fit, or num_draws is no power of two or too small.

    Examples:
      >>> mask = np.arange(20)[:, None] % 2 == np.zeros(3, int)
      >>> never, always = np.zeros((20, 3), bool), mask
      >>> test = change_test([never, never, always], mask, num_draws=256)
      >>> test.p.round(3).tolist()
      [0.004, 0.004, 0.004]
    """
    outcomes, train_mask = [np.asarray(point) for point in outcomes], np.asarray(train_mask)
    check(outcomes, train_mask, num_draws, level)
    num_points, (num_runs, num_examples) = len(outcomes), train_mask.shape
    draws = normal_draws(num_points, num_draws, seed)
    p = np.full(num_examples, np.nan)
    counts = {alpha: np.zeros(len(CLASSES), int) for alpha in alphas}
    step = max(1, _BLOCK_ELEMENTS // max(draws.size, num_points * num_runs))
    for start in range(0, num_examples, step):
        columns = slice(start, start + step)
        value, sd = noise([o[:, columns] for o in outcomes], train_mask[:, columns])
        defined = ~np.isnan(value).any(axis=0)
        value, sd = value[:, defined], sd[:, defined]
        observed, null = deviation(value), null_deviations(draws, sd)
        p[start + np.flatnonzero(defined)] = p_value(observed, null)
        _count_null_classes(counts, draws, sd, _is_significant(observed, null, level))
    return ChangeTest(p, {alpha: shares_of_counts(count) for alpha, count in counts.items()})


def check(outcomes: Sequence[Array], train_mask: BoolArray, num_draws: int, level: float) -> None:
    """Raises an InputError if shapes do not fit, values are not finite or draws are too few."""
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
    if 1 / (1 + num_draws) > level or num_draws.bit_count() != 1:
        smallest = f"a power of two, enough for a p of {level} or less"
        raise expected("num_draws", smallest, num_draws)


def normal_draws(num_points: int, num_draws: int, seed: int) -> npt.NDArray[np.float32]:
    """Returns standard normal deviates [R, A] float32, one row per trajectory of noise.

    They come from a scrambled Sobol sequence. All examples share the draws, and with independent
    ones the number of significant examples would vary twice as much with the seed.
    """
    import scipy.stats  # Slow to import.

    stream = seeds.stream(seed, "change_test")
    draws = scipy.stats.qmc.MultivariateNormalQMC(np.zeros(num_points), seed=stream)
    return np.asarray(draws.random(num_draws), np.float32)


def noise(outcomes: Sequence[Array], train_mask: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Returns memorization [A, n] and the standard deviation of its noise [A, n], float32.

    An arm of k runs contributes (S + 2 V) / (k (k + 1)) to the variance at a point. S is the sum
    of squared residuals from the mean of the arm at the point, times 1 minus the mean correlation
    of a run's residuals at two points. V is the variance of the example's outcomes at a point,
    averaged over the points: that of two more runs. The standard deviation of an arm is widened by
    Student's t over the normal quantile, with (A - 1)(k - 1) degrees of freedom, because it is
    itself uncertain.

    Both are NaN where the example has no run in an arm.
    """
    stacked = np.stack(outcomes).astype(np.float32)
    num_points = len(stacked)
    prior = PRIOR_RUNS * stacked.var(axis=1).mean(axis=0)
    value, variance = np.zeros((2, num_points, train_mask.shape[1]))
    for arm, sign in ((train_mask, 1), (~train_mask, -1)):
        num = np.count_nonzero(arm, axis=0).astype(np.float32)
        num[num == 0] = np.nan
        mean = np.einsum("amn,mn->an", stacked, arm) / num
        residuals = stacked - mean[:, None]
        spread = np.einsum("amn,amn,mn->an", residuals, residuals, arm)
        spread *= _share_within_runs(residuals, arm)
        df = np.maximum((num_points - 1) * (num - 1), 1)
        error = np.sqrt((spread + prior) / (num * (num - 1 + PRIOR_RUNS)))
        variance += (error * student(df) / NORMAL_QUANTILE) ** 2
        value += sign * mean
    return value.astype(np.float32), np.sqrt(variance).astype(np.float32)


def _share_within_runs(residuals: FloatArray, arm: BoolArray) -> FloatArray:
    """Returns 1 - the mean correlation of a run's residuals [A, M, n] at two points, [n] float32.

    Levels that a run has at all points do not add to the deviation of a trajectory from a constant.
    """
    num_points = len(residuals)
    total = np.einsum("amn,amn,mn->n", residuals, residuals, arm)
    of_means = num_points * np.einsum("mn,mn->n", residuals.mean(axis=0) ** 2, arm)
    within = (total - of_means) * num_points / max(num_points - 1, 1)
    return np.divide(within, total, out=np.ones_like(total), where=total > 0)


def deviation(value: FloatArray) -> FloatArray:
    """Returns how much the trajectories [A, n] deviate from constants, [n]."""
    return np.linalg.norm(_contrasts(len(value)) @ value, axis=0)


def null_deviations(draws: FloatArray, sd: FloatArray) -> FloatArray:
    """Returns the deviations [R, n] of trajectories of noise, from draws [R, A] and sd [A, n]."""
    contrasts = _contrasts(len(sd))
    # One product for all contrasts, because every product waits for the threads of BLAS.
    products = (contrasts[:, None] * draws).reshape(-1, len(sd)) @ sd
    squares = np.square(products, out=products)
    return np.sqrt(squares.reshape(len(contrasts), len(draws), sd.shape[1]).sum(axis=0))


def p_value(observed: FloatArray, null: FloatArray) -> FloatArray:
    """Returns p [n] of observed deviations [n] among those of noise [R, n]."""
    return (1 + np.count_nonzero(null >= observed - ROUNDING, axis=0)) / (1 + len(null))


def _contrasts(num_points: int) -> npt.NDArray[np.float32]:
    """Returns orthogonal contrasts [A - 1, A]: linear, quadratic and so on, with their weights."""
    points = np.linspace(-1, 1, num_points)
    polynomials = np.linalg.qr(np.vander(points, increasing=True))[0].T[1:]
    weights = np.where(np.arange(1, num_points) <= 2, 1, ROUGHNESS)
    return (np.sqrt(weights)[:, None] * polynomials).astype(np.float32)


def _is_significant(observed: FloatArray, null: FloatArray, level: float) -> BoolArray:
    """Returns [R, n] bool: which trajectories of noise have a p at or below the level."""
    allowed = int(level * (1 + len(null)) + ROUNDING)
    deviations = np.concatenate([observed[None], null])
    largest = np.partition(deviations, len(null) - allowed, axis=0)[len(null) - allowed]
    return null > largest


def _count_null_classes(
    counts: dict[float, IntArray], draws: FloatArray, sd: FloatArray, changing: BoolArray
) -> None:
    """Adds the classes of trajectories of noise to counts[alpha] [K]; changing is [R, n] bool."""
    draw, example = np.nonzero(changing)
    candidates = draws[draw] * sd.T[example]
    for alpha, count in counts.items():
        count += np.bincount(classify(candidates, alpha), minlength=len(CLASSES))
        count[CLASSES.index("constant")] += np.count_nonzero(~changing)
