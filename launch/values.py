"""Parses and validates the values of flags."""

import dataclasses
import functools
import math
import textwrap
from collections.abc import Sequence
from typing import Any, TypedDict, TypeVar

from absl import logging
from memkit.launch.flags import Holders, config_notes
from ml_collections import ConfigDict

from memkit import models, optimizers, studies
from memkit.errors import expected, missing
from memkit.printable import printable
from memkit.studies import checks
from memkit.studies import points as points_lib
from memkit.sweeps import placement as placement_lib
from memkit.sweeps import ray, tensorboard
from memkit.sweeps import selection as selection_lib
from memkit.training import engines, loop
from memkit.typing import Config, Json, Path

T = TypeVar("T")


class Selection(TypedDict):
    """The runs to train, as keyword arguments of `selection.missing`."""

    points: Sequence[str]
    runs: tuple[int, int] | None
    shard: tuple[int, int]


def placed(
    holders: Holders,
    config: Config,
    executor: Holders | None = None,
    *,
    one_at_a_time: bool = False,
) -> placement_lib.Placement:
    """Returns where to compute the runs of a study.

    Args:
      holders: the flags of `flags.placement`.
      config: the checked config of the study.
      executor: the flags of `flags.executor`, None for this machine.
      one_at_a_time: see `placement.place`; runs that stop at an accuracy always differ in length.

    Raises:
      InputError: a flag does not fit the others, or this machine.
    """
    values: dict[str, Any] = {name: holder.value for name, holder in holders.items()}
    values["data_parallel"] = config["training"]["data_parallel"]
    all_points = points_lib.points(config)
    stops = any(point.config["training"]["until_accuracy"] for point in all_points)
    place_here = functools.partial(
        placement_lib.place, **values, one_at_a_time=one_at_a_time or stops
    )
    if not executor:
        return _checked(place_here(), config)
    limit, address = executor["run_limit"].value, executor["ray_address"].value
    if limit is not None and not 0 < limit < math.inf:
        raise expected("--run_limit", "seconds above 0", f"{limit:g}")
    if executor["executor"].value == "ray":
        placement = ray.place(address=address, **values)
    elif address:
        raise expected("--ray_address", "none without --executor=ray", address)
    else:
        placement = place_here()
    return _checked(dataclasses.replace(placement, run_limit=limit), config)


def _checked(placement: placement_lib.Placement, config: Config) -> placement_lib.Placement:
    """Returns a placement in which every point of a config can be trained."""
    all_points = points_lib.points(config)
    for point in all_points:
        loop.check_stopping(point.config["training"]["until_accuracy"], placement.runs_at_once)
    warn_of_slow_choices(placement.setup, config)
    return placement


def warn_of_slow_choices(setup: engines.Setup, config: Config) -> None:
    """Logs a warning for each choice that costs time or memory on the devices of a Setup."""
    all_points = points_lib.points(config)
    if setup.engine == "tensorflow" and any(p.config["training"]["remat"] for p in all_points):
        logging.warning("training.remat: TensorFlow keeps all values; --engine=jax saves memory")
    precisions = {point.config["training"]["precision"] for point in all_points}
    if setup.kind == "cpu" and "bfloat16" in precisions:
        logging.warning(
            "training.precision: bfloat16 takes about twice as long as float32 on a CPU; for a new "
            "study, consider --config.training.precision=float32"
        )
    names = {point.config["model"]["name"] for point in all_points}
    slower = sorted(names & set(models.CONVOLUTIONAL))
    if setup.kind == "tpu" and setup.packing == "vmap" and setup.runs_per_program > 1 and slower:
        logging.warning(
            "--packing=vmap: by the TPU compiler's estimate, convolutional networks (%s) train "
            "slower side by side than one after another; use --packing=none or map",
            ", ".join(slower),
        )


