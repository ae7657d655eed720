"""Draws the blocks of rows of the balanced design: exact row sums, equal column counts."""

from collections.abc import Iterator

import numpy as np

from memkit import seeds
from memkit.seeds import Generator
from memkit.typing import BoolArray, IntArray


def column_counts(sizes: IntArray, size: int, rows: int, seed: int) -> Iterator[IntArray]:
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


def draw_block(
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
