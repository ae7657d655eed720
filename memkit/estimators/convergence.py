"""How scores converge as runs are added, and how many runs a given precision takes."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from memkit import big_arrays, seeds
from memkit.errors import expected
from memkit.estimators import arms, grouped, intervals, units
from memkit.estimators.correlation import pearson, spearman
from memkit.estimators.margins import WithError
from memkit.typing import Array, BoolArray, FloatArray, IntArray

# Pearson [1 + G] from all runs and with each group left out, Spearman, number of examples.
_Comparison: TypeAlias = tuple[FloatArray, float, int]

SCORES = ("memorization", "consistency")
POOLED_SCORES = ("memorization", "against_raw")
SMALLEST = 4
SPLITS = 5
POOLED_GROUPS = 5  # of runs behind the error of an agreement of pooled scores


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How well two estimates from disjoint sets of runs agree; means over several random splits.

    Attributes:
      runs: number of runs behind each of the two.
      spearman: float in [-1, 1], rank correlation over examples; higher = more reliable.
      pearson: correlation over examples, in [-1, 1]; its standard error over runs is that of
        `grouped`.
      num_examples: examples defined in both estimates, mean over splits.
    """

    runs: int
    spearman: float
    pearson: WithError
    num_examples: float


def half_sizes(num_runs: int) -> tuple[int, ...]:
    """Returns the numbers of runs 4, 8, 16, ... below num_runs / 2, then num_runs // 2 itself."""
    half = num_runs // 2
    sizes = [SMALLEST]
    while 2 * sizes[-1] < half:
        sizes.append(2 * sizes[-1])
    return tuple(dict.fromkeys([s for s in sizes if s < half] + [half])) if half >= 2 else ()


def agreements(
    outcome: Array,
    train_mask: BoolArray,
    seed: int,
    num_splits: int = SPLITS,
    *,
    unit: IntArray | None = None,
) -> dict[str, list[Agreement]]:
    """Compares scores from disjoint halves with growing numbers of runs.

    Args:
      outcome: [M, N] bool or float in [0, 1].
      train_mask: [M, N] bool, True where run m trained on example i.
      seed: int >= 0, for the splits.
      num_splits: number of random pairs of halves for each number of runs.
      unit: [M] int, equal for runs that stay together, see `units`; units are then counted as runs.

    Returns:
      {"memorization": [Agreement], "consistency": [Agreement]} for the sizes of `half_sizes`.
      Examples undefined in a half are left out; NaN by the rule of `correlation`.

    Raises:
      InputError: as `memorization` does.
    """
    outcome, train_mask = arms.check(outcome, train_mask)
    numbered = units.numbered(unit, len(outcome))
    num_units = units.count(numbered)
    kept = grouped.left_out(grouped.run_groups(num_units, seed))[:, numbered]
    kept = np.vstack([np.ones(len(outcome), bool), kept])
    orders = [
        seeds.stream(seed, "convergence", split).permutation(num_units)
        for split in range(num_splits)
    ]
    agreements_of: dict[str, list[Agreement]] = {name: [] for name in SCORES}
    for size in half_sizes(num_units):
        splits = []
        for order in orders:
            halves = (order[:size], order[size : 2 * size])
            runs = tuple(units.runs(half, numbered) for half in halves)
            splits.append(_compare(outcome, train_mask, kept, runs))
        for name in SCORES:
            agreements_of[name].append(_agreement(size, [split[name] for split in splits]))
    return agreements_of


def _compare(
    outcome: Array, train_mask: BoolArray, kept: BoolArray, halves: Sequence[IntArray]
) -> dict[str, _Comparison]:
    """Compares the scores from the runs of two halves."""
    first, second = (
        _scores(big_arrays.take(outcome, runs), big_arrays.take(train_mask, runs), kept[:, runs])
        for runs in halves
    )
    return {name: _comparison(first[name], second[name]) for name in SCORES}


def _comparison(first: FloatArray, second: FloatArray) -> _Comparison:
    """Compares two scores [1 + G, N], from all runs and with each group left out."""
    return (
        np.array([pearson(*pair) for pair in zip(first, second, strict=True)]),
        spearman(first[0], second[0]),
        int(np.count_nonzero(~np.isnan(first[0] + second[0]))),
    )


def _scores(outcome: Array, train_mask: BoolArray, kept: BoolArray) -> dict[str, FloatArray]:
    """Returns {score: [K, N]}, each row from the runs in one row of kept [K, M]."""
    weights = kept.astype(np.float64)
    shape = (len(kept), outcome.shape[1])
    scores: dict[str, FloatArray] = {name: np.empty(shape) for name in SCORES}
    for columns in arms.blocks(*outcome.shape):
        values, mask = (m[:, columns].astype(np.float64) for m in (outcome, train_mask))
        num_in, in_sum = weights @ mask, weights @ (values * mask)
        num_out = weights.sum(axis=1, keepdims=True) - num_in
        in_mean = in_sum / arms.undefined_below(num_in, 1)
        out_mean = (weights @ values - in_sum) / arms.undefined_below(num_out, 1)
        scores["memorization"][:, columns] = in_mean - out_mean
        scores["consistency"][:, columns] = out_mean
    return scores


