import collections
import contextlib
import importlib.util
import io
import os
import re
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest
import tensorflow_datasets as tfds

from memkit import data
from memkit.data import build, duplicates, tfds_files
from memkit.data import dataset as datasets
from memkit.data import tfds as source
from memkit.data.mapped import MappedImages
from memkit.errors import InputError

NAMES = ("ant", "bee", "cat")


def _rows(count, split, height=4, width=4):
    """Returns dicts of id, image and label; the last two images are copies of the first."""
    rng = np.random.default_rng(len(split))
    images = rng.integers(0, 256, (count, height, width, 3)).astype(np.uint8)
    images[-1] = images[-2] = images[0]
    labels = rng.permutation(np.arange(count) % 3)
    return [
        {"id": f"{split}_{i:05d}", "image": images[i], "label": int(labels[i])}
        for i in range(count)
    ]


def _builder(name, rows, salt, *, key="", label=None):
    """Returns a builder class of {split: rows}; the salt decides how TFDS shuffles."""
    features = {
        "image": tfds.features.Image(shape=(None, None, 3)),
        "label": label or tfds.features.ClassLabel(names=NAMES),
    }
    if key:
        features[key] = tfds.features.Text()

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in rows}

        def _generate_examples(self, split):
            for number, row in enumerate(rows[split]):
                features_of_row = {k: row["id" if k == key else k] for k in features}
                yield f"{salt}/{number}", features_of_row

    Builder.name = name
    return Builder


def _prepare(folder, name, salt, *, rows=None, file_format=None, **options):
    rows = rows or {"train": _rows(30, "train"), "test": _rows(9, "test")}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        builder = _builder(name, rows, salt, **options)(
            data_dir=str(folder), file_format=file_format
        )
        builder.download_and_prepare()
    return rows


def _load(folder, name, **options):
    return data.load("tfds", tfds_name=name, data_dir=str(folder), **options)


def _check_equal(first, second):
    for name, value in vars(first).items():
        np.testing.assert_array_equal(getattr(second, name), value)


def _stored(folder, name):
    """Returns the ids of the train split in the order of its file."""
    builder = tfds.builder(name, data_dir=str(folder))
    (path,) = builder.info.splits["train"].filepaths
    records = list(tfds_files.records(path))
    return [builder.info.features.deserialize_example_np(r)["id"].decode() for r in records]


@pytest.mark.parametrize("key", ["id", "file_name"])
def test_rows_are_in_the_order_of_their_ids(tmp_path, key):
    rows = _prepare(tmp_path, "named", "a", key=key)
    dataset = _load(tmp_path, "named")
    assert dataset.class_names == NAMES
    for part in ("train", "test"):
        assert getattr(dataset, f"{part}_ids").tolist() == [row["id"] for row in rows[part]]
        expected = np.stack([row["image"] for row in rows[part]])
        np.testing.assert_array_equal(getattr(dataset, f"{part}_images"), expected)
        labels = [row["label"] for row in rows[part]]
        assert getattr(dataset, f"{part}_labels").tolist() == labels


@pytest.mark.parametrize("key", ["id", ""])
def test_rows_do_not_depend_on_the_shuffling_of_the_build(tmp_path, key):
    for salt in ("a", "b"):
        _prepare(tmp_path / salt, "shuffled", salt, key=key)
    if key:
        assert _stored(tmp_path / "a", "shuffled") != _stored(tmp_path / "b", "shuffled")
    _check_equal(_load(tmp_path / "a", "shuffled"), _load(tmp_path / "b", "shuffled"))


def test_without_ids_copies_are_numbered_and_labels_match(tmp_path):
    rows = _prepare(tmp_path, "nameless", "a")
    dataset = _load(tmp_path, "nameless")
    ids = dataset.train_ids.tolist()
    assert len(set(ids)) == 30
    first = [name for name in ids if "#" not in name]
    assert first == sorted(first) and {len(name) for name in first} == {16}
    (copied,) = {name.split("#")[0] for name in ids if "#" in name}
    position = ids.index(copied)
    assert ids[position : position + 3] == [copied, f"{copied}#1", f"{copied}#2"]
    assert (dataset.train_images[position : position + 3] == rows["train"][0]["image"]).all()
    for part in ("train", "test"):
        loaded = zip(getattr(dataset, f"{part}_images"), getattr(dataset, f"{part}_labels"))
        expected = [(row["image"].tobytes(), row["label"]) for row in rows[part]]
        pairs = [(image.tobytes(), int(label)) for image, label in loaded]
        assert collections.Counter(pairs) == collections.Counter(expected)


def test_different_sizes_need_image_size_which_does_not_change_ids(tmp_path):
    tall = _rows(9, "train", 6, 4)
    rows = {"train": _rows(9, "train") + tall, "test": _rows(9, "test")}
    _prepare(tmp_path, "unequal", "a", rows=rows)
    with pytest.raises(InputError, match="^dataset.image_size: .*4x4.* pixels$"):
        _load(tmp_path, "unequal")
    small, large = (_load(tmp_path, "unequal", image_size=size) for size in (3, 4))
    assert small.image_shape == (3, 3, 3)
    assert small.train_ids.tolist() == large.train_ids.tolist()
    loaded = {image.tobytes() for image in large.train_images}
    assert all(row["image"][1:5].tobytes() in loaded for row in tall)


