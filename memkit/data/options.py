"""Rules for the values of a data set's options, checked before anything is loaded."""

import re
from typing import Any

from memkit import rules
from memkit.rules import Rule, is_int

# TFDS would download the code of a namespace, so that only a name with config and version is valid.
_TFDS_NAME = re.compile(r"[A-Za-z]\w*(/[\w+-][\w+.-]*)?(:[\d*]+(\.[\d*]+){2})?", re.ASCII)


def _is_classes(value: Any) -> bool:
    is_list = isinstance(value, (list, tuple))
    if not is_list or not all(is_int(entry) or isinstance(entry, str) for entry in value):
        return False
    return len(value) != 1 and len(set(value)) == len(value)


def _name(words: str) -> Rule:
    return Rule(lambda value: isinstance(value, str) and bool(value), words)


def _int(low: int, high: float, words: str) -> Rule:
    return Rule(lambda value: is_int(value) and low <= value <= high, words)


_TFDS = "the name of a TFDS data set, such as mnist, imagenette/320px-v2 or mnist:3.0.1"
_PER_CLASS = _int(0, float("inf"), "a whole number of at least 0, 0 = all")
_EXAMPLES = _int(1, 10_000_000, "a whole number from 1 to 10000000")
# An option has the same meaning in all sources.
_RULES = {
    "tfds_name": Rule(
        lambda value: isinstance(value, str) and bool(_TFDS_NAME.fullmatch(value)), _TFDS
    ),
    "data_dir": Rule(lambda value: isinstance(value, str), "a folder"),
    "path": Rule(
        lambda value: isinstance(value, str) and bool(value) and "://" not in value,
        "a file or folder of this machine, no address such as gs://",
    ),
    "train_split": _name("the name of a split"),
    "test_split": _name("the name of a split"),
    "image_size": _int(0, 16_384, "a number of pixels up to 16384, 0 = do not resize"),
    "skip_bad": rules.SWITCH[0],
    "test_fraction": Rule(
        lambda value: rules.is_number(value) and 0 <= value < 1, "a number in [0, 1)"
    ),
    "classes": Rule(_is_classes, "two or more different class numbers or names"),
    "train_per_class": _PER_CLASS,
    "test_per_class": _PER_CLASS,
    "channels": Rule(lambda value: is_int(value) and value in (1, 3), "1 or 3"),
    "num_classes": _int(2, 100_000, "a whole number from 2 to 100000"),
    "num_train": _EXAMPLES,
    "num_test": _EXAMPLES,
}


def check(option: str, value: Any) -> None:
    """Checks the value of an option; options without a rule can have any value.

    Raises:
      InputError: the option cannot have this value.
    """
    if option in _RULES:
        rules.check(f"dataset.{option}", value, [_RULES[option]])
