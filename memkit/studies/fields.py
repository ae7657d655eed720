"""What the fields of a config may hold, whoever wrote it: a config file or a stored study.json.

The limits are far above what a study needs. They keep a damaged or hostile file from asking for
more memory or time than any machine has, before anything is allocated.
"""

import collections.abc
import dataclasses
import math

from memkit import recipe, subsets
from memkit.errors import expected
from memkit.printable import printable

MOST_POINTS = 1_000
_SHOWN = 80  # characters of a value in a message


@dataclasses.dataclass(frozen=True)
class Rule:
    """What one field may hold.

    Attributes:
      accepts: function of any value to whether it is one of these.
      words: what it accepts, for messages.
    """

    accepts: collections.abc.Callable[[object], bool]
    words: str


def is_int(value: object) -> bool:
    """True for an int that is no bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """True for a finite int or float."""
    is_one = is_int(value) or isinstance(value, float)
    return is_one and abs(value) < 1e300 and math.isfinite(value)


def are_numbers(value: object) -> bool:
    """True for a list or tuple of finite numbers."""
    return isinstance(value, (list, tuple)) and all(map(is_number, value))


def shown(value: object) -> str:
    """Returns a value as messages show it: short, and safe for a terminal."""
    return short(repr(value) if isinstance(value, str) else str(value))


def short(text: str, *, most: int = _SHOWN) -> str:
    """Returns the beginning of a text, at most so many characters of it, safe for a terminal."""
    text = printable(text[: most + 1])
    return text if len(text) <= most else f"{text[:most]}..."


def _whole(low: int, high: int) -> tuple[Rule, Rule]:
    return (
        Rule(lambda value: is_int(value) and value >= low, f"an int of at least {low}"),
        Rule(lambda value: value <= high, f"an int of at most {high}"),
    )


def _between(test: collections.abc.Callable[[float], bool], words: str) -> tuple[Rule, ...]:
    return (Rule(lambda value: is_number(value) and test(value), words),)


def _among(names: collections.abc.Iterable[str]) -> tuple[Rule, ...]:
    names = tuple(names)
    words = f"one of {', '.join(names)}"
    return (Rule(lambda value: isinstance(value, str) and value in names, words),)


_SWITCH = (Rule(lambda value: isinstance(value, bool), "true or false"),)
_TEXT = (Rule(lambda value: isinstance(value, str), "a text"),)
_NUMBER = (Rule(is_number, "a number"),)
_LIST = (Rule(lambda value: isinstance(value, (list, tuple)), "a list"),)
_ANY = ()

PRECISIONS = ("float32", "bfloat16")

# section -> field -> rules, tried in order; the values of "labels" have a check of their own.
FIELDS = {
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
    # The fields of these follow the name; those listed here are checked where there are such.
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


def check(section: str, values: dict) -> None:
    """Refuses values that the fields of a section cannot have; fields without a rule pass.

    Args:
      section: key of FIELDS.
      values: {field: value}.

    Raises:
      InputError: names the field.
    """
    for name in values.keys() & FIELDS[section].keys():
        for rule in FIELDS[section][name]:
            if not rule.accepts(values[name]):
                raise expected(f"{section}.{name}", rule.words, shown(values[name]))