def test_hash_of_a_lossless_image_does_not_depend_on_its_encoding(pictures):
    (picture,) = pictures(1, 9, 9, 3)
    encoded = []
    for level in (0, 9):
        buffer = io.BytesIO()
        PIL.Image.fromarray(picture).save(buffer, "PNG", compress_level=level)
        encoded.append(buffer.getvalue())
    assert encoded[0] != encoded[1]
    assert source._hash(encoded[0], picture) == source._hash(encoded[1], picture)


def test_hash_of_a_jpeg_does_not_depend_on_its_decoder(encode, pictures):
    (picture,) = pictures(1, 9, 9, 3)
    encoded = encode(picture, "JPEG")
    assert source._hash(encoded, picture) == source._hash(encoded, picture ^ 1)


def test_array_record_files_give_the_same_rows(tmp_path):
    pytest.importorskip("array_record.python.array_record_module")
    _prepare(tmp_path / "a", "formats", "a", key="id")
    _prepare(tmp_path / "b", "formats", "a", key="id", file_format="array_record")
    _check_equal(_load(tmp_path / "a", "formats"), _load(tmp_path / "b", "formats"))


@pytest.mark.parametrize("key", ["id", ""])
@pytest.mark.parametrize("size", [0, 3])
def test_a_data_set_larger_than_memory_is_the_same_from_disk(tmp_path, monkeypatch, key, size):
    _prepare(tmp_path, "large", "a", key=key)
    expected = _load(tmp_path, "large", image_size=size)
    monkeypatch.setattr(build, "MEMORY_BYTES", 100)
    for _ in range(2):
        loaded = _load(tmp_path, "large", image_size=size)
        assert isinstance(loaded.train_images, MappedImages)
        file = loaded.train_images.pixels.base.filename
        assert file.is_relative_to(tmp_path / "large/1.0.0/memkit_cache")
        _check_equal(loaded, expected)
        assert datasets.fingerprint(loaded) == datasets.fingerprint(expected)
        copies, known = duplicates.find(loaded), duplicates.find(expected)
        assert len(copies.train_groups) == 1
        np.testing.assert_array_equal(copies.train_groups[0], known.train_groups[0])


def test_every_image_size_has_its_own_cache(tmp_path, monkeypatch):
    _prepare(tmp_path, "sizes", "a")
    expected = {size: _load(tmp_path, "sizes", image_size=size) for size in (2, 3, 0)}
    monkeypatch.setattr(build, "MEMORY_BYTES", 100)
    for _ in range(2):
        for size, dataset in expected.items():
            _check_equal(_load(tmp_path, "sizes", image_size=size), dataset)


def test_changed_files_are_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "MEMORY_BYTES", 100)
    _prepare(tmp_path, "changed", "a")
    _load(tmp_path, "changed")
    (path,) = tfds.builder("changed", data_dir=str(tmp_path)).info.splits["test"].filepaths
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(InputError, match="^dataset.data_dir: expected undamaged files"):
        _load(tmp_path, "changed")


def test_a_missing_record_is_an_error(tmp_path):
    _prepare(tmp_path, "lacking", "a")
    (path,) = tfds.builder("lacking", data_dir=str(tmp_path)).info.splits["train"].filepaths
    last = list(tfds_files.records(path))[-1]
    path.write_bytes(path.read_bytes()[: -len(last) - 16])
    with pytest.raises(InputError, match="^dataset: expected 30 train examples.*received 29$"):
        _load(tmp_path, "lacking")


_CHILD = """
import sys
from memkit import data
data.load("tfds", tfds_name="light", data_dir=sys.argv[1])
print("tensorflow" in sys.modules)
"""


