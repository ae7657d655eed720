"""Data sets by name. A source's module is imported only when its data set is asked for."""

import importlib
import inspect

from memkit.errors import expected

SOURCES = {
    "digits": "memkit.data.digits",
}


def check(name, **options):
    """Refuses an unknown data set or option without loading anything.

    Raises:
      InputError: lists the valid names.
    """
    if name not in SOURCES:
        raise expected("dataset.name", f"one of {', '.join(SOURCES)}", repr(name))
    valid = list(inspect.signature(importlib.import_module(SOURCES[name]).load).parameters)
    for option in options:
        if option not in valid:
            names = ", ".join(valid) or "no options"
            raise expected(f"dataset.{option}", f"{name} to take {names}", "this option")


def load(name, **options):
    """Returns the ImageDataset of a name; `options` are those of the source's `load`."""
    check(name, **options)
    return importlib.import_module(SOURCES[name]).load(**options)
