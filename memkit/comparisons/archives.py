"""Arrays inside of npz files, opened without reading more of them than is asked for."""

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from memkit import storage
from memkit.errors import InputError, expected, reason
from memkit.typing import Array, Path, TextArray

Archive: TypeAlias = np.lib.npyio.NpzFile[Any]


@contextlib.contextmanager
def opened(where: Path) -> Iterator[Archive]:
    """Yields the npz file at a path; its arrays are read when they are asked for.

    Raises:
      InputError: no such file, no npz file, pickled objects, or damaged data, also of an array
        read inside of the `with` block.
    """
    source = storage.path(where)
    if not source.exists() or source.is_dir():
        raise expected("--with", "a file that exists", source)
    try:
        with source.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise expected("--with", "an npz file", f"{source} with one array")
            yield arrays
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise expected("--with", "a whole npz file", f"{source} ({_line(error)})") from None
    except ValueError as error:
        raise expected(
            "--with", "arrays of numbers or text", f"{source} ({_line(error)})"
        ) from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def numbers(arrays: Archive, key: str, *, ndim: int = 1, length: int | None = None) -> Array:
    """Returns an array of an npz file as int64 or float64.

    Raises:
      InputError: not numbers, or of another shape than asked for.
    """
    found = arrays[key]
    if found.dtype.kind not in "biuf" or found.ndim != ndim:
        raise expected(key, f"numbers with {ndim} axes", f"{found.dtype} {list(found.shape)}")
    if length is not None and len(found) != length:
        raise expected(key, f"{length} entries", len(found))
    return found.astype(np.float64 if found.dtype.kind == "f" else np.int64)


def texts(arrays: Archive, key: str, *, length: int | None = None) -> TextArray:
    """Returns an array of an npz file as text [n]; bytes are decoded.

    Raises:
      InputError: not one axis, or of another length than asked for.
    """
    found = arrays[key]
    if found.ndim != 1 or (length is not None and len(found) != length):
        wanted = "text [n]" if length is None else f"{length} texts"
        raise expected(key, wanted, f"{found.dtype} {list(found.shape)}")
    return as_text(key, found)


def as_text(key: str, array: Array) -> TextArray:
    """Returns ids [n] as text; whole numbers become their digits and bytes are decoded.

    Raises:
      InputError: fractions, dates or anything else that is no id, or bytes that are not UTF-8.
    """
    if array.dtype.kind not in "iuUS":
        raise expected(key, "text or whole numbers", f"an array of {array.dtype}")
    try:
        return np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array.astype(str)
    except UnicodeDecodeError as error:
        raise expected(key, "text in UTF-8", reason(error)) from None
