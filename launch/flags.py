"""Defines flags; `values` turns their text into values.

Every flag of memkit is defined here, so that `memkit VERB --help` lists the flags of this module.
A verb calls the functions that it needs at import; no process imports two verbs.
"""

import importlib.util
import os
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from absl import flags
from memkit.configs import common
from memkit.launch import sections
from ml_collections import config_flags

from memkit.errors import InputError, expected, unknown
from memkit.studies import points as points_lib
from memkit.training import engines

Holder: TypeAlias = flags.FlagHolder[Any]
Holders: TypeAlias = dict[str, Holder]


def config() -> Holder:
    """Defines --config and the overrides --config.section.field=value."""
    holder = config_flags.DEFINE_config_file(
        "config",
        None,
        "name of a packaged study or path of a config file, with :variant if it has one; "
        "override any field with --config.section.field=value",
        lock_config=True,
    )
    flag = flags.FLAGS["config"]
    flag.parser = sections.Parser(flag.parser)
    return holder


def config_notes() -> Sequence[str]:
    """Returns what the user should know about the config that the flags made."""
    notes: Sequence[str] = flags.FLAGS["config"].parser.notes if "config" in flags.FLAGS else ()
    return notes


def model() -> Holder:
    """Defines --model, with which users allow a stored study to call a function of their own."""
    return flags.DEFINE_list(
        "model",
        [],
        "module:function of the model of the study in --workdir, if it is not one of memkit's: "
        "files of a study never choose which code runs, so the function is imported only if it is "
        "named here or by --config",
    )


def workdir() -> Holder:
    """Defines --workdir."""
    return flags.DEFINE_string("workdir", None, "folder of the study, local or gs://")


def placement() -> Holders:
    """Defines the flags for where to compute; returns their holders by name."""
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


def executor() -> Holders:
    """Defines --executor, --ray_address and --run_limit; returns their holders by name."""
    return {
        "run_limit": flags.DEFINE_float(
            "run_limit",
            None,
            "seconds in which a worker must finish a run (or a pack of runs), compilation "
            "included; otherwise it is killed and replaced, which counts as a failed attempt",
        ),
        "executor": flags.DEFINE_enum(
            "executor",
            "local",
            ["local", "ray"],
            "local: worker processes of this machine; ray: actors of a Ray cluster",
        ),
        "ray_address": flags.DEFINE_string(
            "ray_address",
            None,
            "host:port of the head of a Ray cluster; the default is the cluster of RAY_ADDRESS or "
            "of this machine, or a new one on this machine",
        ),
    }


def packing() -> Holders:
    """Defines --packing and --runs_per_program; returns their holders by name."""
    return {
        "packing": flags.DEFINE_string(
            "packing",
            "none",
            "how the runs of one program share a device, with --engine=jax: none, map (one after "
            "another in one call) or vmap (in batched operations)",
        ),
        "runs_per_program": flags.DEFINE_integer(
            "runs_per_program", 1, "runs of one program on one device", lower_bound=1
        ),
    }


def topology() -> Holder:
    """Defines --topology."""
    return flags.DEFINE_string(
        "topology", None, "chips to compile for, such as v5e:2x2, v6e:2x4, v4:2x2x1 or v5p:2x2x1"
    )


def points() -> Holder:
    """Defines --points."""
    return flags.DEFINE_list(
        "points", [], "only these points, by name; the series may be left out, as in width4"
    )


def point() -> Holder:
    """Defines --point."""
    return flags.DEFINE_string(
        "point",
        None,
        "name of the point, such as width4; the last of its first series if none is given",
    )


def selection() -> Holders:
    """Defines --points, --runs and --shard; returns their holders by name."""
    return {
        "points": points(),
        "runs": flags.DEFINE_string("runs", None, "only runs first:last, excluding last"),
        "shard": flags.DEFINE_string(
            "shard",
            "0/1",
            "i/n: only runs m with m % n == i; auto: as Slurm, Kubernetes or a TPU slice number it",
        ),
    }


