"""memkit measures what image classifiers memorize.

`import memkit` imports no part of memkit, so that importing one part never loads another: the names
of `__all__` are imported when they are first used. The version of the installed package is
`memkit.__version__`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memkit.compiled import measure
    from memkit.scores import Scores, load

__all__ = ["Scores", "load", "measure"]
__version__: str

_MODULES = {"Scores": "memkit.scores", "load": "memkit.scores", "measure": "memkit.compiled"}


def __getattr__(name: str) -> Any:
    """Returns `__version__` or a name of `__all__`, which are looked up only when needed."""
    import importlib

    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib.metadata

    return importlib.metadata.version(__name__)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "__version__"])
