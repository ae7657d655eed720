"""What a prepared TFDS set says about its features, checked before TFDS reads it."""

import json
from collections.abc import Iterator
from typing import Any

from etils import epath

from memkit.errors import DamagedFileError, reason

_CLASS_KEYS = ("pythonClassName", "type")
_PACKAGE = "tensorflow_datasets."


def check(folder: str | epath.Path) -> None:
    """Refuses prepared sets whose features are classes of another package than TFDS.

    TFDS imports the module of every class that `features.json` names, so the files of a data set
    would choose which code runs.

    Args:
      folder: of one data set, with all its configs and versions; need not exist.

    Raises:
      DamagedFileError: names the file and the class.
      OSError: a file cannot be read.
    """
    folder = epath.Path(folder)
    if not folder.is_dir():
        return
    # Of a set without configs, and of one with.
    for file in (f for depth in ("*", "*/*") for f in folder.glob(f"{depth}/features.json")):
        try:
            content = json.loads(file.read_bytes())
        except (ValueError, RecursionError) as error:
            raise DamagedFileError(file, reason(error)) from None
        for name in _class_names(content):
            if not name.startswith(_PACKAGE):
                why = f"expected features of {_PACKAGE}*, received {name!r}, whose code would run"
                raise DamagedFileError(file, why)


def _class_names(content: Any) -> Iterator[str]:
    """Yields every text that TFDS takes for the name of a class."""
    if isinstance(content, list):
        for entry in content:
            yield from _class_names(entry)
    elif isinstance(content, dict):
        for key, value in content.items():
            if key in _CLASS_KEYS and isinstance(value, str):
                yield value
            else:
                yield from _class_names(value)
