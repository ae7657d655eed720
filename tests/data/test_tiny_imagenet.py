import io
import zipfile

import numpy as np
import PIL.Image
import pytest

from memkit import data
from memkit.errors import InputError

WNIDS = ("n02", "n01", "n03")
WORDS = "n00\tnothing\nn01\tgoldfish, Carassius auratus\nn02\tcrane\nn03\tcrane, machine\n"


@pytest.fixture
def files(encode, pictures):
    """{path in the archive: bytes} of a small archive of the official layout."""
    contents = {"wnids.txt": "\n".join(WNIDS).encode() + b"\n", "words.txt": WORDS.encode()}
    images = iter(pictures(12, 64, 64, 3))
    for wnid in WNIDS:
        for number in (0, 1, 10):
            name = f"train/{wnid}/images/{wnid}_{number}.JPEG"
            contents[name] = encode(next(images), "JPEG")
        contents[f"train/{wnid}/{wnid}_boxes.txt"] = b"n01_0.JPEG\t0\t0\t63\t63\n"
    for number in range(3):
        contents[f"val/images/val_{number}.JPEG"] = encode(next(images), "JPEG")
    contents["val/val_annotations.txt"] = (
        b"val_2.JPEG\tn02\t0\t0\t9\t9\nval_0.JPEG\tn03\t0\t0\t9\t9\nval_1.JPEG\tn01\t0\t0\t9\t9\n"
    )
    contents["test/images/test_0.JPEG"] = contents["val/images/val_0.JPEG"]
    return contents


@pytest.fixture
def pack(tmp_path):
    """Returns a function (files) -> path of their zip."""

    def write(files):
        path = tmp_path / "tiny-imagenet-200.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(f"tiny-imagenet-200/{name}", content)
        return str(path)

    return write


def _load(path):
    return data.load("tiny_imagenet", path=str(path))


def test_images_labels_and_ids_match(files, pack):
    dataset = _load(pack(files))
    assert dataset.image_shape == (64, 64, 3)
    assert dataset.class_names == ("crane (n02)", "goldfish", "crane (n03)")
    assert dataset.train_ids.tolist() == [
        f"{wnid}_{number}.JPEG" for wnid in ("n01", "n02", "n03") for number in (0, 1, 10)
    ]
    assert dataset.train_labels.tolist() == [1, 1, 1, 0, 0, 0, 2, 2, 2]
    assert dataset.test_ids.tolist() == ["val_0.JPEG", "val_1.JPEG", "val_2.JPEG"]
    assert dataset.test_labels.tolist() == [2, 1, 0]
    for name, image in zip(dataset.train_ids, dataset.train_images):
        encoded = files[f"train/{name.split('_')[0]}/images/{name}"]
        np.testing.assert_array_equal(image, np.asarray(PIL.Image.open(io.BytesIO(encoded))))
    for name, image in zip(dataset.test_ids, dataset.test_images):
        encoded = files[f"val/images/{name}"]
        np.testing.assert_array_equal(image, np.asarray(PIL.Image.open(io.BytesIO(encoded))))


def test_the_folder_and_the_zip_give_equal_data(files, pack, tmp_path):
    packed = _load(pack(files))
    with zipfile.ZipFile(tmp_path / "tiny-imagenet-200.zip") as archive:
        archive.extractall(tmp_path / "out")
    for folder in (tmp_path / "out", tmp_path / "out" / "tiny-imagenet-200"):
        unpacked = _load(folder)
        for name, value in vars(packed).items():
            np.testing.assert_array_equal(getattr(unpacked, name), value)


def test_gray_images_become_rgb(files, pack, encode, pictures):
    name = "train/n01/images/n01_0.JPEG"
    files[name] = encode(pictures(1, 64, 64)[0], "JPEG")
    image = _load(pack(files)).train_images[0]
    assert (image == image[..., :1]).all() and image.std() > 0


def test_missing_files_are_named(files, pack):
    for name in ("words.txt", "val/val_annotations.txt", "wnids.txt"):
        rest = {k: v for k, v in files.items() if k != name}
        with pytest.raises(InputError, match=f"^dataset.path: .*{name.split('/')[-1]}"):
            _load(pack(rest))
    rest = {k: v for k, v in files.items() if not k.startswith("train")}
    with pytest.raises(InputError, match="^dataset.path: missing files train/"):
        _load(pack(rest))
    rest = {k: v for k, v in files.items() if not k.startswith("train/n01")}
    with pytest.raises(InputError, match="^dataset: missing train examples .*'goldfish'$"):
        _load(pack(rest))


@pytest.mark.parametrize("line", ["val_9.JPEG\tn01\t0", "val_1.JPEG\tn99\t0", "val_1.JPEG"])
def test_a_wrong_annotation_is_named(files, pack, line):
    files["val/val_annotations.txt"] += line.encode()
    with pytest.raises(InputError, match="^dataset val_annotations.txt: .*" + line.split("\t")[0]):
        _load(pack(files))


def test_a_class_without_words_is_an_error(files, pack):
    files["words.txt"] = b"n01\tgoldfish\n"
    with pytest.raises(InputError, match="^dataset words.txt: missing class n02 of wnids.txt$"):
        _load(pack(files))


def test_a_damaged_image_is_named(files, pack):
    files["train/n03/images/n03_1.JPEG"] = b"damaged"
    with pytest.raises(InputError, match="^dataset: .*train/n03/images/n03_1.JPEG: not an image$"):
        _load(pack(files))


def test_other_files_and_damaged_archives_are_errors(files, pack, tmp_path):
    with pytest.raises(InputError, match="^dataset.path: expected tiny-imagenet-200.zip or"):
        _load(tmp_path / "none.zip")
    path = tmp_path / "cut.zip"
    path.write_bytes(b"no zip")
    with pytest.raises(InputError, match="^dataset.path: expected tiny-imagenet-200.zip or"):
        _load(path)
    whole = (tmp_path / pack(files)).read_bytes()
    position = whole.index(files["train/n01/images/n01_1.JPEG"]) + 99
    path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
    with pytest.raises(InputError, match="^dataset.path: expected an undamaged zip"):
        _load(path)
