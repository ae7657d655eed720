"""The accelerators that are visible to this process, counted without an engine."""

import dataclasses
import itertools
import os
import pathlib
import re
from collections.abc import Mapping

# Environment variables that hide devices, the newest name first.
_HIDING = {"gpu": ("CUDA_VISIBLE_DEVICES",), "tpu": ("TPU_VISIBLE_CHIPS", "TPU_VISIBLE_DEVICES")}
_GOOGLE = "0x1ae0"  # Vendor of PCI devices.
# PCI devices of chips whose two cores are two devices of an engine: v2 and v3, and TPU7x.
_TWO_CORES = ("0x0027", "0x0076")


@dataclasses.dataclass(frozen=True, order=True)
class Device:
    """One device that a program computes on; `str` gives a name such as `gpu:0`.

    Attributes:
      kind: "cpu", "gpu" or "tpu".
      number: index among the devices of its kind that are visible to this process; a TPU device is
        a chip, a CPU device is a logical device.
      cores: how many devices of an engine it is, 2 for TPU v2, v3 and TPU7x.
    """

    kind: str
    number: int
    cores: int = dataclasses.field(default=1, compare=False)

    def __str__(self) -> str:
        return f"{self.kind}:{self.number}"


def visible(
    environment: Mapping[str, str] = os.environ, root: str | os.PathLike[str] = "/"
) -> dict[str, tuple[Device, ...]]:
    """Returns {"gpu": (Device, ...), "tpu": (Device, ...)} of this machine; imports no engine.

    NVIDIA GPUs and TPU chips are counted by their device files, without those that
    CUDA_VISIBLE_DEVICES and TPU_VISIBLE_CHIPS hide.

    Args:
      root: folder that holds `dev` and `sys`.
    """
    dev = pathlib.Path(root, "dev")
    counts = {"gpu": _count(dev, "nvidia"), "tpu": _count(dev, "accel")}
    # Any machine may have vfio devices; only those of Google's machines can be TPU chips.
    vendors = pathlib.Path(root, "sys/bus/pci/devices").glob("*/vendor")
    of_google = [file.parent for file in vendors if file.read_text().strip() == _GOOGLE]
    if not counts["tpu"] and of_google:
        counts["tpu"] = _count(dev / "vfio", "")
    cores = {"gpu": 1, "tpu": 2 if any(map(_has_two_cores, of_google)) else 1}
    numbers = {kind: _num_visible(kind, count, environment) for kind, count in counts.items()}
    return {
        kind: tuple(Device(kind, i, cores[kind]) for i in range(number))
        for kind, number in numbers.items()
    }


def _has_two_cores(folder: pathlib.Path) -> bool:
    """Returns whether a PCI device is a TPU chip with two cores that engines see apart."""
    file = folder / "device"
    return file.is_file() and file.read_text().strip() in _TWO_CORES


def _count(folder: pathlib.Path, prefix: str) -> int:
    names = os.listdir(folder) if folder.is_dir() else ()
    return sum(bool(re.fullmatch(prefix + "[0-9]+", name)) for name in names)


def _num_visible(kind: str, count: int, environment: Mapping[str, str]) -> int:
    """Returns how many of `count` devices are visible.

    As in CUDA, all devices after an invalid name are hidden, and a repeated name hides all.
    """
    names = visible_names(kind, environment)
    if names is None or not count:
        return count
    numbers = {str(number) for number in range(count)}
    valid = list(itertools.takewhile(lambda n: n in numbers or n[:4] in ("GPU-", "MIG-"), names))
    return len(valid) if len(set(valid)) == len(valid) else 0


def visible_names(kind: str, environment: Mapping[str, str]) -> list[str] | None:
    """Returns the names in the variable that hides devices of a kind, None if it is not set."""
    for variable in _HIDING[kind]:
        if variable in environment:
            return [name.strip() for name in environment[variable].split(",")]
    return None
