"""Your own images in one folder per class."""

import collections
import hashlib
import os
import pathlib
import re

from memkit.data import build, images, listing
from memkit.data.encoded import Encoded
from memkit.errors import DamagedFileError, expected, reason
from memkit.printable import printable


def load(
    *, path: str, image_size: int = 0, test_fraction: float = 0.0, skip_bad: bool = False
) -> build.ImageDataset:
    """Returns the data set of a folder of images (PNG, JPEG, WebP, BMP, GIF, TIFF).

    Args:
      path: folder with `train/<class>/*.png` and `test/<class>/*.png`, or with `<class>/*.png`.
      image_size: pixels on a side to resize to, see `images.fit`; 0 = all are of one size.
      test_fraction: in [0, 1), the share of each class held out as test images where there are
        no folders train and test. The file names decide which, so it never changes.
      skip_bad: whether images that cannot be decoded and folders that cannot be listed are left
        out; else they are an error that names all of them.

    Returns:
      ImageDataset, rows in the order of the paths, which are the ids; classes in the order of
      their folders' names, by value where all of them are integers. Gray where all images are,
      else RGB. Its notes count what is not used. Larger than memory: see `cache`.

    Raises:
      InputError: no images, damaged images or unequal sizes (named), no test images; as
        `cache.load`.
    """
    root = pathlib.Path(os.path.expanduser(path))
    if not root.is_dir():
        raise expected("dataset.path", "a folder", f"{path}, which is no folder")
    parts, notes = _parts(root, test_fraction, skip_bad)
    names = _class_order({_class(name) for files in parts.values() for name in files})
    number = {name: position for position, name in enumerate(names)}

    def decode(item: tuple[str, pathlib.Path]) -> tuple:
        name, file = item
        try:
            encoded = file.read_bytes()
        except OSError as error:
            raise DamagedFileError(printable(name), reason(error)) from None
        return name, number[_class(name)], images.decode(encoded, name, image_size=image_size)

    return build.load(
        Encoded(
            items=lambda part: iter(parts[part].items()),
            decode=decode,
            counts={part: len(files) for part, files in parts.items()},
            class_names=names,
            key=lambda: [image_size, skip_bad, {part: _state(parts[part]) for part in parts}],
            folder=os.fspath(root),
            skip_bad=skip_bad,
            notes=notes,
        )
    )


def _class(name: str) -> str:
    """Returns the class in an id."""
    return name.split("/")[-2]


def _class_order(names: set[str]) -> tuple[str, ...]:
    """Returns class names in the order of their numbers: 2 before 10 where all are integers."""
    if not all(re.fullmatch("-?[0-9]+", name) for name in names):
        return tuple(sorted(names))
    ordered = sorted(names, key=lambda name: (int(name), name))
    for name, following in zip(ordered, ordered[1:]):
        if int(name) == int(following):
            raise expected("dataset.path", "one folder per class", f"both {name} and {following}")
    return tuple(ordered)


def _state(files: dict[str, pathlib.Path]) -> list[tuple[str, int, int]]:
    """Returns what tells whether files have changed: id, bytes and time of change of each."""
    states = []
    for name, file in files.items():
        try:
            state = file.stat()
        except OSError:  # As `decode` reports.
            continue
        states.append((name, state.st_size, state.st_mtime_ns))
    return states


def _parts(root: pathlib.Path, test_fraction: float, skip_bad: bool) -> tuple[dict, tuple]:
    """Returns {part: {id: file}}, each in the order of the ids, and notes on what is not used."""
    if (root / "train").is_dir():
        if test_fraction:
            text = f"0 where {root} has a folder train"
            raise expected("dataset.test_fraction", text, test_fraction)
        if not (root / "test").is_dir():
            raise expected("dataset.path", f"a folder {root / 'test'}", "none")
        found = {part: listing.classes(root, part) for part in ("train", "test")}
        _check(root, found, skip_bad)
        parts = {part: one.images for part, one in found.items()}
        return parts, _notes([*found.values(), listing.split(root)], parts)
    if not test_fraction:
        text = f"a number above 0 where {root} has no folder train"
        raise expected("dataset.test_fraction", text, 0)
    found = {"": listing.classes(root)}
    _check(root, found, skip_bad)
    parts = _held_out(found[""].images, test_fraction)
    return parts, _notes(found.values(), parts)


def _check(root: pathlib.Path, found: dict[str, listing.Listing], skip_bad: bool) -> None:
    unreadable = {name: why for one in found.values() for name, why in one.unreadable.items()}
    if unreadable and not skip_bad:
        folders = "; ".join(f"{printable(name)}: {why}" for name, why in unreadable.items())
        text = "folders that can be listed, or dataset.skip_bad=true to leave others out"
        raise expected("dataset.path", text, f"in {root}: {folders}")
    for part, one in found.items():
        if not one.images:
            place, notes = root / part, "; ".join(_notes([one], {})) or "none"
            raise expected("dataset.path", f"images as {place}/<class>/*.png or .jpg", notes)


def _notes(found: list[listing.Listing], parts: dict) -> tuple[str, ...]:
    ignored = {}
    for one in found:
        unreadable = {"unreadable folder": list(one.unreadable)} if one.unreadable else {}
        for kind, names in {**one.ignored, **unreadable}.items():
            ignored.setdefault(kind, []).extend(names)
    notes = []
    if ignored:
        counts = [build.counted(kind, sorted(ignored[kind])) for kind in sorted(ignored)]
        notes.append(f"ignored: {', '.join(counts)}")
    names = {_class(name) for files in parts.values() for name in files}
    spellings = collections.Counter(name.lower() for name in names)
    alike = sorted(name for name in names if spellings[name.lower()] > 1)
    if alike:
        notes.append(
            f"classes that differ only in upper and lower case: {', '.join(map(printable, alike))}"
        )
    return tuple(notes)


def _held_out(files: dict[str, pathlib.Path], test_fraction: float) -> dict[str, dict]:
    """Divides files class by class; a file's place depends on its own name first of all."""
    classes = {}
    for name in files:
        classes.setdefault(_class(name), []).append(name)
    test = set()
    for members in classes.values():
        members = sorted(members, key=_hash)
        test.update(members[: round(test_fraction * len(members))])
    return {
        "train": {name: file for name, file in files.items() if name not in test},
        "test": {name: file for name, file in files.items() if name in test},
    }


def _hash(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
