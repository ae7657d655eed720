"""Proxies from the trained network's predictions on its training examples.

Arguments are record arrays of M runs (see `records.SCHEMA`), computed from images without
augmentation in inference mode. Results are float64 [M, N] in the unit that the docstring names.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from etils import epy

from memkit.typing import Array, FloatArray, IntArray

with epy.lazy_imports():  # Slow to import.
    import scipy.special


def final_loss(train_logodds: npt.ArrayLike) -> FloatArray:
    """Returns the cross-entropy of the label, -log p, nats, 0 or more; higher = harder.

    Within one run it ranks the examples exactly as `final_margin` does; means over runs differ.
    """
    return np.logaddexp(0, -np.asarray(train_logodds, np.float64))


def final_margin(train_logodds: npt.ArrayLike) -> FloatArray:
    """Returns the log-odds of the label, log p - log(1 - p); lower = harder.

    This is the margin between the label and all other classes together, on the logit scale of
    Carlini et al. (S&P 2022).
    """
    return np.asarray(train_logodds, np.float64)


def final_entropy(train_probs: Array) -> FloatArray:
    """Returns the entropy of the predicted probabilities, nats, 0 to log C; higher = harder."""
    return _each_run(lambda probs: scipy.special.entr(probs).sum(axis=1), train_probs)


def final_el2n(train_probs: Array, given_labels: IntArray) -> FloatArray:
    """Returns the length of softmax - one-hot label, in [0, sqrt(2)]; higher = harder.

    This is the error norm of Paul et al. (NeurIPS 2021), but of the *trained* network: they compute
    it after a few epochs and average several runs, and records hold no early probabilities.
    """
    rows = np.arange(len(given_labels))

    def error_norm(probs: FloatArray) -> FloatArray:
        probs[rows, given_labels] -= 1
        return np.sqrt((probs**2).sum(axis=1))

    return _each_run(error_norm, train_probs)


def ntk_memorization(ntk_memorization: npt.ArrayLike) -> FloatArray:
    """Returns the estimate of memorization by probability, in [-1, 1]; higher = harder.

    `proxies.ntk.memorization` computes it from the gradients of the trained network.
    """
    return np.asarray(ntk_memorization, np.float64)


def _each_run(function: Callable[[FloatArray], FloatArray], train_probs: Array) -> FloatArray:
    """Applies a function to a float64 copy [N, C] of each run's probabilities."""
    values = [function(np.array(probs, np.float64)) for probs in train_probs]
    return np.array(values).reshape(np.shape(train_probs)[:2])
