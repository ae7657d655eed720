"""Where training still leaves room: examples and points whose in-sample accuracy is below 1.

Once the in-sample mean of an example is 1, its memorization can only fall as its out-of-sample mean
rises. Reviewers of Lukasik et al. (2024) suspected that this saturation alone makes mean
memorization fall with size; the restrictions here look at what is left without it.
"""

import numpy as np

from memkit.errors import expected

LIMIT = 0.99


def unsaturated_examples(in_means):
    """Finds the examples that not all runs get right even after training on them, at any point.

    The choice is made from estimates: with few runs an in-sample rate just below 1 often shows as
    1, so the examples kept are those whose in-sample mean came out low.

    Args:
      in_means: [A, N] in-sample mean of the outcome `correct` at each point.

    Returns:
      [N] bool, True where the in-sample mean is below 1 at every point; False where it is NaN.

    Raises:
      InputError: in_means is not a matrix with at least one point.
    """
    in_means = np.asarray(in_means, np.float64)
    if in_means.ndim != 2 or not len(in_means):
        raise expected("in_means", "a matrix [A, N] with A >= 1", f"shape {in_means.shape}")
    return (in_means < 1).all(axis=0)


def in_sample_accuracy(correct, train_mask):
    """Returns the share of right answers among all pairs of a run and an example it trained on."""
    return float(np.count_nonzero(correct & train_mask) / max(1, np.count_nonzero(train_mask)))


def unsaturated_points(accuracies, limit=LIMIT):
    """Returns [A] bool, True for points whose mean in-sample accuracy is below the limit."""
    return np.asarray(accuracies, np.float64) < limit
