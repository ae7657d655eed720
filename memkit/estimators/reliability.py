"""Standard errors of numbers that summarize all examples. The sampling unit is the run.

Examples share their runs, so an error computed over examples would be far too small. The error of a
mean is the delete-one jackknife over runs. The error of a share, quantile, correlation or any other
statistic is its spread over replicates in which every run counts a random number of times (the
bootstrap over runs); with the same weights at all points, differences between points are paired.
"""

import dataclasses
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from memkit import big_arrays, seeds
from memkit.errors import expected
from memkit.estimators import arms, grouped, null_distribution, units
from memkit.estimators.margins import WithError
from memkit.typing import Array, BoolArray, FloatArray, IntArray


@dataclasses.dataclass(frozen=True)
class DatasetMeans:
    """Means over the examples whose memorization is defined; memorization = in - out exactly.

    Attributes:
      memorization: mean memorization; higher = more memorized.
      in_mean: mean outcome of the runs that trained on the example.
      out_mean: mean outcome of the runs that did not.
      num_examples: number of examples averaged.
    """

    memorization: WithError
    in_mean: WithError
    out_mean: WithError
    num_examples: int


def jackknife_mean(
    outcome: Array,
    train_mask: BoolArray,
    examples: IntArray | BoolArray | None = None,
    *,
    unit: IntArray | None = None,
) -> DatasetMeans:
    """Averages memorization over examples, with jackknife standard errors over runs.

    Args:
      outcome: [M, N] bool or float in [0, 1].
      train_mask: [M, N] bool, True where run m trained on example i.
      examples: [K] indices or [N] bool, the examples to average; all if None.
      unit: [M] int, equal for runs that are left out together, see `units`.

    Returns:
      `DatasetMeans`. An example without runs in an arm is left out of all three means, also of a
      replicate whose deleted run was its only one. NaN if no example is left.

    Raises:
      InputError: as `memorization` does.

    Examples:
      >>> train_mask = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], bool)
      >>> correct = np.array([[1, 1], [1, 1], [0, 1], [0, 1]], bool)
      >>> means = jackknife_mean(correct, train_mask)
      >>> means.memorization.value, means.in_mean.value, means.out_mean.value
      (0.5, 1.0, 0.5)
    """
    outcome, train_mask = arms.check(outcome, train_mask)
    if examples is not None:
        outcome, train_mask = (
            big_arrays.take(matrix, examples, axis=1) for matrix in (outcome, train_mask)
        )
    numbered = units.numbered(unit, len(outcome))
    num_units = units.count(numbered)
    sums = np.zeros((2, num_units + 1))
    counts = np.zeros(num_units + 1)
    for columns in arms.blocks(*outcome.shape):
        values = outcome[:, columns].astype(np.float64)
        means = _without_each(values, train_mask[:, columns], numbered)
        defined = ~np.isnan(means).any(axis=0)
        sums += np.where(defined, means, 0).sum(axis=2)
        counts += defined.sum(axis=1)
    in_mean, out_mean = sums / arms.undefined_below(counts, 1)
    return DatasetMeans(
        memorization=grouped.with_error(in_mean - out_mean),
        in_mean=grouped.with_error(in_mean),
        out_mean=grouped.with_error(out_mean),
        num_examples=int(counts[0]),
    )


def run_weights(
    num_runs: int, seed: int, num_replicates: int = 200, *, unit: IntArray | None = None
) -> IntArray:
    """Draws how often each run counts in each bootstrap replicate.

    Args:
      num_runs: M.
      seed: int >= 0.
      num_replicates: R.
      unit: [M] int, equal for runs that always count equally often, see `units`.

    Returns:
      [R, M] int64; each row sums to M if all units have the same number of runs.

    Examples:
      >>> run_weights(num_runs=4, seed=0, num_replicates=3).sum(axis=1)
      array([4, 4, 4])
    """
    if num_runs == 0:
        return np.zeros((num_replicates, 0), np.int64)
    numbered = units.numbered(unit, num_runs)
    num = units.count(numbered)
    rng = seeds.stream(seed, "run_weights")
    return rng.multinomial(num, np.full(num, 1 / num), size=num_replicates)[:, numbered]


