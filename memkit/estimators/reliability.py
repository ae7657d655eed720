"""Errors of numbers that sum over examples. The sampling unit is the run.

Examples share their runs, so an error computed over examples would be far too small. Means get
the delete-one jackknife over runs. Shares, quantiles, correlations and everything else get their
spread over replicates in which every run counts a random number of times (the bootstrap over
runs); with the same weights at all points, differences between points are paired.
"""

import dataclasses

import numpy as np
from etils import epy

from memkit import big_arrays, seeds
from memkit.errors import expected
from memkit.estimators import arms
from memkit.estimators.margins import WithError
from memkit.estimators.memorization import memorization

with epy.lazy_imports():  # Ranks need it; commands that rank nothing start sooner.
    import scipy.stats


@dataclasses.dataclass(frozen=True)
class DatasetMeans:
    """Means over the examples whose memorization is defined; memorization = in - out exactly.

    Attributes:
      memorization: `WithError`, mean memorization; higher = more memorized.
      in_mean: `WithError`, mean outcome of the runs that trained on the example.
      out_mean: `WithError`, mean outcome of the runs that did not.
      num_examples: int, number of examples averaged.
    """

    memorization: WithError
    in_mean: WithError
    out_mean: WithError
    num_examples: int


@dataclasses.dataclass(frozen=True)
class SplitHalf:
    """Agreement of two estimates from disjoint halves of the runs.

    Attributes:
      spearman: float in [-1, 1], rank correlation between the halves; higher = more reliable.
      spearman_brown: float <= 1, reliability predicted for all the runs, 2 r / (1 + r); a
        correlation of the full estimate with anything is capped by its square root.
      num_examples: int, examples defined in both halves.
    """

    spearman: float
    spearman_brown: float
    num_examples: int


def jackknife_mean(outcome, train_mask, examples=None):
    """Averages memorization over examples, with standard errors from leaving out each run once.

    Args:
      outcome: [M, N] bool or float in [0, 1].
      train_mask: [M, N] bool, True where run m trained on example i.
      examples: [K] indices or [N] bool, the examples to average; all if None.

    Returns:
      `DatasetMeans`. An example without runs in an arm is left out of all three means, also of a
      replicate whose deleted run was its only one. NaN if no example is left.

    Raises:
      InputError: as `memorization` does.
    """
    outcome, train_mask = arms.check(outcome, train_mask)
    if examples is not None:
        outcome, train_mask = (
            big_arrays.take(matrix, examples, axis=1) for matrix in (outcome, train_mask)
        )
    num_runs = len(outcome)
    sums = np.zeros((2, num_runs + 1))
    counts = np.zeros(num_runs + 1)
    for columns in arms.blocks(*outcome.shape):
        means = _leave_one_out(outcome[:, columns].astype(np.float64), train_mask[:, columns])
        defined = ~np.isnan(means).any(axis=0)
        sums += np.where(defined, means, 0).sum(axis=2)
        counts += defined.sum(axis=1)
    in_mean, out_mean = sums / arms.undefined_below(counts, 1)
    parts = [_jackknife(replicates) for replicates in (in_mean - out_mean, in_mean, out_mean)]
    return DatasetMeans(*parts, num_examples=int(counts[0]))


def run_weights(num_runs, seed, num_replicates=200):
    """Returns how often each run counts in each replicate, [R, M] int64, rows summing to M."""
    if num_runs == 0:
        return np.zeros((num_replicates, 0), np.int64)
    rng = seeds.stream(seed, "run_weights")
    return rng.multinomial(num_runs, np.full(num_runs, 1 / num_runs), size=num_replicates)


def replicate_memorization(outcome, train_mask, weights):
    """Estimates memorization once per replicate.

    Args:
      outcome: [M, N] bool or float in [0, 1].
      train_mask: [M, N] bool, True where run m trained on example i.
      weights: [R, M], how often each run counts, from `run_weights`.

    Returns:
      [R, N] float64, NaN where the runs of an arm count 0 times.

    Raises:
      InputError: as `memorization` does, and if weights do not fit the runs.
    """
    return _replicate(outcome, train_mask, weights, lambda in_mean, out_mean: in_mean - out_mean)


