"""Image classification data sets of TensorFlow Datasets (TFDS), in a permanent order.

TFDS shuffles a data set when it prepares it, so rows are sorted by the content of the examples, not
by their position in a file. Prepared files are read without TensorFlow, which would otherwise start
before the engine can configure it; only preparing a data set needs TensorFlow.
"""

import dataclasses
import hashlib
import importlib.util
import os
import pathlib
import socket
import urllib.parse
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from memkit.data import build, images, tfds_features, tfds_files
from memkit.data.dataset import ImageDataset
from memkit.data.encoded import Encoded, Example
from memkit.errors import DamagedFileError, InputError, expected, missing, unknown
from memkit.typing import Array, TextArray

# Archives that suffice to prepare a data set; the builders register further ones.
_ARCHIVES = {
    "cifar10": ("cifar-10-binary.tar.gz",),
    "cifar100": ("cifar-100-binary.tar.gz",),
    "svhn_cropped": ("train_32x32.mat", "test_32x32.mat", "extra_32x32.mat"),
    "imagenette": ("imagenette2.tgz",),
    "imagenet2012": ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"),
}
_ID_FEATURES = ("id", "file_name")
_JPEG = b"\xff\xd8"


def load(
    *,
    tfds_name: str,
    data_dir: str = "",
    train_split: str = "train",
    test_split: str = "test",
    image_size: int = 0,
) -> ImageDataset:
    """Loads a TFDS data set, which is prepared first if necessary.

    Args:
      tfds_name: name, optionally with config and version, such as "imagenette/320px-v2".
      data_dir: folder of TFDS, local or in an object store; "" = the default of TFDS.
      train_split: name of a whole split; a slice would depend on the order of the files.
      test_split: the same for the test images.
      image_size: height and width in pixels to which images are resized, see `images.fit`; 0 = do
        not resize.

    Returns:
      A data set sorted by the feature `id`, or else `file_name`, or else the hash of the image.
      Hash ids have 16 hexadecimal digits; the k-th copy of an image has the suffix `#k`. For images
      larger than memory, see `cache`.

    Raises:
      InputError: the data set or a split is unknown, the features image and label are missing,
        images differ in size without image_size, preparing failed (names the archives that are
        needed and their folder); or as `cache.load`.
    """
    builder = _prepared(tfds_name, data_dir)
    features = builder.info.features
    _check_features(tfds_name, features)
    splits = {"train": train_split, "test": test_split}
    for part, split in splits.items():
        _check_split(builder, part, split)
    key = next((name for name in _ID_FEATURES if name in features), None)

    def decode(item: tuple[str, dict[str, Any]]) -> Example:
        record, example = item
        try:
            encoded, label = bytes(example["image"]), int(example["label"])
            name = _plain(example[key]) if key else None
        except (TypeError, UnicodeDecodeError):  # Flipped bits can turn a feature into None.
            raise DamagedFileError(record, "image, label or id missing") from None
        pixels = images.decode(encoded, record)
        name = _hash(encoded, pixels) if name is None else name
        return name, label, images.fit(pixels[None], image_size)[0]

    dataset = build.load(
        Encoded(
            items=lambda part: _items(builder, splits[part]),
            decode=decode,
            counts={
                part: builder.info.splits[split].num_examples for part, split in splits.items()
            },
            class_names=tuple(features["label"].names),
            key=lambda: [builder.info.full_name, image_size, tfds_files.sizes(builder, splits)],
            folder=os.fspath(builder.data_path),
        )
    )
    if key is not None:
        return dataset
    return dataclasses.replace(
        dataset, train_ids=_numbered(dataset.train_ids), test_ids=_numbered(dataset.test_ids)
    )


