"""Subset designs: which run trains on which example.

A design is a pure function of (labels, num_runs, train_fraction, seed) that returns the train
mask [M, N]. A longer mask begins with the rows of a shorter one, so a study can grow.

`balanced` draws the runs in blocks of B rows. Every run trains on exactly the same number of
examples, and after every block all have been trained on equally often (to within one run).
"""

import fractions
import math
import numbers

import numpy as np
from absl import logging

from memkit import seeds
from memkit.errors import expected

MIN_BLOCK = 20
MIN_CLASS = 50
MIN_ARM = 2


def block_size(train_fraction):
    """Returns B: the smallest multiple of the fraction's denominator that is at least 20."""
    denominator = fractions.Fraction(train_fraction).limit_denominator(100).denominator
    return denominator * math.ceil(MIN_BLOCK / denominator)


def balanced(labels, num_runs, train_fraction, seed):
    """Draws subsets with exact sizes and equal inclusion counts.

    Inside a block every column is an independent random arrangement, repaired by random swaps
    within columns until all rows are exact. Columns are never tied together in folds: examples
    that always leave together have effects that no number of runs can tell apart. If every class
    has at least 50 examples, the swaps stay inside a class and a class count in a run is the
    floor or the ceiling of its proportional share; in smaller classes that would make the removal
    of an example the addition of a classmate, so there all examples form one stratum.

    Args:
      labels: [N] given labels, of any dtype that can be sorted.
      num_runs: int >= 2, number of runs M; best a multiple of `block_size(train_fraction)`.
      train_fraction: float in (0, 1), share of the examples that each run trains on.
      seed: int >= 0, the study's seed.

    Returns:
      [M, N] bool, True where a run trains on an example; round(train_fraction * N) per row.

    Raises:
      InputError: on values out of range, or if an example is in or out of fewer than 2 runs.
    """
    labels = np.asarray(labels)
    _check_arguments(len(labels), num_runs, train_fraction)
    strata, sizes = _strata(labels)
    order = np.argsort(strata, kind="stable")
    size, rows = round(train_fraction * len(labels)), block_size(train_fraction)
    if num_runs % rows:
        logging.warning(
            "subsets.num_runs: %d is not a multiple of the block size %d, so examples "
            "are not trained on equally often.",
            num_runs,
            rows,
        )
    mask = np.empty((num_runs, len(labels)), bool)
    schedule = _column_counts(sizes, size, rows, seed)
    for block, start in enumerate(range(0, num_runs, rows)):
        drawn = _draw_block(next(schedule), sizes, size, rows, seeds.stream(seed, "subsets", block))
        mask[start : start + rows, order] = drawn[: num_runs - start]
    return _checked_counts(mask)


def random(num_examples, num_runs, train_fraction, seed):
    """Draws independent subsets of fixed size, as the papers do.

    Args:
      num_examples: int, number of examples N.
      num_runs: int >= 2, number of runs M.
      train_fraction: float in (0, 1), share of the examples that each run trains on.
      seed: int >= 0, the study's seed.

    Returns:
      [M, N] bool, True where a run trains on an example; round(train_fraction * N) per row.

    Raises:
      InputError: on values out of range, or if an example is in or out of fewer than 2 runs.
    """
    _check_arguments(num_examples, num_runs, train_fraction)
    size = round(train_fraction * num_examples)
    mask = np.zeros((num_runs, num_examples), bool)
    for run, row in enumerate(mask):
        rng = seeds.stream(seed, "subsets/random", run)
        row[rng.choice(num_examples, size, replace=False, shuffle=False)] = True
    return _checked_counts(mask)


DESIGNS = {
    "balanced": balanced,
    "random": lambda labels, *arguments: random(len(labels), *arguments),
}


def design(name, *, labels, num_runs, train_fraction, seed):
    """Returns the [M, N] train mask of the design called `name`, a key of `DESIGNS`.

    Raises:
      InputError: on an unknown name, and as the design itself does.
    """
    if name not in DESIGNS:
        raise expected("subsets.design", f"one of {', '.join(DESIGNS)}", repr(name))
    return DESIGNS[name](labels, num_runs, train_fraction, seed)


def _check_arguments(num_examples, num_runs, train_fraction):
    if num_examples < 1:
        raise expected("data", "at least one example", num_examples)
    if not (isinstance(num_runs, numbers.Integral) and num_runs >= 2):
        raise expected("subsets.num_runs", "a whole number of at least 2", repr(num_runs))
    if not (isinstance(train_fraction, numbers.Real) and 0 < train_fraction < 1):
        raise expected("subsets.train_fraction", "a number in (0, 1)", repr(train_fraction))


