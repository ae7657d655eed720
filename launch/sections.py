"""Sections of a config whose fields depend on their name: a flag with a new name resets them.

--config.model.name=mlp replaces the fields of the section `model` by those of the model mlp, with
its defaults. Other flags of the same command, such as --config.model.hidden, then change the new
fields, wherever they stand.
"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from absl import flags
from memkit.configs import common
from ml_collections import ConfigDict

from memkit import models, recipe
from memkit.typing import Config, Json

# (new name, present fields, {field: text} of the command) -> new fields, all of the section but the
# name; None for an unknown name.
Reset: TypeAlias = Callable[[str, Config, Mapping[str, str]], Json | None]

_FIELD = re.compile(r"--?config\.([\w.]+)(?:=(.*))?", re.DOTALL)
# Fields that not all schedules have.
_SCHEDULE = {"milestones": (), "factor": 0.1}


class Parser(flags.ArgumentParser):
    """Reads the config file of --config and resets the sections that get a new name.

    Attributes:
      notes: what the user should know about it, once the config has been found valid.
      typed: value of --config, with the path of the file.
    """

    def __init__(self, file_parser: flags.ArgumentParser) -> None:
        """Creates a parser from the one that only reads the file."""
        super().__init__()
        self.notes: list[str] = []
        self.typed = ""
        self._file_parser = file_parser

    def parse(self, path: str) -> Any:
        """Returns the config of a file, as the command line of this process names its sections."""
        self.typed = path
        config = self._file_parser.parse(path)
        if isinstance(config, ConfigDict):
            given = _given_fields(flags.FLAGS.read_flags_from_files(sys.argv))
            for section in RESETS:
                is_reset = section in config and reset(config[section], section, given)
                if is_reset and "axis" in config and "axis.field" not in given:
                    self.notes += _reset_axis(config["axis"], section, config[section])
        return config


def reset(fields: Any, section: str, given: Mapping[str, str]) -> bool:
    """Gives a section of a config the fields that belong to its new name.

    Args:
      fields: the section, changed in place; locked or not.
      given: {field: text} of the command, such as "model.name".

    Returns:
      Whether there was anything to do. There is not if the command gives no name or the present
      one, if the name is unknown, which the checks report, or if it is a user's function, which
      takes the present fields.
    """
    options = {k.partition(".")[2]: v for k, v in given.items() if k.startswith(f"{section}.")}
    if "name" not in options or not isinstance(fields, ConfigDict) or "name" not in fields:
        return False  # The checks of the config report what is wrong with it.
    if fields["name"] == options["name"]:
        return False
    name = options.pop("name")
    new = RESETS[section](name, fields, options)
    if new is None:
        return False
    with fields.unlocked():
        for field in list(fields):
            del fields[field]  # The new fields may have other types.
        fields.update(name=name, **new)
    return True


def _reset_axis(axis: Any, section: str, fields: ConfigDict) -> list[str]:
    """Makes a study with one point of one along a field that a new section does not have."""
    field = axis["field"] if isinstance(axis, ConfigDict) and "field" in axis else ""
    if not str(field).startswith(f"{section}.") or field.partition(".")[2] in fields:
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


def _model(name: str, fields: Config, given: Mapping[str, str]) -> Json | None:
    return models.defaults(name) if name in models.BUILDERS else None


def _schedule(name: str, fields: Config, given: Mapping[str, str]) -> Json | None:
    """Keeps the fields that both schedules have: the peak and the warm-up.

    Nothing is kept for a schedule of Keras.
    """
    if name not in recipe.SCHEDULES:
        return {option: _literal(given[option]) for option in given}
    known = _SCHEDULE | dict(fields)
    options = inspect.signature(recipe.SCHEDULES[name]).parameters
    return {option: known[option] for option in options if option in known}


def _optimizer(name: str, fields: Config, given: Mapping[str, str]) -> Json:
    """Keeps nothing: all options but those of memkit's SGD may be left out."""
    usual = common.study(title="").optimizer
    if name == usual.name:
        return {option: usual[option] for option in usual if option != "name"}
    return {option: _literal(given[option]) for option in given}


def _literal(text: str) -> Any:
    """Returns the value that a text stands for, such as 0.5 or True, or else the text itself."""
    try:
        return ast.literal_eval(text.capitalize() if text in ("true", "false") else text)
    except (SyntaxError, ValueError):
        return text


RESETS: dict[str, Reset] = {"model": _model, "optimizer": _optimizer, "schedule": _schedule}
