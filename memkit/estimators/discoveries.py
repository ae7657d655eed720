"""False discovery rates of Benjamini and Hochberg over families too large to sort comfortably."""

import dataclasses

import numpy as np

from memkit.errors import expected

LEVEL = 0.05
_KEPT = 2**24


@dataclasses.dataclass(frozen=True)
class Family:
    """The p of the members of a family that can decide about a q.

    Attributes:
      p: float64, ascending, every p of the family that is at most `cut`.
      size: int, number of members, those above the cut too.
      cut: float in [0.05, 1]; a q above it is not known.
    """

    p: np.ndarray
    size: int
    cut: float


def family(parts, *, most_kept=_KEPT):
    """Collects a family's p in bounded memory.

    A q of Benjamini and Hochberg never lies below the p it comes from, so a q of at most `cut` is
    decided by the p of at most `cut`. Where more p come than can be kept, the cut is halved, but
    not below 0.05, and the p above it are only counted.

    Args:
      parts: iterable of arrays of p in [0, 1].
      most_kept: int, number of p above which the cut falls.

    Returns:
      `Family`.

    Raises:
      InputError: on a p that is NaN or outside [0, 1].
    """
    kept, size, cut, num_kept = [], 0, 1.0, 0
    for part in parts:
        part = np.ravel(np.asarray(part, np.float64))
        if not ((part >= 0) & (part <= 1)).all():
            raise expected("p", "numbers from 0 to 1", f"{part.min()} to {part.max()}")
        size += part.size
        kept.append(part[part <= cut])
        num_kept += kept[-1].size
        while num_kept > most_kept and cut > LEVEL:
            cut = max(cut / 2, LEVEL)
            kept = [np.concatenate(kept)]
            kept = [kept[0][kept[0] <= cut]]
            num_kept = kept[0].size
    return Family(np.sort(np.concatenate([np.empty(0), *kept])), size, cut)


def q_values(p, members):
    """Returns the smallest false discovery rate at which each p is a discovery.

    q(p) = min over family members p' >= p of size * p' / rank(p'): Benjamini & Hochberg (1995).

    Args:
      p: float array, each a member of the family.
      members: `Family`.

    Returns:
      float64 array of p's shape in [0, 1], small = more than chance; NaN where q lies above the
      family's cut.
    """
    p = np.asarray(p, np.float64)
    rates = members.size * members.p / np.arange(1, len(members.p) + 1)
    lowest = np.minimum.accumulate(np.append(rates, np.inf)[::-1])[::-1]
    q = lowest[np.searchsorted(members.p, p)]
    if members.cut == 1:
        return np.minimum(q, 1)
    return np.where(q <= members.cut, q, np.nan)
