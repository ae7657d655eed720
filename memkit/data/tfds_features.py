"""Checks the features that a prepared TFDS data set declares, before TFDS reads them."""

import json
from collections.abc import Iterator
from typing import Any

from etils import epath

from memkit.errors import DamagedFileError, reason
from memkit.typing import Path

_CLASS_KEYS = ("pythonClassName", "type")
_PACKAGE = "tensorflow_datasets."


def check(folder: Path) -> None:
    """Checks that the features of prepared data sets are classes of TFDS itself.

    TFDS imports the module of every class that `features.json` names, so the files of a data set
    could otherwise make this process run any code.

    Args:
      folder: folder of a data set with all its configs and versions; need not exist.

    Raises:
      DamagedFileError: names the file and the class.
      OSError: a file cannot be read.
    """
    root = epath.Path(folder)
    if not root.is_dir():
        return
    # Folders of versions, without and with folders of configs around them.
    for file in (f for depth in ("*", "*/*") for f in root.glob(f"{depth}/features.json")):
        try:
            content = json.loads(file.read_bytes())
        except (ValueError, RecursionError) as error:
            raise DamagedFileError(file, reason(error)) from None
        for name in _class_names(content):
            if not name.startswith(_PACKAGE):
                why = (
                    f"expected features of {_PACKAGE}*, received {name!r}, whose code would be run"
                )
                raise DamagedFileError(file, why)


def _class_names(content: Any) -> Iterator[str]:
    """Yields every text that TFDS interprets as the name of a class."""
    if isinstance(content, list):
        for entry in content:
            yield from _class_names(entry)
    elif isinstance(content, dict):
        for key, value in content.items():
            if key in _CLASS_KEYS and isinstance(value, str):
                yield value
            else:
                yield from _class_names(value)
