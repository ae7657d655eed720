import numpy as np
import pytest

from memkit import data
from memkit.data import dataset as datasets
from memkit.data import numbers
from memkit.errors import InputError


@pytest.fixture
def arrays(pictures):
    return {
        "x_train": pictures(7, 5, 4, 3),
        "y_train": np.array([2, 0, 1, 1, 0, 2, 2]),
        "x_test": pictures(3, 5, 4, 3, seed=1),
        "y_test": np.array([1, 0, 2], np.uint8),
    }


@pytest.fixture
def load(tmp_path, arrays):
    """Returns a function (changes, **options) -> data set; a change to None removes a key."""

    def write_and_load(changes=(), **options):
        changed = arrays | dict(changes)
        np.savez(tmp_path / "a.npz", **{k: v for k, v in changed.items() if v is not None})
        return data.load("npz", path=str(tmp_path / "a.npz"), **options)

    return write_and_load


def test_rows_keep_the_order_of_the_file(load, arrays):
    dataset = load()
    for part in ("train", "test"):
        np.testing.assert_array_equal(getattr(dataset, f"{part}_images"), arrays[f"x_{part}"])
        labels = getattr(dataset, f"{part}_labels")
        np.testing.assert_array_equal(labels, arrays[f"y_{part}"])
        assert labels.dtype == np.int32
    assert dataset.train_ids.tolist() == [f"train_00000{i}" for i in range(7)]
    assert dataset.test_ids.tolist() == [f"test_00000{i}" for i in range(3)]
    assert dataset.class_names == ("0", "1", "2")


def test_class_names_are_read(load):
    assert load({"class_names": np.array(["ant", "bee", "cat"])}).class_names == (
        "ant",
        "bee",
        "cat",
    )


def test_gray_images_without_a_channel_axis_get_one(load, pictures):
    gray = {"x_train": pictures(7, 5, 4), "x_test": pictures(3, 5, 4)}
    dataset = load(gray)
    assert dataset.image_shape == (5, 4, 1)
    np.testing.assert_array_equal(dataset.train_images[..., 0], gray["x_train"])


@pytest.mark.parametrize("scale", [1, 255])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_floats_are_rounded_to_the_same_images(load, arrays, scale, dtype):
    floats = {k: (arrays[k] / (255 / scale)).astype(dtype) for k in ("x_train", "x_test")}
    dataset = load(floats)
    np.testing.assert_array_equal(dataset.train_images, arrays["x_train"])
    np.testing.assert_array_equal(dataset.test_images, arrays["x_test"])


def test_dark_test_floats_are_scaled_like_the_train_floats(load, arrays):
    changes = {"x_train": arrays["x_train"].astype(float), "x_test": np.ones((3, 5, 4, 3))}
    assert (load(changes).test_images == 1).all()


def test_wide_ints_become_uint8(load, arrays):
    dataset = load({k: arrays[k].astype(np.int64) for k in ("x_train", "x_test")})
    np.testing.assert_array_equal(dataset.train_images, arrays["x_train"])


def test_image_size_crops_around_the_center_and_resizes(load, pictures):
    wide = pictures(7, 6, 10, 3)
    dataset = load({"x_train": wide, "x_test": pictures(3, 6, 6, 3)}, image_size=6)
    np.testing.assert_array_equal(dataset.train_images, wide[:, :, 2:8])
    assert load(image_size=2).image_shape == (2, 2, 3)


def test_labels_may_be_a_column(load, arrays):
    columns = load({key: arrays[key][:, None] for key in ("y_train", "y_test")})
    assert datasets.fingerprint(columns) == datasets.fingerprint(load())


