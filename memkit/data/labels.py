"""Given labels that are not the true ones: flipped on purpose, or read from a file.

Labels flipped on purpose are remembered, to check that the scores find them.
"""

import pathlib
import zipfile
import zlib

import numpy as np

from memkit import seeds
from memkit.data import validity
from memkit.errors import expected

NOISES = ("symmetric", "class_map")


def plant(labels, num_classes, *, planted_fraction, seed, noise="symmetric", class_map=(), file=""):
    """Returns the labels that models are trained on.

    Args:
      labels: [N] int, the true labels.
      num_classes: int >= 2.
      planted_fraction: in [0, 1); round(planted_fraction * N) examples are flipped.
      seed: the study's root seed; the stream is "labels".
      noise: "symmetric" flips to any other class with equal chances, "class_map" flips label c to
        class_map[c].
      class_map: num_classes ints; a class that is mapped to itself is never flipped.
      file: .npy, .npz (key "labels") or .txt with N given labels in row order, "" = none; then
        nothing is planted besides.

    Returns:
      [N] int32, the given labels; an example is planted where they differ from `labels`.

    Raises:
      InputError: names the field, as `check`; or the map or file does not fit the labels.
    """
    check(planted_fraction=planted_fraction, noise=noise, class_map=class_map, file=file)
    if file:
        return _read(file, len(labels), num_classes)
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
    validity.check_labels("class numbers", numbers, num_classes, argument="labels.class_map")
    return numbers.astype(np.int32)[labels]


def _read(file, length, num_classes):
    path = pathlib.Path(file).expanduser()
    if not path.is_file():
        raise expected("labels.file", "a file", f"{file}, which is none")
    try:
        given = _READERS[path.suffix](path)
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error).strip().splitlines()[0]
        raise expected("labels.file", "labels as ints", f"{file} ({reason})") from None
    validity.check_labels("labels", given, num_classes, argument="labels.file")
    if len(given) != length:
        raise expected("labels.file", f"{length} labels, one per train example", len(given))
    return given.astype(np.int32)


def _npy(path):
    return np.load(path, allow_pickle=False)


def _npz(path):
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["labels"]


def _txt(path):
    return np.array([int(word) for word in path.read_text().split()], np.int64)


_READERS = {".npy": _npy, ".npz": _npz, ".txt": _txt}
