"""How scores settle as runs are added, and how many runs a wanted precision takes."""

import dataclasses
import math

import numpy as np
from etils import epy

from memkit import big_arrays, seeds
from memkit.errors import expected
from memkit.estimators import arms, grouped

with epy.lazy_imports():  # Ranks need it; commands that rank nothing start sooner.
    import scipy.stats

SCORES = ("memorization", "consistency")
SMALLEST = 4
SPLITS = 5


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How well two estimates from separate runs agree, mean over several random splits.

    Attributes:
      runs: int, runs in each of the two.
      spearman: float in [-1, 1], rank correlation over examples; higher = more reliable.
      pearson: float in [-1, 1], correlation over examples.
      pearson_stderr: float, its standard error over runs, see `grouped`; NaN where undefined.
      pearson_margin: float, half the width of its 95% interval.
      num_examples: float, examples defined in both estimates, mean over splits.
    """

    runs: int
    spearman: float
    pearson: float
    pearson_stderr: float
    pearson_margin: float
    num_examples: float


def half_sizes(num_runs):
    """Returns the numbers of runs 4, 8, 16, ... below num_runs / 2, then num_runs // 2 itself."""
    half = num_runs // 2
    sizes = [SMALLEST]
    while 2 * sizes[-1] < half:
        sizes.append(2 * sizes[-1])
    return tuple(dict.fromkeys([s for s in sizes if s < half] + [half])) if half >= 2 else ()


def agreements(outcome, train_mask, seed, num_splits=SPLITS):
    """Compares scores from disjoint halves of growing numbers of runs.

    Args:
      outcome: [M, N] bool or float in [0, 1].
      train_mask: [M, N] bool, True where run m trained on example i.
      seed: int >= 0, for the splits.
      num_splits: random pairs of halves for each number of runs.

    Returns:
      {"memorization": [Agreement], "consistency": [Agreement]} for the sizes of `half_sizes`.
      Examples undefined in a half are left out of it; NaN where a half does not vary.

    Raises:
      InputError: as `memorization` does.
    """
    outcome, train_mask = arms.check(outcome, train_mask)
    num_runs = len(outcome)
    kept = grouped.left_out(grouped.run_groups(num_runs, seed))
    kept = np.vstack([np.ones(num_runs, bool), kept])
    orders = [
        seeds.stream(seed, "convergence", split).permutation(num_runs)
        for split in range(num_splits)
    ]
    found = {name: [] for name in SCORES}
    for size in half_sizes(num_runs):
        splits = [_compare(outcome, train_mask, kept, order, size) for order in orders]
        for name in SCORES:
            found[name].append(_agreement(size, [split[name] for split in splits]))
    return found


def _compare(outcome, train_mask, kept, order, size):
    """Returns {score: (Pearson [1 + G], Spearman, number of examples)} of two halves."""
    halves = [
        _scores(*(big_arrays.take(m, runs) for m in (outcome, train_mask)), kept[:, runs])
        for runs in (order[:size], order[size : 2 * size])
    ]
    found = {}
    for name in SCORES:
        pairs = np.stack([half[name] for half in halves], axis=1)
        defined = ~np.isnan(pairs).any(axis=1)
        pearson = [_correlation(pair[:, row]) for pair, row in zip(pairs, defined, strict=True)]
        whole = pairs[0][:, defined[0]]
        spearman = _correlation(scipy.stats.rankdata(whole, axis=1))
        found[name] = np.array(pearson), spearman, whole.shape[1]
    return found


def _scores(outcome, train_mask, kept):
    """Returns memorization and consistency [K, N] of the runs that each row [K, M] keeps."""
    weights = kept.astype(np.float64)
    found = {name: np.empty((len(kept), outcome.shape[1])) for name in SCORES}
    for columns in arms.blocks(*outcome.shape):
        values, mask = (m[:, columns].astype(np.float64) for m in (outcome, train_mask))
        num_in, in_sum = weights @ mask, weights @ (values * mask)
        num_out = weights.sum(axis=1, keepdims=True) - num_in
        in_mean = in_sum / arms.undefined_below(num_in, 1)
        out_mean = (weights @ values - in_sum) / arms.undefined_below(num_out, 1)
        found["memorization"][:, columns] = in_mean - out_mean
        found["consistency"][:, columns] = out_mean
    return found


def _agreement(size, splits):
    """Returns the Agreement over splits, as `_compare` returns them."""
    pearson, spearman, num_examples = zip(*splits, strict=True)
    pearson = np.mean(pearson, axis=0)
    whole = grouped.with_error(pearson)
    return Agreement(
        runs=size,
        spearman=float(np.mean(spearman)),
        pearson=whole.value,
        pearson_stderr=whole.stderr,
        pearson_margin=whole.margin,
        num_examples=float(np.mean(num_examples)),
    )


def _correlation(pair):
    if pair.shape[1] < 2 or (np.ptp(pair, axis=1) == 0).any():
        return float("nan")
    return np.corrcoef(pair)[0, 1]


def spearman_brown(correlation, times=2):
    """Returns the reliability predicted for `times` as many runs (Spearman 1910; Brown 1910).

    k r / (1 + (k - 1) r). Exact for Pearson correlations of scores with independent noise of equal
    variance, a good guess for ranks. NaN where the denominator is not above 0.
    """
    denominator = 1 + (times - 1) * correlation
    return times * correlation / denominator if denominator > 0 else float("nan")


def half_widths(lower, upper, quantiles=(0.5, 0.9)):
    """Returns quantiles over examples of the half widths of 95% intervals; NaN if none is defined.

    Args:
      lower: [N] float, lower ends; NaN where undefined.
      upper: [N] float, upper ends.
      quantiles: each in [0, 1].
    """
    half = (np.asarray(upper) - np.asarray(lower)) / 2
    half = half[~np.isnan(half)]
    return tuple(float(np.quantile(half, q)) if len(half) else math.nan for q in quantiles)


def runs_needed(half_width, num_runs, wanted):
    """Returns the runs at which a half width reaches the wanted one, by runs x (now / wanted)^2.

    Normal intervals shrink as 1 / sqrt(runs). Score and padded intervals of few runs are drawn
    towards the middle, so for middle rates the number is too low, while
    for rates near 0 or 1, whose widths shrink as 1 / runs, it is too high.

    Args:
      half_width: float, with num_runs runs.
      num_runs: int.
      wanted: float > 0.

    Returns:
      Whole number as float; NaN where half_width is NaN.

    Raises:
      InputError: wanted is not above 0.
    """
    if not wanted > 0:
        raise expected("wanted", "a half width above 0", wanted)
    needed = num_runs * (half_width / wanted) ** 2
    return float(math.ceil(needed - 1e-9)) if math.isfinite(needed) else math.nan