def _prepared(tfds_name: str, data_dir: str) -> Any:
    """Returns the `tfds.core.DatasetBuilder` of a data set, after preparing it if necessary."""
    import tensorflow_datasets as tfds

    parent = os.path.expanduser(data_dir or tfds.core.constants.DATA_DIR)
    tfds_features.check(os.path.join(parent, tfds_name.partition("/")[0].partition(":")[0]))
    try:
        builder = tfds.builder(tfds_name, data_dir=data_dir or None)
    except OSError:
        raise
    except Exception as error:  # TFDS, JSON and protobuf raise many exceptions.
        received = f"{tfds_name!r} ({tfds_files.first_line(error)})"
        raise expected("dataset.tfds_name", "a TFDS data set", received) from None
    if builder.is_prepared():
        return builder
    if importlib.util.find_spec("tensorflow") is None:
        received = "none: TensorFlow, which is not installed, must prepare it"
        raise expected("dataset.data_dir", f"{builder.name} in prepared form", received)
    downloads = pathlib.Path(parent) / "downloads"
    # Without this check, TFDS retries for minutes before it fails.
    if not _any_file(downloads) and not _reachable(builder.url_infos):
        raise _unprepared(builder, downloads, "its server cannot be reached")
    damaged = tfds.download.download_manager.NonMatchingChecksumError
    try:
        builder.download_and_prepare()
    except (OSError, AssertionError, tfds.download.DownloadError, damaged) as error:
        raise _unprepared(builder, downloads, tfds_files.first_line(error)) from None
    return builder


def _any_file(folder: pathlib.Path) -> bool:
    return any(file.is_file() for file in folder.rglob("*"))


def _reachable(urls: Iterable[str]) -> bool:
    for host in {urllib.parse.urlparse(url).hostname for url in urls} - {None}:
        try:
            socket.getaddrinfo(host, None)
        except OSError:
            return False
    return True


def _unprepared(builder: Any, downloads: pathlib.Path, reason: str) -> InputError:
    """Returns the error that names the files with which preparing needs no network."""
    registered = [
        info.filename or urllib.parse.urlparse(url).path.rpartition("/")[2]
        for url, info in builder.url_infos.items()
    ]
    archives = _ARCHIVES[builder.name] if builder.name in _ARCHIVES else registered
    files = ", ".join(archives) or "see its page in the TFDS catalog"
    return expected(
        "dataset.data_dir",
        f"{builder.name} in prepared form, or its archives ({files}) in {downloads / 'manual'}",
        f"neither ({reason})",
    )


def _check_features(tfds_name: str, features: Any) -> None:
    keys = set(features) if hasattr(features, "keys") else set()
    if not {"image", "label"} <= keys or not hasattr(features["label"], "names"):
        names = ", ".join(sorted(keys)) or "neither"
        raise expected(
            "dataset.tfds_name",
            "a data set with the features image and label (a class)",
            f"{tfds_name} with {names}",
        )


def _check_split(builder: Any, part: str, split: str) -> None:
    if split not in builder.info.splits:
        raise unknown(f"dataset.{part}_split", split, builder.info.splits, kind="split")
    if not builder.info.splits[split].num_examples:
        raise missing("dataset", f"examples in the split {split} of {builder.name}")


def _items(builder: Any, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields (name for error messages, features) of the examples of a split, in stored order."""
    for number, example in enumerate(tfds_files.examples(builder, split)):
        yield f"{builder.name} {split} record {number}", example


def _plain(value: bytes | int) -> str | int:
    return value.decode() if isinstance(value, bytes) else int(value)


def _hash(encoded: bytes, pixels: Array) -> str:
    """Returns the hash of an image's content.

    Lossless images are hashed as pixels, because their files depend on the library that wrote them.
    JPEG images are hashed as files, because their pixels depend on the library that decodes them.
    """
    lossy = encoded.startswith(_JPEG)
    content = encoded if lossy else f"{pixels.shape}".encode() + pixels.tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


def _numbered(sorted_ids: TextArray) -> TextArray:
    """Returns sorted ids with the suffix `#k` for the k-th copy."""
    ids = sorted_ids.tolist()
    numbered, copies = [], 0
    for row, name in enumerate(ids):
        copies = copies + 1 if row and ids[row - 1] == name else 0
        numbered.append(f"{name}#{copies}" if copies else name)
    return np.array(numbered)
