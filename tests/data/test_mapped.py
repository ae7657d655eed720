import dataclasses

import numpy as np
import pytest

from memkit.data import checks, duplicates, selection
from memkit.data import dataset as datasets
from memkit.data.dataset import ImageDataset
from memkit.data.mapped import MappedImages, image_hashes


class _NeverRead:
    """Pixels that fail when any of them is read."""

    def __init__(self, shape):
        self.shape, self.ndim, self.dtype = shape, len(shape), np.dtype(np.uint8)

    def __getitem__(self, rows):
        raise AssertionError("pixels were read")


def _mapped(pixels, rows=None):
    rows = np.arange(len(pixels)) if rows is None else np.asarray(rows)
    return MappedImages(pixels, image_hashes(pixels), rows)


@pytest.fixture
def stored(pictures):
    return pictures(12, 3, 4, 3)


@pytest.fixture
def pair(stored):
    """Returns a data set with arrays and with MappedImages, with copies within and across parts."""
    stored[[5, 7]] = stored[2]
    stored[10] = stored[1]
    order = np.array([4, 2, 0, 7, 5, 1, 3, 6])
    plain = ImageDataset(
        train_images=stored[order],
        train_labels=np.arange(8, dtype=np.int32) % 3,
        train_ids=np.array([f"a{i}" for i in range(8)]),
        test_images=stored[8:],
        test_labels=np.array([0, 2, 1, 1], np.int32),
        test_ids=np.array([f"b{i}" for i in range(4)]),
        class_names=("x", "y", "z"),
    )
    parts = {"train_images": _mapped(stored, order), "test_images": _mapped(stored)[8:]}
    return plain, dataclasses.replace(plain, **parts)


@pytest.mark.parametrize(
    "chosen",
    [
        slice(None),
        slice(1, 5),
        slice(None, None, -2),
        np.array([3, 3, 0]),
        np.array([], int),
        [2, -1],
        np.arange(6) % 2 == 0,
    ],
    ids=str,
)
def test_selected_rows_equal_those_of_an_array(stored, chosen):
    rows = np.array([9, 1, 4, 4, 0, 11])
    mapped, plain = _mapped(stored, rows), stored[rows]
    selected = mapped[chosen]
    assert isinstance(selected, MappedImages)
    assert selected.shape == plain[chosen].shape and len(selected) == len(plain[chosen])
    assert (selected.ndim, selected.dtype, selected.nbytes) == (4, np.uint8, plain[chosen].nbytes)
    np.testing.assert_array_equal(np.asarray(selected), plain[chosen])


def test_a_single_row_is_a_copy_of_the_image(stored):
    mapped = _mapped(stored, [7, 3])
    image = mapped[1]
    np.testing.assert_array_equal(image, stored[3])
    np.testing.assert_array_equal(list(mapped), stored[[7, 3]])
    image[:] = 0
    assert mapped[1].any()
    with pytest.raises(IndexError):
        mapped[2]


def test_selecting_rows_reads_no_pixels(stored):
    mapped = MappedImages(_NeverRead(stored.shape), image_hashes(stored), np.arange(12))
    assert mapped[3:][np.array([1, 0])].rows.tolist() == [4, 3]
    np.testing.assert_array_equal(image_hashes(mapped[4:6]), image_hashes(stored[4:6]))


def test_hashes_are_equal_if_and_only_if_images_are(stored):
    stored[8] = stored[3]
    stored[9, 2, 3, 2] = stored[0, 2, 3, 2] ^ 1
    stored[9].reshape(-1)[:-1] = stored[0].reshape(-1)[:-1]
    hashes = image_hashes(stored)
    assert hashes.shape == (12, 16) and hashes.dtype == np.uint8
    equal = (hashes[:, None] == hashes[None]).all(axis=-1)
    assert np.argwhere(equal & ~np.eye(12, dtype=bool)).tolist() == [[3, 8], [8, 3]]
    np.testing.assert_array_equal(image_hashes(np.asfortranarray(stored)), hashes)


def test_fingerprints_and_duplicates_are_the_same_for_arrays_and_mapped_images(pair):
    plain, mapped = pair
    assert datasets.fingerprint(mapped) == datasets.fingerprint(plain)
    expected, selected = duplicates.find(plain), duplicates.find(mapped)
    assert [group.tolist() for group in expected.train_groups] == [[1, 3, 4]]
    assert expected.train_test_pairs.tolist() == [[5, 2]]
    for name, value in vars(expected).items():
        np.testing.assert_array_equal(getattr(selected, name), value)


def test_selection_checks_fingerprint_and_duplicates_read_no_pixels(pair):
    plain, mapped = pair
    unread = {}
    for name in ("train_images", "test_images"):
        images = getattr(mapped, name)
        unread[name] = dataclasses.replace(images, pixels=_NeverRead(images.pixels.shape))
    options = {"classes": (2, 0), "train_per_class": 2}
    selected = selection.keep(dataclasses.replace(mapped, **unread), **options)
    checks.check(selected)
    expected = selection.keep(plain, **options)
    assert datasets.fingerprint(selected) == datasets.fingerprint(expected)
    assert len(duplicates.find(selected).train_groups) == len(
        duplicates.find(expected).train_groups
    )
    selected_with_pixels = selection.keep(mapped, **options)
    np.testing.assert_array_equal(
        np.asarray(selected_with_pixels.train_images), expected.train_images
    )
