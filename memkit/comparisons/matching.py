"""Matches ids of two lists that name the same example."""

import dataclasses

import numpy as np

from memkit.errors import expected
from memkit.typing import IntArray, TextArray

_NONE, _SEVERAL = -1, -2


@dataclasses.dataclass(frozen=True, eq=False)
class Matched:
    """J pairs of ids; every id is in at most one pair.

    Attributes:
      columns: [J] int64, positions in the first list, ascending.
      positions: [J] int64, positions in the second list.
      num_ambiguous: number of ids of the second list that are left out because they match several
        ids of the first list, or because another id of the second list matches at least as well.
    """

    columns: IntArray
    positions: IntArray
    num_ambiguous: int


def match(ids: TextArray, others: TextArray) -> Matched:
    """Pairs the ids of two lists that name the same example.

    Equal ids match. Otherwise ids are compared as paths, and one path must end with the whole
    other: `cat/1.png` matches `photos/train/cat/1.png` and never `photos/train/dog/1.png`. If an id
    matches several, the longest common path wins; if there is a tie, the id is left out and
    counted.

    Args:
      ids: [n] str, unique.
      others: [m] str.

    Returns:
      `Matched`; J = 0 if no id matches.

    Raises:
      InputError: `others` contains an id twice.
    """
    num_repeats = len(others) - len(set(others.tolist()))
    if num_repeats:
        raise expected("--with", "a different id per example", f"{num_repeats} repeated ids")
    forward, backward = _best(ids, others), _best(others, ids)
    columns = np.flatnonzero(forward >= 0)
    columns = columns[backward[forward[columns]] == columns]
    is_matched = np.zeros(len(others), bool)
    is_matched[forward[columns]] = True
    num_ambiguous = int(np.count_nonzero((backward != _NONE) & ~is_matched))
    return Matched(columns, forward[columns], num_ambiguous)


def _best(ids: TextArray, others: TextArray) -> IntArray:
    """Returns the position of the best match of each id among others, [n] int64.

    `_NONE` if no other id matches, `_SEVERAL` if several match equally well.
    """
    equal = {name: position for position, name in enumerate(others.tolist())}
    whole: dict[str, int] = {}  # Positions by the whole path.
    longer: dict[str, int] = {}  # Positions by the endings of longer paths.
    for position, name in enumerate(others.tolist()):
        path, *shorter = _endings(name)
        whole[path] = _SEVERAL if path in whole else position
        for ending in shorter:
            longer[ending] = _SEVERAL if ending in longer else position
    best = np.full(len(ids), _NONE, np.int64)
    for row, name in enumerate(ids.tolist()):
        path, *shorter = _endings(name)
        if name in equal:
            best[row] = equal[name]
        elif path in whole or path in longer:
            best[row] = whole[path] if path in whole else longer[path]
        else:
            best[row] = next((whole[e] for e in shorter if e in whole), _NONE)
    return best


def _endings(name: str) -> list[str]:
    """Returns the path that an id stands for and all its shorter endings, the longest first.

    Examples:
      >>> _endings("./train\\\\cat/1.png")
      ['train/cat/1.png', 'cat/1.png', '1.png']
    """
    path = name.strip().replace("\\", "/")
    folders = [folder for folder in path.split("/") if folder not in ("", ".")]
    return ["/".join(folders[start:]) for start in range(len(folders))] or [""]
