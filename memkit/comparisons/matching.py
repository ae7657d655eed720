"""Which id of one list names the same example as which id of another."""

import dataclasses

import numpy as np

from memkit.errors import expected
from memkit.typing import IntArray, TextArray

_NONE, _SEVERAL = -1, -2


@dataclasses.dataclass(frozen=True, eq=False)
class Matched:
    """J pairs of ids; no id is in two of them.

    Attributes:
      columns: [J] int64, positions in the first list, ascending.
      places: [J] int64, positions in the second list.
      num_ambiguous: int, ids of the second list that are left out because they fit several ids of
        the first list, or because another id of the second list fits as well or better.
    """

    columns: IntArray
    places: IntArray
    num_ambiguous: int


def match(ids: TextArray, others: TextArray) -> Matched:
    """Pairs the ids of two lists that name the same example.

    Equal ids belong together. Otherwise both are read as paths, and one of the two must end with
    the whole other: `cat/1.png` is `photos/train/cat/1.png` and never `photos/train/dog/1.png`.
    Where an id fits several, the longest common path decides; where that leaves a choice, the id
    is left out and counted.

    Args:
      ids: [n] str, different from one another.
      others: [m] str.

    Returns:
      `Matched`; J = 0 where nothing fits.

    Raises:
      InputError: `others` repeats an id.
    """
    num_repeats = len(others) - len(set(others.tolist()))
    if num_repeats:
        raise expected("--with", "an id per example", f"{num_repeats} repeats")
    forward, backward = _best(ids, others), _best(others, ids)
    columns = np.flatnonzero(forward >= 0)
    columns = columns[backward[forward[columns]] == columns]
    is_matched = np.zeros(len(others), bool)
    is_matched[forward[columns]] = True
    num_ambiguous = int(np.count_nonzero((backward != _NONE) & ~is_matched))
    return Matched(columns, forward[columns], num_ambiguous)


def _best(ids: TextArray, others: TextArray) -> IntArray:
    """Returns the position of the best fit of each id among others, [n] int64.

    `_NONE` where nothing fits, `_SEVERAL` where several fit equally well.
    """
    equal = {name: place for place, name in enumerate(others.tolist())}
    whole: dict[str, int] = {}  # By the whole path.
    longer: dict[str, int] = {}  # By what a longer path ends with.
    for place, name in enumerate(others.tolist()):
        path, *shorter = _endings(name)
        whole[path] = _SEVERAL if path in whole else place
        for ending in shorter:
            longer[ending] = _SEVERAL if ending in longer else place
    best = np.full(len(ids), _NONE, np.int64)
    for position, name in enumerate(ids.tolist()):
        path, *shorter = _endings(name)
        if name in equal:
            best[position] = equal[name]
        elif path in whole or path in longer:
            best[position] = whole[path] if path in whole else longer[path]
        else:
            best[position] = next((whole[e] for e in shorter if e in whole), _NONE)
    return best


def _endings(name: str) -> list[str]:
    """Returns the path that an id stands for and everything it ends with, the longest first.

    >>> _endings("./train\\\\cat/1.png")
    ['train/cat/1.png', 'cat/1.png', '1.png']
    """
    parts = [part for part in name.strip().replace("\\", "/").split("/") if part not in ("", ".")]
    return ["/".join(parts[start:]) for start in range(len(parts))] or [""]
