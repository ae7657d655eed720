"""Losses, and the scores of an example that follow from its logits, on either engine's tensors."""

from typing import Any, TypeAlias

import numpy as np
from etils import epy

with epy.lazy_imports():
    import keras

Tensor: TypeAlias = Any  # an array of TensorFlow, JAX or NumPy


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Returns the softmax cross-entropy [B] in nats of int labels [B] and logits [B, C]."""
    return keras.ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def label_loss(logits: Tensor, labels: Tensor, *, smoothing: float, shares: Tensor) -> Tensor:
    """Returns the loss [B] of int labels [B] and logits [B, C].

    Args:
      smoothing: weight of the uniform distribution in the targets (Szegedy et al. 2016), in [0, 1).
      shares: [B] of each image in a mixture, whose other label is that at the mirrored place in the
        batch, see `step.augmented`; None without a mixture.
    """
    loss = cross_entropy(logits, labels)
    if shares is not None:
        loss = shares * loss + (1 - shares) * cross_entropy(logits, keras.ops.flip(labels, axis=0))
    if smoothing:
        uniform = -keras.ops.mean(keras.ops.log_softmax(logits), axis=-1)
        loss = (1 - smoothing) * loss + smoothing * uniform
    return loss


def distillation_loss(
    logits: Tensor,
    teacher_logits: Tensor,
    loss: Tensor,
    *,
    weight: float,
    temperature: float,
    scale: bool,
) -> Tensor:
    """Returns the loss [B] of a student: weight x teacher's part + (1 - weight) x labels' part.

    The teacher's part is the cross-entropy of softmax(logits / temperature) to
    softmax(teacher_logits / temperature), times temperature^2 where `scale` (Hinton et al. 2015);
    the labels' part is `loss` [B], see `label_loss`.
    """
    targets = keras.ops.softmax(teacher_logits / temperature)
    soft = keras.ops.categorical_crossentropy(targets, logits / temperature, from_logits=True)
    soft = soft * (temperature**2 if scale else 1.0)
    return weight * soft + (1 - weight) * loss


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Returns the label's logit minus the largest other one [B]; above 0 = predicted correctly."""
    of_label = keras.ops.one_hot(labels, logits.shape[-1], dtype="bool")
    others = keras.ops.max(keras.ops.where(of_label, -np.inf, logits), axis=-1)
    return keras.ops.max(keras.ops.where(of_label, logits, -np.inf), axis=-1) - others


def log_odds(logits: Tensor, labels: Tensor) -> Tensor:
    """Returns log p - log(1 - p) [B] for p = softmax probability of the label.

    Higher means that the model is more confident in the label.

    It is computed as the label's logit minus the log-sum-exp of the other logits, so it stays
    exact where p rounds to 1 and 1 - p to 0.
    """
    of_label = keras.ops.one_hot(labels, logits.shape[-1], dtype="bool")
    label_logit = keras.ops.max(keras.ops.where(of_label, logits, -np.inf), axis=-1)
    others = keras.ops.logsumexp(keras.ops.where(of_label, -np.inf, logits), axis=-1)
    return label_logit - others
