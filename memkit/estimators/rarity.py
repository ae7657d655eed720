"""Tells outvoted images that are rare from those that are mislabeled, by how they fit the rival.

Models that held an image out predict another class, the rival, for two reasons. A mislabeled image
is an ordinary image of the rival class: it lies among the images of this class, and nearly all
models vote for it. A rare image (an unusual font, a rotation, a color) lies far from the images of
every class, and models guess. So the question is whether the image fits the rival class as well as
the images of this class do:

  misfit(image, class) = log(distance / typical distance) - share of the votes for the class

The distance is that to the 5th nearest of the class's trusted images, those that most held-out
models assign to their given label, and typical is its median over these images themselves. Rarity
is the share of all trusted images whose misfit to their own label is smaller than that of the image
to its rival. If the image is an ordinary one of the rival class, its misfit is one of these by
chance, as in a conformal test (Vovk et al. 2005), so that its rarity exceeds `RARE` in about 1 of
100 cases. Neither a scale of the distances nor a weight is fitted to data.

Limits: an image that is rare and mislabeled has a high rarity, too, because nothing but its look is
compared; a high rarity says that the votes are no evidence against the label, not that the label
is right. Distances of pixels say little about photographs with varied backgrounds. Rare images that
resemble another class (a 6 upside down) have a low rarity.
"""

import numpy as np
from etils import epy

from memkit.errors import expected
from memkit.typing import Array, FloatArray, IntArray

with epy.lazy_imports():  # Slow to import.
    import scipy.spatial.distance

NEIGHBORS = 5
RARE = 0.99
_MOST = 500  # images of a class that distances are measured to, evenly spaced if it has more
_BLOCK = 2048
_SMALLEST = 1e-12  # stands for the distance of exact copies


def rarity(
    images: Array,
    given_labels: IntArray,
    rival: IntArray,
    *,
    given_share: FloatArray,
    rival_share: FloatArray,
) -> FloatArray:
    """Returns how badly each image fits its rival, compared with images of undisputed labels.

    Args:
      images: [N, ...] numbers, pixels or other features in which distances mean something.
      given_labels: [N] int.
      rival: [N] int, the other class with the most votes of held-out runs; -1 for none.
      given_share: [N] float in [0, 1], share of these votes for the given label; NaN where there
        are too few votes.
      rival_share: [N] float in [0, 1], share for the rival.

    Returns:
      [N] float64 in [0, 1), higher = fits the rival worse, so rather rare than mislabeled; NaN
      without a rival, without enough votes and where at most `NEIGHBORS` images of the rival class
      are trusted. Above `RARE` only if at least 100 images are trusted.

    Raises:
      InputError: on lengths that differ.

    Examples:
      >>> images = np.linspace(0, 1, 240)[:, None] + np.repeat([0, 2], 120)[:, None]
      >>> images[0], labels = 2.5, np.repeat([0, 1], 120)  # mislabeled: amid the others
      >>> images[1] = 9  # rare: far from all
      >>> share = np.where(np.arange(240) < 2, 0.1, 0.9)
      >>> found = rarity(images, labels, 1 - labels, given_share=share, rival_share=1 - share)
      >>> (found[:2] > RARE).tolist()
      [False, True]
    """
    if len(images) != len(given_labels):
        raise expected("images", f"{len(given_labels)}, one per label", len(images))
    vectors = np.asarray(images).reshape(len(images), -1)
    trusted = given_share > 0.5  # NaN is not.
    own, other = np.full((2, len(images)), np.nan)
    for label in np.unique(given_labels[trusted]).tolist():
        members = np.flatnonzero(trusted & (given_labels == label))
        if len(members) <= NEIGHBORS:
            continue
        disputed = np.flatnonzero((rival == label) & ~np.isnan(rival_share))
        of_members = _log_distances(vectors, members, members)
        typical = np.median(of_members)
        own[members] = of_members - typical - given_share[members]
        other[disputed] = _log_distances(vectors, disputed, members) - typical
    other -= rival_share
    reference = np.sort(own[~np.isnan(own)])
    position = np.searchsorted(reference, other, side="left") / (len(reference) + 1)
    return np.where(np.isnan(other), np.nan, position)


def _log_distances(vectors: Array, rows: IntArray, members: IntArray) -> FloatArray:
    """Returns the logarithm of the distance of some rows [r] to their 5th nearest other member."""
    spaced = np.linspace(0, len(members) - 1, min(_MOST, len(members))).round().astype(int)
    near = members[spaced]
    found = [np.empty(0)]
    targets = vectors[near].astype(np.float32)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        distances = scipy.spatial.distance.cdist(vectors[block].astype(np.float32), targets)
        distances[block[:, None] == near] = np.inf
        found.append(np.partition(distances, NEIGHBORS - 1, axis=1)[:, NEIGHBORS - 1])
    return np.log(np.maximum(np.concatenate(found), _SMALLEST))
