"""The TPU chips that programs are compiled for, and topologies such as "v5e:2x2"."""

import dataclasses
import math
import re
from typing import Any

from memkit.errors import expected

_EXAMPLES = "v5e:2x2, v6e:2x4, v4:2x2x1 or v5p:2x2x1"


@dataclasses.dataclass(frozen=True)
class Chip:
    """One TPU chip, after the Cloud TPU documentation (pages v4, v5e, v5p, v6e).

    Attributes:
      hbm: bytes of memory that programs can use: the number in the out-of-memory message of libtpu
        0.0.42. The documentation gives the total of 32 GiB, 16 GB, 95 GB and 32 GB.
      peak: bfloat16 FLOP/s; a multiplication and an addition count as two.
      per_cycle: FLOPs of its matrix units in a cycle. The documentation does not state it. libtpu
        0.0.42 estimates 87% to 97% of it for a product of two matrices of 4096x4096.
      sides: number of dimensions of the network of chips.
      pod: number of chips of the largest slice.
    """

    hbm: int
    peak: float
    per_cycle: int
    sides: int
    pod: int

    @property
    def clock(self) -> float:
        """Cycles a second: 1.05 GHz for v4, 1.50 for v5e, 1.75 for v5p and v6e."""
        return self.peak / self.per_cycle


CHIPS = {
    "v4": Chip(hbm=int(30.75 * 2**30), peak=275e12, per_cycle=2**18, sides=3, pod=4096),
    "v5e": Chip(hbm=int(15.75 * 2**30), peak=197e12, per_cycle=2**17, sides=2, pod=256),
    "v5p": Chip(hbm=int(95.74 * 2**30), peak=459e12, per_cycle=2**18, sides=3, pod=8960),
    "v6e": Chip(hbm=int(31.25 * 2**30), peak=918e12, per_cycle=2**19, sides=2, pod=256),
}
# JAX uses the two cores of v4 and v5p chips as one device; for v4, libtpu needs this option.
_OPTIONS: dict[str, dict[str, Any]] = {
    "v4": {"chip_config_name": "megacore"},
    "v5e": {},
    "v5p": {},
    "v6e": {},
}


@dataclasses.dataclass(frozen=True)
class Topology:
    """A slice of TPU chips.

    Attributes:
      name: such as "v5e:2x2", as JAX expects it.
      num_chips: number of chips of the slice; each is one JAX device.
      options: keyword arguments for `jax.experimental.topologies.get_topology_desc`.
    """

    name: str
    chip: Chip
    num_chips: int
    options: dict[str, Any]


def topology(text: str) -> Topology:
    """Returns the Topology of a text such as "v5e:2x2".

    Raises:
      InputError: an unknown chip, sides that the chip cannot have, or a slice larger than a pod.
    """
    if not re.fullmatch(r"\w+:[1-9]\d*(x[1-9]\d*)*", text):
        raise expected("--topology", f"a chip and its slice, such as {_EXAMPLES}", repr(text))
    name, _, shape = text.partition(":")
    if name not in CHIPS:
        known = ", ".join(CHIPS)
        raise expected("--topology", f"one of the chips {known}, such as {_EXAMPLES}", repr(text))
    chip, sides = CHIPS[name], [int(side) for side in shape.split("x")]
    if len(sides) != chip.sides:
        raise expected("--topology", f"{chip.sides} sides for {name}, such as {_EXAMPLES}", text)
    count = math.prod(sides)
    if count > chip.pod:
        raise expected("--topology", f"at most the {chip.pod} chips of a {name} pod", text)
    if count > 1 and (sides[0] % 2 or sides[1] % 2):
        expectation = "one chip, or even first and second sides (a board has 2x2 chips)"
        raise expected("--topology", f"{expectation}, such as {_EXAMPLES}", text)
    bounds = {"chips_per_host_bounds": (1, 1, 1)} if count == 1 else {}
    return Topology(text, chip, count, _OPTIONS[name] | bounds)
