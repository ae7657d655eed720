"""Builds an ImageDataset from encoded images, in memory or in a memory-mapped file."""

import contextlib
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from memkit.data import cache
from memkit.data import encoded as encoded_lib
from memkit.data.dataset import ImageDataset
from memkit.data.encoded import Encoded
from memkit.data.mapped import Images
from memkit.printable import printable
from memkit.typing import Array, IntArray

MEMORY_BYTES = 2 * 2**30  # data sets with more bytes of pixels are memory-mapped
_NAMED = 3  # files of each kind that a note names


def load(encoded: Encoded) -> ImageDataset:
    """Decodes a data set and sorts each part by id and label.

    Images are arrays up to MEMORY_BYTES and MappedImages above. They are gray if all images are
    gray, otherwise RGB. The ids of the result are str; int ids are sorted as numbers.

    Raises:
      InputError: as `encoded.rows` and `cache.load`.
    """
    shape = encoded_lib.first_shape(encoded)
    images, ids, labels = _gray_or_rgb(encoded, shape)
    count = encoded.counts["train"]
    is_damaged = labels == encoded_lib.DAMAGED
    parts = {"train": np.arange(count), "test": np.arange(count, encoded.total)}
    fields: dict[str, Any] = {}
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
    """Returns the number of files of a kind and the first of their names.

    Examples:
      >>> counted("hidden file", [".a", ".b", ".c", ".d"])
      '4 hidden files (.a, .b, .c, ...)'
    """
    first = ", ".join(map(printable, names[:_NAMED])) + (", ..." if len(names) > _NAMED else "")
    if len(names) > 1:
        kind = re.sub(r"(folder|file|image|link)\b", r"\1s", kind, count=1)
    return f"{len(names):,} {kind} ({first})"


def _gray_or_rgb(encoded: Encoded, shape: tuple[int, int, int]) -> tuple[Images, Array, IntArray]:
    """Decodes with the channels of the first image; restarts as RGB if an RGB image follows."""
    with contextlib.suppress(encoded_lib.Color):
        return _stored(encoded, shape)
    return _stored(encoded, (*shape[:2], 3))


def _stored(encoded: Encoded, shape: tuple[int, int, int]) -> tuple[Images, Array, IntArray]:
    """Returns images, ids and labels in the order in which they are stored."""
    if encoded.total * math.prod(shape) > MEMORY_BYTES:
        return cache.load(encoded, shape)
    images = np.empty((encoded.total, *shape), np.uint8)
    ids: list[str | int] = []
    labels: list[int] = []
    for name, label, pixels in encoded_lib.rows(encoded, shape):
        images[len(ids)] = pixels
        ids.append(name)
        labels.append(label)
    return images, np.array(ids), np.array(labels, np.int32)
