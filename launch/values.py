"""What the values of flags mean: their text becomes configs, placements, selections, numbers."""

import collections.abc
import dataclasses
import math
import textwrap

from absl import logging

from memkit import models, studies
from memkit.errors import expected
from memkit.printable import printable
from memkit.studies import checks
from memkit.studies import points as points_lib
from memkit.sweeps import placement as placement_lib
from memkit.sweeps import ray
from memkit.sweeps import selection as selection_lib


def placed(holders, config_value, where=None):
    """Returns the Placement of a study's config from the holders of `placement`.

    Args:
      holders: of `placement`.
      config_value: the checked config.
      where: holders of `executor`, None for this machine.
    """
    values = {name: holder.value for name, holder in holders.items()}
    values["data_parallel"] = config_value["training"]["data_parallel"]
    if not where:
        return placement_lib.place(**values)
    limit, address = where["run_limit"].value, where["ray_address"].value
    if limit is not None and not 0 < limit < math.inf:
        raise expected("--run_limit", "seconds above 0", f"{limit:g}")
    if where["executor"].value == "ray":
        placed = ray.place(address=address, **values)
    elif address:
        raise expected("--ray_address", "none without --executor=ray", address)
    else:
        placed = placement_lib.place(**values)
    return dataclasses.replace(placed, run_limit=limit)


def resolved(config_value, workdir_value, model_value):
    """Returns the checked config as nested plain values.

    Args:
      config_value: value of --config, or None: then the study in the workdir has it.
      workdir_value: value of --workdir.
      model_value: value of --model.

    Raises:
      InputError: no config, one that cannot be a study, or a stored one with a function that the
        command does not name.
    """
    if config_value is None:
        if not workdir_value or not studies.exists(workdir_value):
            raise expected("--config", "the name or file of a study's config", "none")
        config = studies.load(workdir_value).config
        allow_models(config, model_value)
        return config
    nested = points_lib.plain(config_value.copy_and_resolve_references().to_dict())
    checks.check_stored(nested)  # Before anything of the user's is imported.
    # A command with --config names the functions itself.
    allow_models(nested, model_value or sorted(_functions(nested)))
    nested["model"], left_out = models.fields_of_own(nested["model"])
    if left_out:
        logging.info("model: %s takes no %s", nested["model"]["name"], ", ".join(left_out))
    checks.check(nested)
    return nested


def allow_models(config: dict, named: collections.abc.Sequence[str]) -> None:
    """Lets this command import the functions that a config names as models.

    Args:
      config: nested dict, such as a stored study's.
      named: value of --model.

    Raises:
      InputError: --model names others, or none where the config names some.
    """
    functions = _functions(config)
    if set(named) == functions:
        models.allow(functions)
        return
    if not functions:
        raise expected("--model", "none, since the study calls no function", ",".join(named))
    options = {name: value for name, value in config["model"].items() if name != "name"}
    called = printable(", ".join(f"{name}={value!r}" for name, value in options.items()))
    wanted = (
        f"{','.join(sorted(functions))}, the code that the study names as its model (it would be "
        f"called with {textwrap.shorten(called, 300) or 'no options'}); pass "
        f"--model={','.join(sorted(functions))} only if this code is yours"
    )
    raise expected("--model", wanted, ",".join(named) or "none")


def _functions(config: dict) -> set[str]:
    """Returns the users' functions, such as my_models:build, among the models of a config."""
    named = {point.config["model"]["name"] for point in points_lib.points(config)}
    return {name for name in named if models.is_own(name)}


def required(name, value):
    """Returns a flag's value; refuses its absence."""
    if not value:
        raise expected(f"--{name}", "a value", "none")
    return value


def chosen(holders):
    """Returns the keyword arguments of `selection.missing` from the holders of `selection`."""
    return selection_lib.chosen(**{name: holder.value for name, holder in holders.items()})


def numbers(flag, words):
    """Returns the floats of a flag that takes names joined by commas.

    Raises:
      InputError: a word that is no number.
    """
    try:
        return [float(word) for word in words]
    except ValueError:
        raise expected(flag, "numbers joined by commas", ",".join(words)) from None
