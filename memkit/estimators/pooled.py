"""Pooled memorization: every example's rates, estimated with the help of all other examples.

The raw score of an example counts right and wrong answers, about six of them out-of-sample with 20
runs. The records contain more: by how much an answer was right (log-odds), how often the example
was answered while it was learned, and what the same numbers are worth for the other examples. The
pooled score combines them in the way of small-area estimation (Fay & Herriot 1979), with variances
moderated over all examples as in Smyth (2004). Its estimand is the same as that of the raw score:
the rates of right answers with and without the example. docs/methods.md derives it and states
its bias.

A pooled score contains the training history. It must therefore not be correlated with proxies,
and it does not enter influence.
"""

import dataclasses

import numpy as np

from memkit import big_arrays
from memkit.errors import expected
from memkit.estimators import arms, rates
from memkit.estimators.memorization import Estimate, memorization
from memkit.estimators.rates import Answers, Rate
from memkit.estimators.small_area import Samples
from memkit.typing import BoolArray, FloatArray

_CLIP = 4.0  # margins are clipped at so many root mean squares
_LINEAR = 3.0  # standard deviations beyond which margins count like their logarithms
_SHRINK = 4.0  # runs
_LEAST_EXAMPLES = 20


@dataclasses.dataclass(frozen=True)
class Posterior:
    """Pooled scores and the posterior distributions of the rates whose difference they are.

    Attributes:
      estimate: Estimate, as `pooled` returns it.
      raw: Estimate by right or wrong answers alone.
      rates: Rates in-sample and out-of-sample; None where the estimate is the raw one.
    """

    estimate: Estimate
    raw: Estimate
    rates: tuple[Rate, Rate] | None


def pooled(
    correct: BoolArray,
    logodds: FloatArray,
    train_mask: BoolArray,
    *,
    history: FloatArray | None = None,
    features: FloatArray | None = None,
) -> Estimate:
    """Estimates memorization by right or wrong answers with the help of all examples.

    Args:
      correct: [M, N] bool, whether run m answers example i with the given label.
      logodds: [M, N] float, log p - log(1 - p) of the given label; higher = more confident.
      train_mask: [M, N] bool, True where run m trained on example i.
      history: [N, K] float, means of training statistics over the runs that trained on an example,
        such as proxies; NaN counts as the column's mean.
      features: [N, L] float, numbers that depend on images and labels alone, not on any run.

    Returns:
      `Estimate` with values in [-1, 1]; NaN where an example was in all runs or in none. The
      intervals cover the rates of right answers over all runs, as those of the raw score do. With
      fewer than 20 examples, or margins that do not vary, it is the raw estimate.

    Raises:
      InputError: on shapes that differ, a mask or outcomes that are not bool, or values that are
        not finite.

    Examples:
      >>> rng = np.random.default_rng(0)
      >>> train_mask = rng.random((20, 100)) < 0.7
      >>> logodds = 3 + 4 * train_mask * rng.random(100) + rng.normal(size=(20, 100))
      >>> estimate = pooled(logodds > 0, logodds, train_mask)
      >>> bool(np.all(estimate.upper - estimate.lower < 0.5))
      True
    """
    return posterior(correct, logodds, train_mask, history=history, features=features).estimate


def posterior(
    correct: BoolArray,
    logodds: FloatArray,
    train_mask: BoolArray,
    *,
    history: FloatArray | None = None,
    features: FloatArray | None = None,
) -> Posterior:
    """Estimates what `pooled` does, with the posterior distributions of both rates."""
    raw = memorization(correct, train_mask)
    _check(correct, logodds, train_mask)
    num_runs, num_examples = train_mask.shape
    if min(num_runs, num_examples - _LEAST_EXAMPLES) <= 0:
        return Posterior(raw, raw, None)
    inside, outside = _split(correct, logodds, train_mask)
    if not (inside.margins.squares.any() and outside.margins.squares.any()):
        return Posterior(raw, raw, None)
    static = _columns("features", features, num_examples)
    learned = _columns("history", history, num_examples)
    # The runs of one arm predict the other: they share no noise with what is predicted.
    seen = np.hstack([inside.margins.mean[:, None], learned, static])
    out_rate = rates.rate(outside, seen, np.hstack([seen, _log_variance(inside.margins)]))
    held_out = np.hstack([outside.margins.mean[:, None], static])
    in_rate = rates.rate(inside, held_out, held_out)
    return Posterior(_difference(raw, in_rate, out_rate), raw, (in_rate, out_rate))


