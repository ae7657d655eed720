"""memkit measures what image classifiers memorize.

This file imports no part of memkit, so that importing one part never loads another. The version of
the installed package is `memkit.__version__`.
"""

__version__: str


def __getattr__(name: str) -> str:
    """Returns `__version__`, which is looked up only when it is needed."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib.metadata

    return importlib.metadata.version(__name__)
