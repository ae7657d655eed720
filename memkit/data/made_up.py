"""Made-up images for smoke tests: a random pattern per class under noise. They measure nothing."""

import numpy as np

from memkit import seeds
from memkit.data.dataset import ImageDataset


def load(*, image_size, channels, num_classes, num_train, num_test):
    """Returns images of noise around one random pattern per class, classes in turn.

    Args:
      image_size: pixels on a side.
      channels: of the images.
      num_classes: int >= 2.
      num_train: train examples.
      num_test: test examples.
    """
    rng = seeds.stream(0, "made_up")
    shape = (image_size, image_size, channels)
    patterns = rng.uniform(0, 255, (num_classes, *shape))

    def draw(number):
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
