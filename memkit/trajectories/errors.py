"""How far the shares of the classes of trajectory would move with other runs."""

from collections.abc import Iterable, Sequence

import numpy as np

from memkit.estimators import arms, grouped, margin
from memkit.trajectories import null
from memkit.trajectories.classes import CLASSES, LEVEL, ROUNDING, classify, shares_of_counts
from memkit.typing import Array, BoolArray, FloatArray, IntArray

GROUPINGS, NUM_GROUPS = 4, 4
_BLOCK_ELEMENTS = 10**7


def share_errors(
    outcomes: Sequence[Array] | Array,
    train_mask: BoolArray,
    alphas: Iterable[float],
    *,
    num_permutations: int = 99,
    seed: int = 0,
    level: float = LEVEL,
) -> dict[float, dict[str, float]]:
    """Returns the standard errors over runs of the shares of the classes.

    The delete-a-group jackknife of `estimators.grouped`, mean variance of several groupings:
    without each quarter of the runs, memorization, the permutation test (with the same
    permutations of the runs that stay) and the classes are computed anew. Smaller groups would
    make the errors twice too large, since examples near a threshold change their class at the
    loss of any few runs. In simulated studies of 40 to 400 runs they are between 7% too small
    and 48% too large.

    Args:
      outcomes, train_mask, num_permutations, seed, level: see `permutation_null`.
      alphas: floats > 0, thresholds of `classify`.

    Returns:
      {alpha: {class: standard error}}, of the shares that `shares` returns; NaN below 2 runs.

    Raises:
      InputError: as `permutation_null` does.
    """
    outcomes, train_mask = [np.asarray(point) for point in outcomes], np.asarray(train_mask)
    null.check(outcomes, train_mask, num_permutations, level)
    num_points, (num_runs, num_examples) = len(outcomes), train_mask.shape
    selection = null.selection(num_points, num_runs, num_permutations, seed)
    selection = selection.reshape(-1, num_points, num_runs)
    variances: dict[float, list[FloatArray]] = {alpha: [] for alpha in alphas}
    for draw in range(GROUPINGS):
        group = grouped.run_groups(num_runs, seed, num_groups=NUM_GROUPS, draw=draw)
        parts: list[tuple[IntArray, FloatArray]] = []
        for g in np.unique(group):
            runs = np.flatnonzero(group == g)
            parts.append((runs, selection[:, :, runs].reshape(len(selection), -1)))
        counts = {alpha: np.zeros((len(parts), len(CLASSES)), int) for alpha in alphas}
        step = max(1, _BLOCK_ELEMENTS // max(1, len(parts) * len(selection)))
        for start in range(0, num_examples, step):
            columns = slice(start, start + step)
            values = _left_out([o[:, columns] for o in outcomes], train_mask[:, columns], parts)
            values = values.reshape(len(parts), 1 + num_permutations, num_points, -1)
            _count_classes(counts, values, level)
        for alpha, count in counts.items():
            variances[alpha].append(_jackknife(count) ** 2)
    return {
        alpha: dict(zip(CLASSES, np.sqrt(np.mean(found, axis=0)).tolist(), strict=True))
        for alpha, found in variances.items()
    }


def share_margins(
    errors: dict[float, dict[str, float]], num_runs: int
) -> dict[float, dict[str, float]]:
    """Returns half the widths of the 95% intervals that follow from `share_errors`.

    Groupings are nearly independent of each other, so their degrees of freedom add up, to at most
    those of the runs.

    Args:
      errors: what `share_errors` returned.
      num_runs: number of runs of each point.
    """
    df = min(GROUPINGS * (min(NUM_GROUPS, num_runs) - 1), num_runs - 1)
    return {
        alpha: {name: float(margin(error, df)) for name, error in by_class.items()}
        for alpha, by_class in errors.items()
    }


def _left_out(
    outcomes: list[Array], mask: BoolArray, parts: list[tuple[IntArray, FloatArray]]
) -> FloatArray:
    """Returns memorization [G, (R + 1) * A, n] without each of G parts of the runs."""
    means = []
    for arm in (mask, ~mask):
        sums = np.stack(
            [
                chosen @ np.concatenate([o[runs] * arm[runs] for o in outcomes]).astype(np.float32)
                for runs, chosen in parts
            ]
        )
        num = np.stack([np.count_nonzero(arm[runs], axis=0) for runs, _ in parts])
        num = arms.undefined_below(num.sum(axis=0) - num, 1).astype(np.float32)
        means.append((sums.sum(axis=0) - sums) / num[:, None])
    return means[0] - means[1]


def _count_classes(counts: dict[float, IntArray], values: FloatArray, level: float) -> None:
    """Adds the classes of the observed studies, the first of R + 1, to counts[alpha] [G, K]."""
    for g, studies in enumerate(values):
        ranges = np.ptp(studies, axis=1)
        p = np.count_nonzero(ranges >= ranges[0] - ROUNDING, axis=0) / len(ranges)
        for alpha, count in counts.items():
            classes = classify(studies[0].T, alpha, p, level)
            count[g] += np.bincount(classes, minlength=len(CLASSES))


def _jackknife(counts: IntArray) -> FloatArray:
    shares = [list(shares_of_counts(count).values()) for count in counts]
    return grouped.jackknife(np.array(shares).reshape(-1, len(CLASSES)))
