"""The strongest influences on every test example and of every train example, of any class.

All N x T influences are computed in blocks of train examples, each by one matrix product. Only the
candidates of a block for the strongest influences stay in memory.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from memkit import big_arrays
from memkit.errors import expected
from memkit.estimators import influence
from memkit.typing import Array, BoolArray, FloatArray, IntArray

# Sums outcomes [R, t] over the runs of a train mask [R, n]: [n, t] float32.
Sums: TypeAlias = Callable[[BoolArray], FloatArray]
Product: TypeAlias = Callable[[FloatArray], Sums]

_BLOCK_ELEMENTS = 2**24
_GROUP = 32
_LEAST = np.float32(1e-6)  # smaller influences are rounding errors of 0


@dataclasses.dataclass(frozen=True)
class Strongest:
    """The k strongest positive influences of each of n examples, in descending order.

    Attributes:
      index: [n, k] int32, the example at the other end; -1 if fewer than k are positive.
      infl: [n, k] float32 in (0, 1], influence; NaN if fewer than k are positive. Equal influences
        are in the order of their indices.
    """

    index: IntArray
    infl: FloatArray


def numpy_product(outcome: FloatArray) -> Sums:
    """Returns a function that sums outcomes over the runs that trained on each train example.

    Args:
      outcome: [R, T] float32.

    Returns:
      Function of train_mask [R, n] bool that returns [n, T] float32, train_mask.T @ outcome.
    """
    return lambda train_mask: train_mask.T.astype(np.float32) @ outcome


def strongest(
    test_outcome: Array, train_mask: BoolArray, k: int, *, product: Product = numpy_product
) -> tuple[Strongest, Strongest]:
    """Finds the k strongest positive influences on each test and of each train example.

    Args:
      test_outcome: [R, T] bool or float in [0, 1], outcome of test example j in run m.
      train_mask: [R, N] bool, True where run m trained on example i.
      k: int >= 0.
      product: computes the sums, with the signature of `numpy_product`. A product on an accelerator
        must multiply in full float32, so that sums of 0/1 outcomes are exact.

    Returns:
      (on_test, of_train): `Strongest` of the T test examples, whose indices are train examples,
      and of the N train examples, whose indices are test examples. A test example whose outcome
      never varies and a train example that was in all runs or in none have no influences.

    Raises:
      InputError: as `influence.influence_of` does, and if k is negative.
    """
    test_outcome, train_mask = influence.check(test_outcome, train_mask)
    if k < 0:
        raise expected("k", "a number of at least 0", k)
    num_train, num_test = train_mask.shape[1], test_outcome.shape[1]
    on_test, of_train = _empty(num_test, k), _empty(num_train, k)
    if not k or not len(train_mask):
        return on_test, of_train
    lowest, highest = test_outcome.min(axis=0), test_outcome.max(axis=0)
    varying = np.flatnonzero(lowest.astype(np.float32) != highest.astype(np.float32))
    best = _empty(len(varying), k)
    for start, infl in _blocks(big_arrays.take(test_outcome, varying, 1), train_mask, product):
        rows = slice(start, start + len(infl))
        _keep_rows(infl, varying, Strongest(of_train.index[rows], of_train.infl[rows]))
        _merge_columns(infl, start, best)
    on_test.index[varying], on_test.infl[varying] = best.index, best.infl
    return on_test, of_train


def _empty(count: int, k: int) -> Strongest:
    return Strongest(np.full((count, k), -1, np.int32), np.full((count, k), np.nan, np.float32))


def _blocks(
    outcome: Array, train_mask: BoolArray, product: Product
) -> Iterator[tuple[int, FloatArray]]:
    """Yields (first train example, influence [n, t] float32), 0 where it is undefined."""
    num_runs, num_train = train_mask.shape
    num_in = np.count_nonzero(train_mask, axis=0)
    arms = num_in * (num_runs - num_in)
    scale = np.where(arms > 0, 1 / np.maximum(arms, 1), 0).astype(np.float32)
    # Outcomes are centered, so that one sum is the difference of both means up to a factor, and
    # multiplied by the number of runs, so that 0/1 outcomes stay integers with exact sums.
    total = outcome.sum(axis=0, dtype=int if outcome.dtype == bool else float)
    centered = np.empty(outcome.shape, np.float32)
    for rows in big_arrays.row_blocks(centered):
        centered[rows] = num_runs * outcome[rows] - total
    difference = product(centered)
    for start, stop in _steps(num_train, max(1, _BLOCK_ELEMENTS // max(len(total), num_runs))):
        infl = np.require(difference(train_mask[:, start:stop]), requirements="W")
        infl *= scale[start:stop, None]
        yield start, infl


def _steps(num_train: int, most: int) -> Iterator[tuple[int, int]]:
    """Yields (start, stop); the first block is small and sets a lower bound for the others."""
    start, step = 0, min(64, most)
    while start < num_train:
        yield start, min(start + step, num_train)
        start += step
        step = min(max(start, 1), most)


def _keep_rows(infl: FloatArray, columns: IntArray, best: Strongest) -> None:
    """Writes the k strongest of each row of a block [n, t] into `best`."""
    k = best.index.shape[1]
    row, column = _at_least(infl, _bars(infl, k)[:, None])
    row, rank, column, value = _first(row, infl[row, column], column, k)
    best.index[row, rank], best.infl[row, rank] = columns[column], value


def _bars(infl: FloatArray, k: int) -> FloatArray:
    """Returns a lower bound [n] of the k strongest values of each row, from maxima of groups."""
    num_groups = infl.shape[1] // _GROUP
    if num_groups < k:
        return np.full(len(infl), _LEAST)
    groups = infl[:, : num_groups * _GROUP].reshape(len(infl), _GROUP, num_groups).max(axis=1)
    return np.maximum(np.partition(groups, num_groups - k, axis=1)[:, num_groups - k], _LEAST)


def _merge_columns(infl: FloatArray, start: int, best: Strongest) -> None:
    """Replaces weaker influences in `best` by those of a block [n, t] of later train examples."""
    k = best.index.shape[1]
    # Of two equal influences, that of the earlier example stays.
    bar = np.fmax(np.nextafter(best.infl[:, -1], np.float32(2)), _LEAST)
    row, column = _at_least(infl, bar)
    if not row.size:
        return
    touched = np.unique(column)
    old_row, old_rank = np.nonzero(~np.isnan(best.infl[touched]))
    old_column = touched[old_row]
    column, rank, index, value = _first(
        np.concatenate([old_column, column]),
        np.concatenate([best.infl[old_column, old_rank], infl[row, column]]),
        np.concatenate([best.index[old_column, old_rank], row + start]),
        k,
    )
    best.index[column, rank], best.infl[column, rank] = index, value


def _at_least(infl: FloatArray, bar: FloatArray) -> tuple[IntArray, IntArray]:
    """Returns (row, column) of the influences at or above a bound, row by row."""
    row, column = np.divmod(np.flatnonzero(infl >= bar), infl.shape[1])
    return row, column


def _first(
    group: IntArray, value: FloatArray, index: IntArray, k: int
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Returns (group, rank, index, value) of the k largest values of each group."""
    # The sort is stable: equal values stay in the order of their indices.
    order = np.lexsort((-value, group))
    group, value, index = group[order], value[order], index[order]
    first = np.flatnonzero(np.diff(group, prepend=-1))
    rank = np.arange(len(group)) - np.repeat(first, np.diff(first, append=len(group)))
    is_first = rank < k
    return group[is_first], rank[is_first], index[is_first], value[is_first]
