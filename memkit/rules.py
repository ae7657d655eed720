"""Rules for the values that a config may have, with words for the messages about others."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeGuard

from memkit.errors import expected
from memkit.printable import printable

_SHOWN = 80  # characters of a value in a message


@dataclasses.dataclass(frozen=True)
class Rule:
    """A condition on a value.

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


def is_plain(value: object) -> bool:
    """Returns whether a value is a number, text, switch, None or a list of finite numbers."""
    return isinstance(value, (bool, int, float, str, type(None))) or are_numbers(value)


def shown(value: object) -> str:
    """Returns a value as text for a message: short, and safe for a terminal."""
    return short(repr(value) if isinstance(value, str) else str(value))


def short(text: str, *, most: int = _SHOWN) -> str:
    """Returns at most so many characters of a text, safe for a terminal."""
    text = printable(text[: most + 1])
    return text if len(text) <= most else f"{text[:most]}..."


def whole(low: int, high: int) -> tuple[Rule, Rule]:
    """Returns the rules of an int from low to high."""
    return (
        Rule(lambda value: is_int(value) and value >= low, f"an int of at least {low}"),
        Rule(lambda value: value <= high, f"an int of at most {high}"),
    )


def number(test: Callable[[float], bool], words: str) -> tuple[Rule, ...]:
    """Returns the rule of a finite number that passes a test."""
    return (Rule(lambda value: is_number(value) and test(value), words),)


def among(names: Iterable[str]) -> tuple[Rule, ...]:
    """Returns the rule of one of some names."""
    valid = tuple(names)
    words = f"one of {', '.join(valid)}"
    return (Rule(lambda value: isinstance(value, str) and value in valid, words),)


SWITCH = (Rule(lambda value: isinstance(value, bool), "true or false"),)
TEXT = (Rule(lambda value: isinstance(value, str), "a text"),)
NUMBER = (Rule(is_number, "a number"),)
LIST = (Rule(lambda value: isinstance(value, (list, tuple)), "a list"),)


def check(field: str, value: object, rules: Sequence[Rule]) -> None:
    """Checks the value of a field against rules, in their order.

    Raises:
      InputError: the value breaks a rule.
    """
    for rule in rules:
        if not rule.accepts(value):
            raise expected(field, rule.words, shown(value))


def check_plain(section: str, values: Mapping[str, Any]) -> None:
    """Checks that a stored section can name a class of Keras and its options.

    Args:
      section: name of the section, for messages.
      values: its fields, of which `name` names the class.

    Raises:
      InputError: names the field with an invalid value.
    """
    if not isinstance(values["name"], str) or not values["name"].isidentifier():
        raise expected(f"{section}.name", "the name of a class of Keras", shown(values["name"]))
    for option, value in values.items():
        if not option.isidentifier() or not is_plain(value):
            expectation = "a number, text, switch or list of numbers"
            raise expected(f"{section}.{option}", expectation, shown(value))
