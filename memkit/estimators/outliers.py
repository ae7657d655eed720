"""Detects runs so far from the others that an interval over runs should not be trusted.

An interval over runs assumes that the observed runs show the spread of all runs. If a small share
of runs fails, a study with few runs may contain none of them, and its interval ignores them. If
most of the spread of a study comes from a few far runs, such failures exist. `benchmarks.coverage`
measures how often runs are called outliers, and how often intervals cover the truth.
"""

import numpy as np
from etils import epy

from memkit.typing import BoolArray, FloatArray

with epy.lazy_imports():  # Slow to import.
    from scipy import special

LEVEL = 0.01  # approximate probability that a study of normally distributed runs has outliers
CARRIED = 2 / 3
_MAD_TO_DEVIATION = 1.482602218505602  # 1 / special.ndtri(0.75)
# Efficiency of the median absolute deviation of M runs. It is 0.37 for many runs and larger for
# few; few runs matter here, because for many runs Student's t is the normal distribution.
_EFFICIENCY = 0.6


def outlying_runs(
    in_accuracy: FloatArray, out_accuracy: FloatArray, *, num_in: float, num_out: float
) -> BoolArray:
    """Finds runs that account for most of the spread of the accuracy over runs.

    A run is far from the others if its accuracy on the examples it trained on, on those it held
    out, or the difference of both lies more than t scales from the median of the runs. The scale is
    the median absolute deviation, but at least the binomial noise of an accuracy over so many
    examples; t is a quantile of Student's t at `LEVEL`, shared out over both sides, the M runs and
    the three quantities. Far runs are outliers if they carry more than `CARRIED` of the sum of the
    squared deviations from the median: a few far runs among many do an interval no harm.

    Args:
      in_accuracy: [M] accuracy of each run on the examples it trained on.
      out_accuracy: [M] accuracy of each run on the examples it did not train on.
      num_in: number of examples that a run trains on.
      num_out: number of examples that a run holds out.

    Returns:
      [M] bool; all False below 3 runs.
    """
    accuracies = np.stack([in_accuracy, out_accuracy]).astype(np.float64)
    num_runs = accuracies.shape[1]
    if num_runs < 3:
        return np.zeros(num_runs, bool)
    noise = np.array([_noise(accuracies[0], num_in), _noise(accuracies[1], num_out)])
    values = np.vstack([accuracies, accuracies[:1] - accuracies[1:]])
    floor = np.array([*noise, np.hypot(noise[0], noise[1])])[:, None]
    deviation = np.abs(values - np.median(values, axis=1, keepdims=True))
    scale = _MAD_TO_DEVIATION * np.median(deviation, axis=1, keepdims=True)
    tail = LEVEL / (2 * values.size)
    limit = special.stdtrit(_EFFICIENCY * (num_runs - 1), 1 - tail)
    far = deviation > limit * np.maximum(scale, floor)
    carried = np.sum(deviation**2 * far, axis=1) > CARRIED * np.sum(deviation**2, axis=1)
    return (far & carried[:, None]).any(axis=0)


def _noise(accuracy: FloatArray, num_examples: float) -> float:
    """Returns the standard error of the median accuracy if answers were independent."""
    share = np.clip(np.median(accuracy), 1 / num_examples, 1 - 1 / num_examples)
    return float(np.sqrt(share * (1 - share) / num_examples))
