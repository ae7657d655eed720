import collections
import concurrent.futures
import dataclasses
import logging
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from memkit import data
from memkit.data import build, cache, duplicates, images
from memkit.data import dataset as datasets
from memkit.data.encoded import Encoded
from memkit.data.mapped import MappedImages
from memkit.errors import InputError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))


@pytest.fixture
def memory(monkeypatch):
    """Returns a function that sets how many bytes of pixels are kept in memory at most."""
    return lambda size: monkeypatch.setattr(build, "MEMORY_BYTES", size)


@pytest.fixture
def photos(tmp_path, pictures, write_image):
    """Returns a folder of 12 train and 4 test images with copies."""
    images = pictures(16, 5, 4, 3)
    images[7] = images[2]
    images[15] = images[3]
    for row, image in enumerate(images):
        part, name = ("train", "ab"[row % 2]) if row < 12 else ("test", "ab"[row % 2])
        write_image(tmp_path / f"photos/{part}/{name}/{row:02d}.png", image)
    return tmp_path / "photos"


@pytest.fixture
def decoded(monkeypatch):
    """Returns a list of the names of all images that are decoded."""
    names, real = [], images.decode

    def decode(encoded, name, **options):
        names.append(os.path.basename(name))
        return real(encoded, name, **options)

    monkeypatch.setattr(images, "decode", decode)
    return names


def _load(folder, **options):
    return data.load("folder", path=str(folder), **options)


def _check_same(loaded, expected):
    for name, value in vars(expected).items():
        np.testing.assert_array_equal(np.asarray(getattr(loaded, name)), np.asarray(value))
    assert datasets.fingerprint(loaded) == datasets.fingerprint(expected)
    copies = duplicates.find(expected)
    for name, value in vars(duplicates.find(loaded)).items():
        np.testing.assert_array_equal(value, getattr(copies, name))


def _caches(folder):
    """Returns the finished caches beside a folder of images."""
    parent = folder / "memkit_cache"
    return sorted(path for path in parent.iterdir() if path.is_dir()) if parent.exists() else []


