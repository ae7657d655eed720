"""Reads and writes the files of a study so that damage is detected and the file is named.

This module does not interpret the files. Every reader returns the whole content or raises an error
that names the file, so callers need not know which exceptions libraries raise for damaged files.
"""

import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from memkit import storage
from memkit.errors import DamagedFileError, reason
from memkit.typing import Array, Json, Path

_CHECKSUM = "checksum"
MISSING = "is missing"


def read_bytes(where: Path) -> bytes:
    """Returns the content of a file.

    Raises:
      DamagedFileError: the path is a folder.
      OSError: the file is missing or cannot be read; its content may be sound.
    """
    try:
        return storage.read(where)
    except IsADirectoryError as error:
        raise DamagedFileError(where, "a folder or device, not a file") from error


def problem(read: Callable[[], object]) -> str:
    """Returns what is wrong with the file that a function reads; "" if the function returns."""
    try:
        read()
    except FileNotFoundError:
        return MISSING
    except DamagedFileError as error:
        return error.reason
    except OSError as error:
        return f"cannot be read: {reason(error)}"
    return ""


def sha256(data: bytes) -> str:
    """Returns the hash of a file's content, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def npz_bytes(arrays: Mapping[str, Any]) -> bytes:
    """Returns the content of a compressed npz file of {name: array}."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def npz_arrays(where: Path, data: bytes) -> dict[str, Array]:
    """Returns all arrays of an npz file; pickled objects are not loaded.

    Args:
      where: path of the file, for the error.

    Raises:
      DamagedFileError: not a complete npz file.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}  # Reading verifies the checksums.
    except Exception as error:  # The zip and npy readers raise almost anything on damaged bytes.
        why = "no archive of arrays" if "pickle" in str(error) else reason(error)
        raise DamagedFileError(where, f"not a whole npz file ({why})") from error


def read_npz(where: Path) -> dict[str, Array]:
    """Returns all arrays of an npz file.

    Raises:
      DamagedFileError, OSError: see `read_bytes` and `npz_arrays`.
    """
    return npz_arrays(where, read_bytes(where))


def write_npz(where: Path, *, inside: Path, **arrays: Any) -> None:
    """Writes a compressed npz file atomically; see `storage.write`."""
    storage.write(where, npz_bytes(arrays), inside=inside)


def write_checked_npz(where: Path, *, inside: Path, **arrays: Any) -> None:
    """Writes an npz file with a checksum of its arrays, in addition to that of each zip member."""
    checked = {name: np.asanyarray(array) for name, array in arrays.items()}
    write_npz(where, inside=inside, **checked, checksum=_checksum_of_arrays(checked))


def read_checked_npz(where: Path) -> dict[str, Array]:
    """Returns the arrays that `write_checked_npz` wrote; old files have no checksum.

    Raises:
      DamagedFileError: not a complete npz file, or its arrays do not match their checksum.
      OSError: see `read_bytes`.
    """
    arrays = read_npz(where)
    stored = arrays.pop(_CHECKSUM, None)
    if stored is not None and str(stored) != _checksum_of_arrays(arrays):
        raise DamagedFileError(where, "its arrays do not match their checksum")
    return arrays


def _checksum_of_arrays(arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Returns the content of a JSON file with a checksum; NaN raises a ValueError."""
    entries = {name: entry for name, entry in value.items() if name != _CHECKSUM}
    text = json.dumps(entries | {_CHECKSUM: _checksum_of_json(entries)}, indent=1, allow_nan=False)
    return text.encode()


def json_object(where: Path, data: bytes) -> Json:
    """Returns the object in a JSON file without its checksum.

    Files of earlier versions have no checksum; their content is not verified.

    Raises:
      DamagedFileError: not UTF-8, not JSON, no object, or changed since it was written.
    """
    try:
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(where, reason(error)) from error
    if not isinstance(value, dict):
        raise DamagedFileError(where, f"expected a JSON object, received {type(value).__name__}")
    stored = value.pop(_CHECKSUM, None)
    if stored is not None and stored != _checksum_of_json(value):
        raise DamagedFileError(where, "its content does not match its checksum")
    return value


def read_json(where: Path) -> Json:
    """Returns the object in a JSON file; see `json_object` and `read_bytes` for the errors."""
    return json_object(where, read_bytes(where))


def check_hashes(where: Path, hashes: Any) -> None:
    """Checks {file relative to a workdir: sha256}; no name may lead outside the workdir.

    Args:
      where: path of the file that contains the hashes, for the error.
      hashes: any value.

    Raises:
      DamagedFileError: names what is wrong.
    """
    if not isinstance(hashes, dict) or not all(isinstance(h, str) for h in hashes.values()):
        raise DamagedFileError(where, "expected the hash of each file")
    for name in hashes:
        if not re.fullmatch(r"(?!\.)[\w.-]+(/(?!\.)[\w.-]+)*", name):
            raise DamagedFileError(where, f"not the name of a file of a study: {name!r}")


def write_json(where: Path, value: Mapping[str, Any], *, inside: Path) -> None:
    """Writes a JSON object with a checksum, atomically."""
    storage.write(where, json_bytes(value), inside=inside)


def _checksum_of_json(value: Mapping[str, Any]) -> str:
    # A round trip through JSON, so that tuples and integer keys hash as lists and texts do.
    plain = json.loads(json.dumps(value))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]
