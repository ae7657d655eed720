"""Agreement of proxies with memorization that is estimated from other runs.

The runs are split at random into two halves. A proxy is computed from runs of one half and
memorization from all runs of the other, so that noise that they share does not count as agreement.
The agreement is averaged over both assignments of the halves and over several splits. Every proxy
is compared with the sign for which higher = harder.

The expected agreement of a proxy that does not depend on the other half is at most the ceiling
sqrt(r), where r is the agreement of memorization between the halves. Every agreement is an inner
product of centered unit vectors (of values or ranks), u for memorization and v for the proxy:
E[v u] <= |E u|, and E[u u'] = |E u|^2 for two halves of equal size.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from memkit import big_arrays, estimators, seeds
from memkit.estimators import grouped
from memkit.proxies import average, hardness, weighted_average
from memkit.proxies.correlations import Statistic
from memkit.typing import Array, BoolArray, FloatArray, IntArray

Numbers: TypeAlias = dict[str, float]  # By the name of the statistic.
_Samples: TypeAlias = dict[str, dict[str, list[float]]]  # By proxy and statistic.

SINGLE_RUNS = 2  # Runs per half and split from which single-run proxies are computed.


@dataclasses.dataclass(frozen=True)
class Board:
    """Agreements of proxies with memorization, by the names of the statistics.

    Attributes:
      reliability: {statistic: float}, agreement of memorization between the halves.
      ceiling: {statistic: float}, its square root, NaN if it is negative; the largest agreement
        that a proxy can be expected to have.
      averaged: {proxy: {statistic: float}}, agreement of the proxy averaged over runs of a half.
      single: {proxy: {statistic: float}}, mean agreement of the proxy of a single run.
      single_deviation: {proxy: {statistic: float}}, standard deviation of the latter over runs.
    """

    reliability: Numbers
    ceiling: Numbers
    averaged: dict[str, Numbers]
    single: dict[str, Numbers]
    single_deviation: dict[str, Numbers]


def halves(num_runs: int, num_history: int, seed: int, num_splits: int) -> BoolArray:
    """Splits the runs at random into two halves, several times.

    Args:
      num_runs: M, number of runs.
      num_history: how many of the first runs have proxies; each half gets half of these and
        half of the others. If a number is odd, the second half gets the extra run.
      seed: int >= 0.
      num_splits: S, number of splits.

    Returns:
      [S, M] bool, True for the runs of the first half.
    """
    first = np.zeros((num_splits, num_runs), bool)
    for split in range(num_splits):
        rng = seeds.stream(seed, "proxies/halves", split)
        for start, stop in ((0, num_history), (num_history, num_runs)):
            order = start + rng.permutation(stop - start)
            first[split, order[: (stop - start) // 2]] = True
    return first


def board(
    values: Mapping[str, Sequence[FloatArray]],
    outcomes: Sequence[Array] | Array,
    train_mask: BoolArray,
    *,
    history: IntArray,
    first: BoolArray,
    statistics: Mapping[str, Statistic],
) -> Board:
    """Compares proxies with memorization from the other half of the runs.

    Args:
      values: {proxy: matrices [H, N] of A sizes}, in the units of `PROXIES`; NaN where undefined.
      outcomes: [A, M, N] bool or float in [0, 1].
      train_mask: [M, N] bool, True where run m trained on example i; the same at all sizes.
      history: [H] int, the indices among the M runs of the runs with proxies.
      first: [S, M] bool, True for the runs of the first half, per split.
      statistics: {name: function from proxy [N, A] and memorization [N, A] to a float}.

    Returns:
      `Board`; a number is NaN if no half has a value or if the statistic is undefined.
    """
    averages: _Samples = {name: {s: [] for s in statistics} for name in values}
    singles: _Samples = {name: {s: [] for s in statistics} for name in values}
    between: dict[str, list[float]] = {s: [] for s in statistics}
    for half in first:
        scores = [_memorization(outcomes, train_mask, runs) for runs in (half, ~half)]
        for s, statistic in statistics.items():
            between[s].append(statistic(*scores))
        for runs, score in ((half, scores[1]), (~half, scores[0])):
            rows = np.flatnonzero(runs[history])
            for name, value in values.items():
                averaged = np.stack([average(size[rows]) for size in value], axis=1)
                averaged = hardness(name, averaged)
                for s, statistic in statistics.items():
                    averages[name][s].append(statistic(averaged, score))
                    singles[name][s].extend(
                        statistic(hardness(name, _single(value, row)), score)
                        for row in rows[:SINGLE_RUNS]
                    )
    reliability = {s: _mean(numbers) for s, numbers in between.items()}
    return Board(
        reliability=reliability,
        ceiling={s: float(np.sqrt(r)) if r >= 0 else float("nan") for s, r in reliability.items()},
        averaged=_reduced(_mean, averages),
        single=_reduced(_mean, singles),
        single_deviation=_reduced(_deviation, singles),
    )


def _single(value: Sequence[FloatArray], row: int) -> FloatArray:
    """Returns a proxy of a single run at all sizes, [N, A] float64."""
    return np.stack([size[row] for size in value]).T.astype(np.float64)


def _reduced(reduce: Callable[[list[float]], float], samples: _Samples) -> dict[str, Numbers]:
    return {
        name: {statistic: reduce(numbers) for statistic, numbers in by_statistic.items()}
        for name, by_statistic in samples.items()
    }


def standard_errors(
    values: Mapping[str, Sequence[FloatArray]],
    outcomes: Sequence[Array] | Array,
    train_mask: BoolArray,
    *,
    history: IntArray,
    first: BoolArray,
    group: IntArray,
    statistics: Mapping[str, Statistic],
) -> tuple[dict[str, Numbers], Numbers]:
    """Returns standard errors over runs of the averaged agreements and the ceiling of a `Board`.

    They come from a jackknife that leaves out each group of runs once, from the proxies as well as
    from memorization. (Random weights of the runs would double the noise in both, which makes the
    errors of a correlation too large, increasingly so with more examples.) In simulated studies of
    40 runs the errors are 5% to 60% too large.

    Args:
      values, outcomes, train_mask, history, first, statistics: as in `board`.
      group: [M] int, the group of each run, from `grouped.run_groups`.

    Returns:
      (averaged, ceiling): {proxy: {statistic: float}} and {statistic: float}; NaN below 2 groups
      or if a replicate is undefined.
    """
    weights = grouped.left_out(group).astype(np.float64)
    totals = {name: np.zeros((len(weights), len(statistics))) for name in values}
    between = np.zeros((len(weights), len(statistics)))
    for half in first:
        scores = [_replicates(outcomes, train_mask, runs, weights) for runs in (half, ~half)]
        between += _statistics(statistics, *scores)
        for runs, score in ((half, scores[1]), (~half, scores[0])):
            rows = np.flatnonzero(runs[history])
            for name, value in values.items():
                sizes = (size[rows] for size in value)
                averages = [
                    weighted_average(size, ~np.isnan(size), weights[:, history[rows]])
                    for size in sizes
                ]
                proxy = hardness(name, np.stack(averages, axis=2))
                totals[name] += _statistics(statistics, proxy, score)
    averaged = {
        name: _named(statistics, grouped.jackknife(total / (2 * len(first))))
        for name, total in totals.items()
    }
    reliability = between / len(first)
    ceiling = np.sqrt(np.where(reliability >= 0, reliability, np.nan))
    return averaged, _named(statistics, grouped.jackknife(ceiling))


def _replicates(
    outcomes: Sequence[Array] | Array, train_mask: BoolArray, runs: BoolArray, weights: FloatArray
) -> FloatArray:
    """Returns memorization [G, N, A] from the runs of a half, for each row of weights [G, M]."""
    mask = big_arrays.take(train_mask, runs)
    taken = (big_arrays.take(o, runs) for o in outcomes)
    return np.stack(
        [estimators.replicate_memorization(o, mask, weights[:, runs]) for o in taken], axis=2
    )


def _statistics(
    statistics: Mapping[str, Statistic], first: FloatArray, second: FloatArray
) -> list[list[float]]:
    """Returns [G, K]: each statistic of each pair of replicates."""
    return [[s(*pair) for s in statistics.values()] for pair in zip(first, second, strict=True)]


def _named(statistics: Mapping[str, Statistic], numbers: FloatArray) -> Numbers:
    return dict(zip(statistics, numbers.tolist(), strict=True))


def _memorization(
    outcomes: Sequence[Array] | Array, train_mask: BoolArray, runs: BoolArray
) -> FloatArray:
    mask = big_arrays.take(train_mask, runs)
    taken = (big_arrays.take(o, runs) for o in outcomes)
    return np.stack([estimators.memorization(o, mask).value for o in taken], axis=1)


def _mean(numbers: Iterable[float]) -> float:
    numbers = [n for n in numbers if not np.isnan(n)]
    return float(np.mean(numbers)) if numbers else float("nan")


def _deviation(numbers: Iterable[float]) -> float:
    numbers = [n for n in numbers if not np.isnan(n)]
    return float(np.std(numbers, ddof=1)) if len(numbers) > 1 else float("nan")
