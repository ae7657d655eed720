"""The devices of this machine, and how they are divided among worker processes."""

import dataclasses
import itertools
import math
import os
import re
from collections.abc import Mapping, Sequence

from memkit.errors import InputError, expected
from memkit.training import installation
from memkit.training.visible_devices import Device, visible, visible_names

__all__ = ["TPU_BOUNDS", "Choice", "Device", "choose", "deal", "environment", "visible"]

# Number of chips of one worker -> their arrangement, which the TPU runtime needs.
TPU_BOUNDS = {1: "1,1,1", 2: "1,2,1", 4: "2,2,1", 8: "2,4,1"}
# The platforms that JAX initializes, the default first.
_JAX_PLATFORMS = {"cpu": "cpu", "gpu": "cuda,cpu", "tpu": "tpu,cpu"}


@dataclasses.dataclass(frozen=True)
class Choice:
    """The devices that a value of --devices stands for on this machine.

    Attributes:
      devices: devices of one kind, in order.
      note: for "auto", one line with the devices chosen and the reasons against better ones; else
        empty.
    """

    devices: tuple[Device, ...]
    note: str


def choose(
    text: str,
    *,
    engine: str,
    environment: Mapping[str, str] = os.environ,
    root: str | os.PathLike[str] = "/",
    path: Sequence[str] | None = None,
) -> Choice:
    """Returns the Choice that a value of the flag --devices stands for.

    Args:
      text: "auto" (TPU chips, else GPUs, else the CPU, whichever the installation supports), "cpu",
        "gpu" or "tpu" (all devices of that kind), or names such as "gpu:0,gpu:3".
      engine: "tensorflow" or "jax".
      environment, root: see `visible`.
      path: see `installation.usable`.

    Raises:
      InputError: a device that is not visible, names of several kinds, or an installation that does
        not support them.
    """
    present = {"cpu": (Device("cpu", 0),)} | visible(environment, root)
    if text == "auto":
        return _automatic(present, engine, path)
    devices = present[text] if text in present else _named(text)
    if not devices:
        raise expected("--devices", f"a {text.upper()} visible to this process", repr(text))
    kind = devices[0].kind
    known = present[kind] if kind != "cpu" else tuple(Device("cpu", i) for i in range(len(devices)))
    if absent := [str(device) for device in devices if device not in known]:
        names = ", ".join(map(str, known)) or f"no {kind} at all"
        raise expected("--devices", f"devices visible to this process ({names})", absent[0])
    installation.check(engine, kind, path=path)
    return Choice(tuple(device for device in known if device in devices), "")


def _named(text: str) -> tuple[Device, ...]:
    """Returns the devices of names such as "gpu:0,gpu:3"."""
    words = text.split(",")
    if not all(re.fullmatch(r"(cpu|gpu|tpu):(0|[1-9][0-9]*)", word) for word in words):
        expectation = "auto, cpu, gpu, tpu, or names such as gpu:0,gpu:3"
        raise expected("--devices", expectation, repr(text))
    devices = sorted({Device(word[:3], int(word[4:])) for word in words})
    if len(devices) < len(words) or len({device.kind for device in devices}) > 1:
        raise expected("--devices", "different devices of one kind", repr(text))
    return tuple(devices)


def _automatic(
    present: Mapping[str, tuple[Device, ...]], engine: str, path: Sequence[str] | None
) -> Choice:
    reasons: list[str] = []
    for kind in [kind for kind in ("tpu", "gpu") if present[kind]]:
        try:
            installation.check(engine, kind, path=path)
        except InputError as error:
            reasons.append(str(error))
        else:
            return _choice(present[kind], reasons)
    installation.check(engine, "cpu", path=path)
    return _choice(present["cpu"], reasons)


def _choice(devices: tuple[Device, ...], reasons: list[str]) -> Choice:
    names = "the CPU" if devices[0].kind == "cpu" else ", ".join(map(str, devices))
    return Choice(devices, "; ".join([f"--devices=auto: {names}", *reasons]))


