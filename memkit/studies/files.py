"""Reading and writing the files of a study so that damage is noticed and named.

Nothing here knows what the files mean. Every reader returns the whole content or raises an error
that names the file; no caller has to know what a damaged zip archive or text makes a library raise.
"""

import hashlib
import io
import json
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from memkit import storage
from memkit.errors import DamagedFileError, reason

_CHECKSUM = "checksum"


def read_bytes(where: os.PathLike) -> bytes:
    """Returns the content of a file.

    Raises:
      DamagedFileError: a folder lies there.
      OSError: the file is missing or cannot be read, which says nothing about its content.
    """
    try:
        return storage.read(where)
    except IsADirectoryError as error:
        raise DamagedFileError(where, "a folder or device, not a file") from error


def sha256(data: bytes) -> str:
    """Returns the hash of a file's content, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def npz_bytes(arrays: Mapping[str, Any]) -> bytes:
    """Returns the content of a compressed npz file of {name: array}."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def npz_arrays(where: os.PathLike, data: bytes) -> dict[str, np.ndarray]:
    """Returns all arrays of an npz file; pickled objects are refused.

    Args:
      where: path of the file, for the error.
      data: its content.

    Raises:
      DamagedFileError: not a whole npz file.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}  # Reading checks their sums.
    except Exception as error:  # Damaged bytes make the zip and npy readers raise almost anything.
        why = "no archive of arrays" if "pickle" in str(error) else reason(error)
        raise DamagedFileError(where, f"not a whole npz file ({why})") from error


def read_npz(where: os.PathLike) -> dict[str, np.ndarray]:
    """Returns all arrays of an npz file.

    Raises:
      DamagedFileError, OSError: see `read_bytes` and `npz_arrays`.
    """
    return npz_arrays(where, read_bytes(where))


def write_npz(where: os.PathLike, *, inside: os.PathLike, **arrays: Any) -> None:
    """Writes a compressed npz file that appears whole or not at all; see `storage.write`."""
    storage.write(where, npz_bytes(arrays), inside=inside)


def write_checked_npz(where: os.PathLike, *, inside: os.PathLike, **arrays: Any) -> None:
    """Writes an npz file with a checksum of its arrays beside the one of each zip member."""
    arrays = {name: np.asanyarray(array) for name, array in arrays.items()}
    write_npz(where, inside=inside, **arrays, checksum=_checksum_of_arrays(arrays))


def read_checked_npz(where: os.PathLike) -> dict[str, np.ndarray]:
    """Returns what `write_checked_npz` wrote; files of earlier versions have no checksum.

    Raises:
      DamagedFileError: not a whole npz file, or its arrays are not the ones that were written.
      OSError: see `read_bytes`.
    """
    arrays = read_npz(where)
    stored = arrays.pop(_CHECKSUM, None)
    if stored is not None and str(stored) != _checksum_of_arrays(arrays):
        raise DamagedFileError(where, "its arrays do not match their checksum")
    return arrays


def _checksum_of_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Returns the content of a JSON file with a checksum; NaN is refused."""
    value = {name: entry for name, entry in value.items() if name != _CHECKSUM}
    text = json.dumps(value | {_CHECKSUM: _checksum_of_json(value)}, indent=1, allow_nan=False)
    return text.encode()


def json_object(where: os.PathLike, data: bytes) -> dict[str, Any]:
    """Returns the object in a JSON file without its checksum.

    Files of earlier versions have none, and are taken as they are.

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


def read_json(where: os.PathLike) -> dict[str, Any]:
    """Returns the object in a JSON file; see `json_object` and `read_bytes` for the errors."""
    return json_object(where, read_bytes(where))


def check_hashes(where: os.PathLike, hashes: object) -> None:
    """Refuses what is no {file relative to a workdir: sha256}, such as names outside the workdir.

    Args:
      where: path of the file that lists them, for the error.
      hashes: the list.
    """
    if not isinstance(hashes, dict) or not all(isinstance(h, str) for h in hashes.values()):
        raise DamagedFileError(where, "expected the hash of each file")
    for name in hashes:
        if not re.fullmatch(r"(?!\.)[\w.-]+(/(?!\.)[\w.-]+)*", name):
            raise DamagedFileError(where, f"no name of a file of a study: {name!r}")


def write_json(where: os.PathLike, value: Mapping[str, Any], *, inside: os.PathLike) -> None:
    """Writes a JSON object with a checksum; it appears whole or not at all."""
    storage.write(where, json_bytes(value), inside=inside)


def _checksum_of_json(value: Mapping[str, Any]) -> str:
    # Through JSON and back, so that tuples and integer keys hash as the lists and texts they are.
    plain = json.loads(json.dumps(value))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]
