"""Encoded images to an ImageDataset: in memory, or in a file where memory would be too small."""

import contextlib
import math
import re
from collections.abc import Sequence

import numpy as np

from memkit.data import cache
from memkit.data import encoded as encoded_lib
from memkit.data.dataset import ImageDataset
from memkit.data.encoded import Encoded
from memkit.printable import printable

MEMORY_BYTES = 2 * 2**30  # images with more pixels than this stay in a file
_NAMED = 3  # files of one kind in a note


def load(encoded: Encoded) -> ImageDataset:
    """Returns the ImageDataset of an Encoded, each part in the order of (id, label).

    Its images are arrays up to MEMORY_BYTES, MappedImages above; gray where all images are, else
    RGB. Ids are str, but ints are sorted as numbers.

    Raises:
      InputError: as `encoded.rows`, and as `cache.load`.
    """
    shape = encoded_lib.first_shape(encoded)
    images, ids, labels = _gray_or_rgb(encoded, shape)
    count = encoded.counts["train"]
    is_damaged = labels == encoded_lib.DAMAGED
    parts = {"train": np.arange(count), "test": np.arange(count, encoded.total)}
    fields = {}
    for part, rows in parts.items():
        rows = rows[~is_damaged[rows]]
        order = rows[np.lexsort((labels[rows], ids[rows]))]
        fields[f"{part}_images"] = images[order]
        fields[f"{part}_labels"] = labels[order]
        fields[f"{part}_ids"] = ids[order].astype(str)
    skipped = [counted("damaged image", ids[is_damaged].tolist())] if is_damaged.any() else []
    notes = (*encoded.notes, *(f"skipped: {text}" for text in skipped))
    return ImageDataset(**fields, class_names=encoded.class_names, notes=notes)


def counted(kind: str, names: Sequence[str]) -> str:
    """Returns how many of a kind there are and the first of their names.

    >>> counted("hidden file", [".a", ".b", ".c", ".d"])
    '4 hidden files (.a, .b, .c, ...)'
    """
    some = ", ".join(map(printable, names[:_NAMED])) + (", ..." if len(names) > _NAMED else "")
    if len(names) > 1:
        kind = re.sub(r"(folder|file|image|link)\b", r"\1s", kind, count=1)
    return f"{len(names):,} {kind} ({some})"


def _gray_or_rgb(encoded: Encoded, shape: tuple[int, int, int]) -> tuple:
    """Starts as the first image is, and once more where an RGB image follows gray ones."""
    with contextlib.suppress(encoded_lib.Color):
        return _stored(encoded, shape)
    return _stored(encoded, (*shape[:2], 3))


def _stored(encoded: Encoded, shape: tuple[int, int, int]) -> tuple:
    """Returns images, ids and labels in the order in which they are stored."""
    if encoded.total * math.prod(shape) > MEMORY_BYTES:
        return cache.load(encoded, shape)
    images, ids, labels = np.empty((encoded.total, *shape), np.uint8), [], []
    for name, label, pixels in encoded_lib.rows(encoded, shape):
        images[len(ids)] = pixels
        ids.append(name)
        labels.append(label)
    return images, np.array(ids), np.array(labels, np.int32)
