"""Plans: the numbers of one training epoch, drawn on the host. NumPy only.

The compiled program receives these arrays and holds no generator, no schedule and no step counter,
so every engine and every division of the work over devices sees the same batches and crops.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from memkit import seeds
from memkit.errors import expected
from memkit.recipe import AUGMENTATIONS, steps_per_epoch
from memkit.typing import BoolArray, FloatArray, IntArray


@dataclasses.dataclass(frozen=True)
class EpochPlan:
    """The batches of one epoch: T steps with B examples each.

    Attributes:
      index: [T, B] int32, rows of the data set.
      rate: [T] float32, learning rate of each step.
      crop: [T, B, 2] uint8, top and left corner of each crop in the padded image; (pad, pad) is
        the image in its original position.
      flip: [T, B] bool, True where the image is mirrored left to right.
    """

    index: IntArray
    rate: FloatArray
    crop: IntArray
    flip: BoolArray


def epochs(
    members: IntArray,
    *,
    left_out: IntArray | Sequence[int] = (),
    batch_size: int,
    rates: FloatArray,
    augment: str,
    pad: int,
    seed: int,
    run: int,
    stream: str = "",
) -> Iterator[EpochPlan]:
    """Yields the EpochPlan of each epoch of one run.

    Args:
      members: [n] int, rows of the examples that this run, or one that is paired with it, trains
        on.
      left_out: the members that this run leaves out; its batches are otherwise those of a run that
        leaves out nothing, see `_without`.
      batch_size: B.
      rates: [epochs, T] learning rates, T = steps_per_epoch(n - number of examples left out, B), or
        less.
      augment: one of AUGMENTATIONS.
      pad: pixels of zeros on every side before a crop; 4 in He et al. 2016.
      seed: the study's root seed.
      run: number of the run or of its unit; streams are numbered (run, epoch), so any epoch
        can be drawn alone.
      stream: suffix of the streams "order" and "augment", such as "/distilled".

    Yields:
      EpochPlan with a fresh permutation of the members, of which T x B are used.
    """
    if augment not in AUGMENTATIONS:
        raise expected("training.augment", f"one of {', '.join(AUGMENTATIONS)}", repr(augment))
    most = steps_per_epoch(len(members) - len(left_out), batch_size)
    steps = min(np.shape(rates)[1], most)
    for epoch, rate in enumerate(np.asarray(rates, np.float32)):
        order = seeds.stream(seed, f"order{stream}", run, epoch)
        shuffled = np.asarray(members, np.int32)[order.permutation(len(members))]
        crop, flip = _augmentation(
            augment, pad, (steps, batch_size), seeds.stream(seed, f"augment{stream}", run, epoch)
        )
        index = _without(left_out, shuffled, steps * batch_size).reshape(steps, batch_size)
        yield EpochPlan(index=index, rate=rate, crop=crop, flip=flip)


def _without(left_out: IntArray | Sequence[int], shuffled: IntArray, num_used: int) -> IntArray:
    """Returns the first examples of a permutation, without those that are left out.

    The first examples that the epoch leaves over take their places; all other places stay the same.
    So two runs that differ in one example differ in one place of an epoch, and the order is still
    a random permutation of the examples that the run trains on.
    """
    used, rest = shuffled[:num_used].copy(), shuffled[num_used:]
    is_left_out = np.isin(used, left_out)
    used[is_left_out] = rest[~np.isin(rest, left_out)][: np.count_nonzero(is_left_out)]
    return used


def _augmentation(
    augment: str, pad: int, shape: tuple[int, int], rng: np.random.Generator
) -> tuple[IntArray, BoolArray]:
    """Returns the crops [T, B, 2] and flips [T, B] of an epoch."""
    if augment == "none":
        return np.full((*shape, 2), pad, np.uint8), np.zeros(shape, bool)
    crop = rng.integers(0, 2 * pad, size=(*shape, 2), endpoint=True, dtype=np.uint8)
    return crop, rng.integers(0, 2, size=shape, dtype=np.uint8).astype(bool)


def evaluation_rows(count: int, size: int, *, whole: bool) -> list[IntArray]:
    """Returns the rows 0 to count - 1 in batches of a size, as int32 arrays.

    If all batches must be whole, the last one is filled with copies of the last row.
    """
    rows = np.arange(-(-count // size) * size if whole else count, dtype=np.int32)
    rows = np.minimum(rows, np.int32(count - 1))
    return [rows[i : i + size] for i in range(0, len(rows), size)]