def test_prepared_data_sets_are_read_without_tensorflow(tmp_path):
    _prepare(tmp_path, "light", "a")
    command = [sys.executable, "-c", _CHILD, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert process.stdout.strip() == "False"


def test_unknown_splits_and_slices_are_errors(tmp_path):
    rows = {"train": _rows(9, "train"), "validation": _rows(9, "validation")}
    _prepare(tmp_path, "splits", "a", rows=rows)
    with pytest.raises(
        InputError, match="^dataset.test_split: unknown split 'test'. Known: train, validation$"
    ):
        _load(tmp_path, "splits")
    with pytest.raises(
        InputError, match="^dataset.train_split: unknown split 'train.:5.'; did you mean 'train'"
    ):
        _load(tmp_path, "splits", train_split="train[:5]", test_split="validation")
    assert len(_load(tmp_path, "splits", test_split="validation").test_ids) == 9


def test_a_data_set_without_class_labels_is_an_error(tmp_path):
    _prepare(tmp_path, "plain", "a", label=tfds.features.Scalar(np.int64))
    with pytest.raises(InputError, match="^dataset.tfds_name: .*with image, label$"):
        _load(tmp_path, "plain")


def test_unlabeled_examples_are_errors(tmp_path):
    rows = {"train": _rows(9, "train"), "test": _rows(9, "test")}
    rows["test"][4]["label"] = -1
    _prepare(tmp_path, "unlabeled", "a", rows=rows, key="id")
    with pytest.raises(InputError, match="^dataset: expected the test labels in .*-1 in row 4$"):
        _load(tmp_path, "unlabeled")


def test_a_truncated_file_is_an_error(tmp_path):
    _prepare(tmp_path, "cut", "a")
    (path,) = tfds.builder("cut", data_dir=str(tmp_path)).info.splits["train"].filepaths
    content = path.read_bytes()
    for length in (5, 100, len(content) - 2):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match="^dataset.data_dir: expected undamaged files"):
            _load(tmp_path, "cut")


@pytest.mark.parametrize("name", ["no_such_set", "cifar10:9.9.9", "cifar10/large", "../cifar10"])
def test_unknown_data_sets_are_errors_of_one_line(tmp_path, name):
    with pytest.raises(InputError, match="^dataset.tfds_name: .*a TFDS data set") as caught:
        _load(tmp_path, name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name, archives",
    [
        ("cifar10", "cifar-10-binary.tar.gz"),
        ("cifar100", "cifar-100-binary.tar.gz"),
        ("svhn_cropped", "train_32x32.mat, test_32x32.mat, extra_32x32.mat"),
        ("mnist", "t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz, train-images-idx3-"),
        ("imagenette", "imagenette2.tgz"),
        ("imagenet2012", "ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar"),
    ],
)
def test_without_a_network_the_archives_and_their_folder_are_named(
    tmp_path, monkeypatch, name, archives
):
    monkeypatch.setattr(source, "_reachable", lambda urls: False)
    with pytest.raises(InputError, match="^dataset.data_dir: ") as caught:
        data.load(name, data_dir=str(tmp_path))
    message = str(caught.value)
    assert archives in message and str(tmp_path / "downloads" / "manual") in message
    assert "\n" not in message


def test_preparing_without_tensorflow_is_one_line(tmp_path, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *a: None if name == "tensorflow" else real(name, *a),
    )
    with pytest.raises(InputError, match="^dataset.data_dir: .*TensorFlow, which is not installed"):
        data.load("cifar10", data_dir=str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_an_archive_in_the_manual_folder_is_used_and_verified(tmp_path):
    manual = tmp_path / "downloads" / "manual"
    manual.mkdir(parents=True)
    (manual / "cifar-10-binary.tar.gz").write_bytes(b"another archive")
    with (
        contextlib.redirect_stderr(io.StringIO()),
        pytest.raises(InputError, match="^dataset.data_dir: .*cifar-10-binary.tar.gz.*neither"),
    ):
        data.load("cifar10", data_dir=str(tmp_path))


def test_changed_bytes_of_prepared_files_give_the_data_set_or_an_input_error(tmp_path):
    _prepare(tmp_path, "flipped", "a", key="id")
    folder = tmp_path / "flipped/1.0.0"
    random = np.random.default_rng(0)
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        content = file.read_bytes()
        for position in random.integers(0, len(content), 12):
            file.write_bytes(content[:position] + b"\x7f" + content[position + 1 :])
            with contextlib.suppress(InputError), contextlib.redirect_stdout(io.StringIO()):
                _load(tmp_path, "flipped")
        file.write_bytes(content)


@pytest.mark.parametrize("name", ["features.json", "dataset_info.json", "flipped-train.tfrecord"])
def test_unreadable_prepared_files_are_named(tmp_path, name):
    _prepare(tmp_path, "flipped", "a", key="id")
    (file,) = (tmp_path / "flipped/1.0.0").glob(f"{name}*")
    file.unlink()
    file.mkdir()
    with pytest.raises(InputError, match=f"^dataset: .*{name}"):
        _load(tmp_path, "flipped")


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(InputError, match="^dataset.name: missing packages that tfds needs"):
        _load(tmp_path, "any")


@pytest.mark.parametrize("key", ["pythonClassName", r"python\\u0043lassName", "type"])
def test_a_prepared_data_set_cannot_make_memkit_run_its_code(tmp_path, monkeypatch, key):
    written = f'"{key}": "intruder.Image"'
    _prepare(tmp_path, "strange", salt="a")
    (tmp_path / "intruder.py").write_text(f"open({str(tmp_path / 'victim')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    path = next(tmp_path.rglob("features.json"))
    path.write_text(re.sub(r'"pythonClassName": "[^"]*"', written, path.read_text(), count=1))
    with pytest.raises(InputError, match="features.json: expected features of tensorflow_datasets"):
        _load(tmp_path, "strange")
    assert not (tmp_path / "victim").exists()
