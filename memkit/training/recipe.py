"""The recipe: learning-rate schedules, the loss and the optimizer, the same for every engine."""

import inspect

import numpy as np
from etils import epy

from memkit.errors import expected

with epy.lazy_imports():
    import keras


def step(*, peak, warmup_epochs, milestones, factor):
    """Returns the rate as a function of the epoch (a float array): x factor at each milestone."""
    drops = np.asarray(milestones, float)

    def rate(epoch, total):
        return peak * factor ** (epoch[:, None] >= drops).sum(1)

    return _with_warmup(rate, peak=peak, warmup_epochs=warmup_epochs)


def cosine(*, peak, warmup_epochs):
    """Returns the rate as a function of the epoch: half a cosine from the peak to 0."""

    def rate(epoch, total):
        progress = np.maximum(epoch - warmup_epochs, 0) / (total - warmup_epochs)
        return peak * 0.5 * (1 + np.cos(np.pi * progress))

    return _with_warmup(rate, peak=peak, warmup_epochs=warmup_epochs)


def linear(*, peak, warmup_epochs):
    """Returns the rate as a function of the epoch: a straight line from the peak to 0."""

    def rate(epoch, total):
        return peak * np.clip((total - epoch) / (total - warmup_epochs), 0, 1)

    return _with_warmup(rate, peak=peak, warmup_epochs=warmup_epochs)


SCHEDULES = {"cosine": cosine, "linear": linear, "step": step}


def _with_warmup(rate, *, peak, warmup_epochs):
    """Linear from peak / (warm-up steps) at the first step to the peak at the last warm-up step."""

    def warmed(steps_done, steps_per_epoch, total_epochs):
        warmup_steps = round(warmup_epochs * steps_per_epoch)
        decayed = rate(steps_done / steps_per_epoch, total_epochs)
        rising = peak * (steps_done + 1) / max(warmup_steps, 1)
        return np.where(steps_done < warmup_steps, rising, decayed)

    return warmed


def rates(schedule, *, epochs, steps_per_epoch):
    """Returns the learning rate of every step.

    Args:
      schedule: {"name": key of SCHEDULES, **options of that schedule}.
      epochs: int.
      steps_per_epoch: int.

    Returns:
      [epochs, steps_per_epoch] float32.

    Raises:
      InputError: unknown schedule or option, a warm-up as long as the training, a peak <= 0.
    """
    options = dict(schedule)
    name = options.pop("name")
    check_options("schedule", name, SCHEDULES, options)
    if not options["peak"] > 0:
        raise expected("schedule.peak", "a rate above 0", options["peak"])
    if not 0 <= options["warmup_epochs"] < epochs:
        raise expected(
            "schedule.warmup_epochs",
            f"at least 0 and less than the {epochs} epochs of training",
            options["warmup_epochs"],
        )
    steps = np.arange(epochs * steps_per_epoch)
    values = SCHEDULES[name](**options)(steps, steps_per_epoch, epochs)
    return values.astype(np.float32).reshape(epochs, steps_per_epoch)


def check_options(section, name, registry, options):
    """Refuses an unknown name, or options that differ from its keyword arguments."""
    if name not in registry:
        raise expected(f"{section}.name", f"one of {', '.join(registry)}", repr(name))
    valid = [
        parameter.name
        for parameter in inspect.signature(registry[name]).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    for option in options:
        if option not in valid:
            raise expected(f"{section}.{option}", f"{name} to take {', '.join(valid)}", "it")
    for option in valid:
        if option not in options:
            raise expected(f"{section}.{option}", "a value", "none")


def sgd(weights, velocity, gradient, rate, *, momentum, nesterov, weight_decay, decay_all):
    """One step of stochastic gradient descent with momentum and coupled weight decay.

    g <- gradient + weight_decay * w (kernels only, unless decay_all), v <- momentum * v - rate * g,
    w <- w + v, or w + momentum * v - rate * g with Nesterov momentum (Sutskever et al. 2013), as
    keras.optimizers.SGD has it. Coupled decay is that of He et al. 2016: the gradient of
    weight_decay / 2 * |w|^2.

    Args:
      weights: {name: array}; a name ends in "kernel" where the variable multiplies inputs.
      velocity: {name: array}, zeros before the first step.
      gradient: {name: array}.
      rate: scalar, the learning rate of this step.
      momentum: float in [0, 1).
      nesterov: bool.
      weight_decay: float >= 0.
      decay_all: bool; True decays biases and batch-norm parameters too.

    Returns:
      (weights, velocity) after the step; works on the arrays of any engine.
    """
    new_weights, new_velocity = {}, {}
    for name, weight in weights.items():
        slope = gradient[name]
        if weight_decay and (decay_all or name.endswith("kernel")):
            slope = slope + weight_decay * weight
        step = rate * slope
        speed = momentum * velocity[name] - step
        new_velocity[name] = speed
        new_weights[name] = weight + (momentum * speed - step if nesterov else speed)
    return new_weights, new_velocity


OPTIMIZERS = {"sgd": sgd}


def check_optimizer(*, name, **options):
    """Refuses an unknown optimizer, unknown or missing options, and values out of range."""
    check_options("optimizer", name, OPTIMIZERS, options)
    if not 0 <= options["momentum"] < 1:
        raise expected("optimizer.momentum", "a number in [0, 1)", options["momentum"])
    if not options["weight_decay"] >= 0:
        raise expected("optimizer.weight_decay", "a number of at least 0", options["weight_decay"])


def cross_entropy(logits, labels):
    """Returns the softmax cross-entropy [B] in nats of int labels [B] and logits [B, C]."""
    return keras.ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def distillation_loss(logits, teacher_logits, labels, *, weight, temperature, scale):
    """Returns the loss [B] of a student: weight x teacher's part + (1 - weight) x labels' part.

    The teacher's part is the cross-entropy of softmax(logits / temperature) to
    softmax(teacher_logits / temperature), times temperature^2 where `scale` (Hinton et al. 2015);
    the labels' part is `cross_entropy`.
    """
    targets = keras.ops.softmax(teacher_logits / temperature)
    soft = keras.ops.categorical_crossentropy(targets, logits / temperature, from_logits=True)
    soft = soft * (temperature**2 if scale else 1.0)
    return weight * soft + (1 - weight) * cross_entropy(logits, labels)


def margin(logits, labels):
    """Returns the label's logit minus the largest other one [B]; above 0 = predicted right."""
    of_label = keras.ops.one_hot(labels, logits.shape[-1], dtype="bool")
    others = keras.ops.max(keras.ops.where(of_label, -np.inf, logits), axis=-1)
    return keras.ops.max(keras.ops.where(of_label, logits, -np.inf), axis=-1) - others


def log_odds(logits, labels):
    """Returns log p - log(1 - p) [B] for p = softmax probability of the label; higher = surer.

    It is computed as the label's logit minus the log-sum-exp of the other logits, so it stays
    exact where p rounds to 1 and 1 - p to 0.
    """
    of_label = keras.ops.one_hot(labels, logits.shape[-1], dtype="bool")
    label_logit = keras.ops.max(keras.ops.where(of_label, logits, -np.inf), axis=-1)
    others = keras.ops.logsumexp(keras.ops.where(of_label, -np.inf, logits), axis=-1)
    return label_logit - others
