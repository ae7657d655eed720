"""The TensorFlow engine: one point's training and evaluation as graphs that serve many runs."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from memkit.training import recipe, step  # noqa: E402
from memkit.training.engines import Evaluation, Program, Steps  # noqa: E402

READ_AHEAD = 4  # batches of streamed images ready before they are needed


def configure(*, threads):
    """Fixes the number of threads; must come before TensorFlow computes anything.

    One thread gives the same bits whatever else the machine does and however many workers run.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.get_logger().setLevel("ERROR")


def set_precision(name):
    """Sets the type that models built from now on compute in: "float32" or "bfloat16".

    With "bfloat16" variables, updates, batch statistics and logits stay float32.
    """
    policies = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
    keras.config.set_dtype_policy(policies[name])


def versions():
    """Returns {package: version} of what computes."""
    return {"tensorflow": tf.__version__, "keras": keras.__version__}


def device():
    """Returns the kind of device that TensorFlow computes on, such as "CPU" or a GPU's name."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    return tf.config.experimental.get_device_details(gpus[0])["device_name"]


def compile_program(
    model, *, images, labels, resident, mean, std, optimizer, pad, eval_batch, distillation=None
):
    """Builds the graphs of one point.

    Args:
      model: keras.Model from normalized images to logits; its variables are reused by every run.
      images: [N + T, H, W, C] uint8, train then test examples: an array, or anything of that shape
        whose rows an int array indexes.
      labels: [N + T] int32, the given labels.
      resident: bool; whether the images stay on the device or come batch by batch.
      mean: normalization, C floats.
      std: normalization, C floats.
      optimizer: keyword arguments of the update rule, with its `name`.
      pad: pixels of padding before the plan's crops and flips, or None to leave them out.
      eval_batch: examples per evaluation step; results do not depend on it.
      distillation: None, or the keyword arguments of `recipe.distillation_loss` and `teacher`, a
        keras.Model that sees the same augmented images.

    Returns:
      Program.
    """
    built = [variable.numpy() for variable in model.variables]
    labels = tf.constant(labels)
    images = tf.constant(images) if resident else images
    teacher, objective = _objective(distillation)
    update, velocity = _update(model, optimizer)

    def train_step(raw, index, rate, crop, flip):
        x, y = step.normalize(raw, mean=mean, std=std), tf.gather(labels, index)
        if pad is not None:
            x = step.crop_and_flip(x, crop, flip, pad=pad)
        with tf.GradientTape() as tape:
            logits = tf.cast(model(x, training=True), tf.float32)
            loss = tf.reduce_mean(objective(x, logits, y))
        update(tape.gradient(loss, [v.value for v in model.trainable_variables]), rate)
        right = tf.equal(tf.argmax(logits, -1, output_type=tf.int32), y)
        return loss, recipe.cross_entropy(logits, y), recipe.margin(logits, y), right

    @tf.function(reduce_retracing=True)
    def evaluate_batch(raw, index):
        logits = model(step.normalize(raw, mean=mean, std=std), training=False)
        logits = tf.cast(logits, tf.float32)
        return logits, recipe.log_odds(logits, tf.gather(labels, index)), tf.argmax(logits, -1)

    def reset(draw, teacher_values=None):
        for variable, value, first in zip(model.variables, draw(model), built, strict=True):
            variable.assign(first if value is None else value)
        for speed in velocity:
            speed.assign(tf.zeros_like(speed))
        for variable, value in zip(teacher.variables if teacher else (), teacher_values or ()):
            variable.assign(value)

    def evaluate():
        rows = np.arange(len(labels), dtype=np.int32)
        batches = [rows[i : i + eval_batch] for i in range(0, len(rows), eval_batch)]
        parts = [evaluate_batch(raw, i) for raw, i in zip(_batches(images, batches), batches)]
        return Evaluation(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    train = _resident_epoch(train_step, images) if resident else _streamed_epoch(train_step, images)
    return Program(
        reset=reset,
        train=train,
        evaluate=evaluate,
        weights=lambda: [variable.numpy() for variable in model.variables],
    )


def _objective(distillation):
    """Returns (teacher or None, function of images, logits and labels to the loss [B])."""
    if distillation is None:
        return None, lambda x, logits, y: recipe.cross_entropy(logits, y)
    options = dict(distillation)
    teacher = options.pop("teacher")

    def objective(x, logits, y):
        teacher_logits = tf.cast(teacher(x, training=False), tf.float32)
        return recipe.distillation_loss(logits, tf.stop_gradient(teacher_logits), y, **options)

    return teacher, objective


def _update(model, optimizer):
    """Returns (function of gradients and rate that updates the model, velocity variables)."""
    options = dict(optimizer)
    rule = recipe.OPTIMIZERS[options.pop("name")]
    # Numbered, since two layers of a user's model may share a path.
    weights = {
        f"{place}/{variable.path}": variable.value
        for place, variable in enumerate(model.trainable_variables)
    }
    velocity = {name: tf.Variable(tf.zeros_like(weight)) for name, weight in weights.items()}

    def update(gradients, rate):
        gradient = dict(zip(weights, gradients, strict=True))
        new_weights, new_velocity = rule(weights, velocity, gradient, rate, **options)
        for name in weights:
            weights[name].assign(new_weights[name])
            velocity[name].assign(new_velocity[name])

    return update, tuple(velocity.values())


def _resident_epoch(train_step, images):
    """Returns a function that trains one EpochPlan in one call, on resident images."""

    @tf.function
    def epoch(index, rate, crop, flip):
        kinds = (tf.float32, tf.float32, tf.float32, tf.bool)
        arrays = tuple(tf.TensorArray(kind, tf.shape(index)[0]) for kind in kinds)
        for t in tf.range(tf.shape(index)[0]):
            raw = tf.gather(images, index[t])
            said = train_step(raw, index[t], rate[t], crop[t], flip[t])
            arrays = tuple(array.write(t, value) for array, value in zip(arrays, said))
        return tuple(array.stack() for array in arrays)

    def train(plan):
        return Steps(*(a.numpy() for a in epoch(plan.index, plan.rate, plan.crop, plan.flip)))

    return train


def _streamed_epoch(train_step, images):
    """Returns a function that trains one EpochPlan step by step, reading ahead of the device."""
    one_step = tf.function(train_step)

    def train(plan):
        rows = zip(
            _batches(images, plan.index), plan.index, plan.rate, plan.crop, plan.flip, strict=True
        )
        said = [one_step(*row) for row in rows]
        return Steps(*(np.stack(values) for values in zip(*said, strict=True)))

    return train


def _batches(images, batches):
    """Yields the images of each batch of rows; those not on the device are read ahead."""
    if isinstance(images, tf.Tensor):
        yield from (tf.gather(images, rows) for rows in batches)
        return
    shape = (None, *images.shape[1:])
    stream = tf.data.Dataset.from_generator(
        lambda: (images[rows] for rows in batches), output_signature=tf.TensorSpec(shape, tf.uint8)
    )
    yield from stream.prefetch(READ_AHEAD)
