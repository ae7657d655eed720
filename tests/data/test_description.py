import dataclasses

import numpy as np
import pytest

from memkit.data import description
from memkit.data.dataset import ImageDataset


@pytest.fixture
def small(pictures):
    return ImageDataset(
        train_images=pictures(1200, 4, 5, 1),
        train_labels=np.arange(1200, dtype=np.int32) % 3,
        train_ids=np.array([f"a{i}" for i in range(1200)]),
        test_images=pictures(2, 4, 5, 1, seed=1),
        test_labels=np.array([0, 2], np.int32),
        test_ids=np.array(["b0", "b1"]),
        class_names=("ant", "b\x1b[0m", "cat"),
        notes=("ignored: 3 .heic (a, b, c)",),
    )


def test_the_description_has_counts_classes_shape_and_notes(small):
    counts = "data: 1,200 train and 2 test images of 4x5x1, 3 classes"
    assert description.lines(small) == [
        rf"{counts} (ant, b\x1b[0m, cat)",
        "ignored: 3 .heic (a, b, c)",
    ]


def test_identical_images_with_different_labels_are_named(small):
    images = small.train_images.copy()
    images[7] = images[3]  # class 1 and class 0
    images[9] = images[6]  # both class 0
    (*_, line) = description.lines(dataclasses.replace(small, train_images=images))
    assert line.startswith("groups of identical images with different labels: 1, such as ")
    assert r"a3 (ant), a7 (b\x1b[0m);" in line


def test_test_images_that_are_train_images_of_another_class_are_named(small):
    images = small.test_images.copy()
    images[0], images[1] = small.train_images[0], small.train_images[1]
    (*_, line) = description.lines(dataclasses.replace(small, test_images=images))
    assert "labels: 1, such as a1 (b" in line and "b1 (cat);" in line


def test_only_the_first_of_many_classes_are_named(small):
    names = tuple(map(str, range(200)))
    line = description.lines(dataclasses.replace(small, class_names=names))[0]
    assert line.endswith("200 classes (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...)")
