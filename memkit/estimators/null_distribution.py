"""How often chance alone shows an influence: its null distribution under random subsets.

If a train example has no influence on a test example, the runs that held it are a random draw of
`num_in` of the R runs, whatever the outcomes of the test example are. The distribution of the
influence over such draws is exact for 0/1 outcomes and has known moments for all others.
"""

import numpy as np
from scipy import special

# Smaller skewness changes no tail that can be told from the normal one.
_LEAST_SKEWNESS = 1e-3
_CHUNK = 2**14
_TERMS = 4
# Influences that are equal on paper differ by less after rounding.
ROUNDING = 1e-9


def tail(influence, outcome, *, num_in):
    """Returns the one-sided p of influences: the chance to see this much or more by accident.

    0/1 outcomes: the upper tail of the hypergeometric distribution, exact under random subsets
    (Fisher's exact test). Other outcomes: z = influence / standard error with the pooled variance
    of all runs, which is the exact permutation variance, and the upper tail of a Pearson type III
    distribution that has the exact permutation skewness too; the normal tail where that skewness
    is not positive. The normal tail alone is ten times too small for test examples that are
    almost always answered well: their few bad runs weigh more where they lack the train example.

    Args:
      influence: [n, t] float64; higher = the train example helps more.
      outcome: [R, t] bool or float, outcomes of the test examples.
      num_in: [n] int from 1 to R - 1, number of runs that hold each train example.

    Returns:
      [n, t] float64 in [0, 1], small = more than chance. Test examples whose outcome never changes
      have influence 0 in any draw: 1 for that, 0 for more.
    """
    influence, outcome = np.asarray(influence, np.float64), np.asarray(outcome)
    num_in = np.asarray(num_in)[:, None]
    if outcome.dtype == bool:
        return _exact(influence, outcome, num_in)
    return _smooth(influence, outcome.astype(np.float64), num_in)


def hypergeometric_tail(least, num_runs, num_in, successes):
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
    shape, arrays = arrays[0].shape, [np.ravel(array).astype(np.float64) for array in arrays]
    log_factorial = special.gammaln(np.arange(num_runs + 1) + 1)
    p = np.empty(arrays[0].size)
    # Chunks stay in the cache, through some ten passes per standard deviation.
    for start in range(0, p.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        least, num_in, successes = (array[part] for array in arrays)
        above = least * num_runs > num_in * successes
        # P(X < least) is an upper tail of the failures drawn.
        bound = np.where(above, least, num_in - least + 1)
        marked = np.where(above, successes, num_runs - successes)
        upper = _upper(bound, num_runs, num_in, marked, log_factorial)
        p[part] = np.where(above, upper, 1 - upper)
    return np.clip(p, 0, 1).reshape(shape)


def _upper(least, num_runs, num_in, successes, log_factorial):
    """Returns P(X >= least) where least is not below the mean of X."""
    possible = least <= np.minimum(num_in, successes)
    drawn = np.where(possible, least, np.minimum(num_in, successes))
    rest = num_runs - num_in - successes

    def log_choose(n, k):
        n, k = n.astype(int), k.astype(int)
        return log_factorial[n] - log_factorial[k] - log_factorial[n - k]

    whole = np.full_like(num_in, num_runs)
    first = log_choose(successes, drawn) - log_choose(whole, num_in)
    first += log_choose(num_runs - successes, num_in - drawn)
    term, total = np.ones_like(drawn), np.ones_like(drawn)
    # Terms only shrink from here, faster than geometrically; looking costs as much as adding.
    while (term > 1e-17 * total).any():
        for _ in range(_TERMS):
            term *= (successes - drawn) * (num_in - drawn)
            drawn += 1
            term /= drawn * (rest + drawn)
            total += term
    return np.where(possible, np.exp(first) * total, 0)


def _exact(influence, outcome, num_in):
    num_runs, totals = len(outcome), np.count_nonzero(outcome, axis=0)
    excess = influence * (num_in * (num_runs - num_in) / num_runs)
    least = np.ceil(excess + num_in * totals / num_runs - num_runs * ROUNDING)
    return hypergeometric_tail(least, num_runs, num_in, totals)


def _smooth(influence, outcome, num_in):
    num_runs, num_out = len(outcome), len(outcome) - num_in
    centered = outcome - outcome.mean(axis=0)
    varies = np.ptp(outcome, axis=0) > 0
    squares = np.where(varies, np.sum(centered**2, axis=0), 1)
    cubes = np.where(varies, np.sum(centered**3, axis=0), 0)
    error = np.sqrt(squares * num_runs / ((num_runs - 1) * num_in * num_out))
    # Third central moment of a sum of draws without replacement over the second one to 3/2.
    drawn = (num_out - num_in) * np.sqrt(num_runs * (num_runs - 1) / (num_in * num_out))
    skewness = cubes / squares**1.5 * drawn / max(num_runs - 2, 1)
    return np.where(varies, _pearson_tail(influence / error, skewness), influence <= ROUNDING)


def _pearson_tail(z, skewness):
    """Returns P(Z >= z) for unit variance and this skewness, normal where it is not positive."""
    p = special.ndtr(-z)
    skewed = skewness > _LEAST_SKEWNESS
    shape = 4 / skewness[skewed] ** 2
    p[skewed] = special.gammaincc(shape, np.maximum(shape + z[skewed] * np.sqrt(shape), 0))
    return p
