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
    """The same data set with arrays and with MappedImages, with copies within and across."""
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
def test_rows_are_those_of_an_array(stored, chosen):
    rows = np.array([9, 1, 4, 4, 0, 11])
    mapped, plain = _mapped(stored, rows), stored[rows]
    found = mapped[chosen]
    assert isinstance(found, MappedImages)
    assert found.shape == plain[chosen].shape and len(found) == len(plain[chosen])
    assert (found.ndim, found.dtype, found.nbytes) == (4, np.uint8, plain[chosen].nbytes)
    np.testing.assert_array_equal(np.asarray(found), plain[chosen])


def test_one_row_is_an_image_of_its_own(stored):
    mapped = _mapped(stored, [7, 3])
    image = mapped[1]
    np.testing.assert_array_equal(image, stored[3])
    np.testing.assert_array_equal(list(mapped), stored[[7, 3]])
    image[:] = 0
    assert mapped[1].any()
    with pytest.raises(IndexError):
        mapped[2]


def test_choosing_rows_reads_no_pixels(stored):
    mapped = MappedImages(_NeverRead(stored.shape), image_hashes(stored), np.arange(12))
    assert mapped[3:][np.array([1, 0])].rows.tolist() == [4, 3]
    np.testing.assert_array_equal(image_hashes(mapped[4:6]), image_hashes(stored[4:6]))


def test_hashes_are_equal_where_images_are(stored):
    stored[8] = stored[3]
    stored[9, 2, 3, 2] = stored[0, 2, 3, 2] ^ 1
    stored[9].reshape(-1)[:-1] = stored[0].reshape(-1)[:-1]
    hashes = image_hashes(stored)
    assert hashes.shape == (12, 16) and hashes.dtype == np.uint8
    equal = (hashes[:, None] == hashes[None]).all(axis=-1)
    assert np.argwhere(equal & ~np.eye(12, dtype=bool)).tolist() == [[3, 8], [8, 3]]
    np.testing.assert_array_equal(image_hashes(np.asfortranarray(stored)), hashes)


def test_fingerprint_and_duplicates_do_not_depend_on_where_pixels_are(pair):
    plain, mapped = pair
    assert datasets.fingerprint(mapped) == datasets.fingerprint(plain)
    wanted, found = duplicates.find(plain), duplicates.find(mapped)
    assert [group.tolist() for group in wanted.train_groups] == [[1, 3, 4]]
    assert wanted.train_test_pairs.tolist() == [[5, 2]]
    for name, value in vars(wanted).items():
        np.testing.assert_array_equal(getattr(found, name), value)


def test_selection_checks_fingerprint_and_duplicates_read_no_pixels(pair):
    plain, mapped = pair
    unread = {}
    for name in ("train_images", "test_images"):
        images = getattr(mapped, name)
        unread[name] = dataclasses.replace(images, pixels=_NeverRead(images.pixels.shape))
    options = {"classes": (2, 0), "train_per_class": 2}
    found = selection.keep(dataclasses.replace(mapped, **unread), **options)
    checks.check(found)
    wanted = selection.keep(plain, **options)
    assert datasets.fingerprint(found) == datasets.fingerprint(wanted)
    assert len(duplicates.find(found).train_groups) == len(duplicates.find(wanted).train_groups)
    kept = selection.keep(mapped, **options)
    np.testing.assert_array_equal(np.asarray(kept.train_images), wanted.train_images)