def _checked_counts(mask):
    """Returns the mask if every example is in and out of at least 2 runs."""
    num_in = np.count_nonzero(mask, axis=0)
    if (smallest := np.minimum(num_in, len(mask) - num_in)).min() < MIN_ARM:
        example = smallest.argmin()
        raise expected(
            "subsets.num_runs",
            f"every example in and out of at least {MIN_ARM} runs",
            f"{len(mask)} runs with example {example} in {num_in[example]} "
            f"and out of {len(mask) - num_in[example]}",
        )
    return mask


def _strata(labels):
    """Returns the stratum of each example [N] and the stratum sizes [C]."""
    _, strata, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if sizes.min() >= MIN_CLASS:
        return strata, sizes
    return np.zeros(len(labels), int), np.array([len(labels)])


def _column_counts(sizes, size, rows, seed):
    """Yields for each block how often every column is True, [N] int, columns sorted by stratum.

    A block holds rows * size ones. Every column gets the whole part of its share, and the
    `extras` left over go round: every column gets one before any gets a second.
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
        # Sorting by stratum keeps strata in place; within one, those still waiting come first.
        queue = np.lexsort((rng.random(total), served, stratum))
        chosen = np.zeros(total, bool)
        chosen[queue[rank < share[stratum]]] = True
        waiting = np.add.reduceat((~served).astype(int), first)
        served = np.where((share >= waiting)[stratum], chosen & served, chosen | served)
        yield whole + chosen
        block += 1


def _stratum_extras(sizes, extras, scheduled, block, rng):
    """Returns how many of a block's extras each stratum gets [C]; updates `scheduled` [C].

    Stratum c is due n_c * extras / N per block. It gets the floor or the ceiling of that in every
    block, and the floor or the ceiling of its total due after every block, which together keep
    the class counts of a row and the counts of the columns in bounds. Who gets the ceiling is
    proportionate-fair scheduling with the PD2 priorities (Srinivasan & Anderson, "Optimal
    rate-based scheduling on multiprocessors", 2002), which is proven to meet both bounds.
    """

    def ceil_divide(numerator, denominator):
        return -(-numerator // denominator)

    total = int(sizes.sum())
    due, part = np.divmod(sizes * extras, total)
    seats = extras - int(due.sum())
    job = scheduled + 1
    live = np.maximum(part, 1)
    deadline = ceil_divide(job * total, live)
    overlaps = job * total % live > 0
    full_cycle = ceil_divide(ceil_divide(deadline * (total - part), total) * total, total - part)
    group_deadline = np.where(2 * part >= total, full_cycle, 0)
    ready = (part > 0) & ((job - 1) * total // live <= block)
    priority = np.lexsort((rng.random(len(sizes)), -group_deadline, ~overlaps, deadline, ~ready))
    lucky = np.zeros(len(sizes), np.int64)
    lucky[priority[:seats]] = 1
    scheduled += lucky
    return due + lucky


def _draw_block(counts, sizes, size, rows, rng):
    """Returns one block [rows, N] bool with the given column counts, columns sorted by stratum."""
    ends = np.cumsum(sizes)
    targets = _row_targets(np.add.reduceat(counts, ends - sizes), sizes, size, rows, rng)
    arranged = rng.permuted(np.arange(rows) < counts[:, None], axis=1).T.copy()
    for target, start, end in zip(targets, ends - sizes, ends):
        _repair_rows(arranged[:, start:end], target, rng)
    return arranged


def _row_targets(stratum_counts, sizes, size, rows, rng):
    """Returns how many columns of each stratum are True in each row, [C, rows] int.

    Every stratum has the floor of its share in every row, and what it has beyond is laid around
    the circle of rows, one stratum after the other, so that all rows come out equal.
    """
    floors = sizes * size // sizes.sum()
    surplus = stratum_counts - rows * floors
    targets = np.repeat(floors[:, None], rows, axis=1)
    circle = rng.permutation(rows)
    position = 0
    for stratum in rng.permutation(len(sizes)):
        places = np.arange(position, position + surplus[stratum]) % rows
        targets[stratum, circle[places]] += 1
        position += surplus[stratum]
    return targets


def _repair_rows(arranged, target, rng):
    """Moves ones within columns, in place, until row r of `arranged` [rows, n] has target[r].

    Targets differ by at most one, so an over-full row always has enough columns to give.
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
