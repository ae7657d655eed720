"""Layouts of Feldman & Zhang (2020): high-influence pairs and class-wise influence matrices.

Their index of ImageNet (`tr_filenames`, `tr_labels`, `tr_mem`) is read as columns, see `plain`.
"""

import re
from collections.abc import Set

import numpy as np

from memkit.comparisons import archives
from memkit.comparisons.archives import Archive
from memkit.comparisons.published import Pairs, Published
from memkit.errors import expected
from memkit.typing import Array, FloatArray

MIN_INFLUENCE, MIN_MEMORIZATION = 0.15, 0.25
_CLASS = re.compile(r"infl_matrix_class(\d+)")


def is_pairs(keys: Set[str]) -> bool:
    """Returns True if an npz file with these keys holds high-influence pairs."""
    return {"tr_idx", "tt_idx", "infl", "mem"} <= keys


def read_pairs(arrays: Archive) -> Published:
    """Reads high-influence pairs; the scores are those of the distinct train examples."""
    influence = archives.numbers(arrays, "infl")
    count = len(influence)
    train, test = (archives.indices(arrays, key, length=count) for key in ("tr_idx", "tt_idx"))
    memorization = archives.numbers(arrays, "mem", length=count)
    ids = {
        name: archives.texts(arrays, key, length=count) if key in arrays.files else None
        for name, key in (("train_ids", "tr_ids"), ("test_ids", "tt_ids"))
    }
    pairs = Pairs(train, test, influence, memorization, same_class=True, **ids)
    return from_pairs("pairs", pairs)


def from_pairs(layout: str, pairs: Pairs) -> Published:
    """Returns `Published` with the memorization of the distinct train examples of pairs."""
    rows, first = np.unique(pairs.train, return_index=True)
    return Published(
        layout=layout,
        quantity="memorization",
        values=pairs.memorization[first].astype(np.float64),
        rows=rows,
        ids=None if pairs.train_ids is None else pairs.train_ids[first],
        is_original_order=True,
        pairs=pairs,
    )


def is_classwise(keys: Set[str]) -> bool:
    """Returns True if an npz file with these keys holds one influence matrix per class."""
    return any(_CLASS.fullmatch(key) for key in keys)


def read_classwise(arrays: Archive) -> Published:
    """Reads class-wise influence matrices, one class at a time.

    For a file without `tr_mem`, such as ImageNet's, all pairs of at least `MIN_INFLUENCE` are read.

    Raises:
      InputError: the matrix of a class does not fit its indices, or they do not fit `tr_mem`.
    """
    keys = set(arrays.files)
    memorization = archives.numbers(arrays, "tr_mem").astype(float) if "tr_mem" in keys else None
    pairs_of_classes, rows = [], []
    classes = sorted(int(match[1]) for match in map(_CLASS.fullmatch, keys) if match)
    for number in classes:
        class_pairs, members = _read_class(arrays, number, memorization)
        pairs_of_classes.append(class_pairs)
        rows.append(members)
    train, test, influence, mem = map(np.concatenate, zip(*pairs_of_classes, strict=True))
    count = 1 + max(int(np.max(members, initial=-1)) for members in rows)
    count = count if memorization is None else len(memorization)
    ids = {
        name: archives.texts(arrays, key)[index] if key in keys else None
        for name, key, index in (("train_ids", "tr_ids", train), ("test_ids", "tt_ids", test))
    }
    pairs = Pairs(train, test, influence, mem, same_class=True, **ids)
    return Published(
        layout="classwise",
        quantity="memorization",
        values=np.full(count, np.nan) if memorization is None else memorization,
        rows=np.arange(count),
        ids=archives.texts(arrays, "tr_ids", length=count) if "tr_ids" in keys else None,
        labels=archives.numbers(arrays, "tr_labels", length=count) if "tr_labels" in keys else None,
        is_original_order=True,
        pairs=pairs,
        facts={"classes": len(classes)},
    )


def _read_class(
    arrays: Archive, number: int, memorization: FloatArray | None
) -> tuple[tuple[Array, Array, Array, Array], Array]:
    """Returns (train, test, influence, memorization) of a class's pairs, and its train rows."""
    key = f"infl_matrix_class{number}"
    matrix = archives.numbers(arrays, key, ndim=2)
    below = None if memorization is None else len(memorization)
    train = archives.indices(arrays, f"tr_classidx_{number}", below=below)
    test = archives.indices(arrays, f"tt_classidx_{number}")
    if matrix.shape != (len(train), len(test)):
        raise expected(key, f"shape {[len(train), len(test)]}", list(matrix.shape))
    chosen = matrix >= MIN_INFLUENCE
    if memorization is not None:
        chosen &= (memorization[train] >= MIN_MEMORIZATION)[:, None]
    i, j = np.nonzero(chosen)
    mem = np.full(len(i), np.nan) if memorization is None else memorization[train[i]]
    return (train[i], test[j], matrix[i, j], mem), train
