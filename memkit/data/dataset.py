"""The images and labels of a data set, in their permanent order."""

import dataclasses
import hashlib

import numpy as np

from memkit.data.mapped import Images, image_hashes
from memkit.typing import IntArray, TextArray


@dataclasses.dataclass(frozen=True)
class ImageDataset:
    """Train and test images with labels; example i is always row i.

    Attributes:
      train_images: [N, H, W, C] uint8, an array, or MappedImages if they are larger than memory.
      train_labels: [N] int32, class numbers in [0, num_classes), as in the source.
      train_ids: [N] str, permanent names of the examples.
      test_images: [T, H, W, C] uint8, like train_images.
      test_labels: [T] int32.
      test_ids: [T] str.
      class_names: one str per class.
      notes: lines about skipped files and unusual properties of the source, such as
        "ignored: 12 .heic"; not part of the fingerprint.
    """

    train_images: Images
    train_labels: IntArray
    train_ids: TextArray
    test_images: Images
    test_labels: IntArray
    test_ids: TextArray
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(height, width, channels)."""
        return self.train_images.shape[1:]


def fingerprint(dataset: ImageDataset) -> str:
    """Returns a hash of a data set's images, labels, ids and order.

    Images are included because other pixels in a file of the same name lead to other models. They
    enter by their hashes, which data sets larger than memory store with the pixels.
    """
    digest = hashlib.sha256()
    for field in dataclasses.fields(dataset):
        if field.name == "notes":
            continue
        value = getattr(dataset, field.name)
        digest.update(field.name.encode())
        if field.name.endswith("_images"):
            digest.update(f"{value.dtype} {value.shape}".encode())
            digest.update(image_hashes(value).data)
        elif field.name.endswith("_labels"):
            digest.update(f"{value.dtype} {value.shape}".encode())
            digest.update(np.ascontiguousarray(value).data)
        else:
            digest.update("\0".join(value).encode())
    return digest.hexdigest()[:16]