def _agreement(size: int, splits: Sequence[_Comparison]) -> Agreement:
    """Averages the comparisons of several splits."""
    pearsons, spearmans, num_examples = zip(*splits, strict=True)
    whole = grouped.with_error(np.mean(pearsons, axis=0))
    return Agreement(
        runs=size,
        spearman=float(np.mean(spearmans)),
        pearson=whole,
        num_examples=float(np.mean(num_examples)),
    )


def pooled_sizes(num_runs: int) -> tuple[int, ...]:
    """Returns num_runs // 2 and the largest of the `half_sizes` that is at most half of it.

    Examples:
      >>> pooled_sizes(40), pooled_sizes(400)
      ((8, 20), (64, 200))
    """
    sizes = half_sizes(num_runs)
    smaller = [size for size in sizes if 2 * size <= sizes[-1]]
    return (*smaller[-1:], *sizes[-1:])


def pooled_agreements(
    scores: Callable[[IntArray], tuple[FloatArray, FloatArray]], num_runs: int, seed: int
) -> dict[str, list[Agreement]]:
    """Compares pooled scores from disjoint halves with each other and with raw scores.

    Two pooled scores share the part that images alone determine, and the bias that comes with it,
    so they agree better than either agrees with the truth, and `spearman_brown` does not apply. A
    raw score from the other half has no bias and independent noise. If the pooled score of one half
    agrees better with it than the raw score does, then it is also nearer to the truth.

    Every score is a fit. Therefore there is one split, the first of `agreements`, with the two
    numbers of runs of `pooled_sizes`, and errors come from five groups of runs.

    Args:
      scores: returns the pooled and the raw scores, [N] each, from some runs, [m] int.
      num_runs: M; each run is a unit of its own.
      seed: int >= 0, for the split and the groups.

    Returns:
      {"memorization": [Agreement] of pooled with pooled scores, "against_raw": [Agreement] of
      pooled with raw scores, mean of both directions}.
    """
    group = grouped.run_groups(num_runs, seed, num_groups=POOLED_GROUPS)
    kept = np.vstack([np.ones(num_runs, bool), grouped.left_out(group)])
    order = seeds.stream(seed, "convergence", 0).permutation(num_runs)
    agreements_of: dict[str, list[Agreement]] = {name: [] for name in POOLED_SCORES}
    for size in pooled_sizes(num_runs):
        (first, first_raw), (second, second_raw) = (
            _replicated(scores, (half[chosen[half]] for chosen in kept))
            for half in (order[:size], order[size : 2 * size])
        )
        both = [_comparison(first, second_raw), _comparison(second, first_raw)]
        agreements_of["memorization"].append(_agreement(size, [_comparison(first, second)]))
        agreements_of["against_raw"].append(_agreement(size, both))
    return agreements_of


def _replicated(
    scores: Callable[[IntArray], tuple[FloatArray, FloatArray]], sets: Iterable[IntArray]
) -> FloatArray:
    """Returns pooled and raw scores from several sets of runs, [2, K, N]."""
    return np.stack([scores(runs) for runs in sets], axis=1)


def spearman_brown(correlation: float, times: float = 2) -> float:
    """Returns the reliability predicted for `times` as many runs (Spearman 1910; Brown 1910).

    k r / (1 + (k - 1) r). Exact for Pearson correlations of scores with independent noise of equal
    variance, a good approximation for ranks. NaN for negative correlations, which scores with
    independent noise have only by chance.
    """
    if not correlation >= 0:
        return float("nan")
    return times * correlation / (1 + (times - 1) * correlation)


def half_widths(
    lower: npt.ArrayLike, upper: npt.ArrayLike, quantiles: Sequence[float] = (0.5, 0.9)
) -> tuple[float, ...]:
    """Returns quantiles over examples of the half widths of intervals; NaN if none is defined.

    Args:
      lower: [N] float, lower ends; NaN where undefined.
      upper: [N] float, upper ends.
      quantiles: each in [0, 1].
    """
    halves = intervals.half_widths(lower, upper)
    return tuple(float(np.quantile(halves, q)) if len(halves) else math.nan for q in quantiles)


def runs_needed(half_width: float, num_runs: int, wanted: float) -> float:
    """Returns the number of runs for a wanted half width: runs x (half width / wanted)^2.

    Normal intervals shrink as 1 / sqrt(runs). Score and padded intervals of few runs are pulled
    towards the middle. The result is therefore too low for rates in the middle, and too high for
    rates near 0 or 1, where widths shrink as 1 / runs.

    Args:
      half_width: the half width with num_runs runs.
      wanted: float > 0.

    Returns:
      Whole number as float; NaN if half_width is NaN.

    Raises:
      InputError: wanted is not above 0.
    """
    if not wanted > 0:
        raise expected("wanted", "a half width above 0", wanted)
    needed = num_runs * (half_width / wanted) ** 2
    return float(math.ceil(needed - 1e-9)) if math.isfinite(needed) else math.nan
