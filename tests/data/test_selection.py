import numpy as np
import pytest

from memkit import data
from memkit.data import selection
from memkit.errors import InputError


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


def test_no_options_select_everything(digits):
    for name, value in vars(selection.keep(digits)).items():
        np.testing.assert_array_equal(value, getattr(digits, name))


@pytest.mark.parametrize("classes", [(7, 2, 5), ("7", "2", "5"), [7, "2", 5]])
def test_classes_are_renumbered_in_the_given_order(digits, classes):
    part = data.load("digits", classes=classes)
    assert part.class_names == ("7", "2", "5")
    for side in ("train", "test"):
        full = getattr(digits, f"{side}_labels")
        rows = [i for i in range(len(full)) if full[i] in (7, 2, 5)]
        renumbered = {7: 0, 2: 1, 5: 2}
        labels = getattr(part, f"{side}_labels")
        assert labels.tolist() == [renumbered[full[i]] for i in rows]
        assert labels.dtype == np.int32
        for name in ("images", "ids"):
            np.testing.assert_array_equal(
                getattr(part, f"{side}_{name}"), getattr(digits, f"{side}_{name}")[rows]
            )


@pytest.mark.parametrize("classes", [(), (4, 0)])
def test_the_first_examples_of_each_class_are_selected_in_order(digits, classes):
    part = data.load("digits", classes=classes, train_per_class=5, test_per_class=3)
    for side, count in (("train", 5), ("test", 3)):
        full = getattr(digits, f"{side}_labels")
        rows = []
        for row, label in enumerate(full):
            if (label in classes or not classes) and (full[:row] == label).sum() < count:
                rows.append(row)
        ids = getattr(digits, f"{side}_ids")[rows]
        assert getattr(part, f"{side}_ids").tolist() == ids.tolist()


def test_a_number_above_the_size_of_a_class_selects_all(digits):
    part = data.load("digits", train_per_class=10_000)
    np.testing.assert_array_equal(part.train_ids, digits.train_ids)


@pytest.mark.parametrize(
    "classes, message",
    [
        ((0, 10), r"numbers in \[0, 10\), received 10"),
        ((-1, 1), r"numbers in \[0, 10\), received -1"),
        (("0", "ten"), "unknown class 'ten'. Known: 0, 1, "),
        ((3,), "two or more different"),
        ((3, 3), "two or more different"),
        ((3, "3"), "two or more different"),
        ("34", "two or more different"),
        ((1.5, 2), "two or more different"),
        ((True, 2), "two or more different"),
    ],
)
def test_wrong_classes_are_errors(classes, message):
    with pytest.raises(InputError, match=f"^dataset.classes: .*{message}"):
        data.load("digits", classes=classes)


@pytest.mark.parametrize("name", data.SOURCES)
@pytest.mark.parametrize("option", ["train_per_class", "test_per_class"])
@pytest.mark.parametrize("value", [-1, 2.0, True, "3"])
def test_counts_are_checked_for_every_source_without_loading_it(name, option, value):
    with pytest.raises(
        InputError, match=f"^dataset.{option}: expected a whole number of at least 0"
    ):
        data.check(name, **{option: value})


_REQUIRED = {"npz": "path", "folder": "path", "tiny_imagenet": "path", "tfds": "tfds_name"}


@pytest.mark.parametrize("name", ["digits", *_REQUIRED, *data.PRESETS])
def test_selection_options_are_valid_for_every_source(name):
    required = {_REQUIRED[name]: "x"} if name in _REQUIRED else {}
    data.check(name, classes=[1, 0], train_per_class=5, test_per_class=0, **required)


@pytest.mark.parametrize("name, option", _REQUIRED.items())
def test_a_missing_required_option_is_named(name, option):
    with pytest.raises(InputError, match=f"^dataset.{option}: missing value, which {name} needs$"):
        data.check(name)


@pytest.mark.parametrize(
    "name, option, value",
    [
        ("npz", "path", ""),
        ("npz", "path", 3),
        ("npz", "image_size", -1),
        ("folder", "test_fraction", 1.0),
        ("folder", "test_fraction", float("nan")),
        ("folder", "test_fraction", "half"),
        ("mnist", "data_dir", None),
        ("mnist", "test_split", ""),
        ("mnist", "tfds_name", "cifar10"),
        ("imagenette", "test_split_", "x"),
        ("imagenette", "test_split", "test"),
        ("tiny_imagenet", "image_size", 32),
    ],
)
def test_wrong_values_and_options_are_errors_without_loading(name, option, value):
    with pytest.raises(InputError, match=f"^dataset.{option}: (expected |unknown field)"):
        data.check(name, **{option: value})


def test_every_preset_is_a_source_and_an_option_of_it():
    assert set(data.PRESETS) <= set(data.SOURCES)
    for name in data.PRESETS:
        data.check(name)
