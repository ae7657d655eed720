import dataclasses
import os

import numpy as np
import pytest

from memkit import storage, studies
from memkit.data.dataset import ImageDataset
from memkit.studies import pictures


@pytest.fixture
def photos():
    """60 train and 21 test images of 40x48 RGB, three classes."""
    images = np.random.default_rng(0).integers(0, 256, (81, 40, 48, 3)).astype(np.uint8)
    labels = np.arange(81, dtype=np.int32) % 3
    ids = np.array([f"p{i}" for i in range(81)])
    return ImageDataset(
        train_images=images[:60],
        train_labels=labels[:60],
        train_ids=ids[:60],
        test_images=images[60:],
        test_labels=labels[60:],
        test_ids=ids[60:],
        class_names=("a", "b", "c"),
    )


@pytest.fixture
def create(tmp_path, make_config, photos):
    """Returns a function (name) -> Study of the photos on disk."""
    channels = {"dataset.mean": [0.5] * 3, "dataset.std": [0.5] * 3}
    return lambda name: studies.open_or_create(tmp_path / name, make_config(channels), photos)


def test_many_examples_have_the_same_thumbnails_in_blocks(create, monkeypatch):
    expected = studies.thumbnails(create("few"))
    monkeypatch.setattr(pictures, "MANY", 80)
    monkeypatch.setattr(pictures, "BLOCK", 8)
    study = create("many")
    assert not (study.workdir / "thumbnails.npz").exists()
    assert len(storage.names(study.workdir / "thumbnails")) == 8 + 3
    for actual, known in zip(studies.thumbnails(study), expected, strict=True):
        assert len(actual) == len(known)
        np.testing.assert_array_equal(list(actual), known)
        np.testing.assert_array_equal(actual[np.int64(13)], known[13])
        for row in (-1, len(known)):
            with pytest.raises(IndexError):
                actual[row]


def test_up_to_the_bound_there_is_one_file(create, monkeypatch):
    monkeypatch.setattr(pictures, "MANY", 81)
    study = create("few")
    assert (study.workdir / "thumbnails.npz").exists()
    assert not (study.workdir / "thumbnails").exists()


def test_one_block_of_images_is_in_memory_at_a_time(tmp_path, photos, monkeypatch):
    read = []

    class Images:
        shape = photos.train_images.shape

        def __len__(self):
            return 60

        def __getitem__(self, chosen):
            read.append(range(60)[chosen])
            return photos.train_images[chosen]

    monkeypatch.setattr(pictures, "MANY", 80)
    monkeypatch.setattr(pictures, "BLOCK", 25)
    dataset = dataclasses.replace(photos, train_images=Images())
    pictures.write(storage.path(tmp_path), dataset)
    assert read == [range(0, 25), range(25, 50), range(50, 60)]


@pytest.mark.parametrize("completed", [2, 5, 10])
def test_creation_that_was_killed_among_the_blocks_is_taken_up(create, monkeypatch, completed):
    monkeypatch.setattr(pictures, "MANY", 80)
    monkeypatch.setattr(pictures, "BLOCK", 8)
    real, left = storage.write, [completed]

    def write(path, content, **options):
        if not left[0]:
            raise OSError("killed")
        left[0] -= 1
        real(path, content, **options)

    with monkeypatch.context() as patched:
        patched.setattr(storage, "write", write)
        with pytest.raises(OSError, match="killed"):
            create("study")
    study = create("study")
    assert len(os.listdir(study.workdir / "thumbnails")) == 11
