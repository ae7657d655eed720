"""Tiny ImageNet: 200 classes, 100,000 train and 10,000 validation images of 64x64 RGB.

Stanford CS231n, 2015, tiny-imagenet-200.zip. Its test images have no public labels, so the
validation images are the test set.
"""

import os
import pathlib
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Iterable

from memkit.data import build, images
from memkit.data.dataset import ImageDataset
from memkit.data.encoded import Encoded, Example
from memkit.errors import DamagedFileError, expected, missing, reason
from memkit.printable import printable


def load(*, path: str) -> ImageDataset:
    """Loads Tiny ImageNet.

    Args:
      path: tiny-imagenet-200.zip, or the folder to which it was unpacked.

    Returns:
      A data set with rows in the order of the file names, which are the ids. Classes are in the
      order of wnids.txt and are named after the first word in words.txt.

    Raises:
      InputError: the path is neither a zip nor a folder, files are missing, or images cannot be
        decoded.
    """
    root = pathlib.Path(os.path.expanduser(path))
    if root.is_dir():
        names = {file.relative_to(root).as_posix() for file in root.rglob("*.*")}
        return _load(root, names, lambda name: (root / name).read_bytes())
    if root.is_file():
        root.open("rb").close()  # is_zipfile hides that a file is unreadable.
    if not root.is_file() or not zipfile.is_zipfile(root):
        received = f"{root}, which is neither" if root.exists() else f"{root}, which does not exist"
        raise expected("dataset.path", "tiny-imagenet-200.zip or its unpacked folder", received)
    try:
        with zipfile.ZipFile(root) as archive:
            return _load(root, set(archive.namelist()), archive.read)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        text = f"{root} ({printable(reason(error))})"
        raise expected("dataset.path", "an undamaged zip", text) from None


def _load(path: pathlib.Path, names: set[str], read: Callable[[str], bytes]) -> ImageDataset:
    roots = [name for name in names if posixpath.basename(name) == "wnids.txt"]
    if len(roots) != 1:
        raise expected("dataset.path", f"one wnids.txt in {path}", len(roots))
    root = posixpath.dirname(roots[0])
    files = {posixpath.relpath(name, root) if root else name: name for name in names}
    for name in ("words.txt", "val/val_annotations.txt"):
        if name not in files:
            raise missing("dataset.path", f"{name} in {path}")

    def lines(name: str) -> list[str]:
        try:
            return read(files[name]).decode("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            text = f"{path} ({name}: {reason(error)})"
            raise expected("dataset.path", f"a readable {name}", text) from None

    wnids = [line.strip() for line in lines("wnids.txt") if line.strip()]
    numbers = {wnid: number for number, wnid in enumerate(wnids)}
    train = _train(files, numbers)
    test = _validation(lines("val/val_annotations.txt"), files, numbers)
    if not train or not test:
        folder = "val/images" if train else "train/*/images"
        raise missing("dataset.path", f"files {folder}/*.JPEG in {path}")
    parts = {"train": train, "test": test}
    used = {name for pairs in parts.values() for name, _ in pairs}

    def decode(pair: tuple[str, int]) -> Example:
        name, label = pair
        try:
            encoded = read(files[name])
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
            notes=_notes(set(files) - used),
        )
    )


def _notes(names: set[str]) -> tuple[str, ...]:
    """Returns a note on ignored images, such as those in `test/`, which have no labels."""
    others = sorted(name for name in names if name.endswith(".JPEG"))
    return (f"ignored: {build.counted('.JPEG', others)}",) if others else ()


def _train(names: Iterable[str], numbers: dict[str, int]) -> list[tuple[str, int]]:
    """Returns (name, label) of the train images, sorted by file name."""
    pairs = []
    for name in names:
        match name.split("/"):
            case ["train", wnid, "images", _] if wnid in numbers:
                pairs.append((name, numbers[wnid]))
    return sorted(pairs, key=lambda pair: posixpath.basename(pair[0]))


def _validation(
    annotations: list[str], names: Iterable[str], numbers: dict[str, int]
) -> list[tuple[str, int]]:
    """Returns (name, label) of the validation images, sorted by file name."""
    known = set(names)
    pairs = []
    for line in annotations:
        file, wnid = line.split("\t")[:2] if line.count("\t") else (line, "")
        name = f"val/images/{file}"
        if wnid not in numbers or name not in known:
            raise expected("dataset val_annotations.txt", "an image and its class per line", line)
        pairs.append((name, numbers[wnid]))
    return sorted(pairs)


def _class_names(wnids: list[str], lines: list[str]) -> tuple[str, ...]:
    """Returns the first word of each class, followed by its wnid if classes share the word."""
    words = dict(line.split("\t", 1) for line in lines if "\t" in line)
    for wnid in wnids:
        if wnid not in words:
            raise missing("dataset words.txt", f"class {wnid} of wnids.txt")
    first = [words[wnid].split(",")[0].strip() for wnid in wnids]
    return tuple(
        name if first.count(name) == 1 else f"{name} ({wnid})" for name, wnid in zip(first, wnids)
    )
