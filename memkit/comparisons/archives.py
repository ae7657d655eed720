"""Opens npz files and checks the arrays that are read from them."""

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from memkit import storage
from memkit.errors import InputError, expected, missing, reason
from memkit.typing import Array, IntArray, Path, TextArray

Archive: TypeAlias = np.lib.npyio.NpzFile[Any]


@contextlib.contextmanager
def opened(where: Path) -> Iterator[Archive]:
    """Yields the npz file at a path; its arrays are read on access.

    Raises:
      InputError: the file does not exist, is not an npz file, holds pickled objects or is damaged;
        also if an array that the `with` block reads is.
    """
    source = storage.path(where)
    if not source.exists() or source.is_dir():
        raise missing("--with", f"file {source}")
    try:
        with source.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise expected("--with", "an npz file", f"{source}, which holds a single array")
            yield arrays
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise expected("--with", "an undamaged npz file", f"{source} ({_line(error)})") from None
    except ValueError as error:
        raise expected(
            "--with", "arrays of numbers or text", f"{source} ({_line(error)})"
        ) from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def numbers(arrays: Archive, key: str, *, ndim: int = 1, length: int | None = None) -> Array:
    """Returns an array of an npz file as int64 or float64.

    Raises:
      InputError: there is no such array, it does not hold numbers, or it does not have the expected
        shape.
    """
    if key not in arrays.files:
        raise missing(key, "array")
    array = arrays[key]
    if array.dtype.kind not in "biuf" or array.ndim != ndim:
        raise expected(key, f"numbers with {ndim} axes", f"{array.dtype} {list(array.shape)}")
    if length is not None and len(array) != length:
        raise expected(key, f"{length} entries", len(array))
    return array.astype(np.float64 if array.dtype.kind == "f" else np.int64)


def indices(
    arrays: Archive, key: str, *, length: int | None = None, below: int | None = None
) -> IntArray:
    """Returns row numbers [n] of an npz file.

    Args:
      length: the expected n, if it is known.
      below: the number of rows, if it is known.

    Raises:
      InputError: see `numbers`; or they are no integers of at least 0, or not below the number.
    """
    array = numbers(arrays, key, length=length)
    if array.dtype.kind != "i":
        raise expected(key, "integers", str(array.dtype))
    wrong = (array < 0) | (array >= (np.inf if below is None else below))
    if wrong.any():
        rows = "row numbers of at least 0" if below is None else f"row numbers in [0, {below})"
        raise expected(key, rows, array[wrong][0])
    return array


def texts(arrays: Archive, key: str, *, length: int | None = None) -> TextArray:
    """Returns an array of an npz file as text [n]; bytes are decoded as UTF-8.

    Raises:
      InputError: the array does not have one axis and the expected length, or holds no text.
    """
    array = arrays[key]
    if array.ndim != 1 or (length is not None and len(array) != length):
        expectation = "text [n]" if length is None else f"{length} texts"
        raise expected(key, expectation, f"{array.dtype} {list(array.shape)}")
    return as_text(key, array)


def as_text(key: str, array: Array) -> TextArray:
    """Returns ids [n] as text; integers become their digits and bytes are decoded as UTF-8.

    Raises:
      InputError: the ids are neither text nor integers, or their bytes are not UTF-8.
    """
    if array.dtype.kind not in "iuUS":
        raise expected(key, "text or whole numbers", f"an array of {array.dtype}")
    try:
        return np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array.astype(str)
    except UnicodeDecodeError as error:
        raise expected(key, "text in UTF-8", reason(error)) from None
