"""The model of one point under TensorFlow: its variables, training step and evaluation."""

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from memkit import optimizers
from memkit.training import losses, step
from memkit.training.engines import Blueprint, Draw, Images, Values
from memkit.training.engines import tensorflow_replicas as replicas
from memkit.typing import Config, IntArray


class PointModel:
    """The variables of one point under a strategy, and the functions that each replica calls."""

    def __init__(
        self,
        blueprint: Blueprint,
        *,
        strategy: tf.distribute.Strategy,
        images: Images | None,
        are_images_shared: bool,
        labels: IntArray,
    ) -> None:
        """Creates the variables.

        Args:
          strategy: creates the variables and calls the functions.
          images: [N + T, H, W, C] images to keep on the device; None if they are streamed.
          are_images_shared: whether the strategy places the images on its replicas.
          labels: [N + T] int32.
        """
        self._normalized = functools.partial(step.normalize, mean=blueprint.mean, std=blueprint.std)
        self._augmented = functools.partial(
            step.augmented,
            name=blueprint.augment,
            pad=blueprint.pad,
            mean=blueprint.mean,
            std=blueprint.std,
        )
        with strategy.scope():
            self._model, self._teacher = blueprint.models()
            self._objective = _objective(self._teacher, blueprint)
            self._update, self._update_state = _update_rule(self._model, blueprint.optimizer)
        self._images = None
        if images is not None:
            self._image_shape = images.shape[1:]
            # Images are flat because a TPU pads the last axis of an array to 128.
            flat = np.ascontiguousarray(images).reshape(len(images), -1)
            with strategy.scope() if are_images_shared else contextlib.nullcontext():
                self._images = tf.Variable(flat, trainable=False)
        self._built = [variable.numpy() for variable in self._model.variables]
        self._start = [variable.numpy() for variable in self._update_state]
        is_synchronized = blueprint.sync_batch_norm and strategy.num_replicas_in_sync > 1
        _synchronize_batch_norm(self._model, is_synchronized)
        self._labels = tf.constant(labels)

    def train_step(
        self,
        raw: tf.Tensor,
        index: tf.Tensor,
        rate: tf.Tensor,
        crop: tf.Tensor,
        flip: tf.Tensor,
        draws: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Trains on one batch in replica context.

        Args:
          raw: [B, H, W, C] uint8 images; not read if the images are on the device.
          index, crop, flip, draws: [B, ...], a step of an EpochPlan.
          rate: learning rate of the step.

        Returns:
          The objective, a scalar, and [B, 3] loss, margin and 0/1 correct of each example.
        """
        raw, y = self._batch(raw, index)
        numbers = (replicas.slice_of(array) for array in (crop, flip, draws))
        x, shares = self._augmented(raw, *numbers)
        with tf.GradientTape() as tape:
            logits = tf.cast(self._model(x, training=True), tf.float32)
            loss = tf.reduce_mean(self._objective(x, logits, y, shares))
            for penalty in self._model.losses:
                loss += penalty
        gradients = tape.gradient(loss, [v.value for v in self._model.trainable_variables])
        self._update(gradients, rate)
        correct = tf.cast(tf.equal(tf.argmax(logits, -1, output_type=tf.int32), y), tf.float32)
        rows = (losses.cross_entropy(logits, y), losses.margin(logits, y), correct)
        return replicas.mean(loss), replicas.all_rows(tf.stack(rows, axis=-1))

    def evaluate_batch(self, raw: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns logits [B, C] and log-odds [B] of one batch, in replica context."""
        raw, y = self._batch(raw, index)
        x = self._normalized(raw)
        logits = tf.cast(self._model(x, training=False), tf.float32)
        return replicas.all_rows(logits), replicas.all_rows(losses.log_odds(logits, y))

    def average_statistics(self) -> tuple[()]:
        """Averages moving statistics, which each replica computes from its own slices."""
        for variable in self._model.non_trainable_variables:
            variable.assign(replicas.mean(variable.value))
        return ()

    def reset(self, draws: Sequence[Draw], teachers: Sequence[Values] | None = None) -> None:
        """See `Program.reset`."""
        drawn = draws[0](self._model)
        for variable, value, built in zip(self._model.variables, drawn, self._built, strict=True):
            variable.assign(built if value is None else value)
        for variable, value in zip(self._update_state, self._start, strict=True):
            variable.assign(value)
        if self._teacher is not None and teachers is not None:
            for variable, value in zip(self._teacher.variables, teachers[0], strict=True):
                variable.assign(value)

    def weights(self) -> list[Values]:
        """See `Program.weights`."""
        return [[variable.numpy() for variable in self._model.variables]]

    def state(self) -> list[Values]:
        """See `Program.state`."""
        return [[variable.numpy() for variable in (*self._model.variables, *self._update_state)]]

    def restore(self, states: Sequence[Values]) -> None:
        """See `Program.restore`."""
        variables = (*self._model.variables, *self._update_state)
        for variable, value in zip(variables, states[0], strict=True):
            variable.assign(value)

    def _batch(self, raw: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns this replica's images [B, H, W, C] uint8 and labels of a batch."""
        index = replicas.slice_of(index)
        y = tf.gather(self._labels, index)
        if self._images is None:
            return replicas.slice_of(raw), y
        return tf.reshape(tf.gather(self._images, index), (-1, *self._image_shape)), y


def _synchronize_batch_norm(model: keras.Model, is_synchronized: bool) -> None:
    """Lets batch normalization use the statistics of all replicas, or of each one alone."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = is_synchronized


def _objective(
    teacher: keras.Model | None, blueprint: Blueprint
) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor | None], tf.Tensor]:
    """Returns the function from images, logits, labels and shares to the loss [B] of a point."""
    label_loss = functools.partial(losses.label_loss, smoothing=blueprint.label_smoothing)
    if teacher is None:
        return lambda x, logits, y, shares: label_loss(logits, y, shares=shares)

    def loss(x: tf.Tensor, logits: tf.Tensor, y: tf.Tensor, shares: tf.Tensor | None) -> tf.Tensor:
        teacher_logits = tf.stop_gradient(tf.cast(teacher(x, training=False), tf.float32))
        of_labels = label_loss(logits, y, shares=shares)
        return losses.distillation_loss(logits, teacher_logits, of_labels, **blueprint.distillation)

    return loss


def _update_rule(
    model: keras.Model, optimizer: Config
) -> tuple[Callable[[Sequence[tf.Tensor], tf.Tensor], None], Sequence[Any]]:
    """Returns (function of a replica's gradients and the rate, variables of the optimizer)."""
    if optimizer["name"] != optimizers.SGD:
        return _keras_rule(model, optimizers.create(model.trainable_variables, **optimizer))
    options = {name: value for name, value in optimizer.items() if name != "name"}
    # The names are numbered, since two layers of a user's model may share a path.
    weights = {
        f"{index}/{variable.path}": variable.value
        for index, variable in enumerate(model.trainable_variables)
    }
    velocity = {name: tf.Variable(tf.zeros(weight.shape)) for name, weight in weights.items()}

    def update(gradients: Sequence[tf.Tensor], rate: tf.Tensor) -> None:
        gradient = dict(zip(weights, replicas.mean(gradients), strict=True))
        new_weights, new_velocity = optimizers.sgd(weights, velocity, gradient, rate, **options)
        for name in weights:
            weights[name].assign(new_weights[name])
            velocity[name].assign(new_velocity[name])

    return update, tuple(velocity.values())


def _keras_rule(
    model: keras.Model, optimizer: keras.optimizers.Optimizer
) -> tuple[Callable[[Sequence[tf.Tensor], tf.Tensor], None], Sequence[keras.Variable]]:
    def update(gradients: Sequence[tf.Tensor], rate: tf.Tensor) -> None:
        optimizer.learning_rate.assign(rate)
        count = tf.distribute.get_replica_context().num_replicas_in_sync
        if count > 1:
            # Keras clips the gradients of each replica before it adds them up, so its sum must be
            # that of equal parts of the mean, which is clipped already.
            clipped = optimizer._clip_gradients(replicas.mean(gradients))
            gradients = [gradient / count for gradient in clipped]
        optimizer.apply(gradients, model.trainable_variables)

    return update, optimizer.variables
