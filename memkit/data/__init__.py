"""Data sets by name. A source's module is imported only when its data set is asked for."""

import contextlib
import importlib
import inspect
from collections.abc import Iterator

from memkit.data import checks, selection
from memkit.data import options as options_lib
from memkit.errors import NOT_WRITABLE, expected, reason
from memkit.printable import printable

SOURCES = {
    "digits": "memkit.data.digits",
    "made_up": "memkit.data.made_up",
    "npz": "memkit.data.npz",
    "folder": "memkit.data.folder",
    "tiny_imagenet": "memkit.data.tiny_imagenet",
    "tfds": "memkit.data.tfds",
    "cifar10": "memkit.data.tfds",
    "cifar100": "memkit.data.tfds",
    "mnist": "memkit.data.tfds",
    "fashion_mnist": "memkit.data.tfds",
    "svhn_cropped": "memkit.data.tfds",
    "imagenette": "memkit.data.tfds",
    "imagenet2012": "memkit.data.tfds",
}

# Options that belong to a name, so that a config neither needs nor may give them.
PRESETS = {
    "cifar10": {"tfds_name": "cifar10"},
    "cifar100": {"tfds_name": "cifar100"},
    "mnist": {"tfds_name": "mnist"},
    "fashion_mnist": {"tfds_name": "fashion_mnist"},
    "svhn_cropped": {"tfds_name": "svhn_cropped"},
    "imagenette": {"tfds_name": "imagenette", "test_split": "validation"},
    "imagenet2012": {"tfds_name": "imagenet2012", "test_split": "validation"},
}


def check(name, **options):
    """Refuses an unknown data set, option or value without loading anything.

    Args:
      name: a name of SOURCES.
      **options: those of the source's `load`, and of `selection.keep` for every source.

    Raises:
      InputError: lists the valid names, or names the option and what was expected.
    """
    _split(name, options)


def load(name, **options):
    """Returns the ImageDataset of a name, options as `check`.

    Raises:
      InputError: as `check`, and the data are missing, damaged, cannot be read or be a study's, or
        a package that the source needs is not installed.
    """
    own, common = _split(name, options)
    with _one_line(name):
        dataset = importlib.import_module(SOURCES[name]).load(**own)
    checks.check(dataset)
    if common:
        dataset = selection.keep(dataset, **common)
        checks.check(dataset)
    return dataset


@contextlib.contextmanager
def _one_line(name: str) -> Iterator[None]:
    """Turns errors of the system, and of packages that are missing, into an InputError."""
    try:
        yield
    except ImportError as error:
        text = printable(reason(error))
        raise expected("dataset.name", f"the packages that {name} needs", text) from error
    except OSError as error:
        if error.errno in NOT_WRITABLE:  # Of the cache of decoded images.
            raise
        text = f"{error.filename or name} ({reason(error)})"
        raise expected("dataset", "files and folders that can be read", printable(text)) from error
    except MemoryError as error:
        text = printable(str(error)) or "too little memory"
        raise expected("dataset", "images that fit in memory", text) from error


def _split(name, given):
    """Returns the options of the source's `load` with its presets, and those of the selection."""
    if name not in SOURCES:
        raise expected("dataset.name", f"one of {', '.join(SOURCES)}", repr(name))
    presets = PRESETS[name] if name in PRESETS else {}
    parameters = inspect.signature(importlib.import_module(SOURCES[name]).load).parameters
    own = [option for option in parameters if option not in presets]
    for option, value in given.items():
        if option not in (*own, *selection.OPTIONS):
            names = ", ".join((*own, *selection.OPTIONS))
            raise expected(f"dataset.{option}", f"{name} to take {names}", "this option")
        options_lib.check(option, value)
    for option in own:
        if parameters[option].default is inspect.Parameter.empty and option not in given:
            raise expected(f"dataset.{option}", "a value", "none")
    common = {option: given[option] for option in selection.OPTIONS if option in given}
    return presets | {option: given[option] for option in own if option in given}, common
