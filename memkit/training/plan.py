"""Plans: the numbers of one training epoch, drawn on the host. NumPy only.

The compiled program receives these arrays and holds no generator, no schedule and no step counter,
so every engine and every division of the work over devices sees the same batches and crops.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from memkit import seeds
from memkit.errors import expected
from memkit.recipe import AUGMENTATIONS, MAGNITUDE, RAND_AUGMENT, steps_per_epoch
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
      draws: [T, B, K] float32, further numbers of the augmentation, see `step.augmented`.
    """

    index: IntArray
    rate: FloatArray
    crop: IntArray
    flip: BoolArray
    draws: FloatArray


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
        crop, flip, draws = _augmentation(
            augment, pad, (steps, batch_size), seeds.stream(seed, f"augment{stream}", run, epoch)
        )
        index = _without(left_out, shuffled, steps * batch_size).reshape(steps, batch_size)
        yield EpochPlan(index=index, rate=rate, crop=crop, flip=flip, draws=draws)


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
) -> tuple[IntArray, BoolArray, FloatArray]:
    """Returns the crops [T, B, 2], flips [T, B] and draws [T, B, K] of an epoch."""
    draws = np.zeros((*shape, AUGMENTATIONS[augment]), np.float32)
    if augment == "none":
        return np.full((*shape, 2), pad, np.uint8), np.zeros(shape, bool), draws
    if augment == "random_resized_crop":
        draws[:] = _boxes(rng, shape)
        crop = np.zeros((*shape, 2), np.uint8)
        return crop, rng.integers(0, 2, size=shape, dtype=np.uint8).astype(bool), draws
    crop = rng.integers(0, 2 * pad, size=(*shape, 2), endpoint=True, dtype=np.uint8)
    flip = rng.integers(0, 2, size=shape, dtype=np.uint8).astype(bool)
    # Mixing draws one share for all examples of a batch, as in the papers.
    if augment == "mixup":
        draws[:] = rng.random((shape[0], 1, 1))
    if augment == "cutmix":
        draws[:] = _rectangles(rng, shape[0])[:, None]
    if augment == "rand_augment":
        draws[:] = _operations(rng, shape)
    return crop, flip, draws


def _boxes(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Returns boxes [T, B, 4], top, left, height and width as shares of the image's sides.

    A box has 8% to 100% of the area and sides between 3:4 and 4:3, as in Szegedy et al. (2015); it
    is clipped where it is longer than the image.
    """
    area = rng.uniform(0.08, 1, shape)
    ratio = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), shape))
    sides = np.minimum(np.stack([np.sqrt(area / ratio), np.sqrt(area * ratio)], axis=-1), 1)
    corners = rng.random((*shape, 2)) * (1 - sides)
    return np.concatenate([corners, sides], axis=-1)


def _rectangles(rng: np.random.Generator, num: int) -> FloatArray:
    """Returns rectangles [T, 4], top, left, bottom and right as shares of the image's sides.

    The area is uniform in [0, 1] and the center uniform in the image; what lies outside is cut off
    (Yun et al. 2019).
    """
    half = np.sqrt(rng.random((num, 1))) / 2
    center = rng.random((num, 2))
    return np.clip(np.concatenate([center - half, center + half], axis=-1), 0, 1)


def _operations(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Returns two operations for each example, [T, B, 4], see `rand_augment.rand_augment`.

    They are drawn with replacement, and each magnitude has either sign (Cubuk et al. 2020).
    """
    operation = rng.integers(0, len(RAND_AUGMENT), size=(*shape, 2))
    sign = 1 - 2 * rng.integers(0, 2, size=(*shape, 2))
    return np.stack([operation, MAGNITUDE * sign], axis=-1).reshape(*shape, 4)


def evaluation_rows(count: int, size: int, *, whole: bool) -> list[IntArray]:
    """Returns the rows 0 to count - 1 in batches of a size, as int32 arrays.

    If all batches must be whole, the last one is filled with copies of the last row.
    """
    rows = np.arange(-(-count // size) * size if whole else count, dtype=np.int32)
    rows = np.minimum(rows, np.int32(count - 1))
    return [rows[i : i + size] for i in range(0, len(rows), size)]
