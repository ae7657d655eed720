"""Images of the user whose files and labels are listed in a CSV or Parquet file."""

import collections
import errno
import os
import pathlib
from collections.abc import Mapping, Sequence

import pyarrow
from pyarrow import csv, parquet

from memkit.data import build, folder, images, listing
from memkit.data.dataset import ImageDataset
from memkit.data.encoded import Encoded, Example
from memkit.errors import DamagedFileError, expected, reason
from memkit.printable import printable

# Names of columns, of which a table has one each; "split" is optional.
FILES = ("file", "filename", "file_name", "path", "image", "image_path")
LABELS = ("label", "class", "class_name", "category", "target")
SPLIT, TRAIN = "split", "train"


def load(
    *, path: str, image_size: int = 0, test_fraction: float = 0.0, skip_bad: bool = False
) -> ImageDataset:
    """Loads images that a table lists: a row per image, with the name of its file and its label.

    Args:
      path: a .csv or .parquet file. It has one of the columns FILES, with names that are absolute
        or relative to the folder of the table, and one of the columns LABELS. In a column SPLIT,
        "train" marks train images and one of `listing.TEST_FOLDERS` test images.
      image_size: see `folder.load`.
      test_fraction: in [0, 1), the share of each class that is held out as test images if there is
        no column SPLIT; 0 for no test images.
      skip_bad: whether to skip images that cannot be decoded. Otherwise they are an error, which
        names them all.

    Returns:
      A data set whose ids are the names of the files. Classes are in the order of their names, or
      of their values if all names are integers.

    Raises:
      InputError: the table cannot be read, lacks a column or a value, or names a file twice; or as
        `folder.load`.
    """
    file = pathlib.Path(os.path.expanduser(path))
    columns = _columns(file)
    names, labels = _chosen(columns, FILES), _chosen(columns, LABELS)
    _check(names, labels)
    class_names = folder.class_order(set(labels))
    numbers = {name: number for number, name in enumerate(class_names)}
    label_of = dict(zip(names, labels, strict=True))
    parts = _parts(columns, label_of, test_fraction)

    def decode(name: str) -> Example:
        try:
            encoded = _content(file.parent / name)
        except OSError as error:
            raise DamagedFileError(printable(name), reason(error)) from None
        pixels = images.decode(encoded, name, image_size=image_size)
        return name, numbers[label_of[name]], pixels

    files = {name: file.parent / name for name in names}
    return build.load(
        Encoded(
            items=lambda part: iter(parts[part]),
            decode=decode,
            counts={part: len(members) for part, members in parts.items()},
            class_names=class_names,
            key=lambda: [image_size, skip_bad, parts, label_of, folder.state(files)],
            folder=os.fspath(file.parent),
            skip_bad=skip_bad,
        )
    )


def _content(file: pathlib.Path) -> bytes:
    """Returns the bytes of a regular file: reading a pipe or a device could last forever."""
    if file.exists() and not file.is_file():
        raise OSError(errno.EINVAL, "not a regular file")
    return file.read_bytes()


def _columns(file: pathlib.Path) -> dict[str, list[str | None]]:
    """Returns {name in lower case: texts} of a table."""
    if file.suffix.lower() not in listing.TABLES or not file.is_file():
        raise expected("dataset.path", "a .csv or .parquet file", file)
    try:
        if file.suffix.lower() == ".parquet":
            table = parquet.read_table(file)
        else:
            # As text, because numbers would lose the zeros at their beginning.
            with csv.open_csv(file) as opened:
                types = dict.fromkeys(opened.schema.names, pyarrow.string())
            table = csv.read_csv(file, convert_options=csv.ConvertOptions(column_types=types))
        texts = [column.cast(pyarrow.string()).to_pylist() for column in table.columns]
    except (pyarrow.ArrowException, ValueError) as error:
        text = f"{file}, which cannot be read ({printable(reason(error).splitlines()[0])})"
        raise expected("dataset.path", "a table", text) from error
    columns = [name.lower() for name in table.column_names]
    name, count = collections.Counter(columns).most_common(1)[0] if columns else ("", 0)
    if count > 1:
        received = f"{printable(name)} {count} times"
        raise expected("dataset.path", "columns whose names differ by more than case", received)
    return dict(zip(columns, texts, strict=True))


def _chosen(columns: Mapping[str, Sequence[str | None]], names: Sequence[str]) -> list[str]:
    """Returns the values of the one column that has one of several names."""
    found = [name for name in names if name in columns]
    if len(found) != 1:
        received = printable(", ".join(found or columns))
        raise expected("dataset.path", f"one column among {', '.join(names)}", received)
    values = [value for value in columns[found[0]] if value]
    if len(values) < len(columns[found[0]]):
        missing = len(columns[found[0]]) - len(values)
        raise expected(
            "dataset.path", f"a value in every row of column {found[0]}", f"{missing} without"
        )
    return values


def _check(names: Sequence[str], labels: Sequence[str]) -> None:
    if not names:
        raise expected("dataset.path", "a table with rows", "none")
    name, count = collections.Counter(names).most_common(1)[0]
    if count > 1:
        raise expected("dataset.path", "every file in one row", f"{printable(name)} {count} times")
    if len(set(labels)) < 2:
        raise expected("dataset.path", "two labels or more", printable(labels[0]))


def _parts(
    columns: Mapping[str, Sequence[str | None]], label_of: Mapping[str, str], test_fraction: float
) -> dict[str, list[str]]:
    """Returns the names of the train and of the test images."""
    names = list(label_of)
    if SPLIT in columns:
        values = [(value or "").lower() for value in columns[SPLIT]]
        others = sorted(set(values) - {TRAIN, *listing.TEST_FOLDERS})
        if others:
            known = ", ".join((TRAIN, *listing.TEST_FOLDERS))
            raise expected("dataset.path", f"{SPLIT} among {known}", printable(repr(others[0])))
        is_test = [value != TRAIN for value in values]
        if test_fraction:
            received = f"{test_fraction} beside a column {SPLIT}"
            raise expected("dataset.test_fraction", "0", received)
        test = {name for name, held_out in zip(names, is_test, strict=True) if held_out}
    else:
        test = folder.held_out(label_of, test_fraction)
    return {
        "train": [name for name in names if name not in test],
        "test": [name for name in names if name in test],
    }
