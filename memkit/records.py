"""The run record: the predictions of one trained model on every example, in one npz file.

`SCHEMA` describes the file; the writer, the reader, the documentation and the tests use it. A
record that exists under its final name is complete. A record that does not match its checksum, its
study or its position in the study is never used.
"""

import dataclasses
import functools
import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from memkit import storage
from memkit.typing import Array, BoolArray, Json, Path

Arrays: TypeAlias = Mapping[str, Array]

FORMAT = 1
FEATURES = 64  # recorded per example


@dataclasses.dataclass(frozen=True)
class Field:
    """One array of a record.

    Attributes:
      dtype: type in memory; "label" stands for uint8 or uint16, see `label_dtype`.
      shape: axis names out of N (train examples), T (test), E (epochs), C (classes), D (FEATURES).
      meaning: one sentence with units and direction.
      where: the field of the config's `record` section that requests it; "" = always recorded.
    """

    dtype: str
    shape: str
    meaning: str
    where: str = ""


SCHEMA = {
    "train_correct": Field("bool", "N", "prediction equals the given label; stored as packed bits"),
    "test_correct": Field("bool", "T", "prediction equals the label; stored as packed bits"),
    "train_logodds": Field("float16", "N", "log p - log(1 - p), p = probability of given label"),
    "test_logodds": Field("float16", "T", "the same for test examples; higher = more confident"),
    "train_predicted": Field("label", "N", "class of the largest logit, without augmentation"),
    "test_predicted": Field("label", "T", "class of the largest logit"),
    "num_seen": Field("uint16", "N", "epochs with the example in a batch", "history_runs"),
    "num_correct": Field("uint16", "N", "... and its given label was predicted", "history_runs"),
    "num_forgotten": Field("uint16", "N", "times it turned from right to wrong", "history_runs"),
    "epoch_learned": Field("uint16", "N", "first epoch of staying right or epochs", "history_runs"),
    "loss_sum": Field("float32", "N", "sum of its loss in nats; higher = harder", "history_runs"),
    "prob_mean": Field("float16", "N", "mean probability of its label", "history_runs"),
    "prob_variance": Field("float16", "N", "variance of that probability", "history_runs"),
    "margin_mean": Field("float16", "N", "mean of label logit - largest other", "history_runs"),
    "ntk_memorization": Field(
        "float32", "N", "memorization by probability, from the trained network's gradients", "ntk"
    ),
    "train_probs": Field("float16", "NC", "softmax probability of every class", "all_probs"),
    "train_features": Field("float16", "ND", "inputs of the last layer, folded", "features_runs"),
    "test_features": Field("float16", "TD", "the same for test examples", "features_runs"),
    "curve": Field(
        "float32", "E3", "per epoch: mean loss (nats), accuracy, last rate; after a stop, repeated"
    ),
}

INFO = {
    "format": "version of this file format",
    "fingerprint": "hash of every config field and datum that can change the arrays",
    "point": "name of the point",
    "run": "index m of the run, row m of the design",
    "subset": "hash of row m of the design's train mask",
    "status": "done, collapsed (accuracy under 2 / classes), diverged or blocked (by its teacher)",
    "train_accuracy": "share of the run's training examples whose given label it predicts",
    "test_accuracy": "share of the test examples whose label it predicts",
    "steps": "number of training steps",
    "seconds": "wall time of training and evaluation",
    "engine": "tensorflow or jax",
    "device": "device on which the engine ran",
    "precision": "training.precision, and variables that change it; not in older records",
    "host": "name of the machine",
    "processor": "model and vector instructions of its processor; not in older records",
    "versions": "versions of Python and of the packages that compute",
    "checksum": "hash of all arrays and of the other entries",
}

NEWER = ("processor", "precision")  # entries that records of earlier versions do not have
USABLE = ("done", "collapsed")  # statuses of the runs that estimates use


class RecordError(Exception):
    """A file with the name of a record that is not this record; the message explains why."""


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Numbers of examples, epochs and classes, and `Field.where` of the optional arrays."""

    train: int
    test: int
    epochs: int
    classes: int
    asked: tuple[str, ...] = ()


def label_dtype(num_classes: int) -> np.dtype[Any]:
    """Returns the smallest unsigned integer type that can represent every class number.

    Examples:
      >>> label_dtype(10), label_dtype(1000)
      (dtype('uint8'), dtype('uint16'))
    """
    return np.dtype("uint8" if num_classes <= 256 else "uint16")


def array_specs(sizes: Sizes) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Returns {name: (dtype, shape)} of every array of a record.

    Examples:
      >>> specs = array_specs(Sizes(train=50, test=20, epochs=3, classes=10))
      >>> specs["train_correct"], specs["test_correct"]
      ((dtype('bool'), (50,)), (dtype('bool'), (20,)))
    """
    lengths = {"N": sizes.train, "T": sizes.test, "E": sizes.epochs, "C": sizes.classes}
    lengths |= {"D": FEATURES, "3": 3}
    label = label_dtype(sizes.classes)
    return {
        name: (
            label if field.dtype == "label" else np.dtype(field.dtype),
            tuple(lengths[axis] for axis in field.shape),
        )
        for name, field in SCHEMA.items()
        if not field.where or field.where in sizes.asked
    }


