import errno
import os
import re
import socket
import unicodedata

import numpy as np
import PIL.Image
import pytest

from memkit import data
from memkit.data import build
from memkit.data.dataset import fingerprint
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


def test_rows_are_sorted_by_path_and_match_their_labels(split):
    root, images = split
    dataset = data.load("folder", path=str(root))
    assert dataset.train_ids.tolist() == ["train/a/x.png", "train/b/10.png", "train/b/2.png"]
    assert dataset.test_ids.tolist() == ["test/a/z.png", "test/b/y.png"]
    assert dataset.class_names == ("a", "b")
    _check_join(dataset, images)


def test_the_held_out_share_of_each_class_is_exact(animals):
    root, images = animals
    dataset = data.load("folder", path=str(root), test_fraction=0.2)
    assert np.bincount(dataset.test_labels).tolist() == [4, 2]
    assert np.bincount(dataset.train_labels).tolist() == [16, 8]
    assert sorted([*dataset.train_ids, *dataset.test_ids]) == sorted(images)
    assert dataset.train_ids.tolist() == sorted(dataset.train_ids)
    _check_join(dataset, images)


def test_held_out_examples_depend_only_on_names(animals, write_image, pictures):
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


def test_images_are_gray_only_if_all_of_them_are(tmp_path, write_image, pictures):
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


