"""Lists folders with one folder per class: the images, and all other files by kind."""

import collections
import dataclasses
import os
import pathlib
import unicodedata
from collections.abc import Iterator
from typing import TypeAlias

from memkit.data import cache
from memkit.errors import expected, reason
from memkit.printable import printable
from memkit.system_files import is_system_file

# The name as text, and the entry of its folder
Entry: TypeAlias = tuple[str, os.DirEntry[str]]

ENDINGS = (
    ".png",
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".webp",
    ".bmp",
    ".gif",
    ".tif",
    ".tiff",
)

TABLES = (".csv", ".parquet")  # of files that list images and labels
TEST_FOLDERS = ("test", "val", "valid", "validation")  # names of folders of test images


@dataclasses.dataclass(frozen=True)
class Listing:
    """The content of one or more folders.

    Attributes:
      images: {id: path} of the images, in the order of the ids. An id is the path relative to the
        root in Unicode normalization form C; it ends in `<class>/<name>`.
      ignored: {kind: ids} of everything else.
      unreadable: {id: reason} of folders that cannot be listed.
    """

    images: dict[str, pathlib.Path]
    ignored: dict[str, list[str]]
    unreadable: dict[str, str]


def labels_file(root: pathlib.Path) -> pathlib.Path | None:
    """Returns the table of files and labels in a folder that has no folders of classes.

    Args:
      root: a folder.

    Returns:
      Its one CSV or Parquet file, if there is no folder train and fewer than two folders have
      images; otherwise None.

    Raises:
      InputError: there are several such files.
    """
    tables = [
        name
        for name, entry in _entries(root)
        if name.lower().endswith(TABLES) and not _is_hidden(name) and _type(entry) == "file"
    ]
    folders = {name.split("/")[0] for name in classes(root).images} if tables else set()
    if not tables or len(folders) > 1 or (root / "train").is_dir():
        return None
    if len(tables) > 1:
        expectation = "one csv or parquet file of labels beside images, or its own name"
        raise expected("dataset.path", expectation, printable(", ".join(tables)))
    return root / tables[0]


def split(root: pathlib.Path, test: str) -> Listing:
    """Lists the entries of a root other than its folders, without any images.

    Args:
      test: name of the folder of test images beside the folder train.
    """
    ignored: dict[str, list[str]] = collections.defaultdict(list)
    for name, entry in _entries(root):
        if name not in ("train", test, cache.FOLDER):
            kind = _type(entry)
            is_other = kind == "folder" and not _is_hidden(name)
            ignored["other folder" if is_other else _kind(name, kind)].append(name)
    return Listing({}, ignored, {})


def classes(root: pathlib.Path, folder: str = "") -> Listing:
    """Lists the images in the folders of a folder.

    Args:
      root: the folder to which ids are relative.
      folder: the folder in it that contains one folder per class; "" = the root itself.

    Raises:
      InputError: two names in a folder are the same text in two Unicode normalization forms.
      OSError: the folder itself cannot be listed.
    """
    images: dict[str, pathlib.Path] = {}
    ignored: dict[str, list[str]] = collections.defaultdict(list)
    unreadable: dict[str, str] = {}
    for name, entry in _entries(root / folder):
        where, kind = f"{folder}/{name}".lstrip("/"), _type(entry)
        if name == cache.FOLDER and not folder:
            continue
        if _is_hidden(name) or kind not in ("folder", "link"):
            ignored[_kind(name, kind, " outside class folders")].append(where)
            continue
        try:
            members = list(_entries(pathlib.Path(entry.path)))
        except OSError as error:
            unreadable[where] = reason(error)
            continue
        images |= _images(where, members, ignored)
    return Listing(dict(sorted(images.items())), ignored, unreadable)


def _images(
    where: str, members: list[Entry], ignored: dict[str, list[str]]
) -> dict[str, pathlib.Path]:
    """Returns the images among the entries of one class folder; adds the others to `ignored`."""
    images = {}
    for name, entry in members:
        kind = _type(entry)
        # A broken link is a missing image, which decoding reports.
        if is_image(name) and not _is_hidden(name) and kind in ("file", "link"):
            images[f"{where}/{name}"] = pathlib.Path(entry.path)
        else:
            ignored[_kind(name, kind)].append(f"{where}/{name}")
    if not images:
        ignored["class folder without images"].append(where)
    return images


def is_image(name: str) -> bool:
    """Returns True for the name of a file that is read as an image."""
    return os.path.splitext(name)[1].lower() in ENDINGS


def _entries(folder: pathlib.Path) -> Iterator[Entry]:
    """Returns the entries of a folder with their names as text, sorted by name.

    Raises:
      OSError: the folder cannot be listed.
      InputError: two names are the same text in two Unicode normalization forms.
    """
    with os.scandir(folder) as entries:
        named = sorted(((text(entry.name), entry) for entry in entries), key=lambda pair: pair[0])
    for (name, _), (following, _) in zip(named, named[1:]):
        if name == following:
            forms = f"both NFC and NFD of {printable(name)} in {folder}"
            raise expected("dataset.path", "one Unicode normalization form of every name", forms)
    return iter(named)


def text(name: str) -> str:
    """Returns the name of a file as text in Unicode normalization form C (NFC).

    macOS stores accented letters in another form (NFD). Bytes that are not UTF-8 become \\\\xNN.
    """
    return unicodedata.normalize("NFC", os.fsencode(name).decode(errors="backslashreplace"))


def _type(entry: os.DirEntry[str]) -> str:
    """Returns "folder", "file", "special" (a pipe, socket or device) or "link" (a broken one)."""
    try:
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return "file"
        entry.stat()
    except OSError:
        return "link"
    return "special"


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or is_system_file(name)


def _kind(name: str, kind: str, where: str = "") -> str:
    """Returns the name that notes use for this kind of ignored file."""
    if is_system_file(name):
        return "system file"
    if name.startswith("."):
        return "hidden file"
    if kind == "folder":
        return "subfolder of a class folder"
    if kind == "special":
        return "special file"
    if kind == "link":
        return "broken link"
    return (os.path.splitext(name)[1].lower() or "file without an ending") + where
