"""Proxies from the training history: the predictions for an example whenever a batch contained it.

Arguments are record arrays of M runs (see `records.SCHEMA`), results are float64 [M, N] in the unit
that the docstring names. The history is recorded in training mode, on augmented images. A
presentation is one occurrence of the example in a training batch.
"""

import numpy as np
import numpy.typing as npt

from memkit.typing import FloatArray


def cumulative_correctness(num_correct: npt.ArrayLike, num_seen: npt.ArrayLike) -> FloatArray:
    """Returns the share of presentations classified as labeled, in [0, 1]; lower = harder.

    This is the mean of the 0/1 training accuracy over epochs, a learning-speed proxy of Jiang et
    al. (ICML 2021), and the closest to what Lukasik et al. (2024) call cprox.
    """
    return np.asarray(num_correct, np.float64) / _seen(num_seen)


def label_probability(prob_mean: npt.ArrayLike) -> FloatArray:
    """Returns the mean probability of the label, in [0, 1]; lower = harder.

    This is the confidence in the data maps of Swayamdipta et al. (EMNLP 2020).
    """
    return np.asarray(prob_mean, np.float64)


def probability_variance(prob_variance: npt.ArrayLike) -> FloatArray:
    """Returns the variance of the label's probability, in [0, 0.25]; higher = more ambiguous.

    This is the squared variability in the data maps of Swayamdipta et al. (EMNLP 2020). It is small
    for an example that is never learned, so it need not increase with memorization.
    """
    return np.asarray(prob_variance, np.float64)


def cumulative_loss(loss_sum: npt.ArrayLike, num_seen: npt.ArrayLike) -> FloatArray:
    """Returns the sum of the loss over presentations, nats, 0 or more; higher = harder.

    This is the cumulative sample loss (CSL) of Ravikumar et al. (ICML 2025).
    """
    return np.where(np.asarray(num_seen) > 0, np.asarray(loss_sum, np.float64), np.nan)


def forgetting_events(
    num_forgotten: npt.ArrayLike, num_correct: npt.ArrayLike, num_seen: npt.ArrayLike
) -> FloatArray:
    """Returns how often the prediction changed from right to wrong, 0 or more; higher = harder.

    Toneva et al. (ICLR 2019) rank an example that was never right above all others. Here it gets
    as many events as it had presentations, which is more than any other example can have.
    """
    never_right = np.asarray(num_correct) == 0
    events = np.where(never_right, num_seen, num_forgotten)
    return np.where(np.asarray(num_seen) > 0, events, np.nan)


def epoch_learned(epoch_learned: npt.ArrayLike, num_seen: npt.ArrayLike) -> FloatArray:
    """Returns the first epoch from which on the prediction was always right; higher = harder.

    The range is 0 to the number of epochs, which means never. This is the iteration learned of
    Baldock et al. (NeurIPS 2021), counted in epochs.
    """
    epochs = np.asarray(epoch_learned, np.float64)
    return np.where(np.asarray(num_seen) > 0, epochs, np.nan)


def area_under_margin(margin_mean: npt.ArrayLike) -> FloatArray:
    """Returns the mean margin: label logit minus largest other logit; lower = harder.

    This is the area under the margin (AUM) of Pleiss et al. (NeurIPS 2020).
    """
    return np.asarray(margin_mean, np.float64)


def _seen(num_seen: npt.ArrayLike) -> FloatArray:
    return np.where(np.asarray(num_seen) > 0, num_seen, np.nan)
