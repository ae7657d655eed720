"""Runs so far from the others that an interval over runs should not be trusted.

An interval over runs takes the spread of the runs at hand for that of all runs. Where a small share
of the runs fails, few or none of them are among few runs, and the interval says nothing of those
that are missing. A study in which most of the spread comes from a few far runs shows that this can
happen; `benchmarks.coverage` measures how often runs are called outliers, and what intervals cover.
"""

import numpy as np
from scipy import special

LEVEL = 0.01  # chance that the runs of a study of normal ones are called outliers, about
CARRIED = 2 / 3
_MAD_TO_DEVIATION = 1 / special.ndtri(0.75)
# What the median absolute deviation of M runs is worth. Its efficiency is 0.37 for many runs and
# more for few; what counts here is few runs, since for many the quantile is the normal one.
_EFFICIENCY = 0.6


def outlying_runs(
    in_accuracy: np.ndarray, out_accuracy: np.ndarray, *, num_in: float, num_out: float
) -> np.ndarray:
    """Finds runs that carry most of the spread of the runs' accuracy.

    A run is far from the others if its accuracy on the examples it trained on, on those it held
    out, or the difference of both lies more than t scales from the median of the runs. The scale is
    the median absolute deviation, but at least the binomial noise of an accuracy over so many
    examples; t is a quantile of Student's t at `LEVEL`, shared out over both sides, the M runs and
    the three quantities. Far runs are outliers if they carry more than `CARRIED` of the sum of the
    squared deviations from the median: a few far runs among many do an interval no harm.

    Args:
      in_accuracy: [M] share of right answers of each run on the examples it trained on.
      out_accuracy: [M] the same on the examples it did not train on.
      num_in: number of examples that a run trains on.
      num_out: number of examples that a run holds out.

    Returns:
      [M] bool; all False below 3 runs.
    """
    accuracies = np.stack([in_accuracy, out_accuracy]).astype(np.float64)
    num_runs = accuracies.shape[1]
    if num_runs < 3:
        return np.zeros(num_runs, bool)
    noise = [_noise(row, num) for row, num in zip(accuracies, (num_in, num_out), strict=True)]
    values = np.vstack([accuracies, accuracies[:1] - accuracies[1:]])
    floor = np.array([*noise, np.hypot(*noise)])[:, None]
    deviation = np.abs(values - np.median(values, axis=1, keepdims=True))
    scale = _MAD_TO_DEVIATION * np.median(deviation, axis=1, keepdims=True)
    tail = LEVEL / (2 * values.size)
    limit = special.stdtrit(_EFFICIENCY * (num_runs - 1), 1 - tail)
    far = deviation > limit * np.maximum(scale, floor)
    carried = np.sum(deviation**2 * far, axis=1) > CARRIED * np.sum(deviation**2, axis=1)
    return (far & carried[:, None]).any(axis=0)


def _noise(accuracy: np.ndarray, num_examples: float) -> float:
    """Returns the standard error of the median accuracy if answers were independent."""
    share = np.clip(np.median(accuracy), 1 / num_examples, 1 - 1 / num_examples)
    return float(np.sqrt(share * (1 - share) / num_examples))
