"""Image classification sets of TensorFlow Datasets, in an order that no build can change.

TFDS shuffles when it prepares a set, so rows are sorted by what an example is, not where it lies.
Prepared files are read without TensorFlow, which would otherwise start before the engine can
configure it; only preparing a set needs TensorFlow.
"""

import concurrent.futures
import dataclasses
import hashlib
import os
import pathlib
import socket
import struct
import urllib.parse

import numpy as np

from memkit.data import build, images, tfds_features
from memkit.data.encoded import Encoded
from memkit.errors import DamagedFileError, expected, reason
from memkit.printable import printable

# Archives that are enough for preparing a set; the builders register others beside them.
_ARCHIVES = {
    "cifar10": ("cifar-10-binary.tar.gz",),
    "cifar100": ("cifar-100-binary.tar.gz",),
    "svhn_cropped": ("train_32x32.mat", "test_32x32.mat", "extra_32x32.mat"),
    "imagenette": ("imagenette2.tgz",),
    "imagenet2012": ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"),
}
_ID_FEATURES = ("id", "file_name")
_JPEG = b"\xff\xd8"
_LENGTH, _CHECK_SUM = struct.Struct("<Q"), 4  # of a TFRecord file


def load(*, tfds_name, data_dir="", train_split="train", test_split="test", image_size=0):
    """Returns a TFDS set, prepared first where it is not.

    Args:
      tfds_name: name, with config and version where wanted, such as "imagenette/320px-v2".
      data_dir: TFDS's folder, local or an object store; "" = TFDS's own default.
      train_split: name of a whole split; slices would depend on the order of the build.
      test_split: the same for the test images.
      image_size: pixels on a side to resize to, see `images.fit`; 0 = all are of one size.

    Returns:
      ImageDataset in the order of the feature `id`, else `file_name`, else of the hash of the
      image's content. Hash ids are 16 hexadecimal digits; the k-th copy of an image carries `#k`.
      Larger than memory: see `cache`.

    Raises:
      InputError: an unknown set or split, no features image and label, unequal sizes without
        image_size, or preparing failed (says which archives to put where); as `cache.load`.
    """
    builder = _prepared(tfds_name, data_dir)
    features = builder.info.features
    _check_features(tfds_name, features)
    splits = {"train": train_split, "test": test_split}
    for part, split in splits.items():
        _check_split(builder, part, split)
    key = next((name for name in _ID_FEATURES if name in features), None)

    def decode(item):
        record, example = item
        try:
            encoded, label = bytes(example["image"]), int(example["label"])
            name = key and _plain(example[key])
        except (TypeError, UnicodeDecodeError):  # What a flipped bit removes is None.
            raise DamagedFileError(record, "image, label or id missing") from None
        pixels = images.decode(encoded, record)
        name = _hash(encoded, pixels) if key is None else name
        return name, label, images.fit(pixels[None], image_size)[0]

    dataset = build.load(
        Encoded(
            items=lambda part: _items(builder, splits[part]),
            decode=decode,
            counts={
                part: builder.info.splits[split].num_examples for part, split in splits.items()
            },
            class_names=tuple(features["label"].names),
            key=lambda: [builder.info.full_name, image_size, _files(builder, splits)],
            folder=os.fspath(builder.data_path),
        )
    )
    if key is not None:
        return dataset
    ids = {f"{part}_ids": _numbered(getattr(dataset, f"{part}_ids").tolist()) for part in splits}
    return dataclasses.replace(dataset, **{part: np.array(names) for part, names in ids.items()})


def _prepared(tfds_name, data_dir):
    """Returns the builder of a set whose files are there."""
    import tensorflow_datasets as tfds

    parent = os.path.expanduser(data_dir or tfds.core.constants.DATA_DIR)
    tfds_features.check(os.path.join(parent, tfds_name.partition("/")[0].partition(":")[0]))
    try:
        builder = tfds.builder(tfds_name, data_dir=data_dir or None)
    except OSError:
        raise
    except Exception as error:  # TFDS, JSON and protobuf have errors of their own.
        received = f"{tfds_name!r} ({_first_line(error)})"
        raise expected("dataset.tfds_name", "a TFDS data set", received) from None
    if builder.is_prepared():
        return builder
    downloads = pathlib.Path(parent) / "downloads"
    # Without this look ahead TFDS tries again for minutes before it gives up.
    if not _any_file(downloads) and not _reachable(builder.url_infos):
        raise _unprepared(builder, downloads, "no way to its server")
    damaged = tfds.download.download_manager.NonMatchingChecksumError
    try:
        builder.download_and_prepare()
    except (OSError, AssertionError, tfds.download.DownloadError, damaged) as error:
        raise _unprepared(builder, downloads, _first_line(error)) from None
    return builder


