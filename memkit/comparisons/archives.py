"""Arrays inside of npz files, opened without reading more of them than is asked for."""

import contextlib
import zipfile
import zlib

import numpy as np

from memkit import storage
from memkit.errors import InputError, expected, reason


@contextlib.contextmanager
def opened(where):
    """Yields the npz file at a path; its arrays are read when they are asked for.

    Raises:
      InputError: no such file, no npz file, pickled objects, or damaged data, also of an array
        read inside of the `with` block.
    """
    where = storage.path(where)
    if not where.exists() or where.is_dir():
        raise expected("--with", "a file that exists", where)
    try:
        with where.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise expected("--with", "an npz file", f"{where} with one array")
            yield arrays
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise expected("--with", "a whole npz file", f"{where} ({_line(error)})") from None
    except ValueError as error:
        raise expected("--with", "arrays of numbers or text", f"{where} ({_line(error)})") from None


def _line(error):
    return " ".join(str(error).split()) or type(error).__name__


def numbers(arrays, key, *, ndim=1, length=None):
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


def texts(arrays, key, *, length=None):
    """Returns an array of an npz file as text [n]; bytes are decoded.

    Raises:
      InputError: not one axis, or of another length than asked for.
    """
    found = arrays[key]
    if found.ndim != 1 or (length is not None and len(found) != length):
        wanted = "text [n]" if length is None else f"{length} texts"
        raise expected(key, wanted, f"{found.dtype} {list(found.shape)}")
    return as_text(key, found)


def as_text(key: str, array: np.ndarray) -> np.ndarray:
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


def blocks(arrays, key, *, num_bytes=2**26):
    """Yields (first row, rows) of a matrix, so that it is never whole in memory.

    Args:
      arrays: npz file, from `opened`.
      key: name of an array with two axes.
      num_bytes: about how much to read at a time.

    Raises:
      InputError: not a matrix of numbers, or one stored by columns.
    """
    with arrays.zip.open(f"{key}.npy") as member:
        version = np.lib.format.read_magic(member)
        read = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            read = np.lib.format.read_array_header_2_0
        shape, is_by_columns, dtype = read(member)
        if len(shape) != 2 or is_by_columns or dtype.kind not in "biuf":
            raise expected(key, "a matrix of numbers stored by rows", f"{dtype} {list(shape)}")
        step = max(1, num_bytes // max(1, shape[1] * dtype.itemsize))
        for first in range(0, shape[0], step):
            count = min(step, shape[0] - first)
            data = member.read(count * shape[1] * dtype.itemsize)
            yield first, np.frombuffer(data, dtype).reshape(count, shape[1])
