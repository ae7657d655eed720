"""Plans: the host-drawn numbers of one training epoch. NumPy only.

The compiled program receives these arrays and holds no generator, no schedule and no step counter,
so every engine and every division of the work over devices sees the same batches and crops.
"""

import dataclasses

import numpy as np

from memkit import seeds
from memkit.errors import expected
from memkit.recipe import AUGMENTATIONS, steps_per_epoch


@dataclasses.dataclass(frozen=True)
class EpochPlan:
    """What one epoch of T steps with batches of B examples does.

    Attributes:
      index: [T, B] int32, rows of the data set.
      rate: [T] float32, learning rate of each step.
      crop: [T, B, 2] uint8, top and left corner of each crop in the padded image; (pad, pad) is
        the un-shifted image.
      flip: [T, B] bool, True where the image is mirrored left to right.
    """

    index: np.ndarray
    rate: np.ndarray
    crop: np.ndarray
    flip: np.ndarray


def epochs(members, *, batch_size, rates, augment, pad, seed, run, stream=""):
    """Yields the EpochPlan of each epoch of one run.

    Args:
      members: [n] int, rows of the examples this run trains on.
      batch_size: B.
      rates: [epochs, T] learning rates, T = steps_per_epoch(n, B).
      augment: one of AUGMENTATIONS.
      pad: pixels of zeros on every side before a crop; 4 in He et al. 2016.
      seed: the study's root seed.
      run: index of the run; the streams are numbered (run, epoch), so any epoch can be drawn alone.
      stream: suffix of the streams "order" and "augment", such as "/distilled".

    Yields:
      EpochPlan with a fresh permutation of the members.
    """
    if augment not in AUGMENTATIONS:
        raise expected("training.augment", f"one of {', '.join(AUGMENTATIONS)}", repr(augment))
    steps = steps_per_epoch(len(members), batch_size)
    for epoch, rate in enumerate(np.asarray(rates, np.float32)):
        order = seeds.stream(seed, f"order{stream}", run, epoch)
        shuffled = np.asarray(members, np.int32)[order.permutation(len(members))]
        crop, flip = _augmentation(
            augment, pad, (steps, batch_size), seeds.stream(seed, f"augment{stream}", run, epoch)
        )
        index = shuffled[: steps * batch_size].reshape(steps, batch_size)
        yield EpochPlan(index=index, rate=rate, crop=crop, flip=flip)


def _augmentation(augment, pad, shape, rng):
    if augment == "none":
        return np.full((*shape, 2), pad, np.uint8), np.zeros(shape, bool)
    crop = rng.integers(0, 2 * pad, size=(*shape, 2), endpoint=True, dtype=np.uint8)
    return crop, rng.integers(0, 2, size=shape, dtype=np.uint8).astype(bool)


def evaluation_rows(count, size, *, whole):
    """Returns the rows 0..count in batches of a size, as a list of int32 arrays.

    Where all batches must be whole, the last is filled with copies of the last row.
    """
    rows = np.arange(-(-count // size) * size if whole else count, dtype=np.int32)
    rows = np.minimum(rows, np.int32(count - 1))
    return [rows[i : i + size] for i in range(0, len(rows), size)]
