import dataclasses

import numpy as np
import pytest

from memkit.data import dataset as datasets
from memkit.data.dataset import ImageDataset


@pytest.fixture
def small():
    rng = np.random.default_rng(0)
    return ImageDataset(
        train_images=rng.integers(0, 256, (6, 4, 4, 1)).astype(np.uint8),
        train_labels=np.arange(6, dtype=np.int32) % 3,
        train_ids=np.array([f"a{i}" for i in range(6)]),
        test_images=rng.integers(0, 256, (2, 4, 4, 1)).astype(np.uint8),
        test_labels=np.array([0, 2], np.int32),
        test_ids=np.array(["b0", "b1"]),
        class_names=("x", "y", "z"),
    )


def _changed(dataset, name, value):
    return datasets.fingerprint(dataclasses.replace(dataset, **{name: value}))


def test_equal_data_sets_have_equal_fingerprints(small):
    copies = {
        name: value.copy() if isinstance(value, np.ndarray) else value
        for name, value in vars(small).items()
    }
    assert datasets.fingerprint(ImageDataset(**copies)) == datasets.fingerprint(small)


def test_the_memory_layout_does_not_change_the_fingerprint(small):
    images = np.asfortranarray(small.train_images)
    assert _changed(small, "train_images", images) == datasets.fingerprint(small)


@pytest.mark.parametrize("part", ["train", "test"])
def test_one_pixel_label_or_id_changes_the_fingerprint(small, part):
    images = getattr(small, f"{part}_images").copy()
    images[-1, -1, -1, -1] ^= 1
    labels = getattr(small, f"{part}_labels").copy()
    labels[-1] = 1
    ids = getattr(small, f"{part}_ids").copy()
    ids[-1] = "c9"
    fingerprints = {
        datasets.fingerprint(small),
        _changed(small, f"{part}_images", images),
        _changed(small, f"{part}_labels", labels),
        _changed(small, f"{part}_ids", ids),
        _changed(small, "class_names", ("x", "y", "w")),
    }
    assert len(fingerprints) == 5


@pytest.mark.parametrize("part", ["train", "test"])
def test_the_order_changes_the_fingerprint(small, part):
    reversed_rows = {
        f"{part}_{name}": getattr(small, f"{part}_{name}")[::-1]
        for name in ("images", "labels", "ids")
    }
    other = dataclasses.replace(small, **reversed_rows)
    assert datasets.fingerprint(other) != datasets.fingerprint(small)


def test_swapping_train_and_test_changes_the_fingerprint(small):
    swapped = ImageDataset(
        train_images=small.test_images,
        train_labels=small.test_labels,
        train_ids=small.test_ids,
        test_images=small.train_images,
        test_labels=small.train_labels,
        test_ids=small.train_ids,
        class_names=small.class_names,
    )
    assert datasets.fingerprint(swapped) != datasets.fingerprint(small)


def test_another_shape_of_the_same_bytes_changes_the_fingerprint(small):
    wide = small.train_images.reshape(6, 2, 8, 1)
    assert _changed(small, "train_images", wide) != datasets.fingerprint(small)
