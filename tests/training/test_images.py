import numpy as np
import PIL.Image
import pytest

from memkit import data, studies
from memkit.data import build
from memkit.data.mapped import MappedImages, image_hashes
from memkit.training import engines, images
from memkit.training.runner import Runner


@pytest.fixture
def photos(tmp_path):
    """A folder of 60 train and 12 test images, 6x6 gray, three classes."""
    rng = np.random.default_rng(0)
    for row in range(72):
        folder = tmp_path / "photos" / ("train" if row < 60 else "test") / "abc"[row % 3]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (6, 6)).astype(np.uint8)
        PIL.Image.fromarray(pixels).save(folder / f"{row:02d}.png")
    return tmp_path / "photos"


def _load(photos):
    return data.load("folder", path=str(photos))


@pytest.mark.parametrize("resident", [True, False])
def test_all_images_are_train_then_test_in_memory_and_on_disk(photos, monkeypatch, resident):
    plain = _load(photos)
    monkeypatch.setattr(build, "MEMORY_BYTES", 0)
    expected = np.concatenate([plain.train_images, plain.test_images])
    rows = np.array([59, 60, 0, 71, 71, 3])
    for dataset in (plain, _load(photos)):
        actual, is_resident = images.all_images(dataset, resident=resident)
        assert is_resident == resident
        assert tuple(actual.shape) == (72, 6, 6, 1)
        for chosen in (rows, rows[:2], rows[2:3], np.arange(72)):
            np.testing.assert_array_equal(actual[chosen], expected[chosen])
            assert isinstance(actual[chosen], np.ndarray)


def test_without_test_images_nothing_is_copied(photos, monkeypatch):
    options = {"path": str(photos / "train"), "test_fraction": 0.0}
    plain = data.load("folder", **options)
    assert images.all_images(plain, resident=True)[0] is plain.train_images
    monkeypatch.setattr(build, "MEMORY_BYTES", 0)
    on_disk = images.all_images(data.load("folder", **options), resident=True)[0]
    assert isinstance(on_disk, np.ndarray)
    np.testing.assert_array_equal(on_disk, plain.train_images)


def test_images_larger_than_the_bound_are_streamed(photos, monkeypatch):
    dataset = _load(photos)
    for size, is_resident in ((72 * 36, True), (72 * 36 - 1, False)):
        monkeypatch.setattr(images, "RESIDENT_BYTES", size)
        assert images.all_images(dataset, resident=True)[1] == is_resident


def test_a_batch_reads_only_its_rows():
    pixels = np.zeros((10, 2, 2, 1), np.uint8)
    read = []

    class Pixels:
        shape, ndim, dtype = pixels.shape, 4, pixels.dtype

        def __getitem__(self, rows):
            read.extend(np.atleast_1d(rows).tolist())
            return pixels[rows]

    mapped = MappedImages(Pixels(), image_hashes(pixels), np.arange(10)[::-1])
    joined = images.Joined(mapped[:7], mapped[7:])
    assert joined[np.array([0, 9, 2])].shape == (3, 2, 2, 1)
    assert sorted(read) == [0, 7, 9]


@pytest.mark.parametrize("resident", [True, False])
def test_records_are_the_same_bits_from_memory_and_from_disk(
    tmp_path, photos, mlp_config, monkeypatch, resident
):
    source = {"name": "folder", "path": str(photos), "mean": [0.3], "std": [0.4]}
    config = mlp_config({"dataset": source | {"resident": resident}})
    actual = []
    for name, bound in (("memory", 2**30), ("disk", 0)):
        monkeypatch.setattr(build, "MEMORY_BYTES", bound)
        dataset = images.load_dataset(config)
        assert isinstance(dataset.train_images, MappedImages) == (bound == 0)
        study = studies.open_or_create(tmp_path / name, config, dataset)
        done = Runner(engines.Setup()).train_runs(study, study.points[0], [0, 1])
        actual.append([arrays for _, arrays, _ in done])
    assert studies.load(tmp_path / "memory").info["fingerprint"] == study.info["fingerprint"]
    for first, second in zip(*actual, strict=True):
        assert set(first) == set(second)
        for name in first:
            np.testing.assert_array_equal(first[name], second[name], err_msg=name)
