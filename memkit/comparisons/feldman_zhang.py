"""Layouts of Feldman & Zhang (2020): high-influence pairs, class-wise matrices, ImageNet index.

Beside them the dense layout of their MNIST example (`memorization` [N], `influence` [T, N]), which
Lim et al. (2025) use too, with the runs' outcomes beside it.
"""

import re

import numpy as np

from memkit.comparisons import archives
from memkit.comparisons.published import Pairs, Published
from memkit.errors import expected

MIN_INFLUENCE, MIN_MEMORIZATION = 0.15, 0.25
_CLASS = re.compile(r"infl_matrix_class(\d+)")


def is_pairs(keys):
    """True for a file of high-influence pairs."""
    return {"tr_idx", "tt_idx", "infl", "mem"} <= keys


def read_pairs(arrays):
    """Reads high-influence pairs; the scores are those of the distinct train examples."""
    influence = archives.numbers(arrays, "infl")
    count = len(influence)
    train, test, memorization = (
        archives.numbers(arrays, key, length=count) for key in ("tr_idx", "tt_idx", "mem")
    )
    ids = {
        name: archives.texts(arrays, key, length=count) if key in arrays.files else None
        for name, key in (("train_ids", "tr_ids"), ("test_ids", "tt_ids"))
    }
    pairs = Pairs(train, test, influence, memorization, same_class=True, **ids)
    return from_pairs("pairs", pairs)


def from_pairs(layout, pairs):
    """Returns Published whose scores are the memorization of the distinct train examples."""
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


def is_classwise(keys):
    """True for a file with one influence matrix per class."""
    return any(_CLASS.fullmatch(key) for key in keys)


def read_classwise(arrays, *, min_influence=MIN_INFLUENCE, min_memorization=MIN_MEMORIZATION):
    """Reads class-wise influence matrices, one class at a time.

    A file without `tr_mem`, such as ImageNet's, gives all pairs of at least `min_influence`.

    Raises:
      InputError: a class whose matrix and indices do not fit.
    """
    keys = set(arrays.files)
    memorization = archives.numbers(arrays, "tr_mem").astype(float) if "tr_mem" in keys else None
    parts, rows = [], []
    classes = sorted(int(found[1]) for found in map(_CLASS.fullmatch, keys) if found)
    for number in classes:
        part, members = _read_class(arrays, number, memorization, min_influence, min_memorization)
        parts.append(part)
        rows.append(members)
    train, test, influence, mem = map(np.concatenate, zip(*parts, strict=True))
    count = max(max(map(np.max, rows)) + 1, 0 if memorization is None else len(memorization))
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


def _read_class(arrays, number, memorization, min_influence, min_memorization):
    """Returns (train, test, influence, memorization) of a class's pairs, and its train rows."""
    key = f"infl_matrix_class{number}"
    matrix = archives.numbers(arrays, key, ndim=2)
    train, test = (archives.numbers(arrays, f"{t}_classidx_{number}") for t in ("tr", "tt"))
    if matrix.shape != (len(train), len(test)):
        raise expected(key, f"shape {[len(train), len(test)]}", list(matrix.shape))
    chosen = matrix >= min_influence
    if memorization is not None:
        chosen &= (memorization[train] >= min_memorization)[:, None]
    i, j = np.nonzero(chosen)
    mem = np.full(len(i), np.nan) if memorization is None else memorization[train[i]]
    return (train[i], test[j], matrix[i, j], mem), train


def is_index(keys):
    """True for the index of ImageNet: file names, labels and memorization."""
    return {"tr_filenames", "tr_labels", "tr_mem"} <= keys


def read_index(arrays):
    """Reads the index of ImageNet; its ids are file names."""
    values = archives.numbers(arrays, "tr_mem").astype(np.float64)
    return Published(
        layout="index",
        quantity="memorization",
        values=values,
        rows=np.arange(len(values)),
        ids=archives.texts(arrays, "tr_filenames", length=len(values)),
        labels=archives.numbers(arrays, "tr_labels", length=len(values)),
    )


def is_dense(keys):
    """True for memorization beside a dense influence matrix."""
    return {"memorization", "influence"} <= keys


def read_dense(arrays, *, min_influence=MIN_INFLUENCE, min_memorization=MIN_MEMORIZATION):
    """Reads `memorization` [N] and streams `influence` [T, N].

    Where the file holds the runs' outcomes, memorization is estimated from them again, because
    the authors' own number counts an example that was never held out as memorized. The file has
    no labels, so pairs of all classes are kept. The MNIST example numbers its examples in the
    order of a TFDS build, so no order is taken for granted.
    """
    values = archives.numbers(arrays, "memorization").astype(np.float64)
    facts = {}
    if {"trainset_mask", "trainset_correctness"} <= set(arrays.files):
        values, facts = _from_runs(arrays, len(values))
    found = []
    for first, block in archives.blocks(arrays, "influence"):
        if block.shape[1] != len(values):
            raise expected("influence", f"{len(values)} columns", block.shape[1])
        test, train = np.nonzero((block >= min_influence) & (values >= min_memorization))
        found.append((train, test + first, block[test, train].astype(np.float64)))
    none = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    train, test, influence = map(np.concatenate, zip(none, *found, strict=True))
    return Published(
        layout="dense",
        quantity="memorization",
        values=values,
        rows=np.arange(len(values)),
        pairs=Pairs(train, test, influence, values[train], same_class=False),
        facts=facts,
    )


def _from_runs(arrays, count):
    """Returns memorization [N], NaN where an arm is empty, and the number of runs."""
    sums, nums, runs = np.zeros((2, count)), np.zeros((2, count)), 0
    masks = archives.blocks(arrays, "trainset_mask")
    outcomes = archives.blocks(arrays, "trainset_correctness", num_bytes=2**26)
    for mask, outcome in zip(_rows(masks), _rows(outcomes), strict=True):
        if not len(mask) == len(outcome) == count:
            raise expected("trainset_mask", f"{count} columns", [len(mask), len(outcome)])
        for arm, member in enumerate((mask != 0, mask == 0)):
            nums[arm] += member
            sums[arm] += np.where(member, outcome, 0)
        runs += 1
    in_mean, out_mean = sums / np.where(nums > 0, nums, np.nan)
    return in_mean - out_mean, {"runs": runs}


def _rows(found):
    for _, block in found:
        yield from block
