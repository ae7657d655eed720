"""The data set of a study, and its train and test images as one array that a plan indexes."""

import dataclasses
from typing import Any

import numpy as np

from memkit import data
from memkit.data.dataset import ImageDataset
from memkit.data.mapped import MappedImages
from memkit.studies import points
from memkit.typing import Array, Config, IntArray

RESIDENT_BYTES = 4 * 2**30  # Larger data sets are streamed.


@dataclasses.dataclass(frozen=True)
class Joined:
    """Train images followed by test images, without a copy of either.

    Attributes:
      train: [N, H, W, C] uint8, in memory or MappedImages.
      test: [T, H, W, C] uint8, in memory or MappedImages.
    """

    train: Array | MappedImages
    test: Array | MappedImages

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.train) + len(self.test), *self.train.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.train.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: IntArray) -> Array:
        """Returns the images of int rows [B], in the order of the rows."""
        rows = np.asarray(rows)
        in_test = rows >= len(self.train)
        images = np.empty((len(rows), *self.train.shape[1:]), np.uint8)
        images[~in_test] = self.train[rows[~in_test]]
        images[in_test] = self.test[rows[in_test] - len(self.train)]
        return images


def load_dataset(config: Config) -> ImageDataset:
    """Returns the ImageDataset that the `dataset` section of a study's config names."""
    return data.load(**points.source(config["dataset"]))


def all_images(dataset: ImageDataset, *, resident: bool) -> tuple[Array | Joined, bool]:
    """Returns the images of a data set and whether they stay on the device.

    Args:
      resident: whether to keep the images on the device if they fit in RESIDENT_BYTES.
    """
    if is_resident(dataset, wanted=resident):
        if not len(dataset.test_images):
            return np.asarray(dataset.train_images), True  # No copy: it may take gigabytes.
        return np.concatenate([dataset.train_images, dataset.test_images]), True
    return Joined(dataset.train_images, dataset.test_images), False


def is_resident(dataset: ImageDataset, *, wanted: bool) -> bool:
    """Returns whether images stay on the device: wanted, and no larger than RESIDENT_BYTES."""
    size = dataset.train_images.nbytes + dataset.test_images.nbytes
    return wanted and size <= RESIDENT_BYTES
