"""What the values of flags mean: their text becomes configs, placements, selections, numbers."""

from absl import logging

from memkit import models, studies
from memkit.errors import expected
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
    if where and where["executor"].value == "ray":
        values["address"] = where["ray_address"].value
        return ray.place(data_parallel=config_value["training"]["data_parallel"], **values)
    if where and where["ray_address"].value:
        raise expected("--ray_address", "none without --executor=ray", where["ray_address"].value)
    return placement_lib.place(data_parallel=config_value["training"]["data_parallel"], **values)


def resolved(config_value, workdir_value):
    """Returns the checked config as nested plain values.

    Args:
      config_value: value of --config, or None: then the study in the workdir has it.
      workdir_value: value of --workdir.

    Raises:
      InputError: no config, or one that cannot be a study.
    """
    if config_value is None:
        if not workdir_value or not studies.exists(workdir_value):
            raise expected("--config", "the name or file of a study's config", "none")
        return studies.load(workdir_value).config
    nested = points_lib.plain(config_value.copy_and_resolve_references().to_dict())
    nested["model"], left_out = models.fields_of_own(nested["model"])
    if left_out:
        logging.info("model: %s takes no %s", nested["model"]["name"], ", ".join(left_out))
    checks.check(nested)
    return nested


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
