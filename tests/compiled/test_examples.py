import keras
import numpy as np
import pytest
import tensorflow as tf

from memkit.compiled import examples
from memkit.data import mapped
from memkit.errors import InputError

X = np.arange(20, dtype=np.float32).reshape(10, 2)
Y = np.arange(10) % 2


class Batches(keras.utils.PyDataset):
    """Batches of 4 examples."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        rows = slice(4 * index, 4 * index + 4)
        return X[rows], Y[rows]


@pytest.mark.parametrize(
    "dataset", [tf.data.Dataset.from_tensor_slices((X, Y)).batch(4), Batches()], ids=type
)
def test_data_sets_of_batches_are_read_in_their_order(dataset):
    part = examples.read("x", dataset, None)
    np.testing.assert_array_equal(part.inputs, X)
    np.testing.assert_array_equal(part.targets, Y)


def test_a_data_set_that_shuffles_is_refused():
    shuffled = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(10).batch(4)
    with pytest.raises(InputError, match=r"^x_test: expected a data set with a fixed order"):
        examples.read("x_test", shuffled, None)


def test_single_examples_are_refused():
    with pytest.raises(InputError, match=r"^x: expected a data set of batches"):
        examples.read("x", tf.data.Dataset.from_tensor_slices((X, Y)), None)


def test_labels_beside_a_data_set_of_batches_are_refused():
    with pytest.raises(InputError, match=r"^y: expected none where x is a data set"):
        examples.read("x", Batches(), Y)


@pytest.mark.parametrize(
    "x, y, message",
    [
        (X, None, r"^y: missing labels"),
        (X, Y[:9], r"^x: expected one or more rows, as many as y, received 10 and 9"),
        ({"a": X, "b": X[:8]}, Y, r"^x: expected one or more rows"),
        (X[:0], Y[:0], r"^x: expected one or more rows"),
    ],
)
def test_rows_that_do_not_match_labels_are_refused(x, y, message):
    with pytest.raises(InputError, match=message):
        examples.read("x", x, y)


def test_rows_of_several_inputs_are_chosen_together():
    part = examples.read("x", {"a": X, "b": -X}, Y).rows(np.array([3, 1]))
    np.testing.assert_array_equal(part.inputs["a"], X[[3, 1]])
    np.testing.assert_array_equal(part.inputs["b"], -X[[3, 1]])
    assert part.targets.tolist() == [1, 1]


@pytest.mark.parametrize(
    "images, expected",
    [
        (np.array([0, 128, 255], np.uint8), [0, 128, 255]),
        (np.array([0, 0.5, 1]), [0, 128, 255]),
        (np.array([0, 10.0, 255]), [0, 10, 255]),
        (np.array([-1, 0, 1.0]), [0, 128, 255]),
    ],
)
def test_pictures_show_images_of_any_range(images, expected):
    part = examples.Part(images.reshape(3, 1, 1), np.zeros(3, int))
    assert np.asarray(examples.pictures(part)).ravel().tolist() == expected


def test_what_is_no_image_gets_a_gray_square():
    pictures = examples.pictures(examples.read("x", X, Y))
    assert pictures.shape == (10, 8, 8, 1)
    assert set(np.asarray(pictures).ravel()) == {128}


def hashes(x, y):
    return mapped.image_hashes(examples.pictures(examples.read("x", x, y)))


def test_the_hash_of_a_picture_covers_what_the_model_sees():
    x = X.copy()
    x[4, 1] += 1e-6 * x[4, 1]
    assert np.flatnonzero((hashes(X, Y) != hashes(x, Y)).any(axis=1)).tolist() == [4]


def test_the_hash_of_a_picture_does_not_depend_on_its_label():
    np.testing.assert_array_equal(hashes(X, Y), hashes(X, 1 - Y))
