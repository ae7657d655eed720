"""Subset designs, which decide on which examples each run trains.

A design is a pure function of (labels, num_runs, train_fraction, seed) that returns the train
mask [M, N]. The mask for more runs begins with the rows of the mask for fewer, so a study can grow.

`balanced` draws the runs in blocks of B rows. Every run trains on exactly the same number of
examples, and after every block the numbers of runs that trained on each example differ by at most
one.

`leave_one_out` has a run on all examples and N runs that leave one example out each, for one
replicate after the other. The runs of a replicate share their random streams, see `replicates`.
"""

import fractions
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from absl import logging

from memkit import seeds
from memkit.errors import expected, unknown
from memkit.seeds import Generator
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
    schedule = _column_counts(sizes, size, rows, seed)
    for block, start in enumerate(range(0, num_runs, rows)):
        drawn = _draw_block(next(schedule), sizes, size, rows, seeds.stream(seed, "subsets", block))
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

    Row s (N + 1) trains on all examples, and row s (N + 1) + 1 + i on all but example i, where s
    numbers the replicate. Only complete replicates of N + 1 runs are of use.

    Args:
      num_examples: N.
      num_runs: M, a multiple of N + 1 and at least 2 (N + 1).

    Returns:
      [M, N] bool, True where a run trains on an example.

    Raises:
      InputError: there are fewer than 2 replicates or an incomplete one.

    Examples:
      >>> leave_one_out(2, num_runs=6).astype(int).tolist()
      [[1, 1], [0, 1], [1, 0], [1, 1], [0, 1], [1, 0]]
    """
    size = num_examples + 1
    if num_runs % size or num_runs < MIN_ARM * size:
        complete = f"{MIN_ARM} or more times the {size} runs of a replicate of leave_one_out"
        raise expected("subsets.num_runs", complete, num_runs)
    replicate = np.vstack([np.ones((1, num_examples), bool), ~np.eye(num_examples, dtype=bool)])
    return np.tile(replicate, (num_runs // size, 1))


DESIGNS = {
    "balanced": balanced,
    "random": lambda labels, *arguments: random(np.size(labels), *arguments),
    LEAVE_ONE_OUT: lambda labels, num_runs, *_: leave_one_out(np.size(labels), num_runs),
}


def replicates(name: str, num_runs: int, num_examples: int) -> IntArray:
    """Returns the replicate of each run, [M] int, from 0.

    Runs of one replicate start from the same initial values and draw the same random numbers while
    they are trained, so they are one sampling unit of every standard error. Each run of a random
    design is a replicate of its own.

    Args:
      name: a key of `DESIGNS`.
      num_runs: M.
      num_examples: N.

    Examples:
      >>> replicates("balanced", 4, 2), replicates("leave_one_out", 6, 2)
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


def _column_counts(sizes: IntArray, size: int, rows: int, seed: int) -> Iterator[IntArray]:
    """Yields for each block how often every column is True, [N] int, columns sorted by stratum.

    A block holds rows * size ones. Every column gets the integer part of its share. The remaining
    `extras` are distributed in turn: every column gets one before any column gets a second.
    """
    total = int(sizes.sum())
    whole, extras = divmod(rows * size, total)
    stratum = np.repeat(np.arange(len(sizes)), sizes)
    first = np.cumsum(sizes) - sizes
    rank = np.arange(total) - first[stratum]
    scheduled = np.zeros(len(sizes), np.int64)
    served = np.zeros(total, bool)
    block = 0
    while True:
        rng = seeds.stream(seed, "subsets/extras", block)
        share = _stratum_extras(sizes, extras, scheduled, block, rng)
        # Columns stay sorted by stratum; within a stratum, unserved columns come first.
        queue = np.lexsort((rng.random(total), served, stratum))
        chosen = np.zeros(total, bool)
        chosen[queue[rank < share[stratum]]] = True
        waiting = np.add.reduceat((~served).astype(int), first)
        served = np.where((share >= waiting)[stratum], chosen & served, chosen | served)
        yield whole + chosen
        block += 1