_NAN = np.full((7, 5, 4, 3), np.nan)
_UNUSABLE = {
    "missing key": (
        {"y_test": None},
        "dataset.path: missing arrays y_test in .*, which has x_train",
    ),
    "pickled": ({"y_train": np.array([0, None] * 3 + [1], object)}, "y_train: .* pickled objects"),
    "pickled images": ({"x_test": np.array([{}, 1, 2], object)}, "x_test: .* pickled objects"),
    "nan": ({"x_train": _NAN}, "dataset x_train: .*without NaN"),
    "infinite": ({"x_train": np.full((7, 5, 4, 3), np.inf)}, "dataset x_train: .*to inf"),
    "above": ({"x_train": np.full((7, 5, 4, 3), 256)}, "dataset x_train: .*to 256"),
    "below": ({"x_train": np.full((7, 5, 4, 3), -0.5)}, "dataset x_train: .*from -0.5"),
    "mixed types": ({"x_train": np.ones((7, 5, 4, 3))}, "all as integers or all as floats"),
    "text": ({"x_train": np.array(["a"] * 7)}, "dataset x_train: expected images as numbers"),
    "flat": ({"x_train": np.ones((7, 20), np.uint8)}, "dataset x_train: .*received uint8"),
    "two channels": (
        {"x_train": np.ones((7, 5, 4, 2), np.uint8), "x_test": np.ones((3, 5, 4, 2), np.uint8)},
        "C = 1 .* or 3",
    ),
    "channels": (
        {"x_test": np.ones((3, 5, 4, 1), np.uint8)},
        r"train images \[5, 4, 3\] and test images \[5, 4, 1",
    ),
    "sizes": ({"x_test": np.ones((3, 5, 5, 3), np.uint8)}, "set dataset.image_size to resize them"),
    "lengths": ({"y_train": np.array([0, 1, 2])}, "7 images, 3 labels"),
    "float labels": ({"y_train": np.array([0.0, 1, 2] + [0] * 4)}, "y_train: expected integers"),
    "float test labels": ({"y_test": np.array([0.0, 1, 2])}, "y_test as integers"),
    "one-hot labels": ({"y_test": np.eye(3, dtype=int)}, r"y_test in one dimension \[N\]"),
    "negative": ({"y_train": np.array([0, -1, 2, 1, 1, 1, 1])}, "y_train in .*-1 in row 1"),
    "test label": ({"y_test": np.array([0, 1, 3])}, r"y_test in \[0, 3\), received 3 in row 2"),
    "empty class": ({"y_train": np.array([0, 2, 2, 2, 3, 3, 0])}, "train examples of 1 class.*'1'"),
    "more names": ({"class_names": np.array(list("abcd"))}, "train examples of 1 class.*'d'"),
    "fewer names": ({"class_names": np.array(list("ab"))}, r"y_train in \[0, 2\)"),
    "no test": (
        {"x_test": np.ones((0, 5, 4, 3), np.uint8), "y_test": np.ones(0, int)},
        "missing test images",
    ),
    "no train": (
        {"x_train": np.ones((0, 5, 4, 3), np.uint8), "y_train": np.ones(0, int)},
        "integers",
    ),
}


@pytest.mark.parametrize("case", _UNUSABLE)
def test_files_that_cannot_be_used_are_errors_of_one_line(load, case):
    changes, message = _UNUSABLE[case]
    with pytest.raises(InputError, match=message) as caught:
        load(changes)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("dataset")


def test_a_missing_file_and_another_format_are_errors(tmp_path):
    with pytest.raises(InputError, match="^dataset.path: .*none.npz, which is not a file"):
        data.load("npz", path=str(tmp_path / "none.npz"))
    (tmp_path / "text.npz").write_text("x")
    with pytest.raises(InputError, match="^dataset.path: .*another format"):
        data.load("npz", path=str(tmp_path / "text.npz"))


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_damaged_arrays_are_errors(tmp_path, arrays, write):
    path = tmp_path / "a.npz"
    write(path, **arrays | {"x_train": np.random.default_rng(0).random((7, 60, 60, 3))})
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 40] = bytes(40)
    path.write_bytes(whole)
    with pytest.raises(InputError, match="^dataset x_train: .*received damaged data .*$"):
        data.load("npz", path=str(path))


def test_dark_integers_stay_dark(load, pictures):
    dark = {"x_train": pictures(7, 5, 4, 3) % 2, "x_test": pictures(3, 5, 4, 3) % 2}
    np.testing.assert_array_equal(load(dark).train_images, dark["x_train"])


