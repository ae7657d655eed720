"""Which kinds of device the installed packages can use, by their metadata; imports none of them."""

import importlib.metadata
import sys

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from memkit.errors import InputError, expected

KINDS = ("cpu", "gpu", "tpu")

# (engine, kind) -> the extra of memkit that brings it.
EXTRAS = {
    ("tensorflow", "cpu"): "cpu",
    ("tensorflow", "gpu"): "gpu",
    ("tensorflow", "tpu"): "tpu",
    ("jax", "cpu"): "jax",
    ("jax", "gpu"): "jax-gpu",
    ("jax", "tpu"): "jax-tpu",
}

# Distributions that install into the one folder `tensorflow` -> kinds of device they can use.
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

# Release of tensorflow-tpu -> the libtpu that has every function it looks up.
LIBTPU = {(2, 19): SpecifierSet("==0.0.10"), (2, 20): SpecifierSet(">=0.0.14,<0.0.32")}

CUDA_PLUGINS = ("jax-cuda12-plugin", "jax-cuda13-plugin")


def usable(engine, *, path=None):
    """Returns the set of kinds of device ("cpu", "gpu", "tpu") that the installation can use.

    Args:
      engine: "tensorflow" or "jax".
      path: folders to look for installed packages in; those of this Python where None.
    """
    return {kind for kind in KINDS if _can(engine, kind, path)}


def check(engine, kind, *, path=None):
    """Refuses an installation that cannot compute on a kind of device.

    What cannot be seen in metadata passes: a driver, or CUDA libraries of the system that a
    `tensorflow` without the nvidia wheels may find.

    Args:
      engine: "tensorflow" or "jax".
      kind: "cpu", "gpu" or "tpu".
      path: see `usable`.

    Raises:
      InputError: says what is wrong and which command mends it.
    """
    {"tensorflow": _check_tensorflow, "jax": _check_jax}[engine](kind, path)


def _can(engine, kind, path):
    try:
        check(engine, kind, path=path)
    except InputError:
        return False
    return True


def _check_tensorflow(kind, path):
    found = {name: version for name in TENSORFLOWS if (version := _version(name, path))}
    received = ", ".join(f"{name} {version}" for name, version in found.items())
    if len(found) > 1:
        raise _wrong("tensorflow", kind, "one TensorFlow, not several", received, remove=found)
    if not found:
        raise _wrong("tensorflow", kind, "an installed TensorFlow", "none")
    (name,) = found
    if kind not in TENSORFLOWS[name]:
        expectation = f"a TensorFlow that can use the {kind.upper()}"
        raise _wrong("tensorflow", kind, expectation, received, remove=found)
    if name == "tensorflow-tpu":
        _check_tensorflow_tpu(found[name], kind, path)


def _check_tensorflow_tpu(version, kind, path):
    metadata, protobuf = (_version(name, path) for name in ("tensorflow-metadata", "protobuf"))
    too_new = metadata and metadata >= Version("1.21")
    if too_new and not (protobuf and protobuf >= Version("6.31")):
        raise _wrong(
            "tensorflow",
            kind,
            "tensorflow-metadata below 1.21 beside tensorflow-tpu, whose protobuf it can import",
            f"tensorflow-metadata {metadata}",
            install="memkit[tpu]",
        )
    if kind != "tpu":
        return
    library = _version("libtpu", path)
    if library is None:
        raise _wrong("tensorflow", kind, "an installed libtpu", "none")
    fitting = LIBTPU[version.release[:2]] if version.release[:2] in LIBTPU else SpecifierSet()
    if not fitting.contains(library, prereleases=True):
        raise _wrong(
            "tensorflow",
            kind,
            f"libtpu {fitting} beside tensorflow-tpu {version}, and no jax[tpu] in this Python",
            f"libtpu {library}",
        )


def _check_jax(kind, path):
    jax, jaxlib = (_version(name, path) for name in ("jax", "jaxlib"))
    if jax is None or jaxlib is None:
        missing = "jax" if jax is None else "jaxlib"
        raise _wrong("jax", kind, "installed jax and jaxlib", f"no {missing}")
    releases = _declared("memkit", "jax", "jax", None)
    if not releases.contains(jax, prereleases=True):
        raise _wrong("jax", kind, f"jax {releases}", f"jax {jax}")
    wanted = _declared("jax", "jaxlib", "", path)
    if not wanted.contains(jaxlib, prereleases=True):
        raise _wrong("jax", kind, f"jaxlib {wanted} beside jax {jax}", f"jaxlib {jaxlib}")
    if kind == "gpu":
        _check_jax_gpu(jaxlib, path)
    elif kind == "tpu":
        _check_jax_tpu(jax, path)


def _check_jax_gpu(jaxlib, path):
    found = {name: version for name in CUDA_PLUGINS if (version := _version(name, path))}
    if not found:
        raise _wrong("jax", "gpu", f"one of {', '.join(CUDA_PLUGINS)}", "none")
    # JAX leaves a plugin of another release aside with a warning, and computes on the CPU.
    if jaxlib.release not in {version.release for version in found.values()}:
        received = ", ".join(f"{name} {version}" for name, version in found.items())
        cuda = next(iter(found)).split("-")[1]
        install = f"jax[{cuda}]=={jaxlib}"
        raise _wrong("jax", "gpu", f"the plugin of jaxlib {jaxlib}", received, install=install)


def _check_jax_tpu(jax, path):
    library = _version("libtpu", path)
    if library is None:
        raise _wrong("jax", "tpu", "an installed libtpu", "none")
    wanted = _declared("jax", "libtpu", "tpu", path)
    if not wanted.contains(library, prereleases=True):
        expectation = f"libtpu {wanted} beside jax {jax}, and no tensorflow-tpu in this Python"
        raise _wrong("jax", "tpu", expectation, f"libtpu {library}")


def _wrong(engine, kind, expectation, received, *, remove=(), install=None):
    """Returns the InputError, with a command that removes, then installs, distributions."""
    requirement = f"memkit[{EXTRAS[engine, kind]}]" if install is None else install
    command = f"pip install '{requirement}'"
    if remove:
        # They share a folder: whichever goes takes files of the others along.
        command = f"pip uninstall -y {' '.join(remove)} && {command}"
    argument = f"--engine={engine} --devices={kind}"
    return expected(argument, f"{expectation} (`{command}` mends it)", received)


def _distribution(name, path):
    """Returns the installed distribution of a name, None if there is none."""
    folders = sys.path if path is None else path
    return next(iter(importlib.metadata.Distribution.discover(name=name, path=folders)), None)


def _version(name, path):
    found = _distribution(name, path)
    return None if found is None else Version(found.version)


def _declared(name, needed, extra, path):
    """Returns the versions of `needed` that an installed distribution asks for under an extra."""
    wanted = SpecifierSet()
    for line in _distribution(name, path).requires or ():
        requirement = Requirement(line)
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": extra})
        if canonicalize_name(requirement.name) == needed and applies:
            wanted &= requirement.specifier
    return wanted
