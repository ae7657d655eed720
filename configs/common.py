"""Code shared by the configs: defaults, the recipes of the papers, arguments, the smoke size."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import config_dict

from memkit import defaults
from memkit.typing import Json

training = defaults.training

NORMALIZATION = {  # mean and standard deviation of each channel, on the scale 0..1
    "mnist": ((0.1307,), (0.3081,)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "cifar100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    "tiny_imagenet": ((0.4802, 0.4481, 0.3975), (0.2770, 0.2691, 0.2821)),
    "imagenet2012": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}

# The arguments that set fields: those of my_images, and the npz file of other configs.
_OWN_IMAGES = {
    "dataset.path": "path",
    "dataset.image_size": "size",
    "dataset.test_fraction": "holdout",
    "dataset.skip_bad": "skip_bad",
    "dataset.mean": "channels",
}
_NPZ = {"dataset.path": "npz"}


def arguments_of_fields(config: str) -> Mapping[str, str]:
    """Returns {field: argument} of the fields that are set by arguments of a config.

    Args:
      config: value of --config, such as "my_images:path=photos".
    """
    file, _, text = config.partition(":")
    if pathlib.PurePath(file).stem == "my_images":
        return _OWN_IMAGES
    return _NPZ if "npz=" in text else {}


def study(*, title: str) -> config_dict.ConfigDict:
    """Returns a config with the fields that have the same value in most studies."""
    return config_dict.ConfigDict(defaults.config(title=title))


def leave_one_out(config: config_dict.ConfigDict, *, num_examples: int, units: int) -> None:
    """Sets the design that leaves out every single example; subsets.train_fraction is not used.

    Args:
      config: changed in place.
      num_examples: number of train examples.
      units: how often every example is left out.
    """
    config.subsets.update(design="leave_one_out", num_runs=units * (num_examples + 1))


def dataset(name: str, *, mean: Sequence[float], std: Sequence[float], **options: Any) -> Json:
    """Returns the `dataset` section of a config.

    Args:
      name: a key of `memkit.data.SOURCES`.
      mean: mean of each channel on the scale 0..1, for normalization.
      std: standard deviation of each channel on the scale 0..1.
      **options: options of the source.
    """
    common = dict(classes=(), train_per_class=0, test_per_class=0, resident=True)
    return dict(name=name, mean=mean, std=std, **common, **options)


def lukasik_cifar(config: config_dict.ConfigDict) -> None:
    """Sets the recipe of Lukasik et al., Table 4, for CIFAR; "10e-4" is read as 1e-4."""
    config.optimizer.weight_decay = 1e-4
    config.distillation.update(weight=1.0, temperature=3.0)
    config.schedule = dict(
        name="step", peak=1.0, warmup_epochs=15.0, milestones=(200, 300, 400), factor=0.1
    )
    config.training = training(
        epochs=450, batch_size=1024, augment="pad_crop_flip", precision="bfloat16"
    )


def lukasik_tiny_imagenet(config: config_dict.ConfigDict) -> None:
    """Sets the recipe of Lukasik et al., Table 4, for Tiny-ImageNet, with a padding of 8."""
    config.optimizer.weight_decay = 5e-4
    config.distillation.update(weight=1.0, temperature=1.0)
    config.schedule = dict(name="cosine", peak=0.1, warmup_epochs=5.0)
    config.training = training(
        epochs=90, batch_size=256, augment="pad_crop_flip", pad=8, precision="bfloat16"
    )


def arguments(text: str, **defaults: Any) -> config_dict.ConfigDict:
    """Parses the arguments of a config: the text after the colon in --config=NAME:text.

    Args:
      text: comma-separated `name=value`, or only the name for switches such as `smoke`. A comma
        belongs to the text value before it unless an argument follows.
      **defaults: the arguments of the config besides `smoke` and `npz`, with their defaults.

    Returns:
      ConfigDict of the defaults, `smoke` (bool) and `npz` (a file with the images), updated by the
      text.

    Raises:
      ValueError: an argument is unknown or has no valid value; the message lists the arguments.
    """
    known = config_dict.ConfigDict({"smoke": False, "npz": "", **defaults})
    switches = [name for name in known if isinstance(known[name], bool)]
    text_name = ""  # The previous argument, if its value is text and may contain a comma.
    for word in filter(None, text.split(",")):
        name, equals, value = word.partition("=")
        if text_name and not equals and name not in known:
            known[text_name] += f",{word}"
            continue
        if name not in known or not (value or (name in switches and not equals)):
            names = ", ".join([*switches, *(f"{n}=..." for n in known if n not in switches)])
            hint = " (a path with , and = goes into --config.dataset.path)" if text_name else ""
            raise ValueError(f"--config: expected arguments among {names}, received {word}{hint}")
        known[name] = _value(name, value or "true", type(known[name]))
        text_name = name if isinstance(known[name], str) else ""
    return known


def _value(name: str, text: str, kind: type) -> Any:
    """Returns the value of an argument, converted to the type of its default."""
    words = {"true": True, "false": False}
    values = {bool: "true or false", int: "a whole number", float: "a number"}
    try:
        return words[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError):
        raise ValueError(f"--config: {name}=: expected {values[kind]}, received {text}") from None


def real_data(options: config_dict.ConfigDict, name: str, **source_options: Any) -> Json:
    """Returns the `dataset` section for a data set of `NORMALIZATION`, or for an npz file of it.

    Args:
      options: the arguments of the config; `npz` names the file, if any.
      name: a key of `NORMALIZATION`.
      **source_options: options of the source, unless an npz file is used.
    """
    mean, std = NORMALIZATION[name]
    if options.npz:
        return dataset("npz", mean=mean, std=std, path=options.npz)
    return dataset(name, mean=mean, std=std, **source_options)


def smoke(
    config: config_dict.ConfigDict,
    *,
    image_size: int,
    values: Sequence[float | str] = (),
    channels: int = 3,
) -> config_dict.ConfigDict:
    """Shrinks a study to run in seconds on a CPU: synthetic images, 20 runs, two epochs.

    Args:
      config: changed in place.
      image_size: width and height of the images in pixels.
      values: the axis values to keep.
      channels: number of channels of the images.
    """
    mean, std = (0.5,) * channels, (0.25,) * channels
    config.dataset = dataset(
        "made_up",
        mean=mean,
        std=std,
        image_size=image_size,
        channels=channels,
        num_classes=4,
        num_train=48,
        num_test=16,
    )
    config.subsets.num_runs = 20
    config.training.update(epochs=2, batch_size=8)
    config.schedule.update(peak=0.05, warmup_epochs=0.5)
    config.axis.values = values
    if "milestones" in config.schedule:
        config.schedule.milestones = (1,)
    return config
