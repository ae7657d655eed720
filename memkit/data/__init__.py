"""Data sets by name. The module of a source is imported only when its data set is loaded."""

import contextlib
import importlib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from memkit.data import checks, selection
from memkit.data import options as options_lib
from memkit.data.dataset import ImageDataset
from memkit.errors import NOT_WRITABLE, expected, missing, reason, unknown, unknown_field
from memkit.printable import printable

SOURCES = {
    "digits": "memkit.data.digits",
    "made_up": "memkit.data.made_up",
    "npz": "memkit.data.npz",
    "folder": "memkit.data.folder",
    "table": "memkit.data.table",
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

ARRAYS = "arrays"  # `dataset.name` of studies whose data a Python program gave

# Options that a name implies, which configs cannot set.
PRESETS: dict[str, dict[str, str]] = {
    "cifar10": {"tfds_name": "cifar10"},
    "cifar100": {"tfds_name": "cifar100"},
    "mnist": {"tfds_name": "mnist"},
    "fashion_mnist": {"tfds_name": "fashion_mnist"},
    "svhn_cropped": {"tfds_name": "svhn_cropped"},
    "imagenette": {"tfds_name": "imagenette", "test_split": "validation"},
    "imagenet2012": {"tfds_name": "imagenet2012", "test_split": "validation"},
}


def check(name: str, **options: Any) -> None:
    """Checks the name and the options of a data set without loading it.

    Args:
      name: a name of SOURCES.
      **options: arguments of the source's `load`, and those of `selection.keep` for any source.

    Raises:
      InputError: an unknown name (lists the valid ones), an unknown or missing option, or a value
        that an option cannot have.
    """
    _split(name, options)


def load(name: str, **options: Any) -> ImageDataset:
    """Loads a data set; the arguments are those of `check`.

    Raises:
      InputError: as `check`; or the data are missing, damaged, unreadable or not usable for a study
        (see `checks.check`); or a package that the source needs is not installed.
    """
    source_options, selection_options = _split(name, options)
    with _as_input_errors(name):
        dataset: ImageDataset = importlib.import_module(SOURCES[name]).load(**source_options)
    # A folder of classes alone, or a table, may be a data set without test images.
    may_lack_test = name in ("folder", "table")
    checks.check(dataset, may_lack_test=may_lack_test)
    if selection_options:
        dataset = selection.keep(dataset, **selection_options)
        checks.check(dataset, may_lack_test=may_lack_test)
    return dataset


@contextlib.contextmanager
def _as_input_errors(name: str) -> Iterator[None]:
    """Turns system errors, and errors about missing packages, into InputErrors."""
    try:
        yield
    except ImportError as error:
        text = f"packages that {name} needs ({printable(reason(error))})"
        raise missing("dataset.name", text) from error
    except OSError as error:
        if error.errno in NOT_WRITABLE:  # Raised by the cache of decoded images.
            raise
        text = f"{error.filename or name} ({reason(error)})"
        raise expected("dataset", "readable files and folders", printable(text)) from error
    except MemoryError as error:
        text = printable(str(error)) or "images that need more"
        raise expected("dataset", "images that fit in memory", text) from error


def _split(name: str, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divides options into those of the source's `load`, with its presets, and of the selection."""
    if name == ARRAYS:
        received = "arrays that a Python program gave to memkit.measure"
        raise expected("dataset.name", "data that a command can load", received)
    if name not in SOURCES:
        raise unknown("dataset.name", name, SOURCES, kind="data set")
    presets = PRESETS[name] if name in PRESETS else {}
    parameters = inspect.signature(importlib.import_module(SOURCES[name]).load).parameters
    names = [option for option in parameters if option not in presets]
    for option, value in options.items():
        if option not in (*names, *selection.OPTIONS):
            raise unknown_field("dataset", option, (*names, *selection.OPTIONS))
        options_lib.check(option, value)
    for option in names:
        if parameters[option].default is inspect.Parameter.empty and option not in options:
            raise missing(f"dataset.{option}", f"value, which {name} needs")
    selected = {option: options[option] for option in selection.OPTIONS if option in options}
    return presets | {option: options[option] for option in names if option in options}, selected
