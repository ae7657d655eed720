"""What a TensorFlow program does with a model: its loss, its update, its batch norm."""

import keras
import tensorflow as tf

from memkit.recipe import OPTIMIZERS
from memkit.training import losses


def synchronize(model, is_synchronized):
    """Makes batch norm layers take their statistics over all replicas, or each its own."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = is_synchronized


def objective(teacher, distillation):
    """Returns the function of images, logits and labels to the loss [B] of a point."""
    if teacher is None:
        return lambda x, logits, y: losses.cross_entropy(logits, y)

    def loss(x, logits, y):
        teacher_logits = tf.cast(teacher(x, training=False), tf.float32)
        return losses.distillation_loss(logits, tf.stop_gradient(teacher_logits), y, **distillation)

    return loss


def update_rule(model, optimizer):
    """Returns (function of gradients and rate that updates the model, velocity variables)."""
    options = dict(optimizer)
    rule = OPTIMIZERS[options.pop("name")]
    # Numbered, since two layers of a user's model may share a path.
    weights = {
        f"{place}/{variable.path}": variable.value
        for place, variable in enumerate(model.trainable_variables)
    }
    velocity = {name: tf.Variable(tf.zeros(weight.shape)) for name, weight in weights.items()}

    def update(gradients, rate):
        gradient = dict(zip(weights, gradients, strict=True))
        new_weights, new_velocity = rule(weights, velocity, gradient, rate, **options)
        for name in weights:
            weights[name].assign(new_weights[name])
            velocity[name].assign(new_velocity[name])

    return update, tuple(velocity.values())
