"""Your own images as NumPy arrays in one file."""

import os
import pathlib

import numpy as np

from memkit.data import checks, images, numbers
from memkit.data.dataset import ImageDataset
from memkit.errors import expected, reason
from memkit.printable import printable

_KEYS = ("x_train", "y_train", "x_test", "y_test")


def load(*, path: str, image_size: int = 0) -> ImageDataset:
    """Returns the data set of an .npz file; rows stay in the order of the file.

    Args:
      path: file with x_train and x_test ([N, H, W] or [N, H, W, C], uint8, or floats in 0..1 or
        0..255, see `numbers.to_images`), y_train and y_test ([N] ints), and optionally class_names
        ([K] str).
      image_size: pixels on a side to resize to, see `images.fit`; 0 = as the images are.

    Returns:
      ImageDataset with ids `train_000017`, `test_000003`; without class_names there are as many
      classes as the largest train label asks for.

    Raises:
      InputError: the file or a key is missing, holds pickled objects, or other than said above.
    """
    arrays, notes = _read(path)
    pictures = numbers.to_images({key: arrays[key] for key in ("x_train", "x_test")})
    if max((array.max() for array in pictures.values() if array.size), default=2) <= 1:
        notes.append(
            "nearly black: no pixel is above 1, and ints count from 0 to 255 "
            "(save floats where 1 is to be white)"
        )
    return ImageDataset(
        train_images=images.fit(pictures["x_train"], image_size),
        train_labels=arrays["y_train"].astype(np.int32),
        train_ids=_ids("train", len(arrays["y_train"])),
        test_images=images.fit(pictures["x_test"], image_size),
        test_labels=arrays["y_test"].astype(np.int32),
        test_ids=_ids("test", len(arrays["y_test"])),
        class_names=arrays["class_names"],
        notes=tuple(notes),
    )


def _read(path: str) -> tuple[dict, list[str]]:
    """Returns the arrays by key, class_names as a tuple of str, and notes on what is not used.

    Labels are checked before images are read: they are small, images may not be.
    """
    path = pathlib.Path(os.path.expanduser(path))
    if not path.is_file():
        raise expected("dataset.path", "an .npz file", f"{path}, which is no file")
    with _opened(path) as file:
        missing = [key for key in _KEYS if key not in file.files]
        if missing:
            keys = printable(", ".join(file.files)) or "no key"
            raise expected("dataset.path", f"the keys {', '.join(_KEYS)}", f"{path} with {keys}")
        arrays = {key: _array(file, key) for key in ("y_train", "y_test")}
        names = _array(file, "class_names") if "class_names" in file.files else None
        arrays["class_names"] = _class_names(names, arrays["y_train"])
        for key in ("y_train", "y_test"):
            checks.check_labels(key, arrays[key], len(arrays["class_names"]))
        arrays |= {key: _array(file, key) for key in ("x_train", "x_test")}
        others = sorted(set(file.files) - {*_KEYS, "class_names"})
    return arrays, [f"ignored: arrays {printable(', '.join(others))}"] if others else []


def _opened(path: pathlib.Path) -> np.lib.npyio.NpzFile:
    try:
        file = np.load(path, allow_pickle=False)
    except OSError as error:
        raise expected("dataset.path", "an .npz file", f"{path} ({reason(error)})") from None
    except Exception as error:  # See _array.
        text = f"{path} of another format ({reason(error)})"
        raise expected("dataset.path", "an .npz file", text) from None
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise expected("dataset.path", "an .npz file", f"{path} of another format (one array)")
    return file


def _array(file: np.lib.npyio.NpzFile, key: str) -> np.ndarray:
    try:
        return file[key]
    except Exception as error:  # zip, zlib, LZMA and NumPy's header each have errors of their own.
        damage = f"damaged data ({printable(reason(error))})"
        text = "pickled objects" if "pickle" in str(error) else damage
        raise expected(f"dataset {key}", "an array of numbers or strings", text) from None


def _class_names(names: np.ndarray | None, labels: np.ndarray) -> tuple[str, ...]:
    """Returns one text per class, from `class_names` or else from the train labels."""
    if names is not None:
        return _texts(names)
    if labels.dtype.kind not in "iu" or not labels.size:
        raise expected("dataset y_train", "ints [N]", f"{labels.dtype} {list(labels.shape)}")
    # Every class needs a train example. One label of 2**32 - 1 would name as many classes.
    checks.check_labels("y_train", labels, len(labels))
    return tuple(str(number) for number in range(int(labels.max()) + 1))


def _texts(names: np.ndarray) -> tuple[str, ...]:
    if names.ndim != 1 or names.dtype.kind not in "USiu":
        received = f"{names.dtype} {list(names.shape)}"
        raise expected("dataset class_names", "one text per class [K]", received)
    try:
        return tuple(n.decode() if isinstance(n, bytes) else str(n) for n in names.tolist())
    except UnicodeDecodeError as error:
        raise expected("dataset class_names", "UTF-8 texts", reason(error)) from None


def _ids(part: str, count: int) -> np.ndarray:
    return np.array([f"{part}_{row:06d}" for row in range(count)], dtype=str)
