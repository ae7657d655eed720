"""Reads trees of `aux_arrays.npz` files, one per run, as released by Feldman & Zhang (2020).

`<experiment>/<ratio>/<run>/aux_arrays.npz` holds `correctness_<split>` and `index_<split>` for the
splits train, removed and test, and `subsample_idx`.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from etils import epath

from memkit import storage
from memkit.comparisons import archives
from memkit.comparisons.published import Published
from memkit.errors import expected, missing
from memkit.typing import Array, IntArray, Path

FILE = "aux_arrays.npz"


def files(folder: Path) -> list[epath.Path]:
    """Returns the `aux_arrays.npz` files below a folder of runs, of one ratio or of an experiment.

    Raises:
      InputError: the experiment has several ratios, which define different estimands.
    """
    folder = storage.path(folder)
    levels = {0: [folder], 1: _folders([folder])}
    levels[2] = _folders(levels[1])
    for depth, parents in levels.items():
        paths = [p / FILE for p in parents if (p / FILE).exists()]
        ratios = {p.parent.parent.name for p in paths} if depth == 2 else set()
        if len(ratios) > 1:
            raise expected("--with", f"the folder of one ratio in {folder}", sorted(ratios))
        if paths:
            return paths
    return []


def _folders(parents: Iterable[epath.Path]) -> list[epath.Path]:
    return [p / name for p in parents for name in storage.names(p) if (p / name).is_dir()]


def read(paths: Sequence[epath.Path]) -> Published:
    """Estimates memorization from the outcomes of runs, one file at a time.

    Args:
      paths: the files of the runs, from `files`.

    Returns:
      `Published` with memorization [N]: mean correctness of the runs that trained on the example
      minus that of the others; NaN if either kind has no run.

    Raises:
      InputError: a file contradicts itself or the first file; the message names it.
    """
    sums, nums = np.zeros((2, 0)), np.zeros((2, 0), np.int64)
    accuracy = []
    for where in paths:
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
    facts = {"runs": len(paths), "trained on": float(nums[0].mean() / len(paths))}
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
    """Returns (index, correctness) for the train and for the removed examples of a run."""
    arms = []
    for split in ("train", "removed"):
        keys = (f"index_{split}", f"correctness_{split}")
        absent = [key for key in keys if key not in arrays.files]
        if absent:
            raise missing(str(where), f"array {absent[0]}")
        index = archives.indices(arrays, keys[0])
        arms.append((index, archives.numbers(arrays, keys[1], length=len(index))))
    rows = np.sort(np.concatenate([index for index, _ in arms]))
    if not np.array_equal(rows, np.arange(len(rows))):
        raise expected(
            str(where), "every example once in train or removed", "missing or repeated examples"
        )
    if "subsample_idx" in arrays.files:
        subset = archives.numbers(arrays, "subsample_idx")
        if not np.array_equal(np.sort(subset), np.sort(arms[0][0])):
            raise expected(str(where), "subsample_idx equal to index_train", "other examples")
    return arms