def test_floats_of_resized_images_in_0_to_255_are_rounded(load, arrays):
    floats = {k: arrays[k] * 0.97 for k in ("x_train", "x_test")}
    np.testing.assert_array_equal(load(floats).train_images, np.rint(floats["x_train"]))


def _with_pixel(value):
    array = np.random.default_rng(0).random((7, 5, 4, 3))
    array[3, 2, 1, 0] = value
    return array


_UNIT_TEST = np.random.default_rng(1).random((3, 5, 4, 3))
_BYTES = np.random.default_rng(2).integers(0, 256, (7, 5, 4, 3)).astype(float)
_AMBIGUOUS = {
    "one overshoot": ({"x_train": _with_pixel(1.004), "x_test": _UNIT_TEST}, "x_train"),
    "one outlier": ({"x_train": _with_pixel(200.0), "x_test": _UNIT_TEST}, "x_train"),
    "overshoot in test": ({"x_train": _with_pixel(0.5), "x_test": _UNIT_TEST * 1.02}, "x_train"),
    "brightened": ({"x_train": _with_pixel(0) + 1.1, "x_test": _UNIT_TEST + 1.1}, "x_train"),
    "test not scaled": ({"x_train": _with_pixel(0.5), "x_test": _BYTES[:3]}, "x_train"),
    "train not scaled": ({"x_train": _BYTES, "x_test": _UNIT_TEST}, "x_test"),
    "binary test": ({"x_train": _BYTES, "x_test": np.rint(_UNIT_TEST)}, "x_test"),
    "one image scaled": (
        {"x_train": np.concatenate([_BYTES[:6], _BYTES[6:] / 255]), "x_test": _BYTES[:3]},
        "x_train",
    ),
    "counts": ({"x_train": np.rint(_with_pixel(2)), "x_test": np.rint(_UNIT_TEST)}, "x_train"),
}


@pytest.mark.parametrize("case", _AMBIGUOUS)
def test_floats_that_fit_both_scales_are_errors(load, case):
    changes, named = _AMBIGUOUS[case]
    with pytest.raises(InputError, match=f"^dataset {named}: expected floats that are all in 0..1"):
        load(changes)


def test_black_and_white_floats_are_in_0_to_1(load):
    changes = {"x_train": np.rint(_with_pixel(0)), "x_test": np.rint(_UNIT_TEST)}
    assert set(np.unique(load(changes).train_images)) == {0, 255}


def test_nearly_black_integers_are_noted(load, arrays):
    dark = {key: arrays[key] % 2 for key in ("x_train", "x_test")}
    assert "no pixel is above 1" in load(dark).notes[0]
    assert load().notes == ()


def test_ignored_arrays_are_noted(load):
    dataset = load({"x_val": np.zeros(3), "fold": np.zeros(7)})
    assert dataset.notes == ("ignored: arrays fold, x_val",)


def test_class_names_of_bytes_are_decoded(load):
    names = np.array(["ant", "bée", "cat"])
    assert load({"class_names": np.char.encode(names, "utf-8")}).class_names == tuple(names)


@pytest.mark.parametrize(
    "names",
    [
        np.array("ant"),
        np.array([["ant"], ["bee"], ["cat"]]),
        np.array([0.0, 1, 2]),
        np.array([b"\xff", b"a", b"b"]),
    ],
    ids=["one text", "a column", "floats", "not UTF-8"],
)
def test_class_names_that_are_not_a_list_of_text_are_errors(load, names):
    with pytest.raises(InputError, match="^dataset class_names: expected "):
        load({"class_names": names})


@pytest.mark.parametrize("value", [7, 2**31, 2**32 - 1, 2**63 - 1])
def test_labels_above_the_number_of_examples_are_errors_before_images_are_read(
    load, monkeypatch, value
):
    monkeypatch.setattr(numbers, "to_images", lambda arrays: pytest.fail("images were read"))
    with pytest.raises(InputError, match=f"y_train in .0, 7., received {value} in row 2$"):
        load({"y_train": np.array([0, 1, value, 1, 0, 1, 0], np.uint64)})
