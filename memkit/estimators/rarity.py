"""Tells outvoted images that are rare from those that are mislabeled, by how they fit the rival.

Models that held an image out predict another class, the rival, for two reasons. A mislabeled image
is an ordinary image of the rival class, so it lies among the images of this class. A rare image (an
unusual font, a rotation, a color) lies far from the images of every class, and models guess. So the
question is whether an image lies as near to the rival class as the images of this class do:

  relative distance = distance to the 5th nearest image of the class
                      / median of this distance over the images of the class

Only trusted images count, those that most held-out models assign to their given label, so that
wrong labels do not blur the classes. Rarity is the share of all trusted images that are nearer to
their own class than the image is to its rival, by relative distance. If the image is an ordinary
one of the rival class, it is one of them by chance, as in a conformal test (Vovk et al. 2005), and
its rarity exceeds `RARE` in about 1 of 100 cases. No weight and no scale is fitted to data.

Limits: only the look of an image is compared. A high rarity says that the votes are no evidence
against the label, not that the label is right: an image that is rare and mislabeled has a high
rarity, too. Rare images that look like another class (a 6 upside down) have a low one. Distances of
pixels say little about photographs with varied backgrounds.
"""

import math

import numpy as np
from etils import epy

from memkit.errors import expected
from memkit.typing import Array, BoolArray, FloatArray, IntArray

with epy.lazy_imports():  # Slow to import.
    import scipy.spatial.distance

NEIGHBORS = 5
RARE = 0.99
_MOST = 500  # images of a class that distances are measured to, evenly spaced if it has more
_BLOCK = 2048


def rarity(
    images: Array, given_labels: IntArray, rival: IntArray, *, trusted: BoolArray
) -> FloatArray:
    """Returns how far each image is from its rival class, compared with the images of a class.

    Args:
      images: [N, ...] numbers, pixels or other features in which distances mean something.
      given_labels: [N] int.
      rival: [N] int, the other class with the most votes of held-out runs; -1 for none.
      trusted: [N] bool, True where most of these votes are for the given label.

    Returns:
      [N] float64 in [0, 1), higher = farther, so rather rare than mislabeled; NaN without a rival
      and where at most `NEIGHBORS` images of the rival class are trusted. Above `RARE` only if at
      least 100 images are trusted.

    Raises:
      InputError: on lengths that differ.

    Examples:
      >>> images = np.linspace(0, 1, 240)[:, None] + np.repeat([0, 2], 120)[:, None]
      >>> labels = np.repeat([0, 1], 120)
      >>> images[0] = 2.5  # mislabeled: among the others
      >>> images[1] = 9.0  # rare: far from all
      >>> found = rarity(images, labels, 1 - labels, trusted=np.arange(240) > 1)
      >>> (found[:2] > RARE).tolist()
      [False, True]
    """
    if len(images) != len(given_labels):
        raise expected("images", f"{len(given_labels)}, one per label", len(images))
    vectors = np.reshape(images, (len(images), math.prod(np.shape(images)[1:])))
    own, other = np.full((2, len(images)), np.nan)
    for label in np.unique(given_labels[trusted]).tolist():
        members = np.flatnonzero(trusted & (given_labels == label))
        if len(members) <= NEIGHBORS:
            continue
        disputed = np.flatnonzero(rival == label)
        own[members] = _distances(vectors, members, members)
        other[disputed] = _distances(vectors, disputed, members)
        typical = np.median(own[members]) or 1.0  # 0 if most of them have copies
        own[members] /= typical
        other[disputed] /= typical
    reference = np.sort(own[~np.isnan(own)])
    position = np.searchsorted(reference, other, side="left") / (len(reference) + 1)
    return np.where(np.isnan(other), np.nan, position)


def _distances(vectors: Array, rows: IntArray, members: IntArray) -> FloatArray:
    """Returns the distances of some rows [r] to their 5th nearest other member."""
    spaced = np.linspace(0, len(members) - 1, min(_MOST, len(members))).round().astype(int)
    near = members[spaced]
    targets = vectors[near].astype(np.float32)
    found = [np.empty(0)]
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        distances = scipy.spatial.distance.cdist(vectors[block].astype(np.float32), targets)
        distances[block[:, None] == near] = np.inf
        found.append(np.partition(distances, NEIGHBORS - 1, axis=1)[:, NEIGHBORS - 1])
    return np.concatenate(found)
