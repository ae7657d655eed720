"""Given labels that differ from the true ones: flipped on purpose, or read from a file.

Labels flipped on purpose (planted labels) show whether the scores find wrong labels.
"""

import csv
import os
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from memkit import seeds
from memkit.data import checks
from memkit.errors import InputError, expected, reason, unknown
from memkit.printable import original_cell, printable
from memkit.typing import Array, IntArray, TextArray

NOISES = ("symmetric", "class_map")
_RENUMBERED = 0.9  # share of the examples from which on labels count as renumbered classes


def plant(
    labels: IntArray,
    num_classes: int,
    *,
    planted_fraction: float,
    seed: int,
    noise: str = "symmetric",
    class_map: Sequence[int] = (),
    file: str = "",
    class_names: Sequence[str] = (),
    ids: Sequence[str] | TextArray = (),
) -> IntArray:
    """Returns the labels on which models are trained.

    Args:
      labels: [N] int, the true labels.
      num_classes: number of classes, at least 2.
      planted_fraction: in [0, 1); round(planted_fraction * N) examples are flipped.
      seed: the study's root seed; the stream is "labels".
      noise: "symmetric" flips a label to any other class with equal probability, "class_map" flips
        label c to class_map[c].
      class_map: num_classes ints; a class that is mapped to itself is never flipped.
      file: .npy, .npz (key "labels") or .txt file with N given labels in row order, as class
        numbers or class names, or a .csv file with the columns "file" (ids) and "label" (class
        names), such as a report exports; if it has a column "split", its train rows are read.
        "" = no file. With a file, no labels are flipped.
      class_names: one str per class; () = the file must contain class numbers.
      ids: [N] text, the ids of the examples; only a .csv file needs them.

    Returns:
      [N] int32, the given labels; labels that differ from `labels` are planted.

    Raises:
      InputError: as `check`; or the class map or the file does not match the labels.
    """
    check(planted_fraction=planted_fraction, noise=noise, class_map=class_map, file=file)
    if file:
        return _read(file, labels, class_names or tuple(map(str, range(num_classes))), ids)
    rng = seeds.stream(seed, "labels")
    count = round(planted_fraction * len(labels))
    order = rng.permutation(len(labels))
    given = labels.astype(np.int32)
    if noise == "symmetric":
        planted = order[:count]
        given[planted] = (given[planted] + rng.integers(1, num_classes, size=count)) % num_classes
        return given
    mapped = _mapped(given, num_classes, class_map)
    planted = order[mapped[order] != given[order]]
    if len(planted) < count:
        raise expected(
            "labels.planted_fraction",
            f"at most {len(planted) / len(labels):.4f}, the share of labels that class_map changes",
            planted_fraction,
        )
    given[planted[:count]] = mapped[planted[:count]]
    return given


def check(
    *, planted_fraction: Any, noise: Any = "symmetric", class_map: Any = (), file: Any = ""
) -> None:
    """Checks a `labels` section without a data set.

    Raises:
      InputError: a field cannot have its value.
    """
    is_bool = isinstance(planted_fraction, bool)
    if is_bool or not isinstance(planted_fraction, (int, float)) or not 0 <= planted_fraction < 1:
        raise expected("labels.planted_fraction", "a number in [0, 1)", planted_fraction)
    if noise not in NOISES:
        raise unknown("labels.noise", noise, NOISES, kind="noise")
    are_ints = isinstance(class_map, (list, tuple)) and all(type(c) is int for c in class_map)
    if not are_ints or bool(class_map) != (noise == "class_map"):
        number = "one class number per class"
        expectation = number if noise == "class_map" else f"() for {noise} noise"
        raise expected("labels.class_map", expectation, repr(class_map))
    if not isinstance(file, str):
        raise expected("labels.file", 'the path of a file, or "" for no file', repr(file))
    if file and planted_fraction:
        raise expected("labels.planted_fraction", "0 together with labels.file", planted_fraction)
    if file and pathlib.Path(file).suffix not in _READERS:
        raise expected("labels.file", f"a file that ends in {', '.join(_READERS)}", file)


def _mapped(labels: IntArray, num_classes: int, class_map: Sequence[int]) -> IntArray:
    if len(class_map) != num_classes:
        raise expected("labels.class_map", f"{num_classes} class numbers", len(class_map))
    numbers = np.array(class_map, np.int64)
    checks.check_labels("class numbers", numbers, num_classes, argument="labels.class_map")
    return numbers.astype(np.int32)[labels]


