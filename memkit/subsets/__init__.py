"""Subset designs, which decide on which examples each run trains.

A design is a pure function of (labels, num_runs, train_fraction, seed) that returns the train
mask [M, N]. The mask for more runs begins with the rows of the mask for fewer, so a study can grow.

`balanced` draws the runs in blocks of B rows. Every run trains on exactly the same number of
examples, and after every block the numbers of runs that trained on each example differ by at most
one.

`leave_one_out` has units of N + 1 runs: one on all examples, and one without each of them. The
runs of a unit share their random streams, see `units`.
"""

import fractions
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from absl import logging

from memkit import seeds
from memkit.errors import expected, unknown
from memkit.subsets import blocks
from memkit.typing import Array, BoolArray, IntArray

MIN_BLOCK = 20  # rows of a block
MIN_CLASS = 50  # examples of a class that forms its own stratum
MIN_ARM = 2  # runs that train on an example, and runs that do not
LEAVE_ONE_OUT = "leave_one_out"


def block_size(train_fraction: float) -> int:
    """Returns B: the smallest multiple of the fraction's denominator that is at least 20.

    Examples:
      >>> block_size(0.5), block_size(0.7)
      (20, 20)
    """
    denominator = fractions.Fraction(train_fraction).limit_denominator(100).denominator
    return denominator * math.ceil(MIN_BLOCK / denominator)


def balanced(labels: npt.ArrayLike, num_runs: int, train_fraction: float, seed: int) -> BoolArray:
    """Draws subsets with exact sizes and equal inclusion counts.

    Within a block, every column is an independent random permutation; random swaps within columns
    then make all row sums exact. Examples are never grouped into folds, because no number of runs
    can separate the effects of examples that are always held out together.

    If every class has at least 50 examples, the swaps stay within a class, and the number of
    examples of a class in a run is the floor or the ceiling of its proportional share. With
    smaller classes, holding out an example would mean adding another one of its class, so all
    examples form one stratum.

    Args:
      labels: [N] given labels, of any dtype that can be sorted.
      num_runs: number of runs M, at least 2; preferably a multiple of
        `block_size(train_fraction)`.
      train_fraction: share of the examples on which each run trains, in (0, 1).
      seed: the study's seed, at least 0.

    Returns:
      [M, N] bool, True where a run trains on an example; round(train_fraction * N) per row.

    Raises:
      InputError: a value is out of range, or fewer than 2 runs train on some example, or fewer
        than 2 do not.

    Examples:
      >>> train_mask = balanced(np.zeros(10), num_runs=20, train_fraction=0.5, seed=0)
      >>> set(train_mask.sum(axis=0).tolist()), set(train_mask.sum(axis=1).tolist())
      ({10}, {5})
    """
    labels = np.asarray(labels)
    _check_arguments(len(labels), num_runs, train_fraction)
    strata, sizes = _strata(labels)
    order = np.argsort(strata, kind="stable")
    size, rows = round(train_fraction * len(labels)), block_size(train_fraction)
    if num_runs % rows:
        text = (
            "subsets.num_runs: %d is not a multiple of the block size %d: inclusion counts differ"
        )
        logging.warning(text, num_runs, rows)
    mask = np.empty((num_runs, len(labels)), bool)
    schedule = blocks.column_counts(sizes, size, rows, seed)
    for block, start in enumerate(range(0, num_runs, rows)):
        rng = seeds.stream(seed, "subsets", block)
        drawn = blocks.draw_block(next(schedule), sizes, size, rows, rng)
        mask[start : start + rows, order] = drawn[: num_runs - start]
    return _checked_counts(mask)


def random(num_examples: int, num_runs: int, train_fraction: float, seed: int) -> BoolArray:
    """Draws independent subsets of a fixed size, like the published studies; see `balanced`.

    Examples:
      >>> random(10, num_runs=20, train_fraction=0.5, seed=0).sum(axis=1).tolist() == [5] * 20
      True
    """
    _check_arguments(num_examples, num_runs, train_fraction)
    size = round(train_fraction * num_examples)
    mask = np.zeros((num_runs, num_examples), bool)
    for run, row in enumerate(mask):
        rng = seeds.stream(seed, "subsets/random", run)
        row[rng.choice(num_examples, size, replace=False, shuffle=False)] = True
    return _checked_counts(mask)


