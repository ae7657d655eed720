"""False discovery rates of Benjamini and Hochberg for families too large to sort in memory."""

import dataclasses
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from memkit.errors import expected
from memkit.typing import FloatArray

LEVEL = 0.05
_MOST_KEPT = 2**24


@dataclasses.dataclass(frozen=True)
class Family:
    """Those p-values of a family of tests that can determine a q-value.

    Attributes:
      p: float64, ascending, every p of the family that is at most `cut`.
      size: number of members, including those above the cut.
      cut: float in [0.05, 1]; a q above it is unknown.
    """

    p: FloatArray
    size: int
    cut: float


def family(parts: Iterable[npt.ArrayLike], *, most_kept: int = _MOST_KEPT) -> Family:
    """Collects the p-values of a family in bounded memory.

    A q of Benjamini and Hochberg never lies below the p it comes from, so a q of at most `cut` is
    determined by the p of at most `cut`. If there are more p than `most_kept`, the cut is halved,
    but not below 0.05, and p above it are only counted.

    Args:
      parts: iterable of arrays of p in [0, 1].
      most_kept: number of p above which the cut falls.

    Raises:
      InputError: on a p that is NaN or outside [0, 1].
    """
    kept, size, cut, num_kept = [], 0, 1.0, 0
    for part in parts:
        p = np.ravel(np.asarray(part, np.float64))
        if not ((p >= 0) & (p <= 1)).all():
            raise expected("p", "numbers from 0 to 1", f"{p.min()} to {p.max()}")
        size += p.size
        kept.append(p[p <= cut])
        num_kept += kept[-1].size
        while num_kept > most_kept and cut > LEVEL:
            cut = max(cut / 2, LEVEL)
            kept = [np.concatenate(kept)]
            kept = [kept[0][kept[0] <= cut]]
            num_kept = kept[0].size
    return Family(np.sort(np.concatenate([np.empty(0), *kept])), size, cut)


def q_values(p: npt.ArrayLike, members: Family) -> FloatArray:
    """Returns the smallest false discovery rate at which each p-value is a discovery.

    q(p) = min over family members p' >= p of size * p' / rank(p'): Benjamini & Hochberg (1995).

    Args:
      p: float array, each a member of the family.

    Returns:
      float64 array of the shape of p, in [0, 1]; small = unlikely by chance; NaN where q lies
      above the cut of the family.
    """
    rates = members.size * members.p / np.arange(1, len(members.p) + 1)
    lowest = np.minimum.accumulate(np.append(rates, np.inf)[::-1])[::-1]
    q = lowest[np.searchsorted(members.p, np.asarray(p, np.float64))]
    if members.cut == 1:
        return np.minimum(q, 1)
    return np.where(q <= members.cut, q, np.nan)