def _first_line(error):
    return printable(reason(error).strip().splitlines()[0])


def _any_file(folder):
    return any(file.is_file() for file in folder.rglob("*"))


def _reachable(urls):
    for host in {urllib.parse.urlparse(url).hostname for url in urls} - {None}:
        try:
            socket.getaddrinfo(host, None)
        except OSError:
            return False
    return True


def _unprepared(builder, downloads, reason):
    """Returns the error that says which files make preparing possible without a network."""
    registered = [
        info.filename or urllib.parse.urlparse(url).path.rpartition("/")[2]
        for url, info in builder.url_infos.items()
    ]
    archives = _ARCHIVES[builder.name] if builder.name in _ARCHIVES else registered
    files = ", ".join(archives) or "what its page in the TFDS catalog names"
    return expected(
        "dataset.data_dir",
        f"{builder.name} prepared, or its archives ({files}) in {downloads / 'manual'}",
        f"neither ({reason})",
    )


def _check_features(tfds_name, features):
    found = set(features) if hasattr(features, "keys") else set()
    if not {"image", "label"} <= found or not hasattr(features["label"], "names"):
        names = ", ".join(sorted(found)) or "none"
        raise expected(
            "dataset.tfds_name",
            "a set with the features image and label (a class)",
            f"{tfds_name} with {names}",
        )


def _check_split(builder, part, split):
    if split not in builder.info.splits:
        names = ", ".join(builder.info.splits)
        raise expected(f"dataset.{part}_split", f"a split of {builder.name}: {names}", repr(split))
    if not builder.info.splits[split].num_examples:
        raise expected("dataset", f"examples in the split {split} of {builder.name}", "none")


def _items(builder, split):
    """Yields (name for errors, features) of the examples of a split, in stored order."""
    for number, example in enumerate(_examples(builder, split)):
        yield f"{builder.name} {split} record {number}", example


def _files(builder, splits):
    """Returns {part: [(name, bytes)]} of the prepared files; asking object stores takes long."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return {
            part: list(
                pool.map(
                    lambda file: (file.name, file.stat().length),
                    _paths(builder, split),
                )
            )
            for part, split in splits.items()
        }


def _plain(value: bytes | int) -> str | int:
    return value.decode() if isinstance(value, bytes) else int(value)


def _hash(encoded, pixels):
    """Returns the hash of an image's content.

    Lossless files of the same image differ with the library that wrote them, decoded JPEG files
    with the library that reads them.
    """
    lossy = encoded.startswith(_JPEG)
    content = encoded if lossy else f"{pixels.shape}".encode() + pixels.tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


def _numbered(ids):
    """Returns sorted ids with `#k` after the k-th copy."""
    numbered, copies = [], 0
    for row, name in enumerate(ids):
        copies = copies + 1 if row and ids[row - 1] == name else 0
        numbered.append(f"{name}#{copies}" if copies else name)
    return numbered


def _examples(builder, split):
    """Yields the features of each example as stored, images still encoded."""
    import tensorflow_datasets as tfds

    decoders = {"image": tfds.decode.SkipDecoding()}
    if builder.info.file_format is not tfds.core.FileFormat.TFRECORD:
        yield from builder.as_data_source(split, decoders=decoders)
        return
    for path in _paths(builder, split):
        for record in _records(path):
            try:
                yield builder.info.features.deserialize_example_np(record, decoders=decoders)
            except Exception as error:  # Of protobuf or TFDS, for a record with flipped bits.
                received = f"{path}, which is damaged ({_first_line(error)})"
                raise expected("dataset.data_dir", "whole files", received) from None


def _paths(builder, split: str) -> list:
    """Returns the paths of the prepared files of a split."""
    try:
        return builder.info.splits[split].filepaths
    except ValueError as error:  # The pattern of the names in dataset_info.json.
        received = f"{builder.data_path} ({_first_line(error)})"
        raise expected("dataset.data_dir", "whole files", received) from None


def _records(path):
    """Yields the records of a TFRecord file: length, its check sum, data, their check sum."""
    with path.open("rb") as file:
        while header := file.read(_LENGTH.size + _CHECK_SUM):
            length = _LENGTH.unpack_from(header)[0] if len(header) > _LENGTH.size else 0
            record = file.read(length)
            if not length or len(record) < length or len(file.read(_CHECK_SUM)) < _CHECK_SUM:
                raise expected("dataset.data_dir", "whole files", f"{path}, which is cut off")
            yield record
