"""A cache of decoded images on local disk, created once and then memory-mapped by all processes.

    <folder of the encoded images>/memkit_cache/<key>/pixels.npy     [R, H, W, C] uint8
                                                      examples.npz   key, ids, labels, hashes [R]

or in ~/.cache/memkit if that folder is not writable. Rows are in the order in which the source
stores them, so that they are written sequentially. A cache may be deleted at any time.
"""

import contextlib
import fcntl
import hashlib
import json
import math
import os
import pathlib
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, TypeAlias

import numpy as np
import PIL
import PIL.features
from absl import logging

from memkit import storage
from memkit.data.encoded import Encoded, rows
from memkit.data.mapped import HASH_BYTES, MappedImages, image_hash, image_hashes
from memkit.errors import expected, reason
from memkit.typing import Array, IntArray

# Images, ids and labels of a whole cache
Cached: TypeAlias = tuple[MappedImages, Array, IntArray]

_FORMAT = 2  # version of the files and their pixels; caches of other versions are not used
FOLDER = "memkit_cache"  # in the folder of the encoded images
_PIXELS, _EXAMPLES = "pixels.npy", "examples.npz"
_PROBES = 64  # images whose hashes are checked whenever a cache is opened
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def load(encoded: Encoded, shape: tuple[int, int, int]) -> Cached:
    """Returns decoded images from a cache, which is created if it does not exist.

    Args:
      shape: (H, W, C) of every image.

    Returns:
      (MappedImages [N + T, H, W, C], ids [N + T] str or int, labels [N + T] int32) in the order
      of the items.

    Raises:
      InputError: there is too little disk space (checked before writing); or as `encoded.rows`.
      Color: an image is RGB but C = 1; nothing is left on disk.
    """
    key, parents = _key(encoded), _parents(encoded.folder)
    for parent in parents:
        if cached := _open(parent / key[:16], key, encoded.total):
            return cached
    size = encoded.total * (math.prod(shape) + HASH_BYTES)
    problems = []
    for parent in parents:
        cached, problem = _create(encoded, shape, parent, key, size)
        if cached:
            return cached
        problems.append(f"{parent}: {problem}")
    folders = "this folder" if len(parents) == 1 else "one of these folders"
    space = f"{size / 1e9:.1f} GB of disk space for decoded images in {folders}"
    received = "; ".join(problems) or "no folder (the variable XDG_CACHE_HOME can name one)"
    raise expected("dataset", space, received)


def _key(encoded: Encoded) -> str:
    """Returns a hash of everything that changes the files, including the JPEG decoder."""
    jpeg = [PIL.features.version(name) for name in ("jpg", "libjpeg_turbo")]
    decoders = [PIL.__version__, *jpeg]
    return hashlib.sha256(json.dumps([_FORMAT, decoders, encoded.key()]).encode()).hexdigest()


def _parents(folder: str) -> list[pathlib.Path]:
    """Returns the folders that may contain the cache, the preferred one first."""
    beside = [pathlib.Path(folder) / FOLDER] if storage.is_local(folder) else []
    # The XDG base directory specification treats an empty variable like a missing one.
    user = pathlib.Path(os.path.expanduser(os.getenv("XDG_CACHE_HOME") or "~/.cache"))
    # In a container, the user may have no home folder.
    return [*beside, user / "memkit"] if user.is_absolute() else beside


def _open(folder: pathlib.Path, key: str, total: int) -> Cached | None:
    """Returns the content of a cache, or None if it is missing, damaged or of other images."""
    try:
        with open(folder / _EXAMPLES, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            names = ("key", "ids", "labels", "hashes")
            stored_key, ids, labels, hashes = (file[name] for name in names)
        pixels = np.asarray(np.load(folder / _PIXELS, mmap_mode="r", allow_pickle=False))
    except _DAMAGED:
        return None
    lengths = {len(ids), len(labels), len(hashes), len(pixels)}
    if str(stored_key) != key or lengths != {total} or pixels.dtype != np.uint8:
        return None
    probes = np.unique(np.linspace(0, total - 1, _PROBES).astype(int))
    if not np.array_equal(image_hashes(pixels[probes]), hashes[probes]):
        return None
    return MappedImages(pixels, hashes, np.arange(total)), ids, labels


def _create(
    encoded: Encoded, shape: tuple[int, int, int], parent: pathlib.Path, key: str, size: int
) -> tuple[Cached | None, str]:
    """Creates a cache; returns its content, or None and the reason why that failed."""
    lock, folder = parent / f"{key[:16]}.lock", parent / key[:16]
    # If another process is creating this cache, or did, its files may be what uses the space.
    if not lock.exists() and _free_bytes(parent) < size:
        return None, f"{_free_bytes(parent) / 1e9:.1f} GB"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(_locked(lock))
        except OSError as error:
            return None, reason(error)
        cached = _open(folder, key, encoded.total)
        if not cached:
            # What exists is damaged or was left by a killed process, since this one has the lock.
            for remains in (folder, _temporary(folder)):
                shutil.rmtree(remains, ignore_errors=True)
            if _free_bytes(parent) < size:
                return None, f"{_free_bytes(parent) / 1e9:.1f} GB"
            amount = f"{encoded.total:,} images ({size / 1e9:.1f} GB)"
            logging.info("decoding %s once, into %s", amount, folder)
            _build(encoded, shape, folder, key)
            cached = _open(folder, key, encoded.total)
        return cached, "cannot be read back"


def _temporary(folder: pathlib.Path) -> pathlib.Path:
    return folder.with_name(f"{folder.name}.tmp")


def _build(encoded: Encoded, shape: tuple[int, int, int], folder: pathlib.Path, key: str) -> None:
    """Creates a cache that appears complete under its name or not at all."""
    _temporary(folder).mkdir()
    try:
        _write(encoded, shape, _temporary(folder), key)
        _temporary(folder).rename(folder)
    except BaseException:
        shutil.rmtree(_temporary(folder), ignore_errors=True)
        raise


def _free_bytes(folder: pathlib.Path) -> int:
    """Returns the free disk space for a folder, which need not exist."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


@contextlib.contextmanager
def _locked(path: pathlib.Path) -> Iterator[None]:
    """Holds a lock file, after waiting for the process that holds it, if any, to finish or end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logging.info("waiting for another process that is decoding into %s", path.parent)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(encoded: Encoded, shape: tuple[int, int, int], folder: pathlib.Path, key: str) -> None:
    ids: list[str | int] = []
    labels: list[int] = []
    hashes = bytearray()
    # Not memory-mapped: a full disk would then kill the process instead of raising an error.
    with open(folder / _PIXELS, "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (encoded.total, *shape)}
        np.lib.format.write_array_header_1_0(file, header)
        for name, label, pixels in rows(encoded, shape):
            file.write(pixels.data)
            ids.append(name)
            labels.append(label)
            hashes += image_hash(pixels)
        _sync(file)
    with open(folder / _EXAMPLES, "wb") as file:
        np.savez(
            file,
            key=np.array(key),
            ids=np.array(ids),
            labels=np.array(labels, np.int32),
            hashes=np.frombuffer(hashes, np.uint8).reshape(-1, HASH_BYTES),
        )
        _sync(file)


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
