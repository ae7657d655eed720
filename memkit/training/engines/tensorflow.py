"""The TensorFlow engine: one point's training and evaluation as graphs that serve many runs."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from memkit.training import recipe, step  # noqa: E402
from memkit.training.engines import Evaluation, Program  # noqa: E402

NAME = "tensorflow"


def configure(*, threads):
    """Fixes the number of threads; must come before TensorFlow computes anything.

    One thread gives the same bits whatever else the machine does and however many workers run.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.get_logger().setLevel("ERROR")


def versions():
    """Returns {package: version} of what computes."""
    return {"tensorflow": tf.__version__, "keras": keras.__version__}


def device():
    """Returns the kind of device that TensorFlow computes on, such as "CPU" or a GPU's name."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    return tf.config.experimental.get_device_details(gpus[0])["device_name"]


def compile_program(model, *, images, labels, mean, std, optimizer, augment, eval_batch):
    """Builds the graphs of one point.

    Args:
      model: keras.Model from normalized images to logits; its variables are reused by every run.
      images: [N + T, H, W, C] uint8, train then test examples; stays on the device.
      labels: [N + T] int32, the given labels.
      mean: normalization, C floats.
      std: normalization, C floats.
      optimizer: keyword arguments of the update rule, with its `name`.
      augment: bool; whether the plan's crops and flips are applied.
      eval_batch: examples per evaluation step; results do not depend on it.

    Returns:
      Program.
    """
    options = dict(optimizer)
    update = recipe.OPTIMIZERS[options.pop("name")]
    built = [variable.numpy() for variable in model.variables]
    # Numbered, since two layers of a user's model may share a path.
    weights = {
        f"{place}/{variable.path}": variable.value
        for place, variable in enumerate(model.trainable_variables)
    }
    velocity = {name: tf.Variable(tf.zeros_like(w)) for name, w in weights.items()}
    images, labels = tf.constant(images), tf.constant(labels)

    def batch(index):
        return step.normalize(tf.gather(images, index), mean=mean, std=std)

    def train_step(index, rate, crop, flip):
        x, y = batch(index), tf.gather(labels, index)
        if augment:
            x = step.crop_and_flip(x, crop, flip)
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = tf.reduce_mean(recipe.cross_entropy(logits, y))
        gradient = dict(zip(weights, tape.gradient(loss, list(weights.values())), strict=True))
        new_weights, new_velocity = update(weights, velocity, gradient, rate, **options)
        for name in weights:
            weights[name].assign(new_weights[name])
            velocity[name].assign(new_velocity[name])
        hits = tf.equal(tf.argmax(logits, -1, output_type=tf.int32), y)
        return loss, tf.reduce_mean(tf.cast(hits, tf.float32))

    @tf.function
    def train_epoch(index, rate, crop, flip):
        steps = tf.shape(index)[0]
        loss, accuracy = tf.TensorArray(tf.float32, steps), tf.TensorArray(tf.float32, steps)
        for t in tf.range(steps):
            step_loss, step_accuracy = train_step(index[t], rate[t], crop[t], flip[t])
            loss, accuracy = loss.write(t, step_loss), accuracy.write(t, step_accuracy)
        return loss.stack(), accuracy.stack()

    @tf.function(reduce_retracing=True)
    def evaluate_batch(index):
        logits = model(batch(index), training=False)
        return logits, recipe.log_odds(logits, tf.gather(labels, index)), tf.argmax(logits, -1)

    def reset(draw):
        for variable, value, first in zip(model.variables, draw(model), built, strict=True):
            variable.assign(first if value is None else value)
        for speed in velocity.values():
            speed.assign(tf.zeros_like(speed))

    def train(plan):
        loss, accuracy = train_epoch(plan.index, plan.rate, plan.crop, plan.flip)
        return loss.numpy(), accuracy.numpy()

    def evaluate():
        parts = [
            evaluate_batch(np.arange(first, min(first + eval_batch, len(labels)), dtype=np.int32))
            for first in range(0, len(labels), eval_batch)
        ]
        return Evaluation(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    return Program(reset=reset, train=train, evaluate=evaluate)
