"""What a config can say about training: learning-rate schedules and augmentations.

NumPy only, so that a config can be checked without an engine.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from memkit.errors import expected, missing, unknown, unknown_field
from memkit.typing import Config, FloatArray

# (epoch, total epochs) -> rate; the epoch is an array of fractions of epochs.
Rate: TypeAlias = Callable[[FloatArray, int], FloatArray]
# (steps done, steps per epoch, total epochs) -> rate of each step.
Schedule: TypeAlias = Callable[[np.ndarray, int, int], FloatArray]

# name -> numbers per example that its plan holds besides crops and flips, see `step.augmented`
AUGMENTATIONS = {
    "none": 0,
    "pad_crop_flip": 0,
    "random_resized_crop": 4,
    "mixup": 1,
    "cutmix": 4,
    "rand_augment": 4,
}
MIXING = ("mixup", "cutmix")
# The operations among which RandAugment draws (Cubuk et al. 2020), see `training.rand_augment`.
RAND_AUGMENT = (
    "identity",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
    "rotate",
    "brightness",
    "color",
    "contrast",
    "sharpness",
    "posterize",
    "solarize",
    "autocontrast",
    "equalize",
)
MAGNITUDE = 0.9  # of RandAugment, 9 on the scale of the paper, which ends at 10


def padding(augment: str, pad: int) -> int | None:
    """Returns the pixels of padding before crops and flips; None without either.

    Args:
      augment: key of AUGMENTATIONS; "random_resized_crop" flips, and crops in its own way.
      pad: pixels of the config.
    """
    if augment == "none":
        return None
    return 0 if augment == "random_resized_crop" else pad


def steps_per_epoch(num_members: int, batch_size: int) -> int:
    """Returns floor(num_members / batch_size); the remainder of each permutation is dropped.

    Raises:
      InputError: the batch is larger than the subset.
    """
    if batch_size > num_members:
        raise expected(
            "training.batch_size", f"at most the subset's {num_members} examples", batch_size
        )
    return num_members // batch_size


def step(*, peak: float, warmup_epochs: float, milestones: list[float], factor: float) -> Schedule:
    """Returns a schedule that multiplies the rate by a factor at each milestone (in epochs)."""
    drops = np.asarray(milestones, float)

    def rate(epoch: FloatArray, total: int) -> FloatArray:
        return peak * factor ** (epoch[:, None] >= drops).sum(1)

    return _with_warmup(rate, peak=peak, warmup_epochs=warmup_epochs)


def cosine(*, peak: float, warmup_epochs: float) -> Schedule:
    """Returns a schedule that falls along half a cosine from the peak to 0."""

    def rate(epoch: FloatArray, total: int) -> FloatArray:
        progress = np.maximum(epoch - warmup_epochs, 0) / (total - warmup_epochs)
        return peak * 0.5 * (1 + np.cos(np.pi * progress))

    return _with_warmup(rate, peak=peak, warmup_epochs=warmup_epochs)


def linear(*, peak: float, warmup_epochs: float) -> Schedule:
    """Returns a schedule that falls along a straight line from the peak to 0."""

    def rate(epoch: FloatArray, total: int) -> FloatArray:
        return peak * np.clip((total - epoch) / (total - warmup_epochs), 0, 1)

    return _with_warmup(rate, peak=peak, warmup_epochs=warmup_epochs)


SCHEDULES: dict[str, Callable[..., Schedule]] = {"cosine": cosine, "linear": linear, "step": step}


def _with_warmup(rate: Rate, *, peak: float, warmup_epochs: float) -> Schedule:
    """Rises linearly from peak / (warm-up steps) to the peak at the last warm-up step."""

    def warmed(steps_done: np.ndarray, steps_per_epoch: int, total_epochs: int) -> FloatArray:
        warmup_steps = round(warmup_epochs * steps_per_epoch)
        decayed = rate(steps_done / steps_per_epoch, total_epochs)
        rising = peak * (steps_done + 1) / max(warmup_steps, 1)
        return np.where(steps_done < warmup_steps, rising, decayed)

    return warmed


def rates(schedule: Config, *, epochs: int, steps_per_epoch: int) -> FloatArray:
    """Returns the learning rate of every step.

    Args:
      schedule: {"name": key of SCHEDULES, **options of that schedule}.

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


def check_options(
    section: str, name: str, registry: Mapping[str, Callable[..., Any]], options: Config
) -> None:
    """Checks a name and its options against a registry of functions.

    Raises:
      InputError: an unknown name, or options that differ from the function's keyword arguments.
    """
    if name not in registry:
        raise unknown(f"{section}.name", name, registry, kind=section)
    valid = [
        parameter.name
        for parameter in inspect.signature(registry[name]).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    for option in options:
        if option not in valid:
            raise unknown_field(section, option, valid)
    for option in valid:
        if option not in options:
            raise missing(f"{section}.{option}", "value")
