"""Valid values of the fields of a config, in a config file or in a stored study.json.

The limits are far above the needs of any study. They reject a damaged or hostile file before
anything is allocated, if it would take more memory or time than any machine has.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Any, TypeGuard

from memkit import recipe, subsets
from memkit.errors import expected
from memkit.printable import printable
from memkit.typing import Config

MOST_POINTS = 1_000
_SHOWN = 80  # characters of a value in a message


@dataclasses.dataclass(frozen=True)
class Rule:
    """A condition on the value of a field.

    Attributes:
      accepts: returns whether a value of any type meets the condition.
      words: description of valid values, for messages.
    """

    accepts: Callable[[Any], bool]
    words: str


def is_int(value: object) -> TypeGuard[int]:
    """Returns whether a value is an int and not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[int | float]:
    """Returns whether a value is a finite int or float."""
    if is_int(value) or isinstance(value, float):
        return abs(value) < 1e300 and math.isfinite(value)
    return False


def are_numbers(value: object) -> bool:
    """Returns whether a value is a list or tuple of finite numbers."""
    return isinstance(value, (list, tuple)) and all(map(is_number, value))


def shown(value: object) -> str:
    """Returns a value as text for a message: short, and safe for a terminal."""
    return short(repr(value) if isinstance(value, str) else str(value))


def short(text: str, *, most: int = _SHOWN) -> str:
    """Returns at most so many characters of a text, safe for a terminal."""
    text = printable(text[: most + 1])
    return text if len(text) <= most else f"{text[:most]}..."


def _whole(low: int, high: int) -> tuple[Rule, Rule]:
    return (
        Rule(lambda value: is_int(value) and value >= low, f"an int of at least {low}"),
        Rule(lambda value: value <= high, f"an int of at most {high}"),
    )


def _between(test: Callable[[float], bool], words: str) -> tuple[Rule, ...]:
    return (Rule(lambda value: is_number(value) and test(value), words),)


def _among(names: Iterable[str]) -> tuple[Rule, ...]:
    valid = tuple(names)
    words = f"one of {', '.join(valid)}"
    return (Rule(lambda value: isinstance(value, str) and value in valid, words),)


_SWITCH = (Rule(lambda value: isinstance(value, bool), "true or false"),)
_TEXT = (Rule(lambda value: isinstance(value, str), "a text"),)
_NUMBER = (Rule(is_number, "a number"),)
_LIST = (Rule(lambda value: isinstance(value, (list, tuple)), "a list"),)
_ANY: tuple[Rule, ...] = ()

PRECISIONS = ("float32", "bfloat16")

# section -> field -> rules, checked in order; `data.labels.check` checks the section "labels".
FIELDS: dict[str, dict[str, tuple[Rule, ...]]] = {
    "labels": dict.fromkeys(("planted_fraction", "noise", "class_map", "file"), _ANY),
    "subsets": {
        "design": _among(subsets.DESIGNS),
        "train_fraction": _between(lambda value: 0 < value < 1, "a number in (0, 1)"),
        "num_runs": _whole(2, 10_000_000),
    },
    "training": {
        "epochs": _whole(1, 100_000),
        "batch_size": _whole(1, 10_000_000),
        "augment": _among(recipe.AUGMENTATIONS),
        "pad": (Rule(lambda value: is_int(value) and 0 <= value <= 127, "an int in 0..127"),),
        "precision": _among(PRECISIONS),
        "data_parallel": _whole(1, 4096),
        "sync_batch_norm": _SWITCH,
    },
    "distillation": {
        "teacher": _TEXT,
        "weight": _between(lambda value: 0 <= value <= 1, "a number in [0, 1]"),
        "temperature": _between(lambda value: value > 0, "a number above 0"),
        "scale": _SWITCH,
    },
    "record": {"all_probs": _SWITCH, "history_runs": _whole(0, 10_000_000)},
    "axis": {"field": _TEXT, "values": _LIST},
    "report": {
        "title": _TEXT,
        "min_influence": _NUMBER,
        "min_memorization": _NUMBER,
        "top_k": _whole(0, 100_000),
    },
    # The fields of these sections depend on their name; those listed here are checked if present.
    "dataset": {"resident": _SWITCH},
    "optimizer": {
        "momentum": _NUMBER,
        "nesterov": _SWITCH,
        "weight_decay": _NUMBER,
        "decay_all": _SWITCH,
    },
    "schedule": {
        "peak": _NUMBER,
        "warmup_epochs": _NUMBER,
        "factor": _NUMBER,
        "milestones": (Rule(are_numbers, "a list of numbers"),),
    },
    "model": {},
}


def check(section: str, values: Config) -> None:
    """Checks the values of a section; fields without a rule are accepted.

    Args:
      section: key of FIELDS.

    Raises:
      InputError: names the field with an invalid value.
    """
    for name in values.keys() & FIELDS[section].keys():
        for rule in FIELDS[section][name]:
            if not rule.accepts(values[name]):
                raise expected(f"{section}.{name}", rule.words, shown(values[name]))
