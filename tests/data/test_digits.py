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
    expected = (train + test) * 360 / 1797
    assert np.abs(test - expected).max() < 1


def test_every_digit_occurs_once(digits):
    ids = np.concatenate([digits.train_ids, digits.test_ids])
    assert sorted(ids) == [f"digit_{i:04d}" for i in range(1797)]


def test_the_order_is_permanent(digits):
    # Other ids would change the meaning of every column of every record.
    assert digits.train_ids[:4].tolist() == ["digit_1346", "digit_0295", "digit_0257", "digit_0385"]
    assert digits.train_ids[-2:].tolist() == ["digit_0015", "digit_0872"]
    assert digits.test_ids[:3].tolist() == ["digit_1496", "digit_0188", "digit_0705"]


def test_pixels_and_labels_belong_to_the_id(digits):
    source = sklearn.datasets.load_digits()
    for images, labels, ids in (
        (digits.train_images, digits.train_labels, digits.train_ids),
        (digits.test_images, digits.test_labels, digits.test_ids),
    ):
        position = np.array([int(name.removeprefix("digit_")) for name in ids])
        np.testing.assert_array_equal(labels, source.target[position])
        exact = source.images[position][..., None] * 255 / 16
        assert np.abs(images - exact).max() <= 0.5


def test_loading_twice_gives_equal_data(digits):
    again = data.load("digits")
    for name, value in vars(digits).items():
        np.testing.assert_array_equal(getattr(again, name), value)


def test_the_error_for_an_unknown_data_set_suggests_and_lists_names():
    with pytest.raises(
        InputError,
        match=r"^dataset.name: unknown data set 'digit'; did you mean 'digits'\? Known: digits, ",
    ):
        data.load("digit")


def test_the_error_for_an_unknown_option_lists_the_options():
    with pytest.raises(InputError, match="^dataset.size: unknown field. Known: classes, "):
        data.check("digits", size=8)
