"""Synthetic images for smoke tests: a random pattern per class plus noise."""

import numpy as np

from memkit import seeds
from memkit.data.dataset import ImageDataset
from memkit.typing import Array, IntArray


def load(
    *, image_size: int, channels: int, num_classes: int, num_train: int, num_test: int
) -> ImageDataset:
    """Returns images of one random pattern per class plus noise; the classes take turns.

    Args:
      image_size: height and width of the images in pixels.
      channels: number of channels, 1 or 3.
      num_classes: number of classes, at least 2.
    """
    rng = seeds.stream(0, "made_up")
    shape = (image_size, image_size, channels)
    patterns = rng.uniform(0, 255, (num_classes, *shape))

    def draw(number: int) -> tuple[Array, IntArray]:
        labels = np.arange(number, dtype=np.int32) % num_classes
        images = patterns[labels] + rng.normal(0, 60, (number, *shape))
        return np.clip(images, 0, 255).astype(np.uint8), labels

    train_images, train_labels = draw(num_train)
    test_images, test_labels = draw(num_test)
    return ImageDataset(
        train_images=train_images,
        train_labels=train_labels,
        train_ids=np.array([f"train_{i:04d}" for i in range(num_train)]),
        test_images=test_images,
        test_labels=test_labels,
        test_ids=np.array([f"test_{i:04d}" for i in range(num_test)]),
        class_names=tuple(f"pattern {i}" for i in range(num_classes)),
    )
