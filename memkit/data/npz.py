"""Images of the user as NumPy arrays in one file."""

import os
import pathlib
from typing import Any

import numpy as np

from memkit.data import checks, images, numbers
from memkit.data.dataset import ImageDataset
from memkit.errors import expected, missing, reason
from memkit.printable import printable
from memkit.typing import Array, TextArray

_KEYS = ("x_train", "y_train", "x_test", "y_test")


def load(*, path: str, image_size: int = 0) -> ImageDataset:
    """Loads an .npz file; rows keep the order of the file.

    Args:
      path: file with the arrays x_train and x_test ([N, H, W] or [N, H, W, C], uint8, or floats in
        0..1 or 0..255, see `numbers.to_images`), y_train and y_test ([N] or [N, 1] ints), and
        optionally class_names ([K] str).
      image_size: height and width in pixels to which images are resized, see `images.fit`; 0 = do
        not resize.

    Returns:
      A data set with ids such as `train_000017` and `test_000003`. Without class_names, the largest
      train label determines the number of classes.

    Raises:
      InputError: the file or an array is missing, damaged, contains pickled objects, or differs
        from the description above.
    """
    arrays, notes = _read(path)
    pictures = numbers.to_images({key: arrays[key] for key in ("x_train", "x_test")})
    if max((array.max() for array in pictures.values() if array.size), default=2) <= 1:
        notes.append(
            "nearly black: no pixel is above 1, and integers range from 0 to 255 "
            "(save floats if 1 should be white)"
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


def _read(name: str) -> tuple[dict[str, Any], list[str]]:
    """Returns the arrays by key, class_names as a tuple of str, and notes on ignored arrays.

    Labels are small, so they are checked before images are read.
    """
    path = pathlib.Path(os.path.expanduser(name))
    if not path.is_file():
        raise expected("dataset.path", "an .npz file", f"{path}, which is not a file")
    with _opened(path) as file:
        absent = [key for key in _KEYS if key not in file.files]
        if absent:
            keys = printable(", ".join(file.files)) or "no arrays"
            raise missing("dataset.path", f"arrays {', '.join(absent)} in {path}, which has {keys}")
        arrays: dict[str, Any] = {key: _labels(file, key) for key in ("y_train", "y_test")}
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
    except Exception as error:  # As in `_array`.
        text = f"{path} of another format ({reason(error)})"
        raise expected("dataset.path", "an .npz file", text) from None
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise expected("dataset.path", "an .npz file", f"{path} of another format (one array)")
    return file


def _array(file: np.lib.npyio.NpzFile, key: str) -> Array:
    try:
        array: Array = file[key]
        return array
    except Exception as error:  # The zip, zlib, LZMA and NumPy readers raise many exceptions.
        damage = f"damaged data ({printable(reason(error))})"
        text = "pickled objects" if "pickle" in str(error) else damage
        raise expected(f"dataset {key}", "an array of numbers or strings", text) from None


def _labels(file: np.lib.npyio.NpzFile, key: str) -> Array:
    """Returns labels [N]; the data sets of Keras have some as [N, 1]."""
    array = _array(file, key)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _class_names(names: Array | None, labels: Array) -> tuple[str, ...]:
    """Returns one name per class, from the array class_names or else from the train labels."""
    if names is not None:
        return _texts(names)
    if labels.dtype.kind not in "iu" or not labels.size:
        raise expected("dataset y_train", "integers [N]", f"{labels.dtype} {list(labels.shape)}")
    # Every class needs a train example; a label of 2**32 - 1 would create as many class names.
    checks.check_labels("y_train", labels, len(labels))
    return tuple(str(number) for number in range(int(labels.max()) + 1))


def _texts(names: Array) -> tuple[str, ...]:
    if names.ndim != 1 or names.dtype.kind not in "USiu":
        received = f"{names.dtype} {list(names.shape)}"
        raise expected("dataset class_names", "one name per class [K]", received)
    try:
        return tuple(n.decode() if isinstance(n, bytes) else str(n) for n in names.tolist())
    except UnicodeDecodeError as error:
        raise expected("dataset class_names", "names in UTF-8", reason(error)) from None


def _ids(part: str, count: int) -> TextArray:
    return np.array([f"{part}_{row:06d}" for row in range(count)], dtype=str)
