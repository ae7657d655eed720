"""Null distribution of an influence: how often random subsets alone produce it.

If a train example has no influence on a test example, the runs that trained on it are a random draw
of `num_in` of the R runs, whatever the outcomes of the test example are. The distribution of the
influence over such draws is exact for 0/1 outcomes, and its moments are known for all others.
"""

import numpy as np
import numpy.typing as npt
from etils import epy

from memkit.typing import Array, BoolArray, FloatArray, IntArray

with epy.lazy_imports():  # Slow to import.
    from scipy import special

# With a smaller skewness the tail cannot be distinguished from the normal one.
_LEAST_SKEWNESS = 1e-3
_CHUNK = 2**14
_TERMS = 4
# Differences of means that are mathematically equal differ by less than this after rounding.
ROUNDING = 1e-9


def tail(influence: FloatArray, outcome: Array, *, num_in: npt.ArrayLike) -> FloatArray:
    """Returns the one-sided p of influences: the probability of at least this much by chance.

    0/1 outcomes: the upper tail of the hypergeometric distribution, exact under random subsets
    (Fisher's exact test). Other outcomes: z = influence / standard error with the pooled variance
    of all runs, which is the exact permutation variance, and the upper tail of a Pearson type III
    distribution that has the exact permutation skewness, too; the normal tail if that skewness is
    not positive. The normal tail alone is ten times too small for test examples that almost all
    runs answer correctly: the few others weigh more among the runs without the train example.

    Args:
      influence: [n, t] float64; higher = the train example helps more.
      outcome: [R, t] bool or float, outcomes of the test examples.
      num_in: [n] int from 1 to R - 1, number of runs that trained on each train example.

    Returns:
      [n, t] float64 in [0, 1], small = unlikely by chance. A test example whose outcome never
      varies has influence 0 in every draw: p is 1 for 0 and 0 for more.
    """
    influence, outcome = np.asarray(influence, np.float64), np.asarray(outcome)
    num_in_column = np.asarray(num_in)[:, None]
    if outcome.dtype == bool:
        return _exact(influence, outcome, num_in_column)
    return _approximate(influence, outcome.astype(np.float64), num_in_column)


def hypergeometric_tail(
    least: npt.ArrayLike, num_runs: int, num_in: npt.ArrayLike, successes: npt.ArrayLike
) -> FloatArray:
    """Returns P(X >= least) for the number X of successful runs among `num_in` drawn ones.

    Summed from `least` outwards by the ratio of neighboring terms, towards the thinner side.

    Args:
      least: integer array.
      num_runs: int R, number of runs.
      num_in: array, how many of the runs are drawn.
      successes: array, successful runs among all R.

    Returns:
      float64 array in [0, 1], of the arguments' common shape; small values keep all their digits.
    """
    arrays = np.broadcast_arrays(least, num_in, successes)
    flat = [np.ravel(array).astype(np.float64) for array in arrays]
    log_factorial = special.gammaln(np.arange(num_runs + 1) + 1)
    p = np.empty(flat[0].size)
    # A chunk stays in the cache during the passes, about ten per standard deviation.
    for start in range(0, p.size, _CHUNK):
        chunk = slice(start, start + _CHUNK)
        bound, drawn, marked = (array[chunk] for array in flat)
        is_above = bound * num_runs > drawn * marked
        # P(X < least) is an upper tail of the number of failures drawn.
        bound = np.where(is_above, bound, drawn - bound + 1)
        marked = np.where(is_above, marked, num_runs - marked)
        upper = _upper(bound, num_runs, drawn, marked, log_factorial)
        p[chunk] = np.where(is_above, upper, 1 - upper)
    return np.clip(p, 0, 1).reshape(arrays[0].shape)


def _upper(
    least: FloatArray,
    num_runs: int,
    num_in: FloatArray,
    successes: FloatArray,
    log_factorial: FloatArray,
) -> FloatArray:
    """Returns P(X >= least); least must not be below the mean of X."""
    possible = least <= np.minimum(num_in, successes)
    drawn = np.where(possible, least, np.minimum(num_in, successes))
    rest = num_runs - num_in - successes

    def log_choose(of: FloatArray, number: FloatArray) -> FloatArray:
        n, k = of.astype(int), number.astype(int)
        return log_factorial[n] - log_factorial[k] - log_factorial[n - k]

    whole = np.full_like(num_in, num_runs)
    first = log_choose(successes, drawn) - log_choose(whole, num_in)
    first += log_choose(num_runs - successes, num_in - drawn)
    term, total = np.ones_like(drawn), np.ones_like(drawn)
    # Terms only shrink from here, faster than geometrically. The check costs as much as a term.
    while (term > 1e-17 * total).any():
        for _ in range(_TERMS):
            term *= (successes - drawn) * (num_in - drawn)
            drawn += 1
            term /= drawn * (rest + drawn)
            total += term
    return np.where(possible, np.exp(first) * total, 0)


def _exact(influence: FloatArray, outcome: BoolArray, num_in: IntArray) -> FloatArray:
    num_runs, totals = len(outcome), np.count_nonzero(outcome, axis=0)
    excess = influence * (num_in * (num_runs - num_in) / num_runs)
    least = np.ceil(excess + num_in * totals / num_runs - num_runs * ROUNDING)
    return hypergeometric_tail(least, num_runs, num_in, totals)


def _approximate(influence: FloatArray, outcome: FloatArray, num_in: IntArray) -> FloatArray:
    num_runs, num_out = len(outcome), len(outcome) - num_in
    centered = outcome - outcome.mean(axis=0)
    varies = np.ptp(outcome, axis=0) > 0
    squares = np.where(varies, np.sum(centered**2, axis=0), 1)
    cubes = np.where(varies, np.sum(centered**3, axis=0), 0)
    error = np.sqrt(squares * num_runs / ((num_runs - 1) * num_in * num_out))
    # Skewness of a sum of draws without replacement.
    drawn = (num_out - num_in) * np.sqrt(num_runs * (num_runs - 1) / (num_in * num_out))
    skewness = cubes / squares**1.5 * drawn / max(num_runs - 2, 1)
    return np.where(varies, _pearson_tail(influence / error, skewness), influence <= ROUNDING)


def _pearson_tail(z: FloatArray, skewness: FloatArray) -> FloatArray:
    """Returns P(Z >= z) for unit variance and a skewness; normal if it is not positive."""
    p = special.ndtr(-z)
    skewed = skewness > _LEAST_SKEWNESS
    shape = 4 / skewness[skewed] ** 2
    p[skewed] = special.gammaincc(shape, np.maximum(shape + z[skewed] * np.sqrt(shape), 0))
    return p
