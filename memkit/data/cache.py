"""Decoded images on local disk, made once and then memory-mapped by every process.

    <folder of the encoded images>/memkit_cache/<key>/pixels.npy     [R, H, W, C] uint8
                                                      examples.npz   key, ids, labels, hashes [R]

or ~/.cache/memkit where that folder cannot be written. Rows lie in the order in which the source
stores them, so that decoding writes one byte after the other. A cache may be deleted any time.
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

import numpy as np
import PIL
import PIL.features
from absl import logging

from memkit import storage
from memkit.data.encoded import rows
from memkit.data.mapped import HASH_BYTES, MappedImages, image_hash, image_hashes
from memkit.errors import expected, reason

_FORMAT = 2  # of the files and of their pixels; a change makes every cache anew
FOLDER = "memkit_cache"  # beside the encoded images
_PIXELS, _EXAMPLES = "pixels.npy", "examples.npz"
_PROBES = 64  # images of which the hashes are checked whenever a cache is opened
_DAMAGES = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def load(encoded, shape):
    """Returns what is stored of decoded images, after decoding them where that was not done yet.

    Args:
      encoded: Encoded.
      shape: (H, W, C) of every image.

    Returns:
      (MappedImages [N + T, H, W, C], ids [N + T] str or int, labels [N + T] int32) in the order
      of the items.

    Raises:
      InputError: too little room on disk, before anything is written; as `encoded.rows`.
      Color: an RGB image where C = 1; nothing is left on disk.
    """
    key, places = _key(encoded), _places(encoded.folder)
    for place in places:
        found = _open(place / key[:16], key, encoded.total)
        if found:
            return found
    wanted = encoded.total * (math.prod(shape) + HASH_BYTES)
    reasons = []
    for place in places:
        found, problem = _make(encoded, shape, place, key, wanted)
        if found:
            return found
        reasons.append(f"{place}: {problem}")
    folders = "this folder" if len(places) == 1 else "one of these folders"
    room = f"{wanted / 1e9:.1f} GB of disk for decoded images in {folders}"
    raise expected("dataset", room, "; ".join(reasons) or "none (XDG_CACHE_HOME may name one)")


def _key(encoded):
    """Returns the hash of all that can change a byte of the files; decoders differ in JPEGs."""
    jpeg = [PIL.features.version(name) for name in ("jpg", "libjpeg_turbo")]
    decoders = [PIL.__version__, *jpeg]
    return hashlib.sha256(json.dumps([_FORMAT, decoders, encoded.key()]).encode()).hexdigest()


def _places(folder):
    """Returns the folders where a cache may lie, the best first."""
    beside = [pathlib.Path(folder) / FOLDER] if storage.is_local(folder) else []
    # An empty variable counts as none, as the XDG base directory specification has it.
    user = pathlib.Path(os.path.expanduser(os.getenv("XDG_CACHE_HOME") or "~/.cache"))
    # In a container the user may have no home.
    return [*beside, user / "memkit"] if user.is_absolute() else beside


def _open(folder, key, total):
    """Returns what `load` does from a cache that is whole, else None."""
    try:
        with open(folder / _EXAMPLES, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            own_key, ids, labels, hashes = (file[k] for k in ("key", "ids", "labels", "hashes"))
        pixels = np.asarray(np.load(folder / _PIXELS, mmap_mode="r", allow_pickle=False))
    except _DAMAGES:
        return None
    lengths = {len(ids), len(labels), len(hashes), len(pixels)}
    if str(own_key) != key or lengths != {total} or pixels.dtype != np.uint8:
        return None
    probes = np.unique(np.linspace(0, total - 1, _PROBES).astype(int))
    if not np.array_equal(image_hashes(pixels[probes]), hashes[probes]):
        return None
    return MappedImages(pixels, hashes, np.arange(total)), ids, labels


def _make(encoded, shape, place, key, wanted):
    """Returns (what `load` does from a cache made in a place or None, why not)."""
    lock, folder = place / f"{key[:16]}.lock", place / key[:16]
    # Where somebody is at work, or was, it is worth waiting: the room may have gone into that.
    if not lock.exists() and _room(place) < wanted:
        return None, f"{_room(place) / 1e9:.1f} GB"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(_locked(lock))
        except OSError as error:
            return None, reason(error)
        found = _open(folder, key, encoded.total)
        if not found:
            # Damaged, or of one who was killed: nobody else is at work here.
            for rest in (folder, _temporary(folder)):
                shutil.rmtree(rest, ignore_errors=True)
            if _room(place) < wanted:
                return None, f"{_room(place) / 1e9:.1f} GB"
            amount = f"{encoded.total:,} images ({wanted / 1e9:.1f} GB)"
            logging.info("%s are decoded once, into %s", amount, folder)
            _build(encoded, shape, folder, key)
            found = _open(folder, key, encoded.total)
        return found, "cannot be read back"


def _temporary(folder):
    return folder.with_name(f"{folder.name}.tmp")


def _build(encoded, shape, folder, key):
    """Makes a cache that appears whole under its name or not at all."""
    _temporary(folder).mkdir()
    try:
        _write(encoded, shape, _temporary(folder), key)
        _temporary(folder).rename(folder)
    except BaseException:
        shutil.rmtree(_temporary(folder), ignore_errors=True)
        raise


def _room(place):
    """Returns the free bytes where a folder is or would be."""
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


@contextlib.contextmanager
def _locked(path):
    """Waits until no other process holds a lock, which ends with the process that holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logging.info("waiting for another process, which decodes into %s", path.parent)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(encoded, shape, folder, key):
    ids, labels, hashes = [], [], bytearray()
    # Written, not mapped: a disk that runs full is then an error, not the end of the process.
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


def _sync(file):
    file.flush()
    os.fsync(file.fileno())