def _items(count, *, shape=(4, 4, 3), ids=str, seed=0, folder="none", **changes):
    """Returns an Encoded of random images in a random order of their ids."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (count, *shape)).astype(np.uint8)
    rows = {"train": rng.permutation(count - 3), "test": rng.permutation(3) + count - 3}
    fields = {
        "items": lambda part: iter(rows[part]),
        "decode": lambda row: (ids(row), row % 2, pixels[row]),
        "counts": {part: len(chosen) for part, chosen in rows.items()},
        "class_names": ("a", "b"),
        "key": lambda: seed,
        "folder": folder,
    }
    return Encoded(**fields | changes), pixels


def test_cached_images_equal_those_in_memory(photos, memory):
    expected = _load(photos)
    assert isinstance(expected.train_images, np.ndarray) and not _caches(photos)
    memory(16 * 5 * 4 * 3 - 1)
    for _ in range(2):
        loaded = _load(photos)
        assert isinstance(loaded.train_images, MappedImages)
        assert isinstance(loaded.train_images.pixels.base, np.memmap)
        _check_same(loaded, expected)
    (folder,) = _caches(photos)
    stored = np.load(folder / "pixels.npy")
    assert collections.Counter(map(bytes, stored)) == collections.Counter(
        map(bytes, [*expected.train_images, *expected.test_images])
    )


def test_images_that_fit_stay_in_memory(photos, memory):
    memory(16 * 5 * 4 * 3)
    assert isinstance(_load(photos).train_images, np.ndarray)
    assert not _caches(photos)


@pytest.mark.parametrize("ids", [str, int], ids=["text", "numbers"])
@pytest.mark.parametrize("bound", [0, 2**30], ids=["cached", "in memory"])
def test_rows_are_sorted_by_id(tmp_path, memory, ids, bound):
    memory(bound)
    encoded, pixels = _items(23, ids=ids, folder=tmp_path)
    dataset = build.load(encoded)
    for part, rows in (("train", range(20)), ("test", range(20, 23))):
        order = sorted(rows, key=ids)
        assert getattr(dataset, f"{part}_ids").tolist() == [str(row) for row in order]
        assert getattr(dataset, f"{part}_labels").tolist() == [row % 2 for row in order]
        np.testing.assert_array_equal(
            np.asarray(getattr(dataset, f"{part}_images")), pixels[np.array(order)]
        )


@pytest.mark.parametrize("colored", [(), (0,), (9,), (15,), (0, 9)], ids=str)
def test_images_are_gray_only_if_all_of_them_are(
    tmp_path, memory, pictures, write_image, colored, decoded
):
    for row in range(16):
        image = pictures(1, 4, 4, 3, seed=row)[0]
        part = "train" if row < 12 else "test"
        name = tmp_path / f"mixed/{part}/{'ab'[row % 2]}/{row:02d}.png"
        write_image(name, image if row in colored else image[..., 0])
    expected = _load(tmp_path / "mixed")
    assert expected.image_shape == (4, 4, 3 if colored else 1)
    memory(0)
    for _ in range(2):
        _check_same(_load(tmp_path / "mixed"), expected)
    assert len(_caches(tmp_path / "mixed")) == 1
    decoded.clear()
    _load(tmp_path / "mixed")
    assert len(decoded) == 1


def test_selections_of_cached_images_equal_those_of_images_in_memory(photos, memory):
    options = {"classes": ("b", "a"), "train_per_class": 4}
    expected = _load(photos, **options)
    memory(0)
    loaded = _load(photos, **options)
    assert isinstance(loaded.train_images, MappedImages)
    _check_same(loaded, expected)


def test_a_second_process_decodes_only_one_image(photos, memory, decoded):
    memory(0)
    _load(photos)
    assert len(decoded) == 17
    decoded.clear()
    _load(photos)
    assert len(decoded) == 1


@pytest.mark.parametrize("change", ["pixels", "same size", "name", "image_size", "one more"])
def test_another_data_set_has_another_cache(photos, memory, write_image, pictures, change):
    memory(0)
    before = _load(photos)
    file = photos / "train/a/04.png"
    if change == "pixels":
        write_image(file, pictures(1, 5, 4, 3, seed=9)[0])
    elif change == "same size":
        os.utime(file, ns=(1, 1))
    elif change == "name":
        file.rename(file.with_name("044.png"))
    elif change == "one more":
        write_image(file.with_name("99.png"), pictures(1, 5, 4, 3, seed=9)[0])
    options = {"image_size": 3} if change == "image_size" else {}
    loaded = _load(photos, **options)
    memory(2**30)
    _check_same(loaded, _load(photos, **options))
    same = datasets.fingerprint(loaded) == datasets.fingerprint(before)
    assert same == (change == "same size")
    assert len(_caches(photos)) == 2


def _flip(file, position):
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    file.write_bytes(content)


def _flip_text(file, text):
    _flip(file, file.read_bytes().index(text))


def _hashes(folder):
    with np.load(folder / "examples.npz") as file:
        return file["hashes"]


def _cut(file, length):
    file.write_bytes(file.read_bytes()[:length])


def _rename(folder):
    """Makes a complete cache look like the one of another data set."""
    with np.load(folder / "examples.npz") as file:
        arrays = dict(file)
    np.savez(folder / "examples.npz", **arrays | {"key": np.array("of another set")})


_DAMAGES = {
    "first pixel": lambda folder: _flip(folder / "pixels.npy", 128),
    "last pixel": lambda folder: _flip(folder / "pixels.npy", -1),
    "header": lambda folder: _flip(folder / "pixels.npy", 70),
    "pixels cut": lambda folder: _cut(folder / "pixels.npy", 500),
    "pixels empty": lambda folder: _cut(folder / "pixels.npy", 0),
    "pixels gone": lambda folder: (folder / "pixels.npy").unlink(),
    "examples cut": lambda folder: _cut(folder / "examples.npz", 900),
    "examples empty": lambda folder: _cut(folder / "examples.npz", 0),
    "id": lambda folder: _flip_text(folder / "examples.npz", "train/a/04".encode("utf-32-le")),
    "hash": lambda folder: _flip_text(folder / "examples.npz", _hashes(folder)[9].tobytes()),
    "examples gone": lambda folder: (folder / "examples.npz").unlink(),
    "foreign": _rename,
    "wrong type": lambda folder: np.save(
        folder / "pixels.npy", np.load(folder / "pixels.npy").astype(np.int16)
    ),
    "rows missing": lambda folder: np.save(
        folder / "pixels.npy", np.load(folder / "pixels.npy")[:-1]
    ),
    "zeros": lambda folder: np.save(
        folder / "pixels.npy", np.load(folder / "pixels.npy") * np.uint8(0)
    ),
}


@pytest.mark.parametrize("damage", _DAMAGES)
def test_a_damaged_cache_is_created_again(photos, memory, decoded, damage):
    expected = _load(photos)
    memory(0)
    _load(photos)
    (folder,) = _caches(photos)
    _DAMAGES[damage](folder)
    decoded.clear()
    _check_same(_load(photos), expected)
    assert len(decoded) == 17
    decoded.clear()
    _check_same(_load(photos), expected)
    assert len(decoded) == 1


def test_files_of_a_killed_process_are_removed(photos, memory):
    memory(0)
    _load(photos)
    (folder,) = _caches(photos)
    folder.rename(cache._temporary(folder))
    _load(photos)
    assert _caches(photos) == [folder]


def test_a_failure_leaves_only_the_lock_file(photos, memory):
    memory(0)
    (photos / "train/b/11.png").write_bytes(b"no image")
    with pytest.raises(
        InputError, match="^dataset: expected images that .*b/11.png: not an image$"
    ):
        _load(photos)
    assert [path.suffix for path in (photos / "memkit_cache").iterdir()] == [".lock"]


def test_too_little_disk_space_is_an_error_before_anything_is_written(photos, memory, monkeypatch):
    memory(0)
    usage = collections.namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(16 * (60 + 16) - 1))
    before = sorted(photos.rglob("*"))
    pattern = r"^dataset: expected 0.0 GB of disk .* folders, received .*cache: 0.0 GB; .*memkit: "
    with pytest.raises(InputError, match=pattern):
        _load(photos)
    assert sorted(photos.rglob("*")) == before
    assert not (photos.parent / "user").exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(16 * (60 + 16)))
    assert isinstance(_load(photos).train_images, MappedImages)


def test_the_cache_is_created_in_a_writable_folder_with_enough_space(photos, memory, monkeypatch):
    memory(0)
    (photos / "memkit_cache").write_text("a file in the way")
    user_cache = photos.parent / "user/memkit"
    assert _file(_load(photos)).is_relative_to(user_cache)
    (photos / "memkit_cache").unlink()
    assert _file(_load(photos)).is_relative_to(user_cache)  # It exists already.
    shutil.rmtree(user_cache)
    usage = collections.namedtuple("usage", "free")
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: usage(0 if "photos" in str(path) else 10**9)
    )
    assert _file(_load(photos)).is_relative_to(user_cache)


def _file(dataset):
    return dataset.train_images.pixels.base.filename


def test_remote_data_sets_are_cached_in_the_users_folder(tmp_path, monkeypatch):
    assert cache._parents("gs://bucket/set") == [tmp_path / "user/memkit"]
    beside = pathlib.Path("/a/set/memkit_cache")
    assert cache._parents("/a/set") == [beside, tmp_path / "user/memkit"]
    home = pathlib.Path("~/.cache/memkit").expanduser()
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache._parents("gs://bucket/set") == [home]
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache._parents("gs://bucket/set") == [home]


def test_creating_a_cache_is_logged_once(photos, memory, caplog):
    memory(0)
    with caplog.at_level(logging.INFO, logger="absl"):
        _load(photos)
        _load(photos)
    (line,) = [record.getMessage() for record in caplog.records]
    (folder,) = _caches(photos)
    assert line == f"decoding 16 images (0.0 GB) once, into {folder}"


def test_concurrent_processes_decode_only_once(photos, memory, decoded):
    memory(0)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(_load, photos) for _ in range(4)]
        fingerprints = {datasets.fingerprint(future.result()) for future in futures}
    assert len(fingerprints) == 1
    assert collections.Counter(decoded)["11.png"] == 1


@pytest.mark.parametrize("bound", [0, 2**30], ids=["cached", "in memory"])
@pytest.mark.parametrize("announced", [-1, 1])
@pytest.mark.parametrize("part", ["train", "test"])
def test_a_number_of_examples_other_than_announced_is_an_error(
    tmp_path, memory, bound, announced, part
):
    memory(bound)
    encoded, _ = _items(23, folder=tmp_path)
    counts = encoded.counts | {part: encoded.counts[part] + announced}
    wrong = dataclasses.replace(encoded, counts=counts)
    with pytest.raises(InputError, match=f"^dataset: expected {counts[part]} {part} examples"):
        build.load(wrong)


def test_images_are_in_order_for_any_number_of_threads(tmp_path, monkeypatch):
    encoded, pixels = _items(500, folder=tmp_path, ids=lambda row: f"{row:04d}")
    for cores in (1, 3, 40):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        loaded = build.load(encoded)
        np.testing.assert_array_equal(loaded.train_images, pixels[:497])
        np.testing.assert_array_equal(loaded.test_images, pixels[497:])


_CHILD = """
import os, resource, sys, tracemalloc
import numpy as np
import PIL.Image
from memkit.data import build, duplicates, selection, checks
from memkit.data.dataset import fingerprint
from memkit.data.encoded import Encoded
from memkit.studies import pictures
from memkit import storage
from memkit.training.images import Joined

