"""Given labels that are not the true ones: flipped on purpose, or read from a file.

Labels flipped on purpose are remembered, to check that the scores find them.
"""

import os
import pathlib
import re
from collections.abc import Sequence

import numpy as np

from memkit import seeds
from memkit.data import checks
from memkit.errors import InputError, expected, reason
from memkit.printable import printable

NOISES = ("symmetric", "class_map")
_RENUMBERED = 0.9  # share of the examples that agree with a renumbering of the classes


def plant(
    labels: np.ndarray,
    num_classes: int,
    *,
    planted_fraction: float,
    seed: int,
    noise: str = "symmetric",
    class_map: Sequence[int] = (),
    file: str = "",
    class_names: Sequence[str] = (),
) -> np.ndarray:
    """Returns the labels that models are trained on.

    Args:
      labels: [N] int, the true labels.
      num_classes: int >= 2.
      planted_fraction: in [0, 1); round(planted_fraction * N) examples are flipped.
      seed: the study's root seed; the stream is "labels".
      noise: "symmetric" flips to any other class with equal chances, "class_map" flips label c to
        class_map[c].
      class_map: num_classes ints; a class that is mapped to itself is never flipped.
      file: .npy, .npz (key "labels") or .txt with N given labels in row order, class numbers or
        class names, "" = none; then nothing is planted besides.
      class_names: one str per class; () = a file can only have class numbers.

    Returns:
      [N] int32, the given labels; an example is planted where they differ from `labels`.

    Raises:
      InputError: names the field, as `check`; or the map or file does not fit the labels.
    """
    check(planted_fraction=planted_fraction, noise=noise, class_map=class_map, file=file)
    if file:
        return _read(file, labels, class_names or tuple(map(str, range(num_classes))))
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
            f"at most {len(planted) / len(labels):.4f}, the share that class_map changes",
            planted_fraction,
        )
    given[planted[:count]] = mapped[planted[:count]]
    return given


def check(*, planted_fraction, noise="symmetric", class_map=(), file=""):
    """Refuses a `labels` section that no data set could have.

    Raises:
      InputError: names the field.
    """
    number = isinstance(planted_fraction, (int, float)) and not isinstance(planted_fraction, bool)
    if not number or not 0 <= planted_fraction < 1:
        raise expected("labels.planted_fraction", "a number in [0, 1)", planted_fraction)
    if noise not in NOISES:
        raise expected("labels.noise", f"one of {', '.join(NOISES)}", repr(noise))
    ints = isinstance(class_map, (list, tuple)) and all(type(c) is int for c in class_map)
    if not ints or bool(class_map) != (noise == "class_map"):
        wanted = "one class number per class" if noise == "class_map" else f"() with noise {noise}"
        raise expected("labels.class_map", wanted, repr(class_map))
    if not isinstance(file, str):
        raise expected("labels.file", 'a file, "" = none', repr(file))
    if file and planted_fraction:
        raise expected("labels.planted_fraction", "0 with labels.file", planted_fraction)
    if file and pathlib.Path(file).suffix not in _READERS:
        raise expected("labels.file", f"a name in {', '.join(_READERS)}", file)


def _mapped(labels, num_classes, class_map):
    if len(class_map) != num_classes:
        raise expected("labels.class_map", f"{num_classes} class numbers", len(class_map))
    numbers = np.array(class_map, np.int64)
    checks.check_labels("class numbers", numbers, num_classes, argument="labels.class_map")
    return numbers.astype(np.int32)[labels]


def _read(file: str, labels: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
    """Returns the given labels [N] int32 in a file, one for each of `labels`."""
    path = pathlib.Path(os.path.expanduser(file))
    try:
        if not path.is_file():
            raise expected("labels.file", "a file", f"{file}, which is none")
        given = np.asarray(_READERS[path.suffix](path))
    except OSError as error:
        raise expected("labels.file", "a readable file", f"{file} ({reason(error)})") from None
    except InputError:
        raise
    except Exception as error:  # zip, zlib, LZMA and NumPy's header each have errors of their own.
        text = f"{file} ({printable(reason(error))})"
        raise expected("labels.file", "labels as class numbers or class names", text) from None
    given = _numbers(file, given, class_names)
    checks.check_labels("labels", given, len(class_names), argument="labels.file")
    if len(given) != len(labels):
        count = f"{len(labels)} labels, one per train example"
        raise expected("labels.file", count, f"{len(given)} in {file}")
    given = given.astype(np.int32)
    _check_order(file, labels, given, class_names)
    return given


def _numbers(file: str, given: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
    """Returns what a file has as class numbers; texts are names of classes."""
    if given.dtype.kind in "US" and given.ndim == 1:
        names = [n.decode(errors="replace") if isinstance(n, bytes) else n for n in given.tolist()]
        return _looked_up(file, names, class_names)
    if given.dtype.kind not in "iu" or not all(re.fullmatch("-?[0-9]+", n) for n in class_names):
        return given
    named = [int(name) for name in class_names]
    if named == list(range(len(named))) or not np.isin(given, named).all():
        return given
    if not np.isin(given, range(len(named))).all():
        return _looked_up(file, given.tolist(), named)
    text = f"ints in {file}, which could be numbers as well as names of classes"
    raise expected("labels.file", "class names as an array of strings (.npy or .npz)", text)


def _looked_up(file: str, names: Sequence, class_names: Sequence) -> np.ndarray:
    number = {name: position for position, name in enumerate(class_names)}
    unknown = [name for name in names if name not in number]
    if unknown:
        text = f"{printable(unknown[0])!r} in {file}"
        raise expected("labels.file", "labels as class numbers or names of classes", text)
    return np.array([number[name] for name in names], np.int32)


def _check_order(
    file: str, labels: np.ndarray, given: np.ndarray, class_names: Sequence[str]
) -> None:
    """Refuses given labels that only number the classes in another order."""
    pairs, counts = np.unique(
        labels.astype(np.int64) * len(class_names) + given, return_counts=True
    )
    order = np.argsort(counts, kind="stable")
    classes, numbers = np.divmod(pairs[order], len(class_names))
    usual = dict(zip(classes.tolist(), numbers.tolist()))  # The most frequent pair comes last.
    moved = [number for number in sorted(usual) if usual[number] != number]
    agreeing = np.mean([usual[number] for number in labels.tolist()] == given)
    if moved and len(set(usual.values())) == len(usual) and agreeing > _RENUMBERED:
        number = moved[0]
        text = (
            f"{file}, which has {usual[number]} for class {number} "
            f"({printable(class_names[number])}) and other numbers for {len(moved)} classes in all"
        )
        raise expected("labels.file", "class numbers in the order of the data set's classes", text)


def _npy(path: pathlib.Path) -> np.ndarray:
    return np.load(path, allow_pickle=False)


def _npz(path: pathlib.Path) -> np.ndarray:
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["labels"]


def _txt(path: pathlib.Path) -> np.ndarray:
    """Reads ints between any white space, or else one class name per line."""
    text = path.read_text("utf-8-sig")  # Windows editors begin a file with a byte order mark.
    words = text.split()
    if all(re.fullmatch("[-+]?[0-9]+", word) for word in words):
        return np.array([int(word) for word in words], np.int64)
    return np.array([line.strip() for line in text.splitlines() if line.strip()])


_READERS = {".npy": _npy, ".npz": _npz, ".txt": _txt}
