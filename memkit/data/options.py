"""Rules for the values of a data set's options, checked before anything is loaded."""

import re
from collections.abc import Callable
from typing import Any

from memkit.errors import expected

_TFDS_NAME = re.compile(r"[A-Za-z]\w*(/[\w+-][\w+.-]*)?(:[\d*]+(\.[\d*]+){2})?", re.ASCII)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_int(value) and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_name(value: Any) -> bool:
    return _is_text(value) and bool(value)


def _is_size(value: Any) -> bool:
    return _is_count(value) and value <= 16_384


def _is_number_of_examples(value: Any) -> bool:
    return _is_int(value) and 1 <= value <= 10_000_000


def _is_number_of_classes(value: Any) -> bool:
    return _is_int(value) and 2 <= value <= 100_000


def _is_registered_name(value: Any) -> bool:
    """Returns True for a name with config and version; TFDS would download code of a namespace."""
    return _is_text(value) and _TFDS_NAME.fullmatch(value) is not None


def _is_fraction(value: Any) -> bool:
    return (_is_int(value) or isinstance(value, float)) and 0 <= value < 1


def _is_classes(value: Any) -> bool:
    if not isinstance(value, (list, tuple)) or not all(_is_int(v) or _is_text(v) for v in value):
        return False
    return len(value) != 1 and len(set(value)) == len(value)


# option -> (test of a value, its description); an option has the same meaning in all sources.
_VALUES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "tfds_name": (
        _is_registered_name,
        "the name of a TFDS data set, such as mnist, imagenette/320px-v2 or mnist:3.0.1",
    ),
    "data_dir": (_is_text, "a folder"),
    "path": (_is_name, "a file or folder"),
    "train_split": (_is_name, "the name of a split"),
    "test_split": (_is_name, "the name of a split"),
    "image_size": (_is_size, "a number of pixels up to 16384, 0 = do not resize"),
    "skip_bad": (lambda value: isinstance(value, bool), "true or false"),
    "test_fraction": (_is_fraction, "a number in [0, 1)"),
    "classes": (_is_classes, "two or more different class numbers or names"),
    "train_per_class": (_is_count, "a whole number of at least 0, 0 = all"),
    "channels": (lambda value: _is_int(value) and value in (1, 3), "1 or 3"),
    "num_classes": (_is_number_of_classes, "a whole number from 2 to 100000"),
    "num_train": (_is_number_of_examples, "a whole number from 1 to 10000000"),
    "num_test": (_is_number_of_examples, "a whole number from 1 to 10000000"),
    "test_per_class": (_is_count, "a whole number of at least 0, 0 = all"),
}


def check(option: str, value: Any) -> None:
    """Checks the value of an option; options without a rule can have any value.

    Raises:
      InputError: the option cannot have this value.
    """
    if option in _VALUES:
        test, description = _VALUES[option]
        if not test(value):
            raise expected(f"dataset.{option}", description, repr(value))