def resolved(config_value: ConfigDict | None, workdir: Path | None, model: Sequence[str]) -> Json:
    """Returns the checked config as nested plain values.

    Args:
      config_value: value of --config, or None to take the config of the study in the workdir.

    Raises:
      InputError: there is no config, it is invalid, or it is a stored one with a function that the
        command does not name.
    """
    if config_value is None:
        if not workdir or not studies.exists(workdir):
            where = f" ({workdir} has no study.json)" if workdir else ""
            raise missing("--config", f"value: the name or file of a config{where}")
        config: Json = studies.load(workdir).config
        allow_models(config, model)
        return config
    nested: Json = points_lib.plain(config_value.copy_and_resolve_references().to_dict())
    checks.check_stored(nested)  # Before any module of the user is imported.
    if _functions(nested) or nested["optimizer"]["name"] != optimizers.SGD:
        print("importing Keras to check the config ...", flush=True)
    # A command with --config names the functions itself.
    allow_models(nested, model or sorted(_functions(nested)))
    nested["model"], left_out = models.fields_of_own(nested["model"])
    if left_out:
        logging.info("model: %s takes no %s", nested["model"]["name"], ", ".join(left_out))
    checks.check(nested)
    for note in config_notes():
        logging.info("%s", note)
    return nested


def allow_models(config: Config, named: Sequence[str]) -> None:
    """Lets this command import the functions that a config names as models.

    Args:
      named: value of --model.

    Raises:
      InputError: --model does not name exactly these functions.
    """
    functions = _functions(config)
    if set(named) == functions:
        models.allow(functions)
        return
    if not functions:
        raise expected("--model", "none, since the study calls no function", ",".join(named))
    options = {name: value for name, value in config["model"].items() if name != "name"}
    arguments = printable(", ".join(f"{name}={value!r}" for name, value in options.items()))
    names = ",".join(sorted(functions))
    expectation = (
        f"{names}, the code that the study names as its model (it would be called with "
        f"{textwrap.shorten(arguments, 300) or 'no options'}); pass --model={names} only if this "
        "code is yours"
    )
    raise expected("--model", expectation, ",".join(named) or "none")


def _functions(config: Config) -> set[str]:
    """Returns the users' functions, such as my_models:build, among the models of a config."""
    names = {point.config["model"]["name"] for point in points_lib.points(config)}
    return {name for name in names if models.is_own(name)}


def required(name: str, value: T | None) -> T:
    """Returns the value of a flag; raises an InputError if it has none."""
    if not value:
        raise missing(f"--{name}", "value")
    return value


def curves(folder: str | None) -> str | None:
    """Returns the value of --tensorboard, checked.

    Raises:
      InputError: see `tensorboard.check`.
    """
    if folder is not None:
        tensorboard.check(required("tensorboard", folder))
    return folder


def selected(holders: Holders) -> Selection:
    """Returns the runs that the flags of `flags.selection` select.

    Raises:
      InputError: names the flag.
    """
    runs, shard = holders["runs"].value, holders["shard"].value
    if shard == "auto":
        index, count = selection_lib.own_shard()
    else:
        index, count = _pair("--shard", shard, "/")
    if not 0 <= index < count:
        raise expected("--shard", "i/n with 0 <= i < n, or auto", shard)
    return {
        "points": holders["points"].value,
        "runs": None if runs is None else _pair("--runs", runs, ":"),
        "shard": (index, count),
    }


def _pair(flag: str, text: str, separator: str) -> tuple[int, int]:
    words = text.split(separator)
    if len(words) != 2 or not all(word.isdigit() for word in words):
        raise expected(flag, f"two whole numbers joined by {separator!r}", repr(text))
    return int(words[0]), int(words[1])


def watch_seconds(text: str | None) -> float | None:
    """Returns the seconds between two outputs for --watch, None if it is not given."""
    if text in (None, "true", "false"):
        return 5.0 if text == "true" else None
    (seconds,) = numbers("--watch", [str(text)])
    if not 0 < seconds <= 86400:
        raise expected("--watch", "seconds above 0 and up to a day", text)
    return seconds


def numbers(flag: str, words: Sequence[str]) -> list[float]:
    """Returns the numbers of a flag that takes numbers joined by commas.

    Raises:
      InputError: a word is not a number.
    """
    try:
        return [float(word) for word in words]
    except ValueError:
        raise expected(flag, "numbers joined by commas", ",".join(words)) from None
