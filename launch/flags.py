"""The flags that verbs share, and how their text becomes values.

Every flag of memkit is defined here, so `memkit VERB --help` lists a verb's flags by this module.
A verb calls the functions it needs at import; two verbs are never loaded in one process.
"""

import importlib.util
import os
import pathlib

from absl import flags, logging
from ml_collections import config_flags

from memkit import models, studies
from memkit.errors import expected
from memkit.studies import checks
from memkit.studies import points as points_lib
from memkit.sweeps import placement as placement_lib
from memkit.training import engines


def config():
    """Defines --config and the overrides --config.section.field=value."""
    return config_flags.DEFINE_config_file(
        "config",
        None,
        "name of a packaged study or path of a config file, with :variant if it has one; "
        "override any field with --config.section.field=value",
        lock_config=True,
    )


def workdir():
    """Defines --workdir."""
    return flags.DEFINE_string("workdir", None, "folder of the study, local or gs://")


def placement():
    """Defines the flags that say where to compute; returns their holders by name."""
    kinds = ", ".join(engines.STRATEGIES)
    return {
        "engine": flags.DEFINE_string(
            "engine", "tensorflow", f"what trains the models: {' or '.join(engines.ENGINES)}"
        ),
        "strategy": flags.DEFINE_string(
            "strategy", "auto", f"how one program uses several devices: auto, {kinds}"
        ),
        "devices": flags.DEFINE_string(
            "devices", "auto", "auto, cpu, gpu, tpu, or a list such as gpu:0,gpu:3"
        ),
        **packing(),
        "workers": flags.DEFINE_integer(
            "workers",
            0,
            "worker processes; 0 means one per core, or per GPU or TPU chip",
            lower_bound=0,
        ),
    }


def packing():
    """Defines --packing and --runs_per_program; returns their holders by name."""
    return {
        "packing": flags.DEFINE_string(
            "packing",
            "none",
            "how the runs of one program share a device, with --engine=jax: none, map (one after "
            "another in one call) or vmap (side by side)",
        ),
        "runs_per_program": flags.DEFINE_integer(
            "runs_per_program", 1, "runs of one program on one device", lower_bound=1
        ),
    }


def topology():
    """Defines --topology."""
    return flags.DEFINE_string(
        "topology", None, "chips to compile for, such as v5e:2x2, v6e:2x4, v4:2x2x1 or v5p:2x2x1"
    )


def placed(holders, config_value):
    """Returns the Placement of a study's config from the holders of `placement`."""
    values = {name: holder.value for name, holder in holders.items()}
    return placement_lib.place(data_parallel=config_value["training"]["data_parallel"], **values)


def points():
    """Defines --points."""
    return flags.DEFINE_list("points", [], "only these points, by name")


def selection():
    """Defines --points, --runs and --shard; returns their holders by name."""
    return {
        "points": points(),
        "runs": flags.DEFINE_string("runs", None, "only runs first:last, last not included"),
        "shard": flags.DEFINE_string("shard", "0/1", "i/n: only runs m with m % n == i"),
    }


def text(name, meaning):
    """Defines a flag that takes any text, none by default."""
    return flags.DEFINE_string(name, None, meaning)


def names(name, meaning):
    """Defines a flag that takes names joined by commas, none by default."""
    return flags.DEFINE_list(name, [], meaning)


def choice(name, values, meaning):
    """Defines a flag that takes one of some words, none by default."""
    return flags.DEFINE_enum(name, None, list(values), meaning)


def count(name, default, meaning):
    """Defines a flag that takes a number of things, at least 1."""
    return flags.DEFINE_integer(name, default, meaning, lower_bound=1)


def switch(name, text):
    """Defines a flag that is off unless given."""
    return flags.DEFINE_boolean(name, False, text)


def resolve_config(argv):
    """Returns argv with --config=NAME replaced by the path of the packaged or given file.

    Raises:
      InputError: no such file; lists the packaged names.
    """
    resolved, take_next = [], False
    for word in argv:
        if take_next:
            resolved.append(f"--config={_config_path(word)}")
            take_next = False
        elif word in ("--config", "-config"):
            take_next = True
        elif word.startswith(("--config=", "-config=")):
            resolved.append(f"--config={_config_path(word.partition('=')[2])}")
        else:
            resolved.append(word)
    return [*resolved, "--config"] if take_next else resolved


def _config_path(value):
    name, colon, variant = value.partition(":")
    if name.endswith(".py"):
        if not os.path.isfile(name):
            raise expected("--config", "a config file that exists", name)
        return value
    folder = pathlib.Path(importlib.util.find_spec("memkit.configs").origin).parent
    packaged = sorted(p.stem for p in folder.glob("*.py") if p.stem not in ("__init__", "common"))
    if name not in packaged:
        raise expected("--config", f"one of {', '.join(packaged)}, or a file ending in .py", name)
    return f"{folder / name}.py{colon}{variant}"


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
    runs, shard = holders["runs"].value, holders["shard"].value
    return {
        "points": holders["points"].value,
        "runs": None if runs is None else _pair("--runs", runs, ":"),
        "shard": _shard(shard),
    }


def _shard(text):
    index, count = _pair("--shard", text, "/")
    if not 0 <= index < count:
        raise expected("--shard", "i/n with 0 <= i < n", text)
    return index, count


def _pair(flag, text, separator):
    parts = text.split(separator)
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise expected(flag, f"two whole numbers joined by {separator!r}", repr(text))
    return int(parts[0]), int(parts[1])


def numbers(flag, words):
    """Returns the floats of a flag that takes names joined by commas.

    Raises:
      InputError: a word that is no number.
    """
    try:
        return [float(word) for word in words]
    except ValueError:
        raise expected(flag, "numbers joined by commas", ",".join(words)) from None
