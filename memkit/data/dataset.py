"""The images and labels of one data set, in their permanent order."""

import dataclasses
import hashlib

import numpy as np

from memkit.data.mapped import MappedImages, image_hashes


@dataclasses.dataclass(frozen=True)
class ImageDataset:
    """Train and test images with labels; example i is row i for ever.

    Attributes:
      train_images: [N, H, W, C] uint8, an array, or MappedImages of sets larger than memory.
      train_labels: [N] int32, class numbers in [0, num_classes), as the source has them.
      train_ids: [N] str, permanent names of the examples.
      test_images: [T, H, W, C] uint8, the same.
      test_labels: [T] int32.
      test_ids: [T] str.
      class_names: one str per class.
      notes: one line each about what the source left out or found unusual, such as "ignored: 12
        .heic"; not part of the fingerprint.
    """

    train_images: np.ndarray | MappedImages
    train_labels: np.ndarray
    train_ids: np.ndarray
    test_images: np.ndarray | MappedImages
    test_labels: np.ndarray
    test_ids: np.ndarray
    class_names: tuple
    notes: tuple[str, ...] = ()

    @property
    def num_classes(self):
        return len(self.class_names)

    @property
    def image_shape(self):
        """(height, width, channels)."""
        return self.train_images.shape[1:]


def fingerprint(dataset):
    """Returns the hash of a data set's images, labels, ids and order.

    The images belong to it because a file of the same name with other pixels gives other weights.
    They count by their hashes, which sets larger than memory keep beside the pixels.
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
