"""Which devices this machine has, which of them a worker process gets, and how it is told."""

import dataclasses
import itertools
import os
import pathlib
import re

from memkit.errors import InputError, expected
from memkit.training import installation

# Variables that hide devices, the newest name first.
_HIDING = {"gpu": ("CUDA_VISIBLE_DEVICES",), "tpu": ("TPU_VISIBLE_CHIPS", "TPU_VISIBLE_DEVICES")}
_GOOGLE = "0x1ae0"  # vendor of PCI devices
# Chips of one worker -> their arrangement, which the TPU runtime has to be told.
TPU_BOUNDS = {1: "1,1,1", 2: "1,2,1", 4: "2,2,1", 8: "2,4,1"}
# What JAX starts, the default first.
_JAX_PLATFORMS = {"cpu": "cpu", "gpu": "cuda,cpu", "tpu": "tpu,cpu"}


@dataclasses.dataclass(frozen=True, order=True)
class Device:
    """One device that a program computes on; as text `gpu:0`.

    Attributes:
      kind: "cpu", "gpu" or "tpu".
      number: counts from 0 among those of its kind that this process may see; a TPU device is a
        chip, a CPU device a logical one.
    """

    kind: str
    number: int

    def __str__(self):
        return f"{self.kind}:{self.number}"


@dataclasses.dataclass(frozen=True)
class Choice:
    """What --devices stands for here.

    Attributes:
      devices: tuple of Device, all of one kind, in order.
      note: one line for the person who asked for "auto": what it picked, and why no more than the
        CPU where there is more; empty otherwise.
    """

    devices: tuple
    note: str


def visible(environment=os.environ, root="/"):
    """Returns {"gpu": (Device, ...), "tpu": (Device, ...)} of this machine; imports no engine.

    NVIDIA cards and TPU chips are counted by their device files; CUDA_VISIBLE_DEVICES and
    TPU_VISIBLE_CHIPS are honored.

    Args:
      environment: environment variables, a mapping.
      root: folder that holds `dev` and `sys`.
    """
    dev = pathlib.Path(root, "dev")
    counts = {"gpu": _count(dev, "nvidia"), "tpu": _count(dev, "accel")}
    # Any machine may pass devices on through vfio; only Google's can be TPU chips.
    vendors = pathlib.Path(root, "sys/bus/pci/devices").glob("*/vendor")
    if not counts["tpu"] and any(file.read_text().strip() == _GOOGLE for file in vendors):
        counts["tpu"] = _count(dev / "vfio", "")
    left = {kind: _num_left(kind, count, environment) for kind, count in counts.items()}
    return {kind: tuple(Device(kind, i) for i in range(number)) for kind, number in left.items()}


def _count(folder, prefix):
    names = os.listdir(folder) if folder.is_dir() else ()
    return sum(bool(re.fullmatch(prefix + "[0-9]+", name)) for name in names)


def _num_left(kind, count, environment):
    """Returns how many of `count` devices are not hidden.

    Like CUDA: what follows an invalid name is hidden, and a repeated name hides everything.
    """
    listed = _listed(kind, environment)
    if listed is None or not count:
        return count
    there = {str(number) for number in range(count)}
    valid = list(itertools.takewhile(lambda n: n in there or n[:4] in ("GPU-", "MIG-"), listed))
    return len(valid) if len(set(valid)) == len(valid) else 0


def _listed(kind, environment):
    """Returns the names in the variable that hides devices of a kind, None where it is not set."""
    for variable in _HIDING[kind]:
        if variable in environment:
            return [name.strip() for name in environment[variable].split(",")]
    return None


def choose(text, *, engine, environment=os.environ, root="/", path=None):
    """Returns the Choice that the flag --devices stands for.

    Args:
      text: "auto" (TPU chips, else GPUs, else the CPU, of what the installation can use), "cpu",
        "gpu" or "tpu" (all of that kind), or names such as "gpu:0,gpu:3".
      engine: "tensorflow" or "jax".
      environment, root: see `visible`.
      path: see `installation.usable`.

    Raises:
      InputError: no such device here, names of several kinds, or an installation that cannot use
        them.
    """
    found = {"cpu": (Device("cpu", 0),)} | visible(environment, root)
    if text == "auto":
        return _automatic(found, engine, path)
    devices = found[text] if text in found else _named(text)
    if not devices:
        raise expected("--devices", f"a {text.upper()} in sight of this process", repr(text))
    kind = devices[0].kind
    known = [Device("cpu", i) for i in range(len(devices))] if kind == "cpu" else found[kind]
    if missing := [str(device) for device in devices if device not in known]:
        there = ", ".join(map(str, known)) or f"no {kind} at all"
        raise expected("--devices", f"devices in sight of this process ({there})", missing[0])
    installation.check(engine, kind, path=path)
    return Choice(devices, "")


def _named(text):
    words = text.split(",")
    if not all(re.fullmatch(r"(cpu|gpu|tpu):(0|[1-9][0-9]*)", word) for word in words):
        expectation = "auto, cpu, gpu, tpu, or names such as gpu:0,gpu:3"
        raise expected("--devices", expectation, repr(text))
    devices = sorted({Device(word[:3], int(word[4:])) for word in words})
    if len(devices) < len(words) or len({device.kind for device in devices}) > 1:
        raise expected("--devices", "different devices of one kind", repr(text))
    return tuple(devices)


