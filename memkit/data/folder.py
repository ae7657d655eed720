"""Images of the user in one folder per class."""

import collections
import hashlib
import os
import pathlib
import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from memkit.data import build, images, listing
from memkit.data.dataset import ImageDataset
from memkit.data.encoded import Encoded, Example
from memkit.errors import DamagedFileError, expected, missing, reason
from memkit.printable import printable

Files: TypeAlias = dict[str, pathlib.Path]  # {id: file} in the order of the ids


def load(
    *, path: str, image_size: int = 0, test_fraction: float = 0.0, skip_bad: bool = False
) -> ImageDataset:
    """Loads a folder of images (PNG, JPEG, WebP, BMP, GIF or TIFF).

    Args:
      path: folder with `train/<class>/*.png` and `test/<class>/*.png`, or with `<class>/*.png`. If
        there is no folder test, one of the others in `listing.TEST_FOLDERS` takes its place. A
        folder without folders of classes may have a `listing.labels_file`, see `table.load`.
      image_size: height and width in pixels to which images are resized, see `images.fit`; 0 = do
        not resize.
      test_fraction: in [0, 1), the share of each class that is held out as test images if there
        are no folders train and test; 0 for no test images. The selection depends on the file names
        only.
      skip_bad: whether to skip images that cannot be decoded and folders that cannot be listed.
        Otherwise they are an error, which names them all.

    Returns:
      A data set with rows in the order of the paths, which are the ids. Classes are in the order of
      their folders' names, or of their values if all names are integers. Images are gray if all of
      them are, otherwise RGB. Notes count the ignored files. For images larger than memory, see
      `cache`.

    Raises:
      InputError: there are no train or no test images, or images are damaged or have different
        sizes (names them); or as `cache.load`.
    """
    root = pathlib.Path(os.path.expanduser(path))
    if not root.is_dir():
        raise expected("dataset.path", "a folder", f"{path}, which is not a folder")
    if (labels := listing.labels_file(root)) is not None:
        from memkit.data import table  # It imports this module.

        return table.load(
            path=os.fspath(labels),
            image_size=image_size,
            test_fraction=test_fraction,
            skip_bad=skip_bad,
        )
    parts, notes = _parts(root, test_fraction, skip_bad)
    names = class_order({_class(name) for files in parts.values() for name in files})
    numbers = {name: number for number, name in enumerate(names)}
    if test_fraction and not parts["test"]:
        expectation = "a share that holds out an image of some class"
        raise expected("dataset.test_fraction", expectation, test_fraction)

    def decode(item: tuple[str, pathlib.Path]) -> Example:
        name, file = item
        try:
            encoded = file.read_bytes()
        except OSError as error:
            raise DamagedFileError(printable(name), reason(error)) from None
        return name, numbers[_class(name)], images.decode(encoded, name, image_size=image_size)

    return build.load(
        Encoded(
            items=lambda part: iter(parts[part].items()),
            decode=decode,
            counts={part: len(files) for part, files in parts.items()},
            class_names=names,
            key=lambda: [image_size, skip_bad, {part: state(parts[part]) for part in parts}],
            folder=os.fspath(root),
            skip_bad=skip_bad,
            notes=notes,
        )
    )


def _class(name: str) -> str:
    """Returns the class that an id contains."""
    return name.split("/")[-2]


def class_order(names: set[str]) -> tuple[str, ...]:
    """Returns sorted class names; if all are integers, sorted by value: 2 before 10."""
    if not all(re.fullmatch("-?[0-9]+", name) for name in names):
        return tuple(sorted(names))
    ordered = sorted(names, key=lambda name: (int(name), name))
    for name, following in zip(ordered, ordered[1:]):
        if int(name) == int(following):
            raise expected("dataset.path", "one folder per class", f"both {name} and {following}")
    return tuple(ordered)


def state(files: Files) -> list[tuple[str, int, int]]:
    """Returns the id, size and modification time of every file, which change with the file."""
    states = []
    for name, file in files.items():
        try:
            state = file.stat()
        except OSError:  # `decode` reports it.
            continue
        states.append((name, state.st_size, state.st_mtime_ns))
    return states


def _parts(
    root: pathlib.Path, test_fraction: float, skip_bad: bool
) -> tuple[dict[str, Files], tuple[str, ...]]:
    """Returns the files of each part, and notes on ignored files."""
    if (root / "train").is_dir():
        if test_fraction:
            expectation = f"0 because {root} has a folder train"
            raise expected("dataset.test_fraction", expectation, test_fraction)
        test = next((name for name in listing.TEST_FOLDERS if (root / name).is_dir()), None)
        if test is None:
            raise missing("dataset.path", f"folder {root / listing.TEST_FOLDERS[0]}")
        listings = {part: listing.classes(root, part) for part in ("train", test)}
        _check(root, listings, skip_bad)
        parts = {"train": listings["train"].images, "test": listings[test].images}
        return parts, _notes([*listings.values(), listing.split(root, test)], parts)
    listings = {"": listing.classes(root)}
    _check(root, listings, skip_bad)
    parts = _divided(listings[""].images, test_fraction)
    return parts, _notes(listings.values(), parts)


def _check(root: pathlib.Path, listings: dict[str, listing.Listing], skip_bad: bool) -> None:
    unreadable = {
        name: problem
        for content in listings.values()
        for name, problem in content.unreadable.items()
    }
    if unreadable and not skip_bad:
        folders = "; ".join(f"{printable(name)}: {why}" for name, why in unreadable.items())
        expectation = "folders that can be listed, or dataset.skip_bad=true to skip the others"
        raise expected("dataset.path", expectation, f"in {root}: {folders}")
    for part, content in listings.items():
        if not content.images:
            notes = "; ".join(_notes([content], {})) or "no images"
            raise expected("dataset.path", f"images {root / part}/<class>/*.png or .jpg", notes)


def _notes(listings: Iterable[listing.Listing], parts: Mapping[str, Files]) -> tuple[str, ...]:
    ignored: dict[str, list[str]] = collections.defaultdict(list)
    for content in listings:
        for kind, names in content.ignored.items():
            ignored[kind] += names
        if content.unreadable:
            ignored["unreadable folder"] += content.unreadable
    notes = []
    if ignored:
        counts = [build.counted(kind, sorted(ignored[kind])) for kind in sorted(ignored)]
        notes.append(f"ignored: {', '.join(counts)}")
    classes = {_class(name) for files in parts.values() for name in files}
    spellings = collections.Counter(name.lower() for name in classes)
    similar = sorted(printable(name) for name in classes if spellings[name.lower()] > 1)
    if similar:
        notes.append(f"classes that differ only in upper and lower case: {', '.join(similar)}")
    return tuple(notes)


def _divided(files: Files, test_fraction: float) -> dict[str, Files]:
    """Divides files into train and test images."""
    test = held_out({name: _class(name) for name in files}, test_fraction)
    return {
        "train": {name: file for name, file in files.items() if name not in test},
        "test": {name: file for name, file in files.items() if name in test},
    }


def held_out(class_of: Mapping[str, str], test_fraction: float) -> set[str]:
    """Returns the ids of a share of each class, chosen by the hashes of the ids.

    Args:
      class_of: {id: name of its class}.
      test_fraction: in [0, 1).
    """
    classes: dict[str, list[str]] = collections.defaultdict(list)
    for name, class_name in class_of.items():
        classes[class_name].append(name)
    test: set[str] = set()
    for members in classes.values():
        members = sorted(members, key=_hash)
        test.update(members[: round(test_fraction * len(members))])
    return test


def _hash(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
