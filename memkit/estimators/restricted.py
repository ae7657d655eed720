"""Examples and points that are not saturated: their in-sample accuracy is below 1.

Once the in-sample mean of an example is 1, its memorization can only fall as its out-of-sample mean
rises. Reviewers of Lukasik et al. (2024) suspected that this saturation alone makes mean
memorization fall with size; these restrictions show what remains without it.
"""

import numpy as np
import numpy.typing as npt

from memkit.errors import expected
from memkit.typing import BoolArray

LIMIT = 0.99


def unsaturated_examples(in_means: npt.ArrayLike) -> BoolArray:
    """Finds the examples that, at every point, some runs answer wrongly after training on them.

    The selection uses estimates: with few runs an in-sample rate just below 1 is often observed as
    1, so examples whose in-sample mean is low by chance are selected more often.

    Args:
      in_means: [A, N] in-sample mean of the outcome `correct` at each point.

    Returns:
      [N] bool, True where the in-sample mean is below 1 at every point; False where it is NaN.

    Raises:
      InputError: in_means is not a matrix with at least one point.
    """
    means = np.asarray(in_means, np.float64)
    if means.ndim != 2 or not len(means):
        raise expected("in_means", "a matrix [A, N] with A >= 1", f"shape {means.shape}")
    return np.all(means < 1, axis=0)


def in_sample_accuracy(correct: BoolArray, train_mask: BoolArray) -> float:
    """Returns the share of correct answers over all pairs of a run and an example it trained on."""
    num_pairs = int(np.count_nonzero(train_mask))
    return int(np.count_nonzero(correct & train_mask)) / max(1, num_pairs)


def unsaturated_points(accuracies: npt.ArrayLike, limit: float = LIMIT) -> BoolArray:
    """Returns [A] bool, True for points whose mean in-sample accuracy is below the limit."""
    return np.asarray(accuracies, np.float64) < limit