def num_bytes(sizes: Sizes) -> int:
    """Returns the size in bytes of the arrays of a record before compression."""
    return sum(
        -(-shape[0] // 8) if dtype.kind == "b" else int(np.prod(shape)) * dtype.itemsize
        for dtype, shape in array_specs(sizes).values()
    )


def subset_hash(train_mask: BoolArray) -> str:
    """Returns the hash of a row [N] of the design, which a record repeats."""
    return hashlib.sha256(np.packbits(train_mask).tobytes()).hexdigest()[:16]


def write(
    where: Path, arrays: Arrays, info: Json, sizes: Sizes, *, inside: Path | None = None
) -> None:
    """Writes one record atomically.

    Args:
      arrays: {name: array} with exactly the names, types and shapes of `array_specs(sizes)`.
      info: {name: value} with exactly the names in `INFO` except `format` and `checksum`.
      inside: see `storage.write`.

    Raises:
      ValueError: an array or entry is missing, unknown, or has another type or shape.
      OSError: the file cannot be written; nothing is left behind.
    """
    _check_arrays(arrays, sizes)
    entries = {"format": FORMAT, **info}
    if set(entries) != set(INFO) - {"checksum"}:
        raise ValueError(f"info: expected {sorted(INFO)}, received {sorted(entries)}")
    entries["checksum"] = _checksum(arrays, entries)
    stored: dict[str, Any] = {"info": np.array(json.dumps(entries, sort_keys=True))}
    for name, array in arrays.items():
        stored[name] = np.packbits(array) if array.dtype == bool else array
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **stored)
    storage.write(where, buffer.getvalue(), inside=inside)


def read(where: Path, sizes: Sizes) -> tuple[Arrays, Json]:
    """Reads one record and checks that it is complete and unaltered.

    Args:
      sizes: the sizes that the record should have.

    Returns:
      (arrays, info) as passed to `write`; info also has `format` and `checksum`.

    Raises:
      RecordError: the file is truncated, altered, of other sizes, or not a record.
      OSError: the file cannot be read, so the record may or may not be intact.
    """
    try:
        data = storage.read(where)
    except IsADirectoryError as error:
        raise RecordError("a folder or device, not a file") from error
    try:
        stored = _members(data)
        info = json.loads(str(stored.pop("info")))
        declared = info["checksum"]
    except Exception as error:  # The zip and npy readers raise many exceptions for damaged files.
        raise RecordError(f"not a complete record ({type(error).__name__})") from error
    if info.get("format") != FORMAT:
        raise RecordError(f"format {info.get('format')}, but this memkit reads format {FORMAT}")
    arrays = _unpack(stored, sizes)
    try:
        _check_arrays(arrays, sizes)
    except ValueError as error:
        raise RecordError(str(error)) from error
    if _checksum(arrays, info) != declared:
        raise RecordError("checksum does not match")
    return arrays, info


def _members(data: bytes) -> dict[str, Array]:
    """Returns the arrays of an npz file, as `numpy.load` does without pickles, but faster.

    A study may have ten thousand records of a few kilobytes each. Reading them then consists mainly
    of parsing the same headers again, which this function does only once.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name.removesuffix(".npy"): _array(file.read(name)) for name in file.namelist()}


def _array(data: bytes) -> Array:
    """Returns the array in the content of an npy file."""
    width = 2 if data[6] == 1 else 4  # of the length of the header, which follows the version
    end = 8 + width + int.from_bytes(data[8 : 8 + width], "little")
    shape, is_fortran, dtype = _header(data[:end])
    values = np.frombuffer(data, dtype, math.prod(shape), end)
    return values.reshape(shape, order="F" if is_fortran else "C").copy()


@functools.lru_cache(maxsize=1024)
def _header(data: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Returns (shape, is in Fortran order, dtype) of the start of an npy file."""
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    shape, is_fortran, dtype = read[version](file)
    if dtype.hasobject:
        raise ValueError("an array of Python objects")
    return shape, is_fortran, dtype


def read_info(where: Path) -> Json:
    """Reads only the scalars of a record, so neither arrays nor checksum are checked.

    Raises:
      RecordError: the file has no scalars of a record.
      OSError: the file cannot be read.
    """
    try:
        storage.check_regular(where)
        with storage.path(where).open("rb") as file, zipfile.ZipFile(file) as stored:
            info = json.loads(str(_array(stored.read("info.npy"))))
    except IsADirectoryError as error:
        raise RecordError("a folder or device, not a file") from error
    except OSError:
        raise
    except Exception as error:  # As in `read`.
        raise RecordError(f"not a complete record ({type(error).__name__})") from error
    if not isinstance(info, dict) or not INFO.keys() - set(NEWER) <= info.keys():
        raise RecordError("not a complete record (entries are missing)")
    return info


def _unpack(stored: Arrays, sizes: Sizes) -> Arrays:
    arrays = dict(stored)
    for name, (dtype, shape) in array_specs(sizes).items():
        if dtype.kind == "b" and name in arrays and arrays[name].dtype == np.uint8:
            bits = np.unpackbits(arrays[name])
            if bits.size - shape[0] in range(8):
                arrays[name] = bits[: shape[0]].astype(bool)
    return arrays


def _check_arrays(arrays: Arrays, sizes: Sizes) -> None:
    specs = array_specs(sizes)
    if set(arrays) != set(specs):
        raise ValueError(f"arrays: expected {sorted(specs)}, received {sorted(arrays)}")
    for name, (dtype, shape) in specs.items():
        if arrays[name].dtype != dtype or arrays[name].shape != shape:
            received = f"{arrays[name].dtype} {list(arrays[name].shape)}"
            raise ValueError(f"{name}: expected {dtype} {list(shape)}, received {received}")


def _checksum(arrays: Arrays, info: Json) -> str:
    entries = {name: value for name, value in info.items() if name != "checksum"}
    digest = hashlib.sha256(json.dumps(entries, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
