"""The strongest influences, on every test example and of every train example, of any class.

All N x T influences are looked at and none is kept: they come in blocks of train examples from one
matrix product, and each block leaves behind its candidates only.
"""

import dataclasses

import numpy as np

from memkit import big_arrays
from memkit.errors import expected
from memkit.estimators import influence

_BLOCK_ELEMENTS = 2**24
_GROUP = 32
_LEAST = np.float32(1e-6)  # what counts as positive: more than rounding makes of 0


@dataclasses.dataclass(frozen=True)
class Strongest:
    """The k strongest positive influences of each of n examples, the strongest first.

    Attributes:
      index: [n, k] int32, the example at the other end; -1 where fewer are positive.
      infl: [n, k] float32 in (0, 1], influence; NaN where fewer are positive. Equal ones are in
        the order of their indices.
    """

    index: np.ndarray
    infl: np.ndarray


def numpy_product(outcome):
    """Returns the function that sums outcomes over the runs that hold each train example.

    Args:
      outcome: [R, T] float32.

    Returns:
      function of train_mask [R, n] bool that returns [n, T] float32, train_mask.T @ outcome.
    """
    return lambda train_mask: train_mask.T.astype(np.float32) @ outcome


def strongest(test_outcome, train_mask, k, *, product=numpy_product):
    """Finds the k strongest positive influences on each test and of each train example.

    Args:
      test_outcome: [R, T] bool or float in [0, 1], outcome of test example j in run m.
      train_mask: [R, N] bool, True where run m trained on example i.
      k: int >= 0.
      product: what computes the sums, called as `numpy_product` is; one that uses an accelerator
        must multiply in full float32, so that sums of 0/1 outcomes are exact.

    Returns:
      (on_test, of_train): `Strongest` of the T test examples, whose indices are train examples,
      and of the N train examples, whose indices are test examples. A test example whose outcome
      never changes and a train example that was in all runs or in none have no influences.

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
    extremes = (
        reduce(axis=0).astype(np.float32) for reduce in (test_outcome.min, test_outcome.max)
    )
    varying = np.flatnonzero(np.not_equal(*extremes))
    best = _empty(len(varying), k)
    for start, infl in _blocks(big_arrays.take(test_outcome, varying, 1), train_mask, product):
        rows = slice(start, start + len(infl))
        _keep_rows(infl, varying, Strongest(of_train.index[rows], of_train.infl[rows]))
        _merge_columns(infl, start, best)
    on_test.index[varying], on_test.infl[varying] = best.index, best.infl
    return on_test, of_train


def _empty(count, k):
    return Strongest(np.full((count, k), -1, np.int32), np.full((count, k), np.nan, np.float32))


def _blocks(outcome, train_mask, product):
    """Yields (first train example, influence [n, t] float32), 0 where it is undefined."""
    num_runs, num_train = train_mask.shape
    num_in = np.count_nonzero(train_mask, axis=0)
    arms = num_in * (num_runs - num_in)
    scale = np.where(arms > 0, 1 / np.maximum(arms, 1), 0).astype(np.float32)
    # Centered, so that one sum is the whole difference of the means but for its scale; times the
    # number of runs, so that 0/1 outcomes stay whole numbers, whose sums are exact.
    total = outcome.sum(axis=0, dtype=int if outcome.dtype == bool else float)
    centered = np.empty(outcome.shape, np.float32)
    for rows in big_arrays.row_blocks(centered):
        centered[rows] = num_runs * outcome[rows] - total
    difference = product(centered)
    for start, stop in _steps(num_train, max(1, _BLOCK_ELEMENTS // max(len(total), num_runs))):
        infl = np.require(difference(train_mask[:, start:stop]), requirements="W")
        infl *= scale[start:stop, None]
        yield start, infl


def _steps(num_train, most):
    """Yields (start, stop); blocks start small, so that the first one sets a bar for the rest."""
    start, step = 0, min(64, most)
    while start < num_train:
        yield start, min(start + step, num_train)
        start += step
        step = min(max(start, 1), most)


def _keep_rows(infl, columns, best):
    """Writes the k strongest of each row of a block [n, t] into `best`."""
    k = best.index.shape[1]
    row, column = _at_least(infl, _bars(infl, k)[:, None])
    row, place, column, value = _first(row, infl[row, column], column, k)
    best.index[row, place], best.infl[row, place] = columns[column], value


def _bars(infl, k):
    """Returns what each row's k strongest positive values reach [n]: the k-th largest maximum."""
    num_groups = infl.shape[1] // _GROUP
    if num_groups < k:
        return np.full(len(infl), _LEAST)
    groups = infl[:, : num_groups * _GROUP].reshape(len(infl), _GROUP, num_groups).max(axis=1)
    return np.maximum(np.partition(groups, num_groups - k, axis=1)[:, num_groups - k], _LEAST)


def _merge_columns(infl, start, best):
    """Replaces weaker influences in `best` by those of a block [n, t] of later train examples."""
    k = best.index.shape[1]
    # Of equal influences the earlier example stays.
    bar = np.fmax(np.nextafter(best.infl[:, -1], np.float32(2)), _LEAST)
    row, column = _at_least(infl, bar)
    if not row.size:
        return
    touched = np.unique(column)
    old_column, old_place = np.nonzero(~np.isnan(best.infl[touched]))
    old_column = touched[old_column]
    column, place, index, value = _first(
        np.concatenate([old_column, column]),
        np.concatenate([best.infl[old_column, old_place], infl[row, column]]),
        np.concatenate([best.index[old_column, old_place], row + start]),
        k,
    )
    best.index[column, place], best.infl[column, place] = index, value


def _at_least(infl, bar):
    """Returns (row, column) of the influences that reach a bar, row by row."""
    return np.divmod(np.flatnonzero(infl >= bar), infl.shape[1])


def _first(group, value, index, k):
    """Returns (group, place, index, value) of the k largest values of each group."""
    # Stable: equal values stay in the order they came in, which is that of their indices.
    order = np.lexsort((-value, group))
    group, value, index = group[order], value[order], index[order]
    first = np.flatnonzero(np.diff(group, prepend=-1))
    place = np.arange(len(group)) - np.repeat(first, np.diff(first, append=len(group)))
    kept = place < k
    return group[kept], place[kept], index[kept], value[kept]
