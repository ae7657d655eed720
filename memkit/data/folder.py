"""Your own images in one folder per class."""

import hashlib
import pathlib

from memkit.data import collect, images
from memkit.data.encoded import Encoded
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
      their folders' names. Gray where all images are, else RGB. Larger than memory: see `cache`.

    Raises:
      InputError: no images, an unreadable image or unequal sizes (both named), no test images; as
        `cache.load`.
    """
    root = pathlib.Path(path).expanduser()
    if not root.is_dir():
        raise expected("dataset.path", "a folder", f"{path}, which is no folder")
    parts = dict(zip(("train", "test"), _parts(root, test_fraction), strict=True))
    names = sorted({file.parent.name for files in parts.values() for file in files})
    number = {name: position for position, name in enumerate(names)}

    def decode(file):
        pixels = images.decode(file.read_bytes(), str(file), image_size=image_size)
        return _id(root, file), number[file.parent.name], pixels

    return collect.load(
        Encoded(
            items=lambda part: iter(parts[part]),
            decode=decode,
            counts={part: len(files) for part, files in parts.items()},
            class_names=tuple(names),
            key=lambda: [image_size, {part: _state(root, parts[part]) for part in parts}],
            folder=root,
        )
    )


def _id(root, file):
    return file.relative_to(root).as_posix()


def _state(root, files):
    """Returns what tells whether files have changed: id, bytes and time of change of each."""
    states = ((file, file.stat()) for file in files)
    return [(_id(root, file), state.st_size, state.st_mtime_ns) for file, state in states]


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
        members = sorted(members, key=lambda file: _hash(_id(root, file)))
        test.update(members[: round(test_fraction * len(members))])
    return [file for file in files if file not in test], [file for file in files if file in test]


def _hash(name):
    return hashlib.sha256(name.encode()).digest()
