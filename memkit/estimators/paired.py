"""Changes from one point to another, over the runs that both points have.

The points of a study share their subsets, so every number here is computed from the change within
each run: effects of a subset that both points share cancel. The sampling unit of all errors is the
run.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from memkit.errors import expected
from memkit.estimators import arms, grouped, units
from memkit.estimators.margins import WithError, mean_over_runs, pooled_df
from memkit.estimators.reliability import DatasetMeans
from memkit.typing import Array, BoolArray, FloatArray, IntArray

BINS = 20


def change_of_means(
    outcome_a: Array,
    outcome_b: Array,
    train_mask: BoolArray,
    groups: BoolArray | None = None,
    *,
    unit: IntArray | None = None,
) -> tuple[DatasetMeans, ...]:
    """Estimates how the means over groups of examples change from point a to point b.

    The estimator of `memorization` is linear, so it is applied to each run's change of outcome.
    Errors are those of the delete-one jackknife over runs. Deleting k of the n runs of an arm
    changes its mean by the sum of (mean - outcome of the run) over these runs, divided by n - k, so
    one matrix product gives all deletions.

    Args:
      outcome_a: [M, N] bool or float in [0, 1], outcomes of point a.
      outcome_b: [M, N] outcomes of point b, of the same kind, for the same runs in the same order.
      train_mask: [M, N] bool, True where run m trained on example i.
      groups: [N, K] bool, the members of each group; groups may overlap. None: one group of all.
      unit: [M] int, equal for runs that are left out together, see `units`.

    Returns:
      K `DatasetMeans` of b minus a in [-2, 2], positive = higher at b. Examples with fewer than two
      runs in an arm are left out of their groups; a group without examples has NaN.

    Raises:
      InputError: on matrices of different shapes or kinds, or with values outside [0, 1].
    """
    outcome_a, train_mask = arms.check(outcome_a, train_mask)
    outcome_b, train_mask = arms.check(outcome_b, train_mask)
    if (outcome_a.dtype == bool) != (outcome_b.dtype == bool):
        raise expected("outcome_b", f"the kind of point a ({outcome_a.dtype})", outcome_b.dtype)
    groups = _checked_groups(groups, train_mask.shape[1])
    num_runs, shape = len(train_mask), groups.shape[1:]
    numbered = units.numbered(unit, num_runs)
    sums, moves = np.zeros((2, *shape)), np.zeros((2, units.count(numbered), *shape))
    counts = np.zeros(shape, np.int64)
    for columns in arms.blocks(*train_mask.shape):
        change = outcome_b[:, columns].astype(np.float64) - outcome_a[:, columns]
        mask = train_mask[:, columns]
        num_in = np.count_nonzero(mask, axis=0)
        usable = (num_in >= 2) & (num_runs - num_in >= 2)
        members = groups[columns][usable].astype(np.float64)
        counts += np.count_nonzero(members, axis=0)
        for row, arm in enumerate((mask[:, usable], ~mask[:, usable])):
            num = np.count_nonzero(arm, axis=0)
            mean = np.einsum("mn,mn->n", change[:, usable], arm) / num
            sums[row] += mean @ members
            deleted = units.sums(arm * (mean - change[:, usable]), numbered)
            left = np.where(arm_num := units.sums(arm, numbered), num - arm_num, 1)
            moves[row] += (deleted / left) @ members
    return _means(sums, moves, counts)


def _checked_groups(groups: BoolArray | None, num_examples: int) -> BoolArray:
    if groups is None:
        return np.ones((num_examples, 1), bool)
    groups = np.asarray(groups)
    if groups.ndim != 2 or len(groups) != num_examples or groups.dtype != bool:
        raise expected(
            "groups", f"a bool matrix ({num_examples}, K)", f"{groups.dtype} {groups.shape}"
        )
    return groups


def _means(sums: FloatArray, moves: FloatArray, counts: IntArray) -> tuple[DatasetMeans, ...]:
    """Returns the DatasetMeans of each group.

    Args:
      sums: [2, K], sums of the mean changes over the members, of both arms.
      moves: [2, M, K], by how much deleting a run changes these sums.
      counts: [K], number of members.
    """
    whole = arms.undefined_below(counts, 1)
    in_mean, out_mean = sums / whole
    in_moves, out_moves = moves / whole
    columns = zip(
        _with_errors(in_mean - out_mean, in_moves - out_moves),
        _with_errors(in_mean, in_moves),
        _with_errors(out_mean, out_moves),
        counts.tolist(),
        strict=True,
    )
    return tuple(DatasetMeans(*column) for column in columns)


def _with_errors(values: FloatArray, moves: FloatArray) -> list[WithError]:
    errors, df = grouped.jackknife(moves), len(moves) - 1
    return [WithError(float(v), float(e), df) for v, e in zip(values, errors, strict=True)]


def combine(estimates: Sequence[tuple[WithError, int]]) -> WithError:
    """Pools estimates of one mean from groups of examples measured on separate runs.

    Args:
      estimates: [(WithError, number of examples)]; those without examples are left out.

    Returns:
      `WithError`: mean weighted by the examples; its error treats the estimates as independent.
    """
    defined = [(estimate, num) for estimate, num in estimates if num]
    total = sum(num for _, num in defined)
    if not total:
        return WithError(float("nan"), float("nan"), float("nan"))
    value = sum(num * estimate.value for estimate, num in defined) / total
    errors = [num * estimate.stderr / total for estimate, num in defined]
    df = pooled_df(errors, [estimate.df for estimate, _ in defined])
    return WithError(value, float(np.hypot.reduce(errors)), df)


def paired_mean(values_a: npt.ArrayLike, values_b: npt.ArrayLike) -> WithError:
    """Returns the `WithError` of the mean change of a number per run, such as test accuracy.

    Args:
      values_a: [M] float, the number in each run of point a.
      values_b: [M] float, in the same runs of point b; the result is b minus a.
    """
    return mean_over_runs(np.asarray(values_b, np.float64) - np.asarray(values_a, np.float64))


def joint_histogram(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[IntArray, FloatArray]:
    """Counts examples by two scores, in `BINS` bins of equal width on [0, 1] for each.

    Scores below 0, which are noise around 0, are counted in the first bin.

    Args:
      first: [N] float, memorization at one point, in [-1, 1].
      second: [N] float, memorization of the same examples at another point.

    Returns:
      (counts [BINS, BINS] int64, bins of `first` along the first axis; edges [BINS + 1]). Examples
      with NaN in either score are left out.
    """
    edges = np.linspace(0, 1, BINS + 1).round(6)
    scores = np.stack([np.asarray(first, np.float64), np.asarray(second, np.float64)])
    scores = scores[:, np.isfinite(scores).all(axis=0)]
    # Means of 0/1 outcomes lie on bin edges up to rounding errors.
    x, y = np.clip(scores + 1e-9, 0, 1)
    counts, _, _ = np.histogram2d(x, y, bins=[edges, edges])
    return counts.astype(np.int64), edges
