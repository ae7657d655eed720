"""Names what the user typed, instead of fields of a config that no one typed, in messages."""

import re
from collections.abc import Mapping

from absl import flags
from memkit.configs import common


def renamed(text: str) -> str:
    """Returns the message of an error with the words of this command for fields of its config.

    The data that `memkit audit DATA` names take the place of `dataset.path`. The arguments of
    --config=NAME:argument=value take the place of the fields that they set, unless a flag such as
    --config.dataset.path sets the field.
    """
    given = flags.FLAGS
    if "data" in given and (words := given["data"].value):
        return _at_the_start(text, {"dataset.path": words, "dataset": words})
    if "config" not in given or given["config"].value is None:
        return text
    names = {
        field: argument
        for field, argument in common.arguments_of_fields(given["config"].parser.typed).items()
        if f"config.{field}" not in given  # A flag that is defined when it is used.
    }
    text = _at_the_start(text, {field: f"{argument}=" for field, argument in names.items()})
    return re.sub(r"\bdataset\.\w+", lambda found: names.get(found[0]) or found[0], text)


def _at_the_start(text: str, names: Mapping[str, str]) -> str:
    """Returns a message that begins with another name of its argument."""
    argument, colon, rest = text.partition(": ")
    return f"{names[argument]}{colon}{rest}" if argument in names else text
