"""Encoded images to an ImageDataset: in memory, or in a file where memory would be too small."""

import contextlib
import math

import numpy as np

from memkit.data import cache
from memkit.data import encoded as encoded_lib
from memkit.data.dataset import ImageDataset

MEMORY_BYTES = 2 * 2**30  # images with more pixels than this stay in a file


def load(encoded):
    """Returns the ImageDataset of an Encoded, each part in the order of (id, label).

    Its images are arrays up to MEMORY_BYTES, MappedImages above; gray where all images are, else
    RGB. Ids are str, but ints are sorted as numbers.

    Raises:
      InputError: as `encoded.rows`, and as `cache.load`.
    """
    shape = encoded_lib.first_shape(encoded)
    images, ids, labels = _gray_or_rgb(encoded, shape)
    count = encoded.counts["train"]
    parts = {"train": np.arange(count), "test": np.arange(count, encoded.total)}
    fields = {}
    for part, rows in parts.items():
        order = rows[np.lexsort((labels[rows], ids[rows]))]
        fields[f"{part}_images"] = images[order]
        fields[f"{part}_labels"] = labels[order]
        fields[f"{part}_ids"] = ids[order].astype(str)
    return ImageDataset(**fields, class_names=encoded.class_names)


def _gray_or_rgb(encoded, shape):
    """Starts as the first image is, and once more where an RGB image follows gray ones."""
    with contextlib.suppress(encoded_lib.Color):
        return _stored(encoded, shape)
    return _stored(encoded, (*shape[:2], 3))


def _stored(encoded, shape):
    """Returns images, ids and labels in the order in which they are stored."""
    if encoded.total * math.prod(shape) > MEMORY_BYTES:
        return cache.load(encoded, shape)
    images, ids, labels = np.empty((encoded.total, *shape), np.uint8), [], []
    for own, label, pixels in encoded_lib.rows(encoded, shape):
        images[len(ids)] = pixels
        ids.append(own)
        labels.append(label)
    return images, np.array(ids), np.array(labels, np.int32)
