"""The distribution of memorization over examples, without the noise of the single scores.

The scores of few runs are spread more widely than the true ones, and pooled scores less widely.
Neither has the shares of examples above a threshold that the scores of very many runs would have.
Scores drawn from the posterior distributions of all examples have them: the average over the draws
of a share is the expected share. The draws are calibrated such that the variance of the scores over
examples is the one that follows from right and wrong answers without any model.
"""

import math

import numpy as np
from etils import epy

from memkit.estimators.distribution import STATISTICS
from memkit.estimators.pooled import Posterior
from memkit.seeds import Generator
from memkit.typing import FloatArray

with epy.lazy_imports():  # Slow to import.
    from scipy import special

_MOST_STRETCH = 2.0


def draws(posterior: Posterior, *, rng: Generator, num_draws: int) -> FloatArray:
    """Draws the memorization of every example from its posterior distribution.

    The deviations from the pooled score are multiplied by a common factor of 0 to 2, such that the
    variance over examples is as near as possible to the unbiased estimate from right and wrong
    answers: the variance of the raw scores minus the mean of their squared standard errors.

    Args:
      posterior: from `pooled.posterior`.
      rng: random generator.
      num_draws: D.

    Returns:
      [D, N] float32 in [-1, 1]; NaN where an example was in all runs or in none. Where the
      posterior has no rates, the raw scores, [1, N].

    Examples:
      >>> from memkit.estimators.pooled import posterior
      >>> rng = np.random.default_rng(0)
      >>> train_mask = rng.random((20, 100)) < 0.7
      >>> logodds = 3 + 4 * train_mask * rng.random(100) + rng.normal(size=(20, 100))
      >>> draws(posterior(logodds > 0, logodds, train_mask), rng=rng, num_draws=3).shape
      (3, 100)
    """
    center = posterior.estimate.value
    if posterior.rates is None:
        return center[None].astype(np.float32)
    noise = rng.normal(size=(2, num_draws, len(center)))
    in_rate, out_rate = (
        special.ndtr(rate.score + rate.score_stderr * of_arm)
        for rate, of_arm in zip(posterior.rates, noise, strict=True)
    )
    deviation = in_rate - out_rate - center
    stretched = center + _stretch(posterior, deviation) * deviation
    return np.clip(stretched, -1, 1).astype(np.float32)


def _stretch(posterior: Posterior, deviation: FloatArray) -> float:
    """Returns the factor of the deviations [D, N] that makes the variance over examples unbiased.

    It is 1 if too few runs tell, and at most 2.
    """
    center, raw = posterior.estimate.value, posterior.raw
    known = ~np.isnan(center) & ~np.isnan(raw.stderr)
    if np.count_nonzero(known) < 2:
        return 1.0
    variance = float(np.var(raw.value[known]) - np.mean(raw.stderr[known] ** 2))
    least = float(np.var(center[known]))
    drawn = float(np.mean(np.var(center[known] + deviation[:, known], axis=1)))
    if drawn <= least:
        return 1.0
    return min(math.sqrt(max(variance - least, 0.0) / (drawn - least)), _MOST_STRETCH)


def statistics(scores: FloatArray) -> dict[str, tuple[float, float]]:
    """Returns {name of STATISTICS: its mean and variance over D draws} of scores [D, n]."""
    numbers = {
        name: [statistic(of_draw) for of_draw in scores] for name, statistic in STATISTICS.items()
    }
    return {name: (float(np.mean(of)), float(np.var(of))) for name, of in numbers.items()}