def deal(
    devices: tuple[Device, ...], *, workers: int, per_run: int, cores: int
) -> tuple[tuple[Device, ...], ...]:
    """Returns the devices of each worker process.

    By default there is one worker per `per_run` devices. With fewer workers, each holds several
    groups of devices; with more workers, several share a group of GPUs. On the CPU every worker has
    its own logical devices. A TPU chip with two cores counts as two devices of a run, but belongs
    to one process.

    Args:
      devices: devices of one kind; a single CPU device stands for `per_run` of them.
      workers: number of processes; 0 means the default, on the CPU one per `per_run` cores.
      per_run: number of devices that share a run (data parallel), at least 1.
      cores: number of cores that this process may use.

    Raises:
      InputError: the devices cannot be divided evenly, or two processes would share a TPU chip.
    """
    kind = devices[0].kind
    if kind == "cpu" and len(devices) == 1:
        devices = tuple(Device("cpu", i) for i in range(per_run))
    total = sum(device.cores for device in devices)
    if total % per_run:
        divisor = f"a number that divides the {total} devices of --devices"
        raise expected("training.data_parallel", divisor, per_run)
    if kind == "cpu":
        return (devices,) * (workers or max(1, cores // len(devices)))
    # The fewest devices whose cores hold whole runs.
    group_size = math.lcm(per_run, devices[0].cores) // devices[0].cores
    groups = [devices[i : i + group_size] for i in range(0, len(devices), group_size)]
    workers = workers or len(groups)
    if workers > len(groups):
        if kind == "tpu":
            limit = f"at most {len(groups)}: a TPU chip of --devices belongs to one process"
            raise expected("--workers", limit, workers)
        return tuple(itertools.islice(itertools.cycle(groups), workers))
    if len(groups) % workers:
        dividend = f"{len(groups)} groups of {group_size} devices of --devices"
        raise expected("--workers", f"a number that divides {dividend}", workers)
    size = len(devices) // workers
    if kind == "tpu" and size not in TPU_BOUNDS:
        raise expected("--devices", "1, 2, 4 or 8 TPU chips for each worker", size)
    return tuple(devices[i : i + size] for i in range(0, len(devices), size))


def environment(
    devices: tuple[Device, ...], *, engine: str, inherited: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Returns the environment variables to set in a worker before it imports an engine.

    Args:
      engine: "tensorflow" or "jax".
      inherited: environment of the process that chose the devices.

    Raises:
      InputError: XLA_FLAGS names a file, so flags cannot be added to it.
    """
    kind = devices[0].kind
    common = {"KERAS_BACKEND": engine, "JAX_PLATFORMS": _JAX_PLATFORMS[kind]}
    if kind == "cpu":
        return common | _cpu_environment(len(devices), engine, inherited)
    all_names = visible_names(kind, inherited)
    names = [
        str(device.number) if all_names is None else all_names[device.number] for device in devices
    ]
    return common | {"gpu": _gpu_environment, "tpu": _tpu_environment}[kind](names)


def _cpu_environment(count: int, engine: str, inherited: Mapping[str, str]) -> dict[str, str]:
    hidden = {"CUDA_VISIBLE_DEVICES": "-1"}
    if engine == "tensorflow":
        # tensorflow-tpu would load libtpu, which waits for a metadata server for minutes.
        return hidden | {"TPU_SKIP_MDS_QUERY": "1", "TPU_LIBRARY_PATH": "/nonexistent/libtpu.so"}
    flags = inherited["XLA_FLAGS"].strip() if "XLA_FLAGS" in inherited else ""
    if flags and not flags.startswith("-"):
        raise expected("XLA_FLAGS", "flags that begin with --, not the name of a file", flags)
    flags = f"{flags} --xla_force_host_platform_device_count={count}"
    # jaxlib uses one thread per device only with NPROC, the size of its thread pool.
    return hidden | {"XLA_FLAGS": flags.strip(), "NPROC": "1"}


def _gpu_environment(names: list[str]) -> dict[str, str]:
    return {
        "CUDA_VISIBLE_DEVICES": ",".join(names),
        # Each worker allocates only the memory it needs, since several may share a GPU.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }


def _tpu_environment(names: list[str]) -> dict[str, str]:
    chips, bounds, one = ",".join(names), TPU_BOUNDS[len(names)], TPU_BOUNDS[1]
    return {
        "TPU_VISIBLE_CHIPS": chips,
        "TPU_VISIBLE_DEVICES": chips,
        "TPU_CHIPS_PER_PROCESS_BOUNDS": bounds,
        "TPU_CHIPS_PER_HOST_BOUNDS": bounds,
        "TPU_PROCESS_BOUNDS": one,
        "TPU_HOST_BOUNDS": one,
        # With bounds of 2,2,1 libtpu locks all chips of the host, so a second worker cannot start.
        "ALLOW_MULTIPLE_LIBTPU_LOAD": "true",
    }
