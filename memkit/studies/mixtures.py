"""Points whose runs were not all computed alike."""

import collections
from collections.abc import Iterable, Mapping
from typing import Any

_WORDS = {"engine": "by", "device": "on", "precision": "in"}
_UNKNOWN = "a precision that is not recorded"  # Records of earlier versions lack it.


def mixture(infos: Iterable[Mapping[str, Any]]) -> str:
    """Returns in which engines, devices or precisions the runs of a point differ; "" if in none.

    Args:
      infos: the scalars of its records, see `records.INFO`.

    Examples:
      >>> run = {"engine": "jax", "device": "CPU", "precision": "float32"}
      >>> mixture([run, run, run | {"device": "NVIDIA H100"}])
      'mixes devices, which round differently: 2 runs on CPU, 1 run on NVIDIA H100'
    """
    infos = list(infos)
    differing = [name for name in _WORDS if len({i[name] for i in infos if name in i}) > 1]
    counts = collections.Counter(
        " ".join(f"{_WORDS[name]} {info.get(name) or _UNKNOWN}" for name in differing)
        for info in infos
    )
    if not differing:
        return ""
    runs = [f"{n} run{'' if n == 1 else 's'} {words}" for words, n in sorted(counts.items())]
    kinds = " and ".join(f"{name}s" for name in differing)
    return f"mixes {kinds}, which round differently: {', '.join(runs)}"