def _read(
    file: str, labels: IntArray, class_names: Sequence[str], ids: Sequence[str] | TextArray
) -> IntArray:
    """Returns the given labels [N] int32 in a file, one for each of `labels`."""
    path = pathlib.Path(os.path.expanduser(file))
    try:
        if not path.is_file():
            raise expected("labels.file", "a file", f"{file}, which is not a file")
        found = _READERS[path.suffix](path)
    except OSError as error:
        raise expected("labels.file", "a readable file", f"{file} ({reason(error)})") from None
    except InputError:
        raise
    except Exception as error:  # The zip, zlib, LZMA, CSV and NumPy readers raise many types.
        text = f"{file} ({printable(reason(error))})"
        raise expected("labels.file", "labels as class numbers or class names", text) from None
    if isinstance(found, dict):
        names = _joined(file, found, ids)
        given: Array = _looked_up(file, names, [_encodable(name) for name in class_names])
    else:
        given = _numbers(file, np.asarray(found), class_names)
    checks.check_labels("labels", given, len(class_names), argument="labels.file")
    if len(given) != len(labels):
        count = f"{len(labels)} labels, one per train example"
        raise expected("labels.file", count, f"{len(given)} in {file}")
    given = given.astype(np.int32)
    _check_order(file, labels, given, class_names)
    return given


def _joined(file: str, found: Mapping[str, str], ids: Sequence[str] | TextArray) -> list[str]:
    """Returns the labels [N] in a file {id: label} in the order of the ids."""
    names = [_encodable(str(name)) for name in ids]
    for name in names:
        if name not in found:
            raise expected("labels.file", f"a label for {printable(name)}", f"none in {file}")
    return [found[name] for name in names]


def _encodable(name: str) -> str:
    """Escapes bytes of file names that are not valid UTF-8, as exported tables do."""
    return name.encode("utf-8", "backslashreplace").decode()


def _numbers(file: str, given: Array, class_names: Sequence[str]) -> Array:
    """Returns the content of a file as class numbers; text is taken for class names."""
    if given.dtype.kind in "US" and given.ndim == 1:
        names = [n.decode(errors="replace") if isinstance(n, bytes) else n for n in given.tolist()]
        return _looked_up(file, names, class_names)
    if given.dtype.kind not in "iu" or not all(re.fullmatch("-?[0-9]+", n) for n in class_names):
        return given
    int_names = [int(name) for name in class_names]
    if int_names == list(range(len(int_names))) or not np.isin(given, int_names).all():
        return given
    if not np.isin(given, range(len(int_names))).all():
        return _looked_up(file, given.tolist(), int_names)
    text = f"integers in {file}, which may be class numbers or class names"
    raise expected("labels.file", "class names as an array of strings (.npy or .npz)", text)


def _looked_up(file: str, names: Sequence[Any], class_names: Sequence[Any]) -> IntArray:
    numbers = {name: number for number, name in enumerate(class_names)}
    for name in names:
        if name not in numbers:
            raise unknown(
                f"labels.file {file}", name, [printable(str(n)) for n in class_names], kind="class"
            )
    return np.array([numbers[name] for name in names], np.int32)


def _check_order(file: str, labels: IntArray, given: IntArray, class_names: Sequence[str]) -> None:
    """Raises an error if given labels only number the classes in another order."""
    pairs, counts = np.unique(
        labels.astype(np.int64) * len(class_names) + given, return_counts=True
    )
    order = np.argsort(counts, kind="stable")
    classes, numbers = np.divmod(pairs[order], len(class_names))
    # The most frequent given number of each class; its pair comes last.
    renumbered = dict(zip(classes.tolist(), numbers.tolist()))
    moved = [number for number in sorted(renumbered) if renumbered[number] != number]
    agreement = np.mean([renumbered[number] for number in labels.tolist()] == given)
    if moved and len(set(renumbered.values())) == len(renumbered) and agreement > _RENUMBERED:
        number = moved[0]
        text = (
            f"{file}, which has {renumbered[number]} for class {number} "
            f"({printable(class_names[number])}) and other numbers for {len(moved)} classes in all"
        )
        raise expected("labels.file", "class numbers in the order of the data set's classes", text)


def _npy(path: pathlib.Path) -> Any:
    return np.load(path, allow_pickle=False)


def _npz(path: pathlib.Path) -> Any:
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["labels"]


def _txt(path: pathlib.Path) -> Array:
    """Reads integers separated by white space, or else one class name per line."""
    text = path.read_text("utf-8-sig")  # Windows editors write a byte order mark.
    words = text.split()
    if all(re.fullmatch("[-+]?[0-9]+", word) for word in words):
        return np.array([int(word) for word in words], np.int64)
    return np.array([line.strip() for line in text.splitlines() if line.strip()])


def _csv(path: pathlib.Path) -> dict[str, str]:
    """Reads {id: label} of the train examples in the columns "file" and "label"."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, restval="", strict=True))
    if not rows or not {"file", "label"} <= rows[0].keys():
        raise ValueError("there are no columns file and label")
    train = [row for row in rows if "split" not in row or row["split"] == "train"]
    return {original_cell(row["file"]): original_cell(row["label"]) for row in train}


_READERS: dict[str, Callable[[pathlib.Path], Any]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".txt": _txt,
    ".csv": _csv,
}
