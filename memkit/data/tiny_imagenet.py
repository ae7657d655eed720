"""Tiny ImageNet: 200 classes, 100,000 train and 10,000 validation images of 64x64 RGB.

Stanford CS231n, 2015, tiny-imagenet-200.zip. Its test images have no public labels, so the
validation images are the test set.
"""

import os
import pathlib
import posixpath
import zipfile
import zlib
from collections.abc import Callable

from memkit.data import build, images
from memkit.data.dataset import ImageDataset
from memkit.data.encoded import Encoded
from memkit.errors import DamagedFileError, expected, reason
from memkit.printable import printable


def load(*, path: str) -> ImageDataset:
    """Returns Tiny ImageNet.

    Args:
      path: tiny-imagenet-200.zip, or the folder that it unpacks to.

    Returns:
      ImageDataset, rows in the order of the file names, which are the ids; classes in the order of
      wnids.txt, named by the first word of words.txt.

    Raises:
      InputError: neither a zip nor a folder, files are missing, images cannot be decoded.
    """
    path = pathlib.Path(os.path.expanduser(path))
    if path.is_dir():
        names = {file.relative_to(path).as_posix() for file in path.rglob("*.*")}
        return _load(path, names, lambda name: (path / name).read_bytes())
    if path.is_file():
        path.open("rb").close()  # is_zipfile does not tell a file that may not be read.
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise expected("dataset.path", "tiny-imagenet-200.zip or its folder", path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _load(path, set(archive.namelist()), archive.read)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        text = f"{path} ({printable(reason(error))})"
        raise expected("dataset.path", "an undamaged zip", text) from None


def _load(path: pathlib.Path, names: set[str], read: Callable[[str], bytes]) -> ImageDataset:
    roots = [name for name in names if posixpath.basename(name) == "wnids.txt"]
    if len(roots) != 1:
        raise expected("dataset.path", "one wnids.txt", f"{path} with {len(roots)}")
    root = posixpath.dirname(roots[0])
    found = {posixpath.relpath(name, root) if root else name: name for name in names}
    for name in ("words.txt", "val/val_annotations.txt"):
        if name not in found:
            raise expected("dataset.path", f"{name} beside wnids.txt", f"{path} without it")

    def lines(name):
        try:
            return read(found[name]).decode("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            text = f"{path} ({name}: {reason(error)})"
            raise expected("dataset.path", f"a readable {name}", text) from None

    wnids = [line.strip() for line in lines("wnids.txt") if line.strip()]
    number = {wnid: position for position, wnid in enumerate(wnids)}
    train = _train(found, number)
    test = _validation(lines("val/val_annotations.txt"), found, number)
    if not train or not test:
        raise expected("dataset.path", "train/*/images/*.JPEG and val/images/*.JPEG", path)
    parts = {"train": train, "test": test}
    used = {name for pairs in parts.values() for name, _ in pairs}

    def decode(pair: tuple[str, int]) -> tuple:
        name, label = pair
        try:
            encoded = read(found[name])
        except OSError as error:
            raise DamagedFileError(printable(name), reason(error)) from None
        return posixpath.basename(name), label, images.decode(encoded, name)

    return build.load(
        Encoded(
            items=lambda part: iter(parts[part]),
            decode=decode,
            counts={part: len(pairs) for part, pairs in parts.items()},
            class_names=_class_names(wnids, lines("words.txt")),
            key=lambda: [os.fspath(path), path.stat().st_mtime_ns],
            folder=os.fspath(path if path.is_dir() else path.parent),
            notes=_notes(set(found) - used),
        )
    )


def _notes(names: set[str]) -> tuple[str, ...]:
    """Returns a note on images that are not used; those of `test/` have no labels."""
    others = sorted(name for name in names if name.endswith(".JPEG"))
    return (f"ignored: {build.counted('.JPEG', others)}",) if others else ()


def _train(found, number):
    """Returns (name, label) of the train images, in the order of the file names."""
    pairs = []
    for name in found:
        parts = name.split("/")
        if len(parts) == 4 and parts[0] == "train" and parts[2] == "images" and parts[1] in number:
            pairs.append((name, number[parts[1]]))
    return sorted(pairs, key=lambda pair: posixpath.basename(pair[0]))


def _validation(annotations, found, number):
    """Returns (name, label) of the validation images, in the order of the file names."""
    pairs = []
    for line in annotations:
        file, wnid = line.split("\t")[:2] if line.count("\t") else (line, "")
        name = f"val/images/{file}"
        if wnid not in number or name not in found:
            raise expected("dataset val_annotations.txt", "an image and its class a line", line)
        pairs.append((name, number[wnid]))
    return sorted(pairs)


def _class_names(wnids, lines):
    """Returns the first word of each class, with its number where two classes share the word."""
    words = dict(line.split("\t", 1) for line in lines if "\t" in line)
    missing = [wnid for wnid in wnids if wnid not in words]
    if missing:
        raise expected("dataset words.txt", "every class of wnids.txt", f"none of {missing[0]}")
    first = [words[wnid].split(",")[0].strip() for wnid in wnids]
    return tuple(
        name if first.count(name) == 1 else f"{name} ({wnid})" for name, wnid in zip(first, wnids)
    )
