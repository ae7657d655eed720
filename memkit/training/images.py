"""Train and test images as one thing whose rows a plan indexes."""

import dataclasses

import numpy as np

from memkit.data.mapped import MappedImages

RESIDENT_BYTES = 4 * 2**30  # larger data sets are streamed


@dataclasses.dataclass(frozen=True)
class Joined:
    """Train images followed by test images, without a copy of either.

    Attributes:
      train: [N, H, W, C] uint8, in memory or MappedImages.
      test: [T, H, W, C] uint8, the same.
    """

    train: np.ndarray | MappedImages
    test: np.ndarray | MappedImages

    @property
    def shape(self):
        return (len(self.train) + len(self.test), *self.train.shape[1:])

    def __getitem__(self, rows):
        """Returns the images of int rows [B], in their order."""
        rows = np.asarray(rows)
        in_test = rows >= len(self.train)
        found = np.empty((len(rows), *self.train.shape[1:]), np.uint8)
        found[~in_test] = self.train[rows[~in_test]]
        found[in_test] = self.test[rows[in_test] - len(self.train)]
        return found


def all_images(dataset, *, resident):
    """Returns (images, whether they are resident) of a data set.

    Args:
      dataset: ImageDataset.
      resident: bool, whether to keep them on the device if they fit in RESIDENT_BYTES.
    """
    if is_resident(dataset, wanted=resident):
        return np.concatenate([dataset.train_images, dataset.test_images]), True
    return Joined(dataset.train_images, dataset.test_images), False


def is_resident(dataset, *, wanted):
    """Returns whether a data set's images stay on the device: wanted, and few enough."""
    size = dataset.train_images.nbytes + dataset.test_images.nbytes
    return wanted and size <= RESIDENT_BYTES