def tensorboard() -> Holder:
    """Defines --tensorboard."""
    return flags.DEFINE_string(
        "tensorboard",
        None,
        "folder for event files with loss, accuracy and learning rate of each run that this "
        "command trains, for `tensorboard --logdir`; needs the extra tensorboard",
    )


def data(meaning: str) -> Holder:
    """Defines --data, for which the first word of a command may stand without its name."""
    return flags.DEFINE_string("data", None, meaning)


def minutes(default: float, meaning: str) -> Holder:
    """Defines --minutes."""
    return flags.DEFINE_float("minutes", default, meaning)


def number(name: str, meaning: str) -> Holder:
    """Defines a flag that takes a number, without a default."""
    return flags.DEFINE_float(name, None, meaning)


def text(name: str, meaning: str) -> Holder:
    """Defines a flag that takes any text, without a default."""
    return flags.DEFINE_string(name, None, meaning)


def names(name: str, meaning: str) -> Holder:
    """Defines a flag that takes names joined by commas, without a default."""
    return flags.DEFINE_list(name, [], meaning)


def each(name: str, meaning: str) -> Holder:
    """Defines a flag that takes any text and may be given several times."""
    return flags.DEFINE_multi_string(name, [], meaning)


def choice(name: str, values: Iterable[str], meaning: str) -> Holder:
    """Defines a flag that takes one of some words, without a default."""
    return flags.DEFINE_enum(name, None, list(values), meaning)


def count(name: str, default: int | None, meaning: str) -> Holder:
    """Defines a flag that takes a whole number of at least 1."""
    return flags.DEFINE_integer(name, default, meaning, lower_bound=1)


def index(name: str, meaning: str) -> Holder:
    """Defines a flag that takes a whole number of at least 0, without a default."""
    return flags.DEFINE_integer(name, None, meaning, lower_bound=0)


def watch() -> Holder:
    """Defines --watch, whose value is optional."""
    return flags.DEFINE_flag(
        flags.Flag(
            parser=flags.ArgumentParser(),
            serializer=None,
            name="watch",
            default=None,
            help_string="print again every 5 seconds, or every --watch=seconds, until all is done",
            boolean=True,  # So that the next word is not taken as its value.
        )
    )


def switch(name: str, meaning: str) -> Holder:
    """Defines a flag that is off unless given."""
    return flags.DEFINE_boolean(name, False, meaning)


def fields_like(name: str) -> list[str]:
    """Returns the fields of the config that an unknown flag may stand for.

    Args:
      name: name of the flag, such as "num_runs".

    Returns:
      A list such as ["subsets.num_runs"]; [] if the verb takes no config or no field fits.
    """
    if "config" not in flags.FLAGS:
        return []
    value = flags.FLAGS["config"].value
    known = common.study(title="") if value is None else value
    fields = points_lib.flatten(known.to_dict())
    return [field for field in fields if f".{field}".endswith(f".{name}")]


def resolve_config(argv: Sequence[str]) -> list[str]:
    """Returns argv with --config=NAME replaced by the path of a packaged or given file.

    Raises:
      InputError: there is no such file; the message lists the packaged names.
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


def _config_path(value: str) -> str:
    name, colon, variant = value.partition(":")
    if name.endswith(".py"):
        if not os.path.isfile(name):
            raise expected("--config", "a config file that exists", name)
        return value
    folder = _packaged_folder()
    packaged = sorted(p.stem for p in folder.glob("*.py") if p.stem not in ("__init__", "common"))
    if name not in packaged:
        error = unknown("--config", name, packaged, kind="config")
        raise InputError(f"{error}; the path of a config file ends in .py")
    return f"{folder / name}.py{colon}{variant}"


def _packaged_folder() -> pathlib.Path:
    spec = importlib.util.find_spec("memkit.configs")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("memkit.configs", name="memkit.configs")
    return pathlib.Path(spec.origin).parent
