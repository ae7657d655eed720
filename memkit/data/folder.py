"""Your own images in one folder per class."""

import hashlib
import pathlib

import numpy as np

from memkit.data import images
from memkit.data.dataset import ImageDataset
from memkit.errors import expected

_ENDINGS = (".png", ".jpg", ".jpeg")


def load(*, path, image_size=0, test_fraction=0.0):
    """Returns the data set of a folder of PNG and JPEG files.

    Args:
      path: folder with `train/<class>/*.png` and `test/<class>/*.png`, or with `<class>/*.png`.
      image_size: pixels on a side to resize to, see `images.fit`; 0 = all are of one size.
      test_fraction: in [0, 1), the share of each class held out as test images where there are
        no folders train and test. The file names decide which, so it never changes.

    Returns:
      ImageDataset, rows in the order of the paths, which are the ids; classes in the order of
      their folders' names. Gray where all images are, else RGB.

    Raises:
      InputError: no images, an unreadable image or unequal sizes (both named), no test images.
    """
    root = pathlib.Path(path).expanduser()
    if not root.is_dir():
        raise expected("dataset.path", "a folder", f"{path}, which is no folder")
    train, test = _parts(root, test_fraction)
    ids = [file.relative_to(root).as_posix() for file in (*train, *test)]
    pixels = [
        images.decode(file.read_bytes(), str(file), image_size=image_size)
        for file in (*train, *test)
    ]
    pixels = images.stack(pixels, ids)
    names = sorted({file.parent.name for file in (*train, *test)})
    number = {name: position for position, name in enumerate(names)}
    labels = np.array([number[file.parent.name] for file in (*train, *test)], np.int32)
    split = len(train)
    return ImageDataset(
        train_images=pixels[:split],
        train_labels=labels[:split],
        train_ids=np.array(ids[:split], dtype=str),
        test_images=pixels[split:],
        test_labels=labels[split:],
        test_ids=np.array(ids[split:], dtype=str),
        class_names=tuple(names),
    )


def _parts(root, test_fraction):
    """Returns the files of the train and of the test images, each in the order of the paths."""
    if not (root / "train").is_dir():
        if not test_fraction:
            raise expected(
                "dataset.test_fraction", f"a number above 0 where {root} has no folder train", 0
            )
        return _held_out(root, _files(root), test_fraction)
    if test_fraction:
        raise expected("dataset.test_fraction", f"0 where {root} has a folder train", test_fraction)
    return _files(root / "train"), _files(root / "test")


def _files(folder):
    """Returns the images in the folders of a folder; hidden ones are left out."""
    if not folder.is_dir():
        raise expected("dataset.path", f"a folder {folder}", "none")
    found = [
        file
        for file in folder.glob("*/*")
        if file.suffix.lower() in _ENDINGS and not file.match("*/.*") and not file.match(".*/*")
    ]
    if not found:
        raise expected("dataset.path", f"images as {folder}/<class>/*.png or .jpg", "none")
    return sorted(found, key=lambda file: file.relative_to(folder).as_posix())


def _held_out(root, files, test_fraction):
    """Divides files class by class; a file's place depends on its own name first of all."""
    classes = {}
    for file in files:
        classes.setdefault(file.parent.name, []).append(file)
    test = set()
    for members in classes.values():
        members = sorted(members, key=lambda file: _hash(file.relative_to(root).as_posix()))
        test.update(members[: round(test_fraction * len(members))])
    return [file for file in files if file not in test], [file for file in files if file in test]


def _hash(name):
    return hashlib.sha256(name.encode()).digest()