def leave_one_out(num_examples: int, num_runs: int) -> BoolArray:
    """Returns the subsets of runs that each leave out one example, and of runs on all examples.

    Row u (N + 1) trains on all examples, and row u (N + 1) + 1 + i on all but example i, where u
    is the number of the unit.

    Args:
      num_examples: N.
      num_runs: M, a multiple of N + 1 and at least 2 (N + 1).

    Returns:
      [M, N] bool, True where a run trains on an example.

    Raises:
      InputError: there are fewer than 2 units or an incomplete one.

    Examples:
      >>> leave_one_out(2, num_runs=6).astype(int).tolist()
      [[1, 1], [0, 1], [1, 0], [1, 1], [0, 1], [1, 0]]
    """
    size = num_examples + 1
    if num_runs % size or num_runs < MIN_ARM * size:
        expectation = (
            f"a multiple of {size}, at least {MIN_ARM * size}: leave_one_out has a run on all "
            f"{num_examples} examples and one without each"
        )
        raise expected("subsets.num_runs", expectation, num_runs)
    unit = np.vstack([np.ones((1, num_examples), bool), ~np.eye(num_examples, dtype=bool)])
    return np.tile(unit, (num_runs // size, 1))


DESIGNS = {
    "balanced": balanced,
    "random": lambda labels, *arguments: random(np.size(labels), *arguments),
    LEAVE_ONE_OUT: lambda labels, num_runs, *_: leave_one_out(np.size(labels), num_runs),
}


def units(name: str, num_runs: int, num_examples: int) -> IntArray:
    """Returns the unit of each run, [M] int, from 0.

    Runs of one unit start from the same initial values and draw the same random numbers while they
    are trained, so they are one sampling unit of every standard error. In a design with random
    subsets, each run is a unit of its own.

    Args:
      name: a key of `DESIGNS`.
      num_runs: M.
      num_examples: N.

    Examples:
      >>> units("balanced", 4, 2), units("leave_one_out", 6, 2)
      (array([0, 1, 2, 3]), array([0, 0, 0, 1, 1, 1]))
    """
    return np.arange(num_runs) // (num_examples + 1 if name == LEAVE_ONE_OUT else 1)


def design(
    name: str, *, labels: npt.ArrayLike, num_runs: int, train_fraction: float, seed: int
) -> BoolArray:
    """Returns the train mask [M, N] of the design `name`, a key of `DESIGNS`.

    Raises:
      InputError: the name is unknown; or an error of the design itself.

    Examples:
      >>> design("balanced", labels=[0] * 10, num_runs=40, train_fraction=0.7, seed=0).shape
      (40, 10)
    """
    if name not in DESIGNS:
        raise unknown("subsets.design", name, DESIGNS, kind="design")
    return DESIGNS[name](labels, num_runs, train_fraction, seed)


def _check_arguments(num_examples: int, num_runs: Any, train_fraction: Any) -> None:
    if num_examples < 1:
        raise expected("data", "at least one example", num_examples)
    if not (isinstance(num_runs, int | np.integer) and num_runs >= 2):
        raise expected("subsets.num_runs", "a whole number of at least 2", repr(num_runs))
    is_number = isinstance(train_fraction, int | float | np.floating | fractions.Fraction)
    if not (is_number and 0 < train_fraction < 1):
        raise expected("subsets.train_fraction", "a number in (0, 1)", repr(train_fraction))


def _checked_counts(mask: BoolArray) -> BoolArray:
    """Returns the mask if at least 2 runs train on each example and at least 2 do not."""
    num_in = np.count_nonzero(mask, axis=0)
    if (smallest := np.minimum(num_in, len(mask) - num_in)).min() < MIN_ARM:
        example = smallest.argmin()
        raise expected(
            "subsets.num_runs",
            f"enough runs for at least {MIN_ARM} with and {MIN_ARM} without every example",
            f"{len(mask)}: {num_in[example]} with and {len(mask) - num_in[example]} without "
            f"example {example}",
        )
    return mask


def _strata(labels: Array) -> tuple[IntArray, IntArray]:
    """Returns the stratum of each example [N] and the stratum sizes [C]."""
    _, strata, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if sizes.min() >= MIN_CLASS:
        return strata, sizes
    return np.zeros(len(labels), int), np.array([len(labels)])
