import numpy as np
import pytest

from memkit import data
from memkit.data import dataset as datasets
from memkit.data import placeholder
from memkit.errors import InputError


def test_every_placeholder_has_a_source():
    assert set(placeholder.SHAPES) <= set(data.SOURCES)


@pytest.mark.parametrize("name", sorted({*placeholder.SHAPES} - {"imagenet2012"}))
def test_sizes_are_those_of_the_table(name):
    shape, dataset = placeholder.SHAPES[name], placeholder.load(name)
    assert dataset.train_images.shape == (shape.train, shape.side, shape.side, shape.channels)
    assert dataset.test_images.shape == (shape.test, shape.side, shape.side, shape.channels)
    assert len(set(dataset.train_ids)) == len(dataset.train_labels) == shape.train
    assert dataset.num_classes == len(np.unique(dataset.train_labels)) == shape.classes
    assert dataset.train_labels.dtype == np.int32


def test_images_use_no_memory():
    dataset = placeholder.load("imagenet2012", image_size=224, data_dir="")
    assert dataset.train_images.nbytes == 1_281_167 * 224 * 224 * 3
    assert dataset.train_images.pixels.base.nbytes == 1


def test_a_placeholder_has_a_fingerprint():
    small, large = (placeholder.load("mnist", image_size=side) for side in (28, 32))
    assert datasets.fingerprint(small) != datasets.fingerprint(large)


def test_images_of_different_sizes_need_image_size():
    with pytest.raises(InputError, match="dataset.image_size: expected a size for the images"):
        placeholder.load("imagenet2012", data_dir="")


def test_image_size_sets_the_size():
    assert placeholder.load("cifar10", image_size=16).image_shape == (16, 16, 3)


def test_selection_options_are_applied():
    dataset = placeholder.load("cifar100", classes=(3, 5), train_per_class=7, test_per_class=0)
    assert len(dataset.train_labels) == 14
    assert len(dataset.test_labels) == 200
    assert dataset.num_classes == 2


@pytest.mark.parametrize(
    ("name", "options", "known"),
    [
        ("cifar100", {"data_dir": ""}, True),
        ("tiny_imagenet", {"path": "no/such.zip"}, True),
        ("cifar100", {"train_split": "test"}, False),
        ("digits", {}, False),
        ("npz", {"path": "cifar100.npz"}, False),
    ],
)
def test_only_known_data_sets_have_placeholders(name, options, known):
    assert placeholder.is_known(name, **options) == known