def _stratum_extras(
    sizes: IntArray, extras: int, scheduled: IntArray, block: int, rng: Generator
) -> IntArray:
    """Returns how many of a block's extras each stratum gets [C]; updates `scheduled` [C].

    Stratum c is due n_c * extras / N per block. It gets the floor or the ceiling of that in every
    block, and the floor or the ceiling of its total due after every block, which together keep
    the class counts of a row and the counts of the columns within bounds. Which strata get the
    ceiling follows from proportionate-fair scheduling with PD2 priorities, which provably meets
    both bounds (Srinivasan & Anderson, "Optimal rate-based scheduling on multiprocessors", 2002).
    """
    total = int(sizes.sum())
    due, part = np.divmod(sizes * extras, total)
    seats = extras - int(due.sum())
    job = scheduled + 1
    live = np.maximum(part, 1)
    deadline = -(-job * total // live)  # rounded up
    overlaps = job * total % live > 0
    cycle = -(-deadline * (total - part) // total)
    full_cycle = -(-cycle * total // (total - part))
    group_deadline = np.where(2 * part >= total, full_cycle, 0)
    ready = (part > 0) & ((job - 1) * total // live <= block)
    priority = np.lexsort((rng.random(len(sizes)), -group_deadline, ~overlaps, deadline, ~ready))
    ceilings = np.zeros(len(sizes), np.int64)
    ceilings[priority[:seats]] = 1
    scheduled += ceilings
    return due + ceilings


def _draw_block(
    counts: IntArray, sizes: IntArray, size: int, rows: int, rng: Generator
) -> BoolArray:
    """Returns one block [rows, N] bool with the given column counts, columns sorted by stratum."""
    ends = np.cumsum(sizes)
    targets = _row_targets(np.add.reduceat(counts, ends - sizes), sizes, size, rows, rng)
    arranged = rng.permuted(np.arange(rows) < counts[:, None], axis=1).T.copy()
    for target, start, end in zip(targets, ends - sizes, ends):
        _repair_rows(arranged[:, start:end], target, rng)
    return arranged


def _row_targets(
    stratum_counts: IntArray, sizes: IntArray, size: int, rows: int, rng: Generator
) -> IntArray:
    """Returns how many columns of each stratum are True in each row, [C, rows] int.

    Every stratum has the floor of its share in every row. Its surplus is distributed around a
    circle of the rows, one stratum after the other, so that all rows have the same sum.
    """
    floors = sizes * size // sizes.sum()
    surplus = stratum_counts - rows * floors
    targets = np.repeat(floors[:, None], rows, axis=1)
    circle = rng.permutation(rows)
    position = 0
    for stratum in rng.permutation(len(sizes)):
        slots = np.arange(position, position + surplus[stratum]) % rows
        targets[stratum, circle[slots]] += 1
        position += surplus[stratum]
    return targets


def _repair_rows(arranged: BoolArray, target: IntArray, rng: Generator) -> None:
    """Moves ones within columns, in place, until row r of `arranged` [rows, n] sums to target[r].

    Targets differ by at most one, so a row with too many ones always has enough columns to move.
    """
    excess = np.count_nonzero(arranged, axis=1) - target
    givers = list(rng.permutation(np.flatnonzero(excess > 0)))
    takers = list(rng.permutation(np.flatnonzero(excess < 0)))
    while givers:
        giver, taker = givers[-1], takers[-1]
        moves = min(excess[giver], -excess[taker])
        candidates = np.flatnonzero(arranged[giver] & ~arranged[taker])
        columns = rng.choice(candidates, moves, replace=False, shuffle=False)
        arranged[giver, columns] = False
        arranged[taker, columns] = True
        excess[giver] -= moves
        excess[taker] += moves
        if not excess[giver]:
            givers.pop()
        if not excess[taker]:
            takers.pop()
