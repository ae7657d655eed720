import numpy as np
import PIL.Image
import pytest

from memkit import data
from memkit.errors import InputError


@pytest.fixture
def animals(tmp_path, pictures, write_image):
    """A folder of 20 ants and 10 bees, 4x4 RGB; returns it with {relative path: image}."""
    images = pictures(30, 4, 4, 3)
    names = [f"ant/{i}.png" for i in range(20)] + [f"bee/{i}.png" for i in range(10)]
    for name, image in zip(names, images):
        write_image(tmp_path / name, image)
    return tmp_path, dict(zip(names, images))


@pytest.fixture
def split(tmp_path, pictures, write_image):
    """A folder with train and test."""
    images = pictures(6, 4, 4, 3)
    names = ["train/b/2.png", "train/b/10.png", "train/a/x.png", "test/a/z.png", "test/b/y.png"]
    for name, image in zip(names, images):
        write_image(tmp_path / name, image)
    return tmp_path, dict(zip(names, images))


def _check_join(dataset, images):
    for part in ("train", "test"):
        rows = zip(*(getattr(dataset, f"{part}_{name}") for name in ("ids", "images", "labels")))
        for name, image, label in rows:
            np.testing.assert_array_equal(image, images[name])
            assert dataset.class_names[label] == name.split("/")[-2]


def test_rows_are_in_path_order_and_joined_with_their_labels(split):
    root, images = split
    dataset = data.load("folder", path=str(root))
    assert dataset.train_ids.tolist() == ["train/a/x.png", "train/b/10.png", "train/b/2.png"]
    assert dataset.test_ids.tolist() == ["test/a/z.png", "test/b/y.png"]
    assert dataset.class_names == ("a", "b")
    _check_join(dataset, images)


def test_held_out_share_is_exact_in_each_class(animals):
    root, images = animals
    dataset = data.load("folder", path=str(root), test_fraction=0.2)
    assert np.bincount(dataset.test_labels).tolist() == [4, 2]
    assert np.bincount(dataset.train_labels).tolist() == [16, 8]
    assert sorted([*dataset.train_ids, *dataset.test_ids]) == sorted(images)
    assert dataset.train_ids.tolist() == sorted(dataset.train_ids)
    _check_join(dataset, images)


def test_held_out_examples_depend_on_names_only(animals, write_image, pictures):
    root, images = animals
    first = data.load("folder", path=str(root), test_fraction=0.2)
    np.testing.assert_array_equal(
        data.load("folder", path=str(root), test_fraction=0.2).test_ids, first.test_ids
    )
    write_image(root / "cow/0.png", pictures(1, 4, 4, 3)[0])
    again = data.load("folder", path=str(root), test_fraction=0.2)
    assert again.test_ids.tolist() == first.test_ids.tolist()
    # Not the first of each class: held-out examples must not follow the numbering of the files.
    assert first.test_ids.tolist() != sorted(images)[:4] + sorted(images)[20:22]


def test_gray_stays_gray_only_where_all_images_are(tmp_path, write_image, pictures):
    gray = pictures(4, 4, 4)
    for i, name in enumerate(("train/a/0", "train/b/0", "test/a/0", "test/b/0")):
        write_image(tmp_path / f"{name}.png", gray[i])
    dataset = data.load("folder", path=str(tmp_path))
    assert dataset.image_shape == (4, 4, 1)
    np.testing.assert_array_equal(dataset.train_images[0, ..., 0], gray[0])
    write_image(tmp_path / "test/b/1.png", pictures(1, 4, 4, 3)[0])
    dataset = data.load("folder", path=str(tmp_path))
    assert dataset.image_shape == (4, 4, 3)
    np.testing.assert_array_equal(dataset.train_images[0], np.repeat(gray[0][..., None], 3, -1))


