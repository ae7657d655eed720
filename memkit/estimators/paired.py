"""Changes from one point to another, over the runs that both have.

The points of a study share their subsets, so every number here is made from each run's own change:
what both points owe to a subset cancels. The sampling unit of all errors is the run.
"""

import numpy as np

from memkit.errors import expected
from memkit.estimators import arms
from memkit.estimators.margins import WithError, mean_over_runs, pooled_df
from memkit.estimators.reliability import DatasetMeans

BINS = 20


def change_of_means(outcome_a, outcome_b, train_mask, groups=None):
    """Estimates how the means over groups of examples change from point a to point b.

    The estimator of `memorization` is linear, so it is applied to each run's change of outcome.
    Errors are those of the delete-one jackknife over runs; deleting run m moves the mean of an arm
    with n runs by (mean - outcome of m) / (n - 1), so all deletions are one matrix product.

    Args:
      outcome_a: [M, N] bool or float in [0, 1], outcomes of point a.
      outcome_b: [M, N] outcomes of point b, of the same kind, for the same runs in the same order.
      train_mask: [M, N] bool, True where run m trained on example i.
      groups: [N, K] bool, the members of each group; groups may overlap. None: one group of all.

    Returns:
      K `DatasetMeans` of b minus a in [-2, 2], positive = higher at b. Examples with fewer than two
      runs in an arm are left out of their groups; a group without examples has NaN.

    Raises:
      InputError: on matrices that do not fit, of mixed kinds, or with values outside [0, 1].
    """
    outcome_a, train_mask = arms.check(outcome_a, train_mask)
    outcome_b, train_mask = arms.check(outcome_b, train_mask)
    if (outcome_a.dtype == bool) != (outcome_b.dtype == bool):
        raise expected("outcome_b", f"the kind of point a ({outcome_a.dtype})", outcome_b.dtype)
    groups = _checked_groups(groups, train_mask.shape[1])
    num_runs, shape = len(train_mask), groups.shape[1:]
    sums, moves, counts = np.zeros((2, *shape)), np.zeros((2, num_runs, *shape)), 0
    for columns in arms.blocks(*train_mask.shape):
        change = outcome_b[:, columns].astype(np.float64) - outcome_a[:, columns]
        mask = train_mask[:, columns]
        num_in = np.count_nonzero(mask, axis=0)
        usable = (num_in >= 2) & (num_runs - num_in >= 2)
        members = groups[columns][usable].astype(np.float64)
        counts += np.count_nonzero(members, axis=0)
        for place, arm in enumerate((mask[:, usable], ~mask[:, usable])):
            num = np.count_nonzero(arm, axis=0)
            mean = np.einsum("mn,mn->n", change[:, usable], arm) / num
            sums[place] += mean @ members
            moves[place] += (arm * (mean - change[:, usable]) / (num - 1)) @ members
    return _means(sums, moves, counts)


def _checked_groups(groups, num_examples):
    if groups is None:
        return np.ones((num_examples, 1), bool)
    groups = np.asarray(groups)
    if groups.ndim != 2 or len(groups) != num_examples or groups.dtype != bool:
        raise expected(
            "groups", f"a bool matrix ({num_examples}, K)", f"{groups.dtype} {groups.shape}"
        )
    return groups


def _means(sums, moves, counts):
    """Returns the DatasetMeans of each group from sums [2, K] and moves [2, M, K] of both arms."""
    whole = arms.undefined_below(counts, 1)
    in_mean, out_mean = sums / whole
    in_moves, out_moves = moves / whole
    parts = zip(
        _with_errors(in_mean - out_mean, in_moves - out_moves),
        _with_errors(in_mean, in_moves),
        _with_errors(out_mean, out_moves),
        strict=True,
    )
    return tuple(DatasetMeans(*part, num_examples=int(n)) for part, n in zip(parts, counts))


def _with_errors(values, moves):
    num_runs = arms.undefined_below(len(moves), 2)
    spread = np.sum((moves - moves.sum(axis=0) / num_runs) ** 2, axis=0)
    errors = np.sqrt(spread * (num_runs - 1) / num_runs)
    df = len(moves) - 1
    return [WithError(float(v), float(e), df) for v, e in zip(values, errors, strict=True)]


def combine(parts):
    """Pools estimates of one mean from groups of examples measured on separate runs.

    Args:
      parts: [(WithError, number of examples)]; parts without examples are left out.

    Returns:
      `WithError`: mean weighted by the examples; its error takes the parts as independent.
    """
    kept = [(part, num) for part, num in parts if num]
    whole = sum(num for _, num in kept)
    if not whole:
        return WithError(float("nan"), float("nan"), float("nan"))
    value = sum(num * part.value for part, num in kept) / whole
    errors = [num * part.stderr / whole for part, num in kept]
    df = pooled_df(errors, [part.df for part, _ in kept])
    return WithError(value, float(np.hypot.reduce(errors)), df)


def paired_mean(values_a, values_b):
    """Returns the `WithError` of the mean change of a number per run, such as test accuracy.

    Args:
      values_a: [M] float, the number in each run of point a.
      values_b: [M] float, in the same runs of point b; the result is b minus a.
    """
    return mean_over_runs(np.asarray(values_b, np.float64) - np.asarray(values_a, np.float64))


def joint_histogram(first, second, bins=BINS):
    """Counts examples by two scores.

    Args:
      first: [N] float, memorization at one point, in [-1, 1].
      second: [N] float, memorization of the same examples at another point.
      bins: number of bins of equal width on [0, 1]; scores below 0, which are noise around 0,
        count in the first bin.

    Returns:
      (counts [bins, bins] int64, bins of `first` along the first axis; edges [bins + 1]). Examples
      with NaN in either score are left out.
    """
    edges = np.linspace(0, 1, bins + 1).round(6)
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    defined = np.isfinite(first) & np.isfinite(second)
    # Means of 0/1 outcomes sit on bin edges up to float rounding.
    pair = [np.clip(score[defined] + 1e-9, 0, 1) for score in (first, second)]
    counts, _, _ = np.histogram2d(*pair, bins=(edges, edges))
    return counts.astype(np.int64), edges
