import numpy as np
import PIL.Image
import pytest

from memkit import data
from memkit.audits import sources
from memkit.errors import InputError


def write(folder, sizes):
    for number, size in enumerate(sizes):
        file = folder / "abc"[number % 3] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.new("L", size, number).save(file)


@pytest.mark.parametrize(
    "sizes, side",
    [
        ([(28, 28)] * 6, 0),
        ([(20, 10)] * 6, 0),
        ([(640, 480)] * 6, 32),
        ([(16, 16), (16, 16), (12, 16)], 16),
    ],
)
def test_small_images_of_one_size_are_not_resized(tmp_path, sizes, side):
    write(tmp_path / "photos", sizes)
    section = sources.dataset(str(tmp_path / "photos"))
    assert section["image_size"] == side
    assert len(data.load(**section).train_ids) == len(sizes)


def test_the_sizes_of_train_images_count(tmp_path):
    write(tmp_path / "train", [(8, 8)] * 3)
    write(tmp_path / "val", [(8, 8)] * 3)
    dataset = data.load(**sources.dataset(str(tmp_path)))
    assert (len(dataset.train_ids), len(dataset.test_ids)) == (3, 3)


def test_an_npz_file_and_the_name_of_a_data_set(tmp_path):
    np.savez(tmp_path / "images.npz", x_train=np.zeros(1))
    assert sources.dataset(str(tmp_path / "images.npz"))["name"] == "npz"
    assert sources.dataset("cifar10") == {"name": "cifar10"}


@pytest.mark.parametrize("words", ["no_such_folder", "no_such.npz", "folder", "npz"])
def test_other_words_are_refused(words):
    with pytest.raises(InputError, match=r"^--data: expected a folder of images, a csv or"):
        sources.dataset(words)