def replicate_consistency(outcome, train_mask, weights):
    """Estimates the consistency score once per replicate, as `replicate_memorization` does."""
    return _replicate(outcome, train_mask, weights, lambda _, out_mean: out_mean)


def _replicate(outcome, train_mask, weights, score):
    outcome, train_mask = arms.check(outcome, train_mask)
    weights = np.asarray(weights, np.float64)
    if weights.ndim != 2 or weights.shape[1] != len(outcome):
        raise expected("weights", f"shape (R, {len(outcome)})", f"shape {weights.shape}")
    replicates = np.empty((len(weights), outcome.shape[1]))
    for columns in arms.blocks(*outcome.shape):
        values = outcome[:, columns].astype(np.float64)
        mask = train_mask[:, columns].astype(np.float64)
        in_mean, out_mean = (
            (weights @ (values * arm)) / arms.undefined_below(weights @ arm, 1)
            for arm in (mask, 1 - mask)
        )
        replicates[:, columns] = score(in_mean, out_mean)
    return replicates


def standard_error(statistic, replicates):
    """Returns the standard error over runs of any number computed from per-example estimates.

    Replicates carry the noise of the runs twice. So the error of a share above a threshold comes
    out up to a quarter too small where the noise of an estimate exceeds the differences between
    examples, and within a tenth of the truth where memorization spreads over most of [0, 1].

    Args:
      statistic: function from one replicate [N] to a float, such as a share or a correlation.
      replicates: [R, N], from `replicate_memorization`.

    Returns:
      float, standard deviation (ddof 1) of the statistic over the replicates.
    """
    return float(np.std([statistic(replicate) for replicate in replicates], ddof=1))


def share_above(values, threshold):
    """Returns the share of values at or above a threshold, among those not NaN; NaN if none is."""
    values = np.asarray(values)
    num_defined = np.count_nonzero(~np.isnan(values))
    return np.count_nonzero(values >= threshold) / num_defined if num_defined else float("nan")


def split_half(outcome, train_mask, seed):
    """Compares memorization between two random halves of the runs.

    Args:
      outcome: [M, N] bool or float in [0, 1].
      train_mask: [M, N] bool, True where run m trained on example i.
      seed: int >= 0, for the split; an odd run is left out.

    Returns:
      `SplitHalf` over the examples defined in both halves; NaN if a half does not vary.

    Raises:
      InputError: as `memorization` does.
    """
    outcome, train_mask = arms.check(outcome, train_mask)
    order = seeds.stream(seed, "split_half").permutation(len(outcome))
    half = len(outcome) // 2
    first, second = (
        memorization(big_arrays.take(outcome, runs), big_arrays.take(train_mask, runs)).value
        for runs in (order[:half], order[half : 2 * half])
    )
    defined = ~np.isnan(first) & ~np.isnan(second)
    spearman = _spearman(first[defined], second[defined])
    doubled = 2 * spearman / (1 + spearman) if spearman > -1 else float("nan")
    return SplitHalf(spearman, doubled, int(np.count_nonzero(defined)))


def _leave_one_out(values, mask):
    """Returns in and out means [2, M + 1, n]: of all runs, then with each run deleted."""
    means = []
    for arm in (mask, ~mask):
        num, total = arm.sum(axis=0), np.where(arm, values, 0).sum(axis=0)
        num = np.vstack([num, num - arm])
        total = np.vstack([total, total - arm * values])
        means.append(total / arms.undefined_below(num, 1))
    return np.array(means)


def _jackknife(estimates):
    """Returns the `WithError` of [M + 1] estimates: of all runs, then with each run deleted."""
    deleted = estimates[1:]
    num_runs = arms.undefined_below(len(deleted), 2)
    spread = np.sum((deleted - deleted.sum() / num_runs) ** 2)
    error = float(np.sqrt(spread * (num_runs - 1) / num_runs))
    return WithError(float(estimates[0]), error, len(deleted) - 1)


def _spearman(first, second):
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(scipy.stats.rankdata(first), scipy.stats.rankdata(second))[0, 1])
