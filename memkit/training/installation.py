"""The kinds of device that the installed packages support; imports none of the packages."""

import importlib.metadata
import sys
from collections.abc import Sequence

from memkit.errors import InputError, expected

# Distributions that install the package `tensorflow` -> kinds of device that they support.
TENSORFLOWS = {
    "tensorflow": ("cpu", "gpu"),
    "tensorflow-cpu": ("cpu",),
    "tensorflow-cpu-aws": ("cpu",),
    "tensorflow-intel": ("cpu",),
    "tensorflow-macos": ("cpu",),
    "tensorflow-tpu": ("cpu", "tpu"),
    "tf-nightly": ("cpu", "gpu"),
    "tf-nightly-cpu": ("cpu",),
    "tf-nightly-tpu": ("cpu", "tpu"),
}
# Kind of device -> distributions of which JAX needs one.
JAX_PLUGINS = {
    "cpu": ("jaxlib",),
    "gpu": ("jax-cuda12-plugin", "jax-cuda13-plugin"),
    "tpu": ("libtpu",),
}


def usable(engine: str, *, path: Sequence[str] | None = None) -> set[str]:
    """Returns the kinds of device ("cpu", "gpu", "tpu") that the installed packages support.

    Args:
      engine: "tensorflow" or "jax".
      path: folders to search for installed packages; `sys.path` if None.
    """
    kinds = set()
    for kind in JAX_PLUGINS:
        try:
            check(engine, kind, path=path)
        except InputError:
            continue
        kinds.add(kind)
    return kinds


def check(engine: str, kind: str, *, path: Sequence[str] | None = None) -> None:
    """Checks that one TensorFlow, or a plugin of JAX, is installed that supports a kind of device.

    Versions that do not match each other are left to the import of the engine, whose error is
    shown.

    Args:
      engine: "tensorflow" or "jax".
      kind: "cpu", "gpu" or "tpu".
      path: see `usable`.

    Raises:
      InputError: no distribution, one for other devices, or several TensorFlows, which overwrite
        each other's files; the message has the command that installs the right one.
    """
    names = tuple(TENSORFLOWS) if engine == "tensorflow" else JAX_PLUGINS[kind]
    folders = list(sys.path if path is None else path)
    installed = [name for name in names if _is_installed(name, folders)]
    is_supported = bool(installed)
    if engine == "tensorflow":
        is_supported = len(installed) == 1 and kind in TENSORFLOWS[installed[0]]
    if is_supported:
        return
    expectation = " or ".join(names)
    if engine == "tensorflow":
        expectation = f"exactly one TensorFlow that supports the {kind.upper()}"
    extra = kind if engine == "tensorflow" else "jax" if kind == "cpu" else f"jax-{kind}"
    command = f"pip install -e '.[{extra}]'"
    if engine == "tensorflow" and installed:
        command = f"pip uninstall -y {' '.join(installed)} && {command}"
    raise expected(
        f"--engine={engine} --devices={kind}",
        f"{expectation} (fix with `{command}` in your clone of memkit)",
        ", ".join(installed) or "none",
    )


def _is_installed(name: str, folders: list[str]) -> bool:
    return any(True for _ in importlib.metadata.Distribution.discover(name=name, path=folders))
