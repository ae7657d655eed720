"""Trees of `aux_arrays.npz` files, one per run, as Feldman & Zhang (2020) released them.

`<experiment>/<ratio>/<run>/aux_arrays.npz` holds `correctness_<split>` and `index_<split>` for the
splits train, removed and test, and `subsample_idx`.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from etils import epath

from memkit import storage
from memkit.comparisons import archives
from memkit.comparisons.published import Published
from memkit.errors import expected
from memkit.typing import Array, IntArray, Path

FILE = "aux_arrays.npz"


def files(folder: Path) -> list[epath.Path]:
    """Returns the `aux_arrays.npz` files below a folder of runs, or of one ratio's folder.

    Raises:
      InputError: several ratios, which are different estimands.
    """
    folder = storage.path(folder)
    levels = {0: [folder], 1: _folders([folder])}
    levels[2] = _folders(levels[1])
    for depth, parents in levels.items():
        found = [p / FILE for p in parents if (p / FILE).exists()]
        ratios = {p.parent.parent.name for p in found} if depth == 2 else set()
        if len(ratios) > 1:
            raise expected("--with", f"the folder of one ratio in {folder}", sorted(ratios))
        if found:
            return found
    return []


def _folders(parents: Iterable[epath.Path]) -> list[epath.Path]:
    return [p / name for p in parents for name in storage.names(p) if (p / name).is_dir()]


def read(found: Sequence[epath.Path]) -> Published:
    """Estimates memorization from the outcomes of runs, one file at a time.

    Args:
      found: paths, from `files`.

    Returns:
      Published with memorization [N] = mean correctness of the runs that trained on the example
      minus that of the others; NaN where an arm has no run.

    Raises:
      InputError: a file that contradicts itself or the first one; names it.
    """
    sums, nums = np.zeros((2, 0)), np.zeros((2, 0), np.int64)
    accuracy = []
    for where in found:
        with archives.opened(where) as arrays:
            arms = _arms(arrays, where)
            count = sum(len(index) for index, _ in arms)
            if not sums.size:
                sums, nums = np.zeros((2, count)), np.zeros((2, count), np.int64)
            if count != sums.shape[1]:
                raise expected(str(where), f"{sums.shape[1]} train and removed examples", count)
            for arm, (index, correct) in enumerate(arms):
                nums[arm, index] += 1
                sums[arm, index] += correct
            if "correctness_test" in arrays.files:
                accuracy.append(archives.numbers(arrays, "correctness_test").mean())
    in_mean, out_mean = sums / np.where(nums > 0, nums, np.nan)
    facts = {"runs": len(found), "trained on": float(nums[0].mean() / len(found))}
    if accuracy:
        facts["mean test accuracy"] = float(np.mean(accuracy))
    return Published(
        layout="aux_arrays",
        quantity="memorization",
        values=in_mean - out_mean,
        rows=np.arange(len(in_mean)),
        facts=facts,
    )


def _arms(arrays: archives.Archive, where: epath.Path) -> list[tuple[IntArray, Array]]:
    """Returns (index, correctness) of the train and of the removed examples of a run."""
    arms = []
    for split in ("train", "removed"):
        keys = (f"index_{split}", f"correctness_{split}")
        missing = [key for key in keys if key not in arrays.files]
        if missing:
            raise expected(str(where), f"the arrays {' and '.join(keys)}", f"no {missing[0]}")
        index = archives.numbers(arrays, keys[0])
        arms.append((index, archives.numbers(arrays, keys[1], length=len(index))))
    rows = np.sort(np.concatenate([index for index, _ in arms]))
    if not np.array_equal(rows, np.arange(len(rows))):
        raise expected(str(where), "each example once in train or removed", "others or repeats")
    if "subsample_idx" in arrays.files:
        subset = archives.numbers(arrays, "subsample_idx")
        if not np.array_equal(np.sort(subset), np.sort(arms[0][0])):
            raise expected(str(where), "subsample_idx equal to index_train", "others")
    return arms
