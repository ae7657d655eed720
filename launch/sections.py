"""Sections of a config whose fields depend on their name: a flag with a new name resets them.

--config.model.name=mlp replaces the fields of the section `model` by those of the model mlp, with
its defaults. Other flags of the same command, such as --config.model.hidden, then change the new
fields, wherever they stand.
"""

import inspect
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from absl import flags
from ml_collections import ConfigDict

from memkit import models, recipe
from memkit.typing import Config, Json

# (name, fields of the section) -> fields of the section with that name; None for an unknown name.
Reset: TypeAlias = Callable[[str, Config], Json | None]

_FIELD = re.compile(r"--?config\.([\w.]+)(?:=(.*))?", re.DOTALL)
# Fields that not all schedules have.
_SCHEDULE = {"milestones": (), "factor": 0.1}


class Parser(flags.ArgumentParser):
    """Reads the config file of --config and resets the sections that get a new name.

    Attributes:
      notes: what the user should know about it, once the config has been found valid.
    """

    def __init__(self, file_parser: flags.ArgumentParser) -> None:
        """Creates a parser from the one that only reads the file."""
        super().__init__()
        self.notes: list[str] = []
        self._file_parser = file_parser

    def parse(self, path: str) -> Any:
        """Returns the config of a file, as the command line of this process names its sections."""
        config = self._file_parser.parse(path)
        if isinstance(config, ConfigDict):
            given = _given_fields(flags.FLAGS.read_flags_from_files(sys.argv))
            for section in RESETS.keys() & config.keys():
                name = given[f"{section}.name"] if f"{section}.name" in given else None
                is_reset = name is not None and reset(config[section], section, name)
                if is_reset and "axis" in config and "axis.field" not in given:
                    self.notes += _reset_axis(config["axis"], section, config[section])
        return config


def reset(fields: ConfigDict, section: str, name: str) -> bool:
    """Gives a section of a config the fields that belong to a new name.

    Args:
      fields: the section, changed in place; locked or not.

    Returns:
      Whether there was anything to do. There is not if the section has that name already, if the
      name is unknown, which the checks report, or if it is a user's function, which takes the
      present fields.
    """
    if "name" not in fields or fields["name"] == name:
        return False
    new = RESETS[section](name, fields)
    if new is None:
        return False
    with fields.unlocked():
        for field in list(fields):
            del fields[field]  # The new fields may have other types.
        fields.update(name=name, **new)
    return True


def _reset_axis(axis: ConfigDict, section: str, fields: ConfigDict) -> list[str]:
    """Makes a study with one point of one along a field that a new section does not have."""
    field = axis["field"]
    if not field.startswith(f"{section}.") or field.partition(".")[2] in fields:
        return []
    axis.update(field="", values=())
    return [f"axis: {fields['name']} has no field {field}, so the study has a single point"]


def _given_fields(argv: Sequence[str]) -> dict[str, str]:
    """Returns {field: value} of the flags --config.<field>; the last one of each field counts."""
    given = {}
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        if match := _FIELD.fullmatch(word):
            field, value = match.groups()
            given[field] = following if value is None else value
    return given


def _model(name: str, fields: Config) -> Json | None:
    return models.defaults(name) if name in models.BUILDERS else None


def _schedule(name: str, fields: Config) -> Json | None:
    """Keeps the fields that both schedules have: the peak and the warm-up."""
    if name not in recipe.SCHEDULES:
        return None
    known = _SCHEDULE | dict(fields)
    options = inspect.signature(recipe.SCHEDULES[name]).parameters
    return {option: known[option] for option in options if option in known}


RESETS: dict[str, Reset] = {"model": _model, "schedule": _schedule}