def _difference(raw: Estimate, in_rate: Rate, out_rate: Rate) -> Estimate:
    """Returns the difference of two rates; both ends of its interval as in Newcombe's."""
    value = in_rate.value - out_rate.value
    lower = value - np.hypot(in_rate.value - in_rate.lower, out_rate.upper - out_rate.value)
    upper = value + np.hypot(in_rate.upper - in_rate.value, out_rate.value - out_rate.lower)
    # Without any variation in an arm, the rates may be exactly 0 or 1, which no margin reaches.
    is_alike = np.isin(raw.in_mean, (0, 1)) & np.isin(raw.out_mean, (0, 1))
    reached = np.where(is_alike, raw.value, value)
    return dataclasses.replace(
        raw,
        value=value,
        in_mean=in_rate.value,
        out_mean=out_rate.value,
        stderr=np.hypot(in_rate.stderr, out_rate.stderr),
        lower=np.clip(np.minimum(lower, reached), -1, 1),
        upper=np.clip(np.maximum(upper, reached), -1, 1),
    )


def _check(correct: BoolArray, logodds: FloatArray, train_mask: BoolArray) -> None:
    if np.asarray(correct).dtype != bool:
        raise expected("correct", "a bool matrix [M, N]", np.asarray(correct).dtype)
    if np.shape(logodds) != np.shape(train_mask):
        shape = np.shape(train_mask)
        raise expected("logodds", f"the train mask's shape {shape}", f"shape {np.shape(logodds)}")
    if not all(np.isfinite(logodds[rows]).all() for rows in big_arrays.row_blocks(logodds)):
        text = "finite values (diverged runs must be left out first)"
        raise expected("logodds", text, "NaN or infinity")


def _split(
    correct: BoolArray, logodds: FloatArray, train_mask: BoolArray
) -> tuple[Answers, Answers]:
    """Returns the answers of the runs that trained on each example, and of the others.

    The margin of an answer is its log-odds minus the threshold above which as many answers lie as
    are right, which is near 0 with confident answers.
    """
    sample = np.asarray(logodds, np.float32)
    threshold = float(np.quantile(sample, 1 - np.mean(correct)))
    limit = _CLIP * float(np.sqrt(np.mean(np.square(sample - threshold, dtype=np.float64))))

    def reduced(is_in_arm: bool, scale: float) -> FloatArray:
        parts = []
        for columns in arms.blocks(*train_mask.shape):
            margins = np.clip(sample[:, columns].astype(np.float64) - threshold, -limit, limit)
            margins = scale * np.arcsinh(margins / scale) if np.isfinite(scale) else margins
            members = train_mask[:, columns] == is_in_arm
            parts.append(_reduce(margins, correct[:, columns], members))
        return np.concatenate(parts, axis=1)

    def arm(is_in_arm: bool) -> Answers:
        spread = np.sqrt(Samples(*reduced(is_in_arm, np.inf)[:3]).mean_variance)
        if not spread:
            return Answers(Samples(*np.zeros((3, train_mask.shape[1]))), np.empty(0))
        *moments, rate = reduced(is_in_arm, _LINEAR * float(spread))
        return Answers(Samples(*moments), rate)

    return arm(True), arm(False)


def _reduce(margins: FloatArray, right: BoolArray, members: BoolArray) -> FloatArray:
    """Returns number, mean and variance of the margins and the rate of the members, [4, n]."""
    num = np.count_nonzero(members, axis=0).astype(np.float64)
    mean = np.einsum("mn,mn->n", margins, members) / np.maximum(num, 1)
    squares = np.einsum("mn,mn,mn->n", margins - mean, margins - mean, members)
    rate = np.count_nonzero(right & members, axis=0) / arms.undefined_below(num, 1)
    return np.stack([num, mean, squares / (arms.undefined_below(num, 2) - 1), rate])


def _columns(name: str, values: FloatArray | None, num_examples: int) -> FloatArray:
    """Returns features as [N, K] float64 without NaN; [N, 0] without features."""
    if values is None:
        return np.empty((num_examples, 0))
    columns = np.asarray(values, np.float64)
    if columns.ndim != 2 or len(columns) != num_examples:
        raise expected(name, f"an array [{num_examples}, K]", f"shape {columns.shape}")
    known = np.isfinite(columns)
    center = np.where(known, columns, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, columns, center)


def _log_variance(samples: Samples) -> FloatArray:
    """Returns the logarithms [N, 1] of variances drawn to their mean with the weight of 4 runs."""
    total = samples.squares + _SHRINK * samples.mean_variance
    return np.log(total / (samples.degrees + _SHRINK))[:, None]