def test_other_and_hidden_files_are_ignored(split):
    root, images = split
    for name in ("train/a/notes.txt", "train/readme.md", "train/a/.x.png", "train/.cache/c.png"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("x")
    assert len(data.load("folder", path=str(root)).train_ids) == 3


def test_different_sizes_need_image_size(split, write_image, pictures):
    root, _ = split
    write_image(root / "train/b/9.png", pictures(1, 6, 5, 3)[0])
    with pytest.raises(
        InputError, match="^dataset.image_size: .*a/x.png of 4x4 and .*9.png of 5x6"
    ):
        data.load("folder", path=str(root))
    assert data.load("folder", path=str(root), image_size=3).image_shape == (3, 3, 3)


def test_damaged_images_are_named(split, encode, pictures):
    root, _ = split
    intact = encode(pictures(1, 40, 40, 3)[0])
    reasons = {
        b"": "an empty file",
        b"no image": "not an image",
        intact[:90]: "image file is trunc",
    }
    for damaged, why in reasons.items():
        (root / "train/b/bad.png").write_bytes(damaged)
        with pytest.raises(InputError, match=f"^dataset: expected images .*b/bad.png: {why}"):
            data.load("folder", path=str(root))


def test_sixteen_bit_images_are_errors(split):
    root, _ = split
    PIL.Image.fromarray(np.full((4, 4), 9000, np.uint16)).save(root / "train/b/deep.png")
    with pytest.raises(
        InputError, match="^dataset: expected images .*deep.png: more than 8 bits per channel"
    ):
        data.load("folder", path=str(root))


def test_a_class_without_train_images_is_an_error(split, write_image, pictures):
    root, _ = split
    write_image(root / "test/c/0.png", pictures(1, 4, 4, 3)[0])
    with pytest.raises(InputError, match="^dataset: missing train examples .*'c'$"):
        data.load("folder", path=str(root))


def test_missing_parts_are_errors(tmp_path, animals):
    root, _ = animals
    with pytest.raises(InputError, match="^dataset.path: expected a folder, received .*none"):
        data.load("folder", path=str(root / "none"))
    with pytest.raises(InputError, match="^dataset.path: expected images .*ant/<class>"):
        data.load("folder", path=str(root / "ant"), test_fraction=0.5)
    with pytest.raises(InputError, match="^dataset.test_fraction: expected a share that holds out"):
        data.load("folder", path=str(root), test_fraction=0.01)
    (root / "train").mkdir()
    with pytest.raises(InputError, match="^dataset.test_fraction: expected 0 because"):
        data.load("folder", path=str(root), test_fraction=0.5)
    with pytest.raises(InputError, match="^dataset.path: missing folder .*test$"):
        data.load("folder", path=str(root))
    (root / "test").mkdir()
    with pytest.raises(InputError, match="^dataset.path: expected images .*train/<class>"):
        data.load("folder", path=str(root))
    (root / "ant").rename(root / "train" / "ant")
    with pytest.raises(InputError, match="^dataset.path: expected images .*test/<class>"):
        data.load("folder", path=str(root))


@pytest.mark.parametrize(
    "ending", [".webp", ".bmp", ".gif", ".tif", ".tiff", ".jfif", ".jpe", ".WEBP", ".png"]
)
def test_all_listed_formats_are_read(split, ending):
    root, _ = split
    kind = {".jfif": "JPEG", ".jpe": "JPEG"}
    picture = PIL.Image.new("RGB", (4, 4), (70, 80, 90))
    picture.save(root / f"train/b/0{ending}", kind[ending] if ending in kind else None)
    dataset = data.load("folder", path=str(root))
    row = dataset.train_ids.tolist().index(f"train/b/0{ending}")
    assert np.abs(dataset.train_images[row].astype(int) - (70, 80, 90)).max() < 5
    assert dataset.notes == ()


def _write(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


_IGNORED = {
    "other endings": (["train/a/1.heic", "train/b/2.HEIC"], "2 .heic (train/a/1.heic, train/b/2"),
    "no ending": (["test/a/labels"], "1 file without an ending (test/a/labels)"),
    "beside classes": (["train/1.png", "train/2.png"], "2 .png outside class folders (train/1.png"),
    "subfolders": (["train/a/old/1.png"], "1 subfolder of a class folder (train/a/old)"),
    "other parts": (["valid/a/1.png"], "1 other folder (valid)"),
    "beside parts": (["labels.csv"], "1 .csv (labels.csv)"),
    "hidden": (["train/a/.1.png", "train/.git/x"], "2 hidden files (train/.git, train/a/.1.png)"),
    "systems": (["train/a/Thumbs.db", "train/a/._1.png", ".DS_Store"], "3 system files (.DS_Store"),
    "empty classes": (["train/c/1.heic"], "1 class folder without images (train/c)"),
    "many": ([f"train/a/{i}.heic" for i in range(1200)], "1,200 .heic (train/a/0.heic, "),
}


@pytest.mark.parametrize("case", _IGNORED)
def test_ignored_files_are_counted_in_one_line(split, case):
    root, images = split
    names, text = _IGNORED[case]
    _write(root, *names)
    dataset = data.load("folder", path=str(root))
    assert len(dataset.train_ids) + len(dataset.test_ids) == len(images)
    (note,) = dataset.notes
    assert note.startswith("ignored: ") and text in note


def test_pipes_and_sockets_are_counted_and_not_opened(split):
    root, _ = split
    os.mkfifo(root / "train/a/pipe.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(root / "train/a/socket.png"))
        dataset = data.load("folder", path=str(root))
    assert dataset.notes == ("ignored: 2 special files (train/a/pipe.png, train/a/socket.png)",)


def test_cyclic_links_are_not_followed(split):
    root, images = split
    (root / "train/a/loop").symlink_to("..")
    (root / "train/a/self.png").symlink_to("self.png")
    with pytest.raises(InputError, match="train/a/self.png: Too many levels of symbolic links$"):
        data.load("folder", path=str(root))
    dataset = data.load("folder", path=str(root), skip_bad=True)
    assert dataset.notes == (
        "ignored: 1 subfolder of a class folder (train/a/loop)",
        "skipped: 1 damaged image (train/a/self.png)",
    )


@pytest.fixture
def broken(split, encode, pictures):
    """Returns a folder with four broken images, and the reason for each."""
    root, _ = split
    (root / "train/a/1.png").write_text("<html>404</html>")
    (root / "train/b/3.jpg").write_bytes(encode(pictures(1, 40, 40, 3)[0], "JPEG")[:300])
    (root / "train/b/4.png").symlink_to("/nonexistent.png")
    (root / "test/b/0.gif").write_bytes(b"")
    return root, {
        "train/a/1.png": "not an image",
        "train/b/3.jpg": "runcated",
        "train/b/4.png": "No such file or directory",
        "test/b/0.gif": "an empty file",
    }


@pytest.mark.parametrize("memory", [2**30, 0], ids=["memory", "cache"])
def test_all_broken_images_are_named_with_reasons(broken, monkeypatch, memory):
    monkeypatch.setattr(build, "MEMORY_BYTES", memory)
    root, reasons = broken
    with pytest.raises(
        InputError, match="^dataset: expected images .* received 4 of 9 in"
    ) as caught:
        data.load("folder", path=str(root))
    for name, why in reasons.items():
        assert re.search(f"{name}: [^;]*{why}", str(caught.value))
    assert "dataset.skip_bad=true" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("memory", [2**30, 0], ids=["memory", "cache"])
def test_skip_bad_skips_the_broken_images(broken, monkeypatch, memory):
    monkeypatch.setattr(build, "MEMORY_BYTES", memory)
    root, reasons = broken
    for _ in range(2):
        dataset = data.load("folder", path=str(root), skip_bad=True)
        assert not {*dataset.train_ids, *dataset.test_ids} & set(reasons)
        (note,) = dataset.notes
        assert note.startswith("skipped: 4 damaged images (train/a/1.png, ")
    for name in reasons:
        (root / name).unlink()
    intact = data.load("folder", path=str(root))
    assert fingerprint(intact) == fingerprint(dataset)
    assert intact.notes == ()


def test_skip_bad_is_an_error_if_all_images_are_broken(split):
    root, images = split
    for name in images:
        (root / name).write_bytes(b"x") if (root / name).exists() else None
    with pytest.raises(InputError, match="^dataset: missing train images"):
        data.load("folder", path=str(root), skip_bad=True)


def test_only_the_first_of_many_broken_images_are_named(split):
    root, _ = split
    _write(root, *(f"train/a/{i:03d}.png" for i in range(120)))
    with pytest.raises(InputError, match="received 120 of .*a/049.png: not an image; and 70 more$"):
        data.load("folder", path=str(root))


def _deny(monkeypatch, function, denied):
    """Makes a function of `os` fail for a path, as for a user without permission."""
    real = getattr(os, function)

    def denying(path, *args, **options):
        if os.fspath(path) == os.fspath(denied):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
        return real(path, *args, **options)

    monkeypatch.setattr(os, function, denying)


def test_an_unreadable_folder_is_an_error_or_counted(split, monkeypatch):
    root, _ = split
    _write(root, "train/owl/1.png")
    _deny(monkeypatch, "scandir", root / "train/owl")
    with pytest.raises(InputError, match="^dataset.path: .*: train/owl: Permission denied$"):
        data.load("folder", path=str(root))
    dataset = data.load("folder", path=str(root), skip_bad=True)
    assert dataset.notes == ("ignored: 1 unreadable folder (train/owl)",)


def test_a_class_that_is_a_broken_link_is_an_error(split):
    root, _ = split
    (root / "train/owl").symlink_to("/nonexistent")
    with pytest.raises(InputError, match="train/owl: No such file or directory$"):
        data.load("folder", path=str(root))


def test_an_unreadable_root_is_an_error_of_one_line(split, monkeypatch):
    root, _ = split
    _deny(monkeypatch, "scandir", root / "train")
    with pytest.raises(InputError, match=r"^dataset: .*/train \(Permission denied\)$"):
        data.load("folder", path=str(root))


def test_file_names_that_are_not_utf8_have_escaped_ids(split):
    root, _ = split
    folder = os.fsencode(root / "train/b")
    os.rename(folder + b"/2.png", folder + b"/caf\xe9.png")
    ids = data.load("folder", path=str(root)).train_ids.tolist()
    assert ids == ["train/a/x.png", "train/b/10.png", r"train/b/caf\xe9.png"]


def test_unicode_forms_of_a_name_are_one_class(split):
    root, _ = split
    (root / "train/a").rename(root / "train" / unicodedata.normalize("NFD", "é"))
    (root / "test/a").rename(root / "test" / unicodedata.normalize("NFC", "é"))
    dataset = data.load("folder", path=str(root))
    assert dataset.class_names == ("b", "\xe9")
    assert dataset.train_ids[-1] == "train/\xe9/x.png"


@pytest.mark.parametrize("name", ["train/{}/1.png", "train/b/{}.png"])
def test_two_unicode_forms_of_a_name_in_one_folder_are_an_error(split, name):
    root, _ = split
    _write(root, *(name.format(unicodedata.normalize(form, "é")) for form in ("NFC", "NFD")))
    with pytest.raises(
        InputError, match="^dataset.path: expected one Unicode normalization form .*NFD"
    ):
        data.load("folder", path=str(root))


def test_classes_that_differ_in_case_only_are_noted(split, write_image, pictures):
    root, _ = split
    write_image(root / "train/B/1.png", pictures(1, 4, 4, 3)[0])
    dataset = data.load("folder", path=str(root))
    assert dataset.class_names == ("B", "a", "b")
    assert dataset.notes == ("classes that differ only in upper and lower case: B, b",)


@pytest.mark.parametrize(
    "names, order",
    [
        (["0", "1", "2", "10", "11"], ["0", "1", "2", "10", "11"]),
        (["-1", "1", "3"], ["-1", "1", "3"]),
        (["000", "002", "010", "9"], ["000", "002", "9", "010"]),
        (["10", "9", "other"], ["10", "9", "other"]),
        (["1a", "10a", "2a"], ["10a", "1a", "2a"]),
    ],
    ids=str,
)
def test_class_numbers_are_sorted_by_value(tmp_path, write_image, pictures, names, order):
    for name in names:
        for part in ("train", "test"):
            write_image(tmp_path / part / name / "1.png", pictures(1, 4, 4)[0])
    dataset = data.load("folder", path=str(tmp_path))
    assert list(dataset.class_names) == order
    class_names_of_rows = [dataset.class_names[label] for label in dataset.train_labels]
    assert class_names_of_rows == [name.split("/")[1] for name in dataset.train_ids]


def test_two_folders_with_the_same_number_are_an_error(tmp_path, write_image, pictures):
    for name in ("1", "01", "2"):
        write_image(tmp_path / name / "1.png", pictures(1, 4, 4)[0])
    with pytest.raises(InputError, match="one folder per class, received both 01 and 1$"):
        data.load("folder", path=str(tmp_path), test_fraction=0.5)


def test_classes_alone_are_train_images_without_a_share_of_test_images(animals):
    root, _ = animals
    everything = data.load("folder", path=str(root))
    assert len(everything.test_ids) == 0
    assert everything.test_images.shape[1:] == everything.image_shape
    part = data.load("folder", path=str(root), test_fraction=0.5)
    assert len(everything.train_ids) == len(part.train_ids) + len(part.test_ids)


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_other_names_of_the_folder_of_test_images(split, name):
    root, _ = split
    before = data.load("folder", path=str(root))
    (root / "test").rename(root / name)
    after = data.load("folder", path=str(root))
    np.testing.assert_array_equal(after.test_images, before.test_images)
    assert after.test_ids[0].startswith(f"{name}/")


def test_a_second_folder_of_test_images_is_named(split):
    root, _ = split
    (root / "val").mkdir()
    assert any("other folder (val)" in note for note in data.load("folder", path=str(root)).notes)
