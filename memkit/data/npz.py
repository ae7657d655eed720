"""Your own images as NumPy arrays in one file."""

import pathlib
import zipfile
import zlib

import numpy as np

from memkit.data import images, validity
from memkit.data.dataset import ImageDataset
from memkit.errors import expected

_KEYS = ("x_train", "y_train", "x_test", "y_test")


def load(*, path, image_size=0):
    """Returns the data set of an .npz file; rows stay in the order of the file.

    Args:
      path: file with x_train and x_test ([N, H, W] or [N, H, W, C], uint8, or floats in 0..1 or
        0..255), y_train and y_test ([N] ints), and optionally class_names ([K] str).
      image_size: pixels on a side to resize to, see `images.fit`; 0 = as the images are.

    Returns:
      ImageDataset with ids `train_000017`, `test_000003`; without class_names there are as many
      classes as the largest train label asks for.

    Raises:
      InputError: the file or a key is missing, holds pickled objects, or other than said above.
    """
    arrays = _read(path)
    pictures = images.from_numbers({key: arrays[key] for key in ("x_train", "x_test")})
    names = _class_names(arrays)
    for key in ("y_train", "y_test"):
        validity.check_labels(key, arrays[key], len(names))
    return ImageDataset(
        train_images=images.fit(pictures["x_train"], image_size),
        train_labels=arrays["y_train"].astype(np.int32),
        train_ids=_ids("train", len(arrays["y_train"])),
        test_images=images.fit(pictures["x_test"], image_size),
        test_labels=arrays["y_test"].astype(np.int32),
        test_ids=_ids("test", len(arrays["y_test"])),
        class_names=names,
    )


def _read(path):
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise expected("dataset.path", "an .npz file", f"{path}, which is no file")
    if not zipfile.is_zipfile(path):
        raise expected("dataset.path", "an .npz file", f"{path} of another format")
    with np.load(path, allow_pickle=False) as file:
        missing = [key for key in _KEYS if key not in file.files]
        if missing:
            found = ", ".join(file.files) or "no key"
            raise expected("dataset.path", f"the keys {', '.join(_KEYS)}", f"{path} with {found}")
        return {key: _array(file, key) for key in (*_KEYS, "class_names") if key in file.files}


def _array(file, key):
    try:
        return file[key]
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = "pickled objects" if "pickle" in str(error) else "damaged data"
        raise expected(f"dataset {key}", "an array of numbers or strings", reason) from None


def _class_names(arrays):
    if "class_names" in arrays:
        return tuple(str(name) for name in arrays["class_names"].tolist())
    labels = arrays["y_train"]
    if labels.dtype.kind not in "iu" or not labels.size:
        raise expected("dataset y_train", "ints [N]", f"{labels.dtype} {list(labels.shape)}")
    return tuple(str(number) for number in range(int(labels.max()) + 1))


def _ids(part, count):
    return np.array([f"{part}_{row:06d}" for row in range(count)], dtype=str)
