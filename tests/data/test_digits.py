import numpy as np
import pytest
import sklearn.datasets

from memkit import data
from memkit.errors import InputError


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


def test_sizes(digits):
    assert digits.train_images.shape == (1437, 8, 8, 1)
    assert digits.test_images.shape == (360, 8, 8, 1)
    assert digits.train_images.dtype == digits.test_images.dtype == np.uint8
    assert digits.train_labels.dtype == digits.test_labels.dtype == np.int32
    assert digits.num_classes == 10
    assert digits.image_shape == (8, 8, 1)


def test_split_is_stratified(digits):
    train = np.bincount(digits.train_labels, minlength=10)
    test = np.bincount(digits.test_labels, minlength=10)
    wanted = (train + test) * 360 / 1797
    assert np.abs(test - wanted).max() < 1


def test_every_digit_is_there_once(digits):
    ids = np.concatenate([digits.train_ids, digits.test_ids])
    assert sorted(ids) == [f"digit_{i:04d}" for i in range(1797)]


def test_order_never_changes(digits):
    # Changing these ids changes what every column of every record means.
    assert digits.train_ids[:4].tolist() == ["digit_1346", "digit_0295", "digit_0257", "digit_0385"]
    assert digits.train_ids[-2:].tolist() == ["digit_0015", "digit_0872"]
    assert digits.test_ids[:3].tolist() == ["digit_1496", "digit_0188", "digit_0705"]


def test_pixels_and_labels_are_those_of_the_id(digits):
    source = sklearn.datasets.load_digits()
    for images, labels, ids in (
        (digits.train_images, digits.train_labels, digits.train_ids),
        (digits.test_images, digits.test_labels, digits.test_ids),
    ):
        place = np.array([int(name.removeprefix("digit_")) for name in ids])
        np.testing.assert_array_equal(labels, source.target[place])
        exact = source.images[place][..., None] * 255 / 16
        assert np.abs(images - exact).max() <= 0.5


def test_second_load_is_equal(digits):
    again = data.load("digits")
    for name, value in vars(digits).items():
        np.testing.assert_array_equal(getattr(again, name), value)


def test_unknown_data_set_lists_the_valid_ones():
    with pytest.raises(InputError, match="^dataset.name: expected one of .*digits.* 'digit'$"):
        data.load("digit")


def test_unknown_option_is_refused_by_name():
    with pytest.raises(InputError, match="^dataset.size: "):
        data.check("digits", size=8)