@pytest.mark.parametrize("mode", ["1", "LA", "P", "RGBA", "CMYK", "YCbCr"])
def test_other_modes_become_gray_or_rgb(split, mode):
    root, _ = split
    ending = "jpg" if mode in ("CMYK", "YCbCr") else "png"
    PIL.Image.new("RGB", (4, 4), (250, 250, 250)).convert(mode).save(root / f"train/a/m.{ending}")
    dataset = data.load("folder", path=str(root))
    assert np.abs(dataset.train_images[0].astype(int) - 252).max() <= 6


def test_jpeg_is_decoded(split, write_image):
    root, _ = split
    for ending in ("jpg", "jpeg", "JPG", "JPEG"):
        write_image(root / f"train/b/0.{ending}", np.full((4, 4, 3), 77, np.uint8))
    dataset = data.load("folder", path=str(root))
    names = dataset.train_ids.tolist()
    for ending in ("jpg", "jpeg", "JPG", "JPEG"):
        assert (dataset.train_images[names.index(f"train/b/0.{ending}")] == 77).all()


def test_other_and_hidden_files_are_left_out(split):
    root, images = split
    for name in ("train/a/notes.txt", "train/readme.md", "train/a/.x.png", "train/.cache/c.png"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("x")
    assert len(data.load("folder", path=str(root)).train_ids) == 3


def test_unequal_sizes_need_image_size(split, write_image, pictures):
    root, _ = split
    write_image(root / "train/b/9.png", pictures(1, 6, 5, 3)[0])
    with pytest.raises(
        InputError, match="^dataset.image_size: .*a/x.png of 4x4 and .*9.png of 5x6"
    ):
        data.load("folder", path=str(root))
    assert data.load("folder", path=str(root), image_size=3).image_shape == (3, 3, 3)


def test_unreadable_images_are_named(split, encode, pictures):
    root, _ = split
    whole = encode(pictures(1, 40, 40, 3)[0])
    reasons = {b"": "an empty file", b"no image": "not an image", whole[:90]: "image file is trunc"}
    for damaged, why in reasons.items():
        (root / "train/b/bad.png").write_bytes(damaged)
        with pytest.raises(InputError, match=f"^dataset: expected images .*b/bad.png: {why}"):
            data.load("folder", path=str(root))


def test_sixteen_bit_images_are_refused_by_name(split):
    root, _ = split
    PIL.Image.fromarray(np.full((4, 4), 9000, np.uint16)).save(root / "train/b/deep.png")
    with pytest.raises(
        InputError, match="^dataset: expected images .*deep.png: more than 8 bits per channel"
    ):
        data.load("folder", path=str(root))


def test_class_without_train_images_is_refused(split, write_image, pictures):
    root, _ = split
    write_image(root / "test/c/0.png", pictures(1, 4, 4, 3)[0])
    with pytest.raises(InputError, match="^dataset: expected a train example .*'c'$"):
        data.load("folder", path=str(root))


def test_missing_parts_are_refused(tmp_path, animals):
    root, _ = animals
    with pytest.raises(InputError, match="^dataset.path: expected a folder, received .*none"):
        data.load("folder", path=str(root / "none"))
    with pytest.raises(InputError, match="^dataset.test_fraction: expected a number above 0 where"):
        data.load("folder", path=str(root))
    with pytest.raises(InputError, match="^dataset.path: expected images as .*ant/<class>"):
        data.load("folder", path=str(root / "ant"), test_fraction=0.5)
    with pytest.raises(InputError, match="^dataset: expected at least one test image"):
        data.load("folder", path=str(root), test_fraction=0.01)
    (root / "train").mkdir()
    with pytest.raises(InputError, match="^dataset.test_fraction: expected 0 where"):
        data.load("folder", path=str(root), test_fraction=0.5)
    with pytest.raises(InputError, match="^dataset.path: expected a folder .*test, received none"):
        data.load("folder", path=str(root))
    (root / "test").mkdir()
    with pytest.raises(InputError, match="^dataset.path: expected images as .*train/<class>"):
        data.load("folder", path=str(root))
    (root / "ant").rename(root / "train" / "ant")
    with pytest.raises(InputError, match="^dataset.path: expected images as .*test/<class>"):
        data.load("folder", path=str(root))
