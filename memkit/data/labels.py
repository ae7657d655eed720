"""Label noise on purpose: labels flipped, and remembered, to check that the scores find them."""

import numpy as np

from memkit import seeds
from memkit.errors import expected


def plant(labels, num_classes, *, planted_fraction, seed):
    """Gives a share of the examples a wrong label, uniform over the other classes.

    Args:
      labels: [N] int, the true labels.
      num_classes: int >= 2.
      planted_fraction: in [0, 1); round(planted_fraction * N) examples are flipped.
      seed: the study's root seed; the stream is "labels".

    Returns:
      [N] int32, the given labels; an example is planted where they differ from `labels`.

    Raises:
      InputError: the fraction lies outside [0, 1).
    """
    if not 0 <= planted_fraction < 1:
        raise expected("labels.planted_fraction", "a number in [0, 1)", planted_fraction)
    rng = seeds.stream(seed, "labels")
    count = round(planted_fraction * len(labels))
    planted = rng.permutation(len(labels))[:count]
    given = labels.astype(np.int32)
    given[planted] = (given[planted] + rng.integers(1, num_classes, size=count)) % num_classes
    return given