os.cpu_count = lambda: 2  # Every core keeps some images in memory.
SIDE, TRAIN, TEST = 128, 1300, 100  # 69 MB of pixels
build.MEMORY_BYTES = 8 * 2**20
pictures.MANY = 1000
pictures.BLOCK = 100

def decode(row):
    rng = np.random.Generator(np.random.PCG64(row // 2))
    return f"{row:05d}", row % 7, rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)

ranges = {"train": range(TRAIN), "test": range(TRAIN, TRAIN + TEST)}
encoded = Encoded(
    items=lambda part: iter(ranges[part]), decode=decode, counts={"train": TRAIN, "test": TEST},
    class_names=tuple("abcdefg"), key=lambda: "big", folder=sys.argv[1],
)
decode(0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
tracemalloc.start()
dataset = build.load(encoded)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
checks.check(dataset)
part = selection.keep(dataset, classes=(0, 1, 2, 3, 4, 5))
fingerprint(part)
assert len(duplicates.find(dataset).train_groups) == TRAIN // 2
pictures.write(storage.path(sys.argv[1]) / "study", dataset)
images = Joined(dataset.train_images, dataset.test_images)
assert images[np.arange(TRAIN - 8, TRAIN + 8)].shape == (16, SIDE, SIDE, 3)
print(grown // 1024, tracemalloc.get_traced_memory()[1] // 2**20)
"""


def test_memory_is_bounded_for_images_much_larger_than_memory(tmp_path):
    command = [sys.executable, "-c", _CHILD, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert process.returncode == 0, process.stderr
    grown, traced = map(int, process.stdout.split())  # MiB of the process, of Python and NumPy
    assert grown < 32
    assert traced < 16