def replicate_memorization(
    outcome: Array, train_mask: BoolArray, weights: npt.ArrayLike
) -> FloatArray:
    """Estimates memorization once per replicate.

    Args:
      outcome: [M, N] bool or float in [0, 1].
      train_mask: [M, N] bool, True where run m trained on example i.
      weights: [R, M], how often each run counts, whole numbers from `run_weights`.

    Returns:
      [R, N] float64; NaN where the runs of an arm count 0 times.

    Raises:
      InputError: as `memorization` does, and if the weights do not match the runs.

    Examples:
      >>> train_mask = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], bool)
      >>> correct = np.array([[1, 1], [0, 1], [0, 1], [0, 1]], bool)
      >>> replicate_memorization(correct, train_mask, weights=[[1, 1, 1, 1], [3, 1, 0, 0]])
      array([[0.5, 0. ],
             [nan, 0. ]])
    """
    return _replicate(outcome, train_mask, weights, lambda in_mean, out_mean: in_mean - out_mean)


def replicate_consistency(
    outcome: Array, train_mask: BoolArray, weights: npt.ArrayLike
) -> FloatArray:
    """Estimates the consistency score once per replicate; see `replicate_memorization`.

    Examples:
      >>> train_mask = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], bool)
      >>> correct = np.array([[1, 1], [1, 1], [0, 1], [1, 1]], bool)
      >>> replicate_consistency(correct, train_mask, weights=[[1, 1, 1, 1], [1, 1, 0, 2]])
      array([[0.5, 1. ],
             [1. , 1. ]])
    """
    return _replicate(outcome, train_mask, weights, lambda _, out_mean: out_mean)


def _replicate(
    outcome: Array,
    train_mask: BoolArray,
    run_counts: npt.ArrayLike,
    score: Callable[[FloatArray, FloatArray], FloatArray],
) -> FloatArray:
    """Returns score(in means, out means) [R, N] of each replicate."""
    outcome, train_mask = arms.check(outcome, train_mask)
    # Sums of 0/1 outcomes are exact in float32, too.
    weights = np.asarray(run_counts, np.float32 if outcome.dtype == bool else np.float64)
    if weights.ndim != 2 or weights.shape[1] != len(outcome):
        raise expected("weights", f"shape (R, {len(outcome)})", f"shape {weights.shape}")
    replicates = np.empty((len(weights), outcome.shape[1]))
    for columns in arms.blocks(max(weights.shape), outcome.shape[1]):
        values = outcome[:, columns].astype(weights.dtype)
        mask = train_mask[:, columns].astype(weights.dtype)
        num_in = weights @ mask
        num_out = weights.sum(axis=1, keepdims=True) - num_in
        in_mean, out_mean = (
            (weights @ (values * arm)) / arms.undefined_below(num, 1)
            for arm, num in ((mask, num_in), (1 - mask, num_out))
        )
        replicates[:, columns] = score(in_mean, out_mean)
    return replicates


def standard_error(
    statistic: Callable[[FloatArray], float], replicates: Iterable[npt.ArrayLike]
) -> float:
    """Returns the standard error over runs of any number computed from per-example estimates.

    Replicates contain the noise of the runs twice. The error of a share above a threshold is
    therefore up to a quarter too small if the noise of an estimate exceeds the differences between
    examples. It is within a tenth of the truth if memorization spreads over most of [0, 1].

    Args:
      statistic: function from one replicate [N] to a float, such as a share or a correlation.
      replicates: [R, N], from `replicate_memorization`.

    Returns:
      float, standard deviation (ddof 1) of the statistic over the replicates.

    Examples:
      >>> replicates = [[0.0, 0.5], [0.5, 0.5], [0.5, 1.0]]
      >>> standard_error(np.mean, replicates)
      0.25
    """
    return float(np.std([statistic(np.asarray(row)) for row in replicates], ddof=1))


def share_above(values: npt.ArrayLike, threshold: float) -> float:
    """Returns the share of the defined values at or above a threshold; NaN if none is defined.

    Values that are equal to the threshold but for rounding count.

    Examples:
      >>> share_above([0.1, 0.25, 0.5, np.nan, 0.0], threshold=0.25)
      0.5
    """
    scores = np.asarray(values)
    num_defined = np.count_nonzero(~np.isnan(scores))
    num_above = np.count_nonzero(scores >= threshold - null_distribution.ROUNDING)
    return float(num_above / num_defined) if num_defined else float("nan")


def _without_each(values: FloatArray, mask: BoolArray, unit: IntArray) -> FloatArray:
    """Returns in and out means, [2, U + 1, n]: of all runs, then with each unit deleted."""
    means = []
    for arm in (mask, ~mask):
        num, total = arm.sum(axis=0), np.where(arm, values, 0).sum(axis=0)
        num = np.vstack([num, num - units.sums(arm, unit)])
        total = np.vstack([total, total - units.sums(arm * values, unit)])
        means.append(total / arms.undefined_below(num, 1))
    return np.array(means)