def _automatic(found, engine, path):
    reasons = []
    for kind in [kind for kind in ("tpu", "gpu") if found[kind]]:
        try:
            installation.check(engine, kind, path=path)
        except InputError as error:
            reasons.append(str(error))
        else:
            return _picked(found[kind], reasons)
    installation.check(engine, "cpu", path=path)
    return _picked(found["cpu"], reasons)


def _picked(devices, reasons):
    names = "the CPU" if devices[0].kind == "cpu" else ", ".join(map(str, devices))
    return Choice(devices, "; ".join([f"--devices=auto: {names}", *reasons]))


def deal(devices, *, workers, per_run, cores):
    """Returns which devices each worker process gets: a tuple of tuples of Device.

    By default there is one worker per `per_run` devices. Fewer workers hold several groups each,
    more share GPUs in turn. On the CPU every worker has logical devices of its own.

    Args:
      devices: tuple of Device, all of one kind; a single CPU device stands for `per_run`.
      workers: number of processes; 0 means the default, on the CPU one per core and logical device.
      per_run: devices that one run is spread over, at least 1 (data parallel).
      cores: cores that this process may use.

    Raises:
      InputError: numbers that do not divide, or TPU chips that would belong to two processes.
    """
    kind = devices[0].kind
    if kind == "cpu" and len(devices) == 1:
        devices = tuple(Device("cpu", i) for i in range(per_run))
    if len(devices) % per_run:
        divisor = f"a number that divides the {len(devices)} devices of --devices"
        raise expected("training.data_parallel", divisor, per_run)
    if kind == "cpu":
        return (devices,) * (workers or max(1, cores // len(devices)))
    groups = [devices[i : i + per_run] for i in range(0, len(devices), per_run)]
    workers = workers or len(groups)
    if workers > len(groups):
        if kind == "tpu":
            most = f"at most {len(groups)}: a TPU chip of --devices belongs to one process"
            raise expected("--workers", most, workers)
        return tuple(itertools.islice(itertools.cycle(groups), workers))
    if len(groups) % workers:
        divided = f"{len(groups)} groups of {per_run} devices of --devices"
        raise expected("--workers", f"a number that divides {divided}", workers)
    size = len(devices) // workers
    if kind == "tpu" and size not in TPU_BOUNDS:
        raise expected("--devices", "1, 2, 4 or 8 TPU chips for each worker", size)
    return tuple(devices[i : i + size] for i in range(0, len(devices), size))


def environment(devices, *, engine, inherited=os.environ):
    """Returns {name: value} to put into a worker's environment before it imports an engine.

    Args:
      devices: tuple of Device that the worker gets.
      engine: "tensorflow" or "jax".
      inherited: environment of the process that chose the devices.

    Raises:
      InputError: XLA_FLAGS names a file, so that nothing can be added to it.
    """
    kind = devices[0].kind
    common = {"KERAS_BACKEND": engine, "JAX_PLATFORMS": _JAX_PLATFORMS[kind]}
    if kind == "cpu":
        return common | _cpu_environment(len(devices), engine, inherited)
    listed = _listed(kind, inherited)
    names = [str(one.number) if listed is None else listed[one.number] for one in devices]
    return common | {"gpu": _gpu_environment, "tpu": _tpu_environment}[kind](names)


def _cpu_environment(count, engine, inherited):
    hidden = {"CUDA_VISIBLE_DEVICES": "-1"}
    if engine == "tensorflow":
        # tensorflow-tpu would load libtpu, which asks a metadata server for minutes.
        return hidden | {"TPU_SKIP_MDS_QUERY": "1", "TPU_LIBRARY_PATH": "/nonexistent/libtpu.so"}
    own = inherited["XLA_FLAGS"].strip() if "XLA_FLAGS" in inherited else ""
    if own and not own.startswith("-"):
        raise expected("XLA_FLAGS", "flags that begin with --, not the name of a file", own)
    flags = f"{own} --xla_force_host_platform_device_count={count}"
    # Of jaxlib's switches only NPROC, the size of its pool of threads, gives one thread a device.
    return hidden | {"XLA_FLAGS": flags.strip(), "NPROC": "1"}


def _gpu_environment(names):
    return {
        "CUDA_VISIBLE_DEVICES": ",".join(names),
        # Workers that share a GPU each take the memory they need.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }


def _tpu_environment(names):
    chips, bounds, one = ",".join(names), TPU_BOUNDS[len(names)], TPU_BOUNDS[1]
    return {
        "TPU_VISIBLE_CHIPS": chips,
        "TPU_VISIBLE_DEVICES": chips,
        "TPU_CHIPS_PER_PROCESS_BOUNDS": bounds,
        "TPU_CHIPS_PER_HOST_BOUNDS": bounds,
        "TPU_PROCESS_BOUNDS": one,
        "TPU_HOST_BOUNDS": one,
        # Bounds of 2,2,1 are taken for all chips of a host, and would lock a second worker out.
        "ALLOW_MULTIPLE_LIBTPU_LOAD": "true",
    }
